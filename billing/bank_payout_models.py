"""Tables of what we see of a worker's bank: each payout that Stripe makes to it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, MinorUnits, state_of
from marketplace.kernel.ids import WorkerId


class BankPayoutState(StrEnum):
    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


class BankPayout(Base):
    """Stripe's payment from a worker's account to his bank, as last read. It moves nothing in our ledger."""

    __tablename__ = "bank_payout"
    __table_args__ = (
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
        CheckConstraint("state = 'failed' OR failure_code IS NULL", name="failure"),
        Index("ix_bank_payout_worker", "worker_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    state: Mapped[BankPayoutState] = mapped_column(state_of(BankPayoutState, "bank_payout_state"))
    failure_code: Mapped[str | None]
    bank: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    arrives_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    read_at: Mapped[datetime] = mapped_column(TIMESTAMP)
