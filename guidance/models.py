"""Tables of guidance: the brand's voice, suggestions with their passages, receipts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, JsonList, state_of
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    FlowWalkId,
    MessageId,
    PassageId,
    PersonId,
    ReceiptId,
    ReplyId,
    RevisionId,
    SuggestionId,
    TicketId,
)


class SuggestionState(StrEnum):
    READY = "ready"
    ABSTAINED = "abstained"


class VoiceVersion(Base):
    """A brand's tone rules, as an immutable version; the newest holds."""

    __tablename__ = "voice"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    rules: Mapped[Json]
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class LintPolicyVersion(Base):
    """What the check of a reply does about each kind of finding, as an immutable version; the newest holds."""

    __tablename__ = "lint_policy"
    __table_args__ = (CheckConstraint("version >= 1", name="versions_count_from_one"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    levels: Mapped[Json]
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Suggestion(Base):
    """A proposed answer to the ticket as it stood at `message_id`, or a reasoned silence."""

    __tablename__ = "suggestion"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "message_id"], ["message.brand_id", "message.id"]),
        Index("ix_suggestion_ticket", "brand_id", "ticket_id", "id"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence_is_a_probability"),
        CheckConstraint(
            "state <> 'abstained' OR (reason <> '' AND next_step <> '')", name="silence_has_a_reason"
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[SuggestionId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    message_id: Mapped[MessageId]
    state: Mapped[SuggestionState] = mapped_column(state_of(SuggestionState, "suggestion_state"))
    confidence: Mapped[float]
    reason: Mapped[str]
    next_step: Mapped[str]
    draft: Mapped[str]
    sentences: Mapped[JsonList]
    questions: Mapped[JsonList] = mapped_column(server_default="[]")
    """Of a ticket that asks several things: each one, masked, and the ranks of the passages that answer it."""

    slots: Mapped[JsonList] = mapped_column(server_default="[]")
    """What was filled into the draft, and from where; open slots still stand in its text."""

    asked_in: Mapped[str] = mapped_column(server_default="")
    """The language of the question, as two letters; empty where nobody can tell. `answered_in` is the draft's."""

    answered_in: Mapped[str] = mapped_column(server_default="")
    voice_version: Mapped[int]
    prepared_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class SuggestionPassage(Base):
    """A passage as it was shown: the quoted text stays whatever becomes of the article, so it refers to no row."""

    __tablename__ = "suggestion_passage"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "suggestion_id"], ["suggestion.brand_id", "suggestion.id"]),
        Index("ix_suggestion_passage_article", "brand_id", "article_id"),
        Index("ix_suggestion_passage_passage", "brand_id", "passage_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    suggestion_id: Mapped[SuggestionId] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(primary_key=True)
    passage_id: Mapped[PassageId]
    article_id: Mapped[ArticleId]
    revision_id: Mapped[RevisionId]
    revision_number: Mapped[int]
    title: Mapped[str]
    section_path: Mapped[JsonList]
    page: Mapped[int | None]
    """Where it begins in a paged file, from 1."""

    quoted: Mapped[str]
    score: Mapped[float]
    verified_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Receipt(Base):
    """What one reply rested on: shown, inserted, edited, sent. One record for all who ask.

    `article_id`, `revision_id`: the text that most of it stands in. It stays whatever becomes of it, so they refer to
    no row.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "reply_id"], ["reply.brand_id", "reply.id"]),
        ForeignKeyConstraint(["brand_id", "suggestion_id"], ["suggestion.brand_id", "suggestion.id"]),
        ForeignKeyConstraint(["brand_id", "flow_walk_id"], ["flow_walk.brand_id", "flow_walk.id"]),
        UniqueConstraint("brand_id", "reply_id"),
        Index("ix_receipt_suggestion", "brand_id", "suggestion_id"),
        Index(
            "ix_receipt_article",
            "brand_id",
            "article_id",
            "id",
            postgresql_where=text("article_id IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ReceiptId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    reply_id: Mapped[ReplyId]
    suggestion_id: Mapped[SuggestionId | None]
    flow_walk_id: Mapped[FlowWalkId | None]
    article_id: Mapped[ArticleId | None]
    revision_id: Mapped[RevisionId | None]
    shown: Mapped[list[Any]] = mapped_column(JSONB)
    inserted: Mapped[list[Any]] = mapped_column(JSONB)
    support: Mapped[list[Any]] = mapped_column(JSONB)
    findings: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    """What stood when it was sent: kind, severity and the words the worker read."""

    edit_distance: Mapped[int]
    edited_share: Mapped[float]
    sent_text: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)
