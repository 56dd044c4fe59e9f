"""Tables of how a brand wants its customers answered: silence, escalation queues, probation, replies in review."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, state_of
from marketplace.kernel.ids import BrandId, ReplyId, ReviewId, TicketId, WorkerId
from marketplace.tickets.models import Channel


class AfterLimit(StrEnum):
    """What becomes of a reply that nobody reviewed in time."""

    SEND = "send"
    RETURN = "return"


class ReviewState(StrEnum):
    """`overtaken`: the customer wrote first; `outdated`: what it rests on ended first; `called_off`: the claim ended
    some other way."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT_SENT = "timed_out_sent"
    TIMED_OUT_RETURNED = "timed_out_returned"
    OVERTAKEN = "overtaken"
    OUTDATED = "outdated"
    CALLED_OFF = "called_off"


class ReviewReason(StrEnum):
    OFF_VOICE = "off_voice"
    WRONG = "wrong"
    INCOMPLETE = "incomplete"
    POLICY = "policy"
    OTHER = "other"


class FollowUpPolicy(Base):
    """How long a brand lets its customers be silent, and a worker be away; without a row the defaults hold."""

    __tablename__ = "follow_up_policy"
    __table_args__ = (
        CheckConstraint("silence_minutes BETWEEN 5 AND 43200", name="silence_limit"),
        CheckConstraint("grace_minutes BETWEEN 1 AND 1440", name="grace_limit"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    channel: Mapped[Channel] = mapped_column(state_of(Channel, "follow_up_channel"), primary_key=True)
    silence_minutes: Mapped[int]
    grace_minutes: Mapped[int]


class EscalationQueue(Base):
    """Where a brand's escalations wait, and for how long before silence confirms them.

    Every brand has a default one from its first moment (a trigger makes it). One in use is retired, not deleted.
    """

    __tablename__ = "escalation_queue"
    __table_args__ = (
        CheckConstraint("decide_minutes BETWEEN 15 AND 20160", name="decide_limit"),
        CheckConstraint("NOT is_default OR retired_at IS NULL", name="default_is_in_use"),
        Index("uq_escalation_queue_default", "brand_id", unique=True, postgresql_where=text("is_default")),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    decide_minutes: Mapped[int]
    is_default: Mapped[bool] = mapped_column(server_default="false")
    notify_email: Mapped[str | None]
    retired_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class ProbationPolicy(Base):
    """How many of a worker's first replies the brand approves before they leave; without a row, none."""

    __tablename__ = "probation_policy"
    __table_args__ = (
        CheckConstraint("replies BETWEEN 0 AND 100", name="replies_limit"),
        CheckConstraint("limit_minutes BETWEEN 5 AND 10080", name="time_limit"),
        CheckConstraint("accuracy_basis_points BETWEEN 0 AND 10000", name="share"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    replies: Mapped[int]
    limit_minutes: Mapped[int]
    after_limit: Mapped[AfterLimit] = mapped_column(state_of(AfterLimit, "after_limit"))
    accuracy_basis_points: Mapped[int]


class WorkerStanding(Base):
    """What a brand has decided on a worker's replies. Lifted once, probation does not come back."""

    __tablename__ = "worker_standing"
    __table_args__ = (CheckConstraint("approved >= 0 AND rejected >= 0", name="counted"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    approved: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class ReplyReview(Base):
    """A reply that waits, or waited, for its brand's approval. It leaves `waiting` once, to one outcome.

    `changes_read`: what had changed under it, as whoever approved it all the same had read it.
    """

    __tablename__ = "reply_review"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "reply_id"], ["reply.brand_id", "reply.id"]),
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        UniqueConstraint("brand_id", "reply_id"),
        CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_has_its_time"),
        CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="rejected_has_a_reason"),
        CheckConstraint("changes_read IS NULL OR state = 'approved'", name="changes_are_read_to_approve"),
        Index(
            "uq_reply_review_waiting", "ticket_id", unique=True, postgresql_where=text("state = 'waiting'")
        ),
        Index("ix_reply_review_due", "decide_by", postgresql_where=text("state = 'waiting'")),
        Index("ix_reply_review_queue", "brand_id", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_reply_review_ticket", "brand_id", "ticket_id", "id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ReviewId] = mapped_column(primary_key=True)
    reply_id: Mapped[ReplyId]
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    state: Mapped[ReviewState] = mapped_column(state_of(ReviewState, "review_state"))
    reason: Mapped[ReviewReason | None] = mapped_column(state_of(ReviewReason, "review_reason"))
    note: Mapped[str] = mapped_column(server_default="")
    after_limit: Mapped[AfterLimit] = mapped_column(state_of(AfterLimit, "review_after_limit"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    decide_by: Mapped[datetime] = mapped_column(TIMESTAMP)
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[str | None]
    changes_read: Mapped[JsonList | None]
