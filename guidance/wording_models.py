"""Table of what a generator was asked to word anew, and what became of it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, state_of
from marketplace.kernel.ids import BrandId, SuggestionId


class WordingOutcome(StrEnum):
    ASKED = "asked"
    WORDED = "worded"
    REFUSED = "refused"
    """What it wrote may not stand."""

    FAILED = "failed"
    """It gave no answer that can be used."""

    TOO_LATE = "too_late"
    """The ticket was claimed, answered or suggested for anew meanwhile."""


class Wording(Base):
    """One quoted suggestion that a generator was asked about, once; `became` is the suggestion with its words."""

    __tablename__ = "suggestion_wording"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "suggestion_id"], ["suggestion.brand_id", "suggestion.id"]),
        ForeignKeyConstraint(["brand_id", "became"], ["suggestion.brand_id", "suggestion.id"]),
        UniqueConstraint("brand_id", "became"),
        CheckConstraint("(outcome = 'worded') = (became IS NOT NULL)", name="words_are_a_suggestion"),
        CheckConstraint("outcome NOT IN ('refused', 'failed') OR reason <> ''", name="refusal_has_a_reason"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    suggestion_id: Mapped[SuggestionId] = mapped_column(primary_key=True)
    generator: Mapped[str]
    outcome: Mapped[WordingOutcome] = mapped_column(state_of(WordingOutcome, "wording_outcome"))
    reason: Mapped[str]
    became: Mapped[SuggestionId | None]
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
