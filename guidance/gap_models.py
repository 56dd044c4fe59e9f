"""Tables of what knowledge is missing: gaps, their questions and costs; coverage by day; credits of answers."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import REAL, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, MinorUnits, StringList, state_of
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    GapId,
    PersonId,
    ReplyId,
    RevisionId,
    SuggestionId,
    TicketId,
    WorkerId,
)
from marketplace.tickets.lost_work import Loss


class GapState(StrEnum):
    OPEN = "open"
    BEING_WRITTEN = "being_written"
    CLOSED = "closed"
    DISMISSED = "dismissed"


class Cause(StrEnum):
    """Why a question counts as unanswered."""

    ABSTAINED = "abstained"
    UNUSED = "unused"
    ESCALATED = "escalated"
    RELEASED = "released"
    STOPPED = "stopped"
    FAILED = "failed"


class Gap(Base):
    """Questions of one meaning that knowledge did not answer.

    `vector_sum` is the sum of its questions' unit vectors (float32) in the space `model`: its direction is the
    gap's. Counts and costs are those of its `gap_question` and `gap_cost` rows, kept by the sweep.
    """

    __tablename__ = "gap"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        Index("ix_gap_costliest", "brand_id", "state", "cost_minor", "questions", "id"),
        Index("ix_gap_look_due", "cost_minor", postgresql_where=text("look_due")),
        CheckConstraint(
            "cost_minor = unpaid_minor + fees_minor + reopened_minor", name="parts_make_the_cost"
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[GapId] = mapped_column(primary_key=True)
    name: Mapped[str]
    key_words: Mapped[StringList]
    named_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    named_questions: Mapped[int]
    state: Mapped[GapState] = mapped_column(state_of(GapState, "gap_state"))
    model: Mapped[str]
    vector_sum: Mapped[bytes]
    questions: Mapped[int]
    escalations: Mapped[int] = mapped_column(server_default="0")
    reopens: Mapped[int] = mapped_column(server_default="0")
    unpaid_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    fees_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    reopened_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    cost_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    first_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    last_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    look_due: Mapped[bool] = mapped_column(server_default="false")
    article_id: Mapped[ArticleId | None]
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    dismissed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    dismissed_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    dismissed_because: Mapped[str] = mapped_column(server_default="")


class GapQuestion(Base):
    """One ticket's unanswered question, without its customer's data. It stays in the gap it came into."""

    __tablename__ = "gap_question"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "gap_id"], ["gap.brand_id", "gap.id"]),
        ForeignKeyConstraint(["brand_id", "suggestion_id"], ["suggestion.brand_id", "suggestion.id"]),
        Index("ix_gap_question_gap", "brand_id", "gap_id", "asked_at"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    gap_id: Mapped[GapId]
    suggestion_id: Mapped[SuggestionId | None]
    question: Mapped[str]
    likeness: Mapped[float] = mapped_column(REAL)
    causes: Mapped[StringList]
    escalations: Mapped[int]
    reopens: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class GapCost(Base):
    """One thing a question cost, written once: `reference` is the claim, escalation or resolution it stands for.

    Unpaid time is `seconds` at `pay_minor` for every `per_minutes` minutes; the other kinds are postings.
    """

    __tablename__ = "gap_cost"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["gap_question.brand_id", "gap_question.ticket_id"],
            ondelete="CASCADE",
        ),
        Index("ix_gap_cost_ticket", "brand_id", "ticket_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    kind: Mapped[Loss] = mapped_column(state_of(Loss, "loss_kind"), primary_key=True)
    reference: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    seconds: Mapped[int | None]
    pay_minor: Mapped[MinorUnits | None]
    per_minutes: Mapped[int | None]
    lost_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class CoverageDay(Base):
    """How many tickets of a category guidance looked at for the first time on a UTC day, by what it found."""

    __tablename__ = "coverage_day"
    __table_args__ = (ForeignKeyConstraint(["brand_id", "category"], ["category.brand_id", "category.key"]),)

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    covered: Mapped[int] = mapped_column(server_default="0")
    partly: Mapped[int] = mapped_column(server_default="0")
    missing: Mapped[int] = mapped_column(server_default="0")


class ArticleCredit(Base):
    """Whose reply an article's revision was begun from. `title` is kept for the worker, who reads no article."""

    __tablename__ = "article_credit"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "reply_id"], ["reply.brand_id", "reply.id"]),
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        Index("ix_article_credit_worker", "worker_id", "credited_at"),
        Index("ix_article_credit_article", "brand_id", "article_id"),
        Index("ix_article_credit_ticket", "brand_id", "ticket_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    revision_id: Mapped[RevisionId] = mapped_column(primary_key=True)
    reply_id: Mapped[ReplyId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    title: Mapped[str]
    credited_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    published_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
