"""Tables of what is said against an earning: holds, rejections, the worker's appeal, and a brand's freeze."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, state_of
from marketplace.kernel.ids import (
    BrandId,
    EarningHoldId,
    EarningId,
    PersonId,
    RejectionAppealId,
    RejectionFreezeId,
    RejectionId,
    ReplyId,
    TicketId,
    WorkerId,
)


class HoldCause(StrEnum):
    """`qa`: the platform looks at the work; `dispute`: its brand says that something is wrong with it."""

    QA = "qa"
    DISPUTE = "dispute"


class HeldFrom(StrEnum):
    """Where the money stood, and goes back to."""

    IN_WINDOW = "in_window"
    PAYABLE = "payable"


class HoldEnd(StrEnum):
    """`lapsed`: nobody decided in time; `frozen`: the brand may not reject; `reopened`: the ticket went on."""

    RELEASED = "released"
    LAPSED = "lapsed"
    FROZEN = "frozen"
    REJECTED = "rejected"
    REOPENED = "reopened"


class Judge(StrEnum):
    BRAND = "brand"
    PLATFORM = "platform"


class RejectionReason(StrEnum):
    WRONG_ANSWER = "wrong_answer"
    INCOMPLETE = "incomplete"
    OFF_TOPIC = "off_topic"
    AGAINST_INSTRUCTIONS = "against_instructions"
    RUDE = "rude"


class RejectionState(StrEnum):
    """`waiting`: it may still be undone; `called_off`: it never counted, for the brand was frozen or the ticket went
    on."""

    WAITING = "waiting"
    UNDONE = "undone"
    CALLED_OFF = "called_off"
    COUNTED = "counted"


class AppealEnd(StrEnum):
    """`upheld`: the rejection stands; `reversed`: the pay is restored."""

    UPHELD = "upheld"
    REVERSED = "reversed"


class EarningHold(Base):
    """Why an earning is kept where it is, from when to when. At most one is open per earning.

    A dispute that nobody decides lapses at `lapses_at`; the platform's own look has no such end.
    """

    __tablename__ = "earning_hold"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "earning_id"], ["earning.brand_id", "earning.id"]),
        CheckConstraint("(closed_at IS NULL) = (ended_as IS NULL)", name="end_is_named"),
        CheckConstraint("(cause = 'dispute') = (lapses_at IS NOT NULL)", name="disputes_lapse"),
        CheckConstraint("reason <> ''", name="says_why"),
        Index("uq_earning_hold_open", "earning_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_earning_hold_earning", "brand_id", "earning_id"),
        Index("ix_earning_hold_lapsing", "lapses_at", postgresql_where=text("closed_at IS NULL")),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[EarningHoldId] = mapped_column(primary_key=True)
    earning_id: Mapped[EarningId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    cause: Mapped[HoldCause] = mapped_column(state_of(HoldCause, "hold_cause"))
    held_from: Mapped[HeldFrom] = mapped_column(state_of(HeldFrom, "hold_from"))
    reason: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    opened_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lapses_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    closed_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    ended_as: Mapped[HoldEnd | None] = mapped_column(state_of(HoldEnd, "hold_end"))


class EarningRejection(Base):
    """That a resolution's pay goes back to its brand: why, by whom, and the reply that shows it.

    It counts from `counts_at` on, and may be undone before. An earning has at most one that waits or counts.
    """

    __tablename__ = "earning_rejection"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "earning_id"], ["earning.brand_id", "earning.id"]),
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "reply_id"], ["reply.brand_id", "reply.id"]),
        CheckConstraint("note <> ''", name="says_why"),
        CheckConstraint("judge = 'brand' OR rejected_by IS NOT NULL", name="platform_has_a_name"),
        Index(
            "uq_earning_rejection_live",
            "earning_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'counted')"),
        ),
        Index("ix_earning_rejection_due", "counts_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_earning_rejection_brand", "brand_id", "rejected_at"),
        Index("ix_earning_rejection_worker", "worker_id", "rejected_at"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[RejectionId] = mapped_column(primary_key=True)
    earning_id: Mapped[EarningId]
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    reply_id: Mapped[ReplyId]
    judge: Mapped[Judge] = mapped_column(state_of(Judge, "rejection_judge"))
    reason: Mapped[RejectionReason] = mapped_column(state_of(RejectionReason, "rejection_reason"))
    note: Mapped[str]
    rejected_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    rejected_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    counts_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    state: Mapped[RejectionState] = mapped_column(state_of(RejectionState, "rejection_state"))
    settled_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class RejectionAppeal(Base):
    """The worker's word against a rejection, once; decided by a person who had no part in it before."""

    __tablename__ = "rejection_appeal"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "rejection_id"], ["earning_rejection.brand_id", "earning_rejection.id"]
        ),
        UniqueConstraint("brand_id", "rejection_id"),
        CheckConstraint("num_nulls(ended_as, decided_at, decided_by) IN (0, 3)", name="decided_by_somebody"),
        CheckConstraint("said <> ''", name="says_why"),
        Index("ix_rejection_appeal_open", "appealed_at", postgresql_where=text("ended_as IS NULL")),
        Index("ix_rejection_appeal_worker", "worker_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[RejectionAppealId] = mapped_column(primary_key=True)
    rejection_id: Mapped[RejectionId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    said: Mapped[str]
    appealed_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    ended_as: Mapped[AppealEnd | None] = mapped_column(state_of(AppealEnd, "appeal_end"))
    answer: Mapped[str] = mapped_column(server_default="")
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))


class RejectionLimit(Base):
    """The one row of the circuit-breaker: more than `basis_points` of at least `at_least` in `days` freezes a brand."""

    __tablename__ = "rejection_limit"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint(
            "basis_points BETWEEN 1 AND 10000 AND at_least BETWEEN 1 AND 10000 AND days BETWEEN 1 AND 365",
            name="range",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    basis_points: Mapped[int]
    at_least: Mapped[int]
    days: Mapped[int]


class RejectionFreeze(Base):
    """A brand that may not reject: what it had rejected of what was decided, and who lifted it and why."""

    __tablename__ = "rejection_freeze"
    __table_args__ = (
        CheckConstraint("num_nulls(lifted_at, lifted_by, lift_reason) IN (0, 3)", name="lifted_by_somebody"),
        CheckConstraint("lift_reason <> ''", name="says_why"),
        Index(
            "uq_rejection_freeze_open", "brand_id", unique=True, postgresql_where=text("lifted_at IS NULL")
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[RejectionFreezeId] = mapped_column(primary_key=True)
    frozen_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    rejected: Mapped[int]
    decided: Mapped[int]
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    lifted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lift_reason: Mapped[str | None]
