"""Tables of corrections: a wrong text, the customers it was told to, and what each of them is told now."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, StringList, state_of
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    CorrectionId,
    CorrectionNoticeId,
    CustomerId,
    MessageId,
    PassageId,
    PersonId,
    ReplyId,
    TicketId,
    WorkerId,
)


class NoticeState(StrEnum):
    DRAFTED = "drafted"
    QUEUED = "queued"
    SENT = "sent"
    SKIPPED = "skipped"


class Correction(Base):
    """Texts of an article that were wrong or hold no more (`texts`: their SHA-256); `source` says which."""

    __tablename__ = "correction"
    __table_args__ = (
        UniqueConstraint("brand_id", "article_id", "source", name="uq_correction_source"),
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[CorrectionId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    source: Mapped[str]
    title: Mapped[str]
    texts: Mapped[StringList]
    opened_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    opened_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))


class CorrectionNotice(Base):
    """What one customer is told: once per correction, by the unique key. `passage_id` is what it quotes now."""

    __tablename__ = "correction_notice"
    __table_args__ = (
        UniqueConstraint("brand_id", "correction_id", "customer_id", name="uq_correction_notice_customer"),
        ForeignKeyConstraint(["brand_id", "correction_id"], ["correction.brand_id", "correction.id"]),
        ForeignKeyConstraint(["brand_id", "customer_id"], ["customer.brand_id", "customer.id"]),
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "message_id"], ["message.brand_id", "message.id"]),
        CheckConstraint("(state = 'queued') = (leaves_at IS NOT NULL)", name="queued_has_its_time"),
        CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL) "
            "AND (state <> 'sent' OR label <> '' AND label_proof <> '' AND message_id IS NOT NULL)",
            name="sent_carries_its_label",
        ),
        CheckConstraint("(state = 'skipped') = (skip_reason <> '')", name="skipped_has_a_reason"),
        Index("ix_correction_notice_due", "leaves_at", postgresql_where=text("state = 'queued'")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[CorrectionNoticeId] = mapped_column(primary_key=True)
    correction_id: Mapped[CorrectionId]
    customer_id: Mapped[CustomerId]
    ticket_id: Mapped[TicketId]
    draft: Mapped[str]
    body: Mapped[str]
    passage_id: Mapped[PassageId | None]
    state: Mapped[NoticeState] = mapped_column(state_of(NoticeState, "notice_state"))
    leaves_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    label: Mapped[str] = mapped_column(server_default="")
    label_proof: Mapped[str] = mapped_column(server_default="")
    message_id: Mapped[MessageId | None]
    sent_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    skip_reason: Mapped[str] = mapped_column(server_default="")


class CorrectionReply(Base):
    """A sent reply that rested on a wrong text, and its sentences that did. Once it is put right its worker is told."""

    __tablename__ = "correction_reply"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "correction_id"], ["correction.brand_id", "correction.id"]),
        ForeignKeyConstraint(
            ["brand_id", "notice_id"], ["correction_notice.brand_id", "correction_notice.id"]
        ),
        ForeignKeyConstraint(["brand_id", "reply_id"], ["reply.brand_id", "reply.id"]),
        ForeignKeyConstraint(["brand_id", "passage_id"], ["passage.brand_id", "passage.id"]),
        Index("ix_correction_reply_notice", "brand_id", "notice_id"),
        Index("ix_correction_reply_reply", "brand_id", "reply_id"),
        Index(
            "ix_correction_reply_worker",
            "worker_id",
            "told_at",
            postgresql_where=text("told_at IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    correction_id: Mapped[CorrectionId] = mapped_column(primary_key=True)
    reply_id: Mapped[ReplyId] = mapped_column(primary_key=True)
    notice_id: Mapped[CorrectionNoticeId]
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    passage_id: Mapped[PassageId]
    sentences: Mapped[JsonList]
    replied_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    told_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
