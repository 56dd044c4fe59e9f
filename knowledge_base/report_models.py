"""Tables of what is wrong: workers' reports, quarantines, contradictions.

A passage is known here by its article and the SHA-256 of its text: a report or a quarantine outlives a new import
of the same words, and ends with other words.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, state_of
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    ContradictionId,
    PassageId,
    PassageReportId,
    PersonId,
    QuarantineId,
    TicketId,
    WorkerId,
)


class ReportReason(StrEnum):
    OUT_OF_DATE = "out_of_date"
    CONTRADICTS_FACTS = "contradicts_facts"
    WRONG_PRODUCT = "wrong_product"
    OTHER = "other"


class ReportState(StrEnum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class QuarantineCause(StrEnum):
    REPORTS = "reports"
    BRAND = "brand"


class ContradictionState(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


class ValueKind(StrEnum):
    AMOUNT = "amount"
    DURATION = "duration"
    SHARE = "share"
    DATE = "date"
    TIME = "time"
    PHONE = "phone"
    EMAIL = "email"
    PRACTICE = "practice"


class ReportPolicy(Base):
    """How many workers must report a passage before it is taken out; without a row the default holds."""

    __tablename__ = "report_policy"
    __table_args__ = (CheckConstraint("reports_to_quarantine BETWEEN 1 AND 20", name="reports_limit"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    reports_to_quarantine: Mapped[int]


class PassageReport(Base):
    """A worker says that a passage he was shown is wrong; one report per worker and text. It keeps the quote."""

    __tablename__ = "passage_report"
    __table_args__ = (
        UniqueConstraint(
            "brand_id", "article_id", "text_sha256", "worker_id", name="uq_passage_report_worker_and_text"
        ),
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        ForeignKeyConstraint(["brand_id", "passage_id"], ["passage.brand_id", "passage.id"]),
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_has_its_time"),
        CheckConstraint("state <> 'dismissed' OR decision_note <> ''", name="dismissed_has_a_reason"),
        Index("ix_passage_report_worker", "worker_id", "reported_at"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[PassageReportId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    passage_id: Mapped[PassageId]
    text_sha256: Mapped[str]
    title: Mapped[str]
    quoted: Mapped[str]
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    reason: Mapped[ReportReason] = mapped_column(state_of(ReportReason, "report_reason"))
    note: Mapped[str] = mapped_column(server_default="")
    reported_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    state: Mapped[ReportState] = mapped_column(state_of(ReportState, "report_state"), server_default="open")
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    decision_note: Mapped[str] = mapped_column(server_default="")


class PassageQuarantine(Base):
    """A text that is offered to nobody until the brand lifts this or changes the words; at most one holds."""

    __tablename__ = "passage_quarantine"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        ForeignKeyConstraint(["brand_id", "passage_id"], ["passage.brand_id", "passage.id"]),
        CheckConstraint("(lifted_at IS NULL) = (lift_reason = '')", name="lift_has_a_reason"),
        Index(
            "uq_passage_quarantine_live",
            "brand_id",
            "article_id",
            "text_sha256",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_passage_quarantine_untold", "quarantined_at", postgresql_where=text("told_at IS NULL")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[QuarantineId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    passage_id: Mapped[PassageId]
    text_sha256: Mapped[str]
    cause: Mapped[QuarantineCause] = mapped_column(state_of(QuarantineCause, "quarantine_cause"))
    quarantined_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    quarantined_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    told_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    lifted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lift_reason: Mapped[str] = mapped_column(server_default="")


class Contradiction(Base):
    """Two texts that state different values for what seems the same; `marks` are the values' places in each."""

    __tablename__ = "contradiction"
    __table_args__ = (
        UniqueConstraint(
            "brand_id",
            "first_article_id",
            "first_sha256",
            "second_article_id",
            "second_sha256",
            "kind",
            name="uq_contradiction_pair",
        ),
        ForeignKeyConstraint(["brand_id", "first_passage_id"], ["passage.brand_id", "passage.id"]),
        ForeignKeyConstraint(["brand_id", "second_passage_id"], ["passage.brand_id", "passage.id"]),
        CheckConstraint("state <> 'dismissed' OR reason <> ''", name="dismissed_has_a_reason"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_has_its_time"),
        Index("ix_contradiction_state", "brand_id", "state", "found_at"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ContradictionId] = mapped_column(primary_key=True)
    first_article_id: Mapped[ArticleId]
    first_sha256: Mapped[str]
    first_passage_id: Mapped[PassageId]
    first_marks: Mapped[JsonList]
    second_article_id: Mapped[ArticleId]
    second_sha256: Mapped[str]
    second_passage_id: Mapped[PassageId]
    second_marks: Mapped[JsonList]
    kind: Mapped[ValueKind] = mapped_column(state_of(ValueKind, "value_kind"))
    subject: Mapped[str]
    cosine: Mapped[float]
    state: Mapped[ContradictionState] = mapped_column(state_of(ContradictionState, "contradiction_state"))
    found_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(server_default="")


class ContradictionLook(Base):
    """A live text that was compared with all others; `sha256` is of the text as it is embedded."""

    __tablename__ = "contradiction_look"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    article_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
