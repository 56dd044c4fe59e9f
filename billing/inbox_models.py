"""Tables of what Stripe tells us: every event as it came, and how far each account was looked through for lost ones."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from billing.inbox_events import Endpoint
from marketplace.kernel.db import TIMESTAMP, Base, Json, state_of


class EventSource(StrEnum):
    """How an event came in: told by Stripe, or asked for because it was never told."""

    WEBHOOK = "webhook"
    BACKFILL = "backfill"


class InboxState(StrEnum):
    WAITING = "waiting"
    HANDLED = "handled"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class Quarantine(StrEnum):
    """Why an event is not believed to be this installation's, although Stripe signed it."""

    OTHER_MODE = "other_mode"
    OTHER_VERSION = "other_version"
    WRONG_ENDPOINT = "wrong_endpoint"
    UNKNOWN_ACCOUNT = "unknown_account"
    OTHER_ENVIRONMENT = "other_environment"


class InboxEvent(Base):
    """One event at one endpoint. What came in never changes; only what became of it does.

    `due_at` is when it is taken up next; while somebody works on it, when that claim ends.
    """

    __tablename__ = "stripe_event"
    __table_args__ = (
        CheckConstraint("(state IN ('handled', 'ignored')) = (handled_at IS NOT NULL)", name="handled_at"),
        CheckConstraint("(state = 'quarantined') = (quarantined_for IS NOT NULL)", name="quarantined_for"),
        CheckConstraint("state <> 'failed' OR error IS NOT NULL", name="failed_says_why"),
        Index("ix_stripe_event_due", "due_at", "happened_at", postgresql_where=text("state = 'waiting'")),
        Index(
            "ix_stripe_event_left",
            "received_at",
            postgresql_where=text("state IN ('quarantined', 'failed')"),
        ),
    )

    endpoint: Mapped[Endpoint] = mapped_column(state_of(Endpoint, "event_endpoint"), primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    account: Mapped[str | None]
    object_id: Mapped[str]
    happened_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    received_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    source: Mapped[EventSource] = mapped_column(state_of(EventSource, "event_source"))
    headers: Mapped[Json]
    body: Mapped[bytes]
    state: Mapped[InboxState] = mapped_column(state_of(InboxState, "inbox_state"))
    quarantined_for: Mapped[Quarantine | None] = mapped_column(state_of(Quarantine, "event_quarantine"))
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    handled_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class StripeBackfill(Base):
    """When an account's list of events is read through next; the platform's own has no name."""

    __tablename__ = "stripe_backfill"
    __table_args__ = (Index("ix_stripe_backfill_due_at", "due_at"),)

    account: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    read_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
