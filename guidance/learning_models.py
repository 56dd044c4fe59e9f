"""Tables of the learning loop: what was learned from a brand's resolved tickets, and how careful the brand is."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, state_of
from marketplace.kernel.ids import BrandId, PersonId


class TuningCause(StrEnum):
    """Why a version is there: a look that found something better, one that did not, a person's return to an older
    version, which then stays, and a person's word that it may learn again."""

    LEARNED = "learned"
    KEPT = "kept"
    RETURNED = "returned"
    RELEASED = "released"


class GuidanceTuning(Base):
    """What the brand's suggestions use from `made_at` on; the newest version holds. `figures` are before and after."""

    __tablename__ = "guidance_tuning"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "returned_to"], ["guidance_tuning.brand_id", "guidance_tuning.version"]
        ),
        CheckConstraint("version > 0", name="counts_from_one"),
        CheckConstraint("(cause = 'returned') = (returned_to IS NOT NULL)", name="return_names_its_version"),
        CheckConstraint(
            "(cause IN ('returned', 'released')) = (author_id IS NOT NULL)",
            name="people_return_and_release",
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[TuningCause] = mapped_column(state_of(TuningCause, "tuning_cause"))
    tuning: Mapped[Json]
    figures: Mapped[Json]
    tickets: Mapped[int]
    """Resolved tickets there were at the last look."""

    returned_to: Mapped[int | None]
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class GuidanceCaution(Base):
    """How many missed suggestions one wrong one costs the brand; the newest version holds."""

    __tablename__ = "guidance_caution"
    __table_args__ = (
        CheckConstraint("version > 0", name="counts_from_one"),
        CheckConstraint("wrong_cost BETWEEN 0.1 AND 20", name="wrong_cost_is_bounded"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    wrong_cost: Mapped[float]
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)
