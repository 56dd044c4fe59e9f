"""Tables around payouts: holds, the stop of all payouts, reversals of transfers, money that nobody claims."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, MinorUnits, state_of
from marketplace.kernel.ids import (
    EscheatmentId,
    PayoutHoldId,
    PayoutId,
    PayoutsStopId,
    PersonId,
    TransferReversalId,
    WorkerId,
)


class HoldCause(StrEnum):
    PERSON = "person"  # finance decided so
    ACCOUNT_CLOSED = "account_closed"


class PayoutHold(Base):
    """A reason why a worker is sent nothing; what he earns stays payable. Nobody placed it: reading Stripe did."""

    __tablename__ = "payout_hold"
    __table_args__ = (
        CheckConstraint("lifted_by IS NULL OR lifted_at IS NOT NULL", name="lifted"),
        Index(
            "uq_payout_hold_live",
            "worker_id",
            "cause",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index(
            "ix_payout_hold_lifted_by",
            "lifted_by",
            "worker_id",
            postgresql_where=text("lifted_by IS NOT NULL"),
        ),
    )

    id: Mapped[PayoutHoldId] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    cause: Mapped[HoldCause] = mapped_column(state_of(HoldCause, "hold_cause"))
    reason: Mapped[str]
    placed_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    placed_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    lifted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class PayoutsStop(Base):
    """While one stands, nothing new is asked of Stripe that moves money out or back. Nobody threw it: a check did."""

    __tablename__ = "payouts_stop"
    __table_args__ = (
        Index(
            "uq_payouts_stop_live",
            text("(lifted_at IS NULL)"),
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[PayoutsStopId] = mapped_column(primary_key=True)
    reason: Mapped[str]
    thrown_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    thrown_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    lifted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class ReversalState(StrEnum):
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class TransferReversal(Base):
    """An attempt to get back what a worker was sent and owes since; only what his account still holds comes back."""

    __tablename__ = "transfer_reversal"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint("(state = 'accepted') = (stripe_reversal IS NOT NULL)", name="accepted_names_it"),
        Index("ix_transfer_reversal_payout", "payout_id"),
    )

    id: Mapped[TransferReversalId] = mapped_column(primary_key=True)
    payout_id: Mapped[PayoutId] = mapped_column(ForeignKey("payout.id"))
    amount_minor: Mapped[MinorUnits]
    reason: Mapped[str]
    state: Mapped[ReversalState] = mapped_column(state_of(ReversalState, "reversal_state"))
    attempt: Mapped[int] = mapped_column(server_default="1")
    stripe_reversal: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str | None]
    asked_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Escheatment(Base):
    """A worker's payable money that went to unclaimed property, for nobody was heard of for too long."""

    __tablename__ = "escheatment"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
        Index("ix_escheatment_worker", "worker_id"),
    )

    id: Mapped[EscheatmentId] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    currency: Mapped[str]
    amount_minor: Mapped[MinorUnits]
    dormant_since: Mapped[datetime] = mapped_column(TIMESTAMP)
    posted_at: Mapped[datetime] = mapped_column(TIMESTAMP)
