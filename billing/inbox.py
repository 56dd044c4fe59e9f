"""The inbox of Stripe's events: kept once, as they came; those left for a person are shown and tried again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.inbox_events import Endpoint, StripeEvent
from billing.inbox_models import EventSource, InboxEvent, InboxState, Quarantine
from billing.models import StripeAccount
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import WorkerId

KEPT_HEADERS = ("content-type", "stripe-signature", "user-agent")
HEADER_CHARACTERS = 1_000
SHOWN = 50
LEFT = (InboxState.QUARANTINED, InboxState.FAILED)


class EventMovedOn(Conflict):
    """This event is no longer waiting for a decision: it was tried again meanwhile."""


def take_in(
    tx: Tx,
    *,
    endpoint: Endpoint,
    event: StripeEvent,
    body: bytes,
    headers: Mapping[str, str],
    source: EventSource,
    now: datetime,
) -> bool:
    """Keep a verified event, to be acted on later; False when this endpoint has it already."""
    kept = {name: headers[name][:HEADER_CHARACTERS] for name in KEPT_HEADERS if name in headers}
    row = insert(InboxEvent).values(
        endpoint=endpoint,
        event_id=event.id,
        type=event.type,
        account=event.account,
        object_id=event.object_id,
        happened_at=event.created_at,
        received_at=now,
        source=source,
        headers=kept,
        body=body,
        state=InboxState.WAITING,
        due_at=now,
    )
    return tx.execute(row.on_conflict_do_nothing().returning(InboxEvent.event_id)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftEvent:
    """An event that nothing will be done about until somebody decides."""

    endpoint: Endpoint
    event: str
    type: str
    about: str
    state: InboxState
    quarantined_for: Quarantine | None
    error: str | None
    attempts: int
    received_at: datetime


def left_events(tx: Tx) -> Sequence[LeftEvent]:
    """The newest of them, SHOWN at most."""
    rows = tx.scalars(
        select(InboxEvent)
        .where(InboxEvent.state.in_(LEFT))
        .order_by(InboxEvent.received_at.desc(), InboxEvent.event_id)
        .limit(SHOWN)
    )
    return [
        LeftEvent(
            endpoint=row.endpoint,
            event=row.event_id,
            type=row.type,
            about=row.account or row.object_id,
            state=row.state,
            quarantined_for=row.quarantined_for,
            error=row.error,
            attempts=row.attempts,
            received_at=row.received_at,
        )
        for row in rows
    ]


def count_left(tx: Tx) -> int:
    return tx.scalar(select(func.count()).select_from(InboxEvent).where(InboxEvent.state.in_(LEFT))) or 0


def try_again(tx: Tx, *, endpoint: Endpoint, event: str, now: datetime) -> None:
    """Give an event that was left all its attempts again, judged anew. Raises EventMovedOn."""
    left = (InboxEvent.endpoint == endpoint, InboxEvent.event_id == event, InboxEvent.state.in_(LEFT))
    fresh = update(InboxEvent).where(*left).values(**_FRESH, due_at=now)
    if tx.execute(fresh.returning(InboxEvent.event_id)).first() is None:
        raise EventMovedOn


def release_known(tx: Tx, *, now: datetime) -> None:
    """Events of accounts that were strangers when they came: the account's own commit was slower than Stripe."""
    known = select(StripeAccount.account).where(StripeAccount.account.is_not(None))
    strangers = (
        InboxEvent.state == InboxState.QUARANTINED,
        InboxEvent.quarantined_for == Quarantine.UNKNOWN_ACCOUNT,
        InboxEvent.account.in_(known),
    )
    tx.execute(update(InboxEvent).where(*strangers).values(**_FRESH, due_at=now))


def take_up_ignored(tx: Tx, *, endpoint: Endpoint, types: Collection[str], now: datetime) -> int:
    """Events that nobody acted on when they came, and somebody does now; how many."""
    ignored = (
        InboxEvent.state == InboxState.IGNORED,
        InboxEvent.endpoint == endpoint,
        InboxEvent.type.in_(types),
    )
    again = update(InboxEvent).where(*ignored).values(**_FRESH, handled_at=None, due_at=now)
    return len(tx.execute(again.returning(InboxEvent.event_id)).all())


def forget_worker(tx: Tx, *, worker: WorkerId) -> None:
    """Of what Stripe told of an erased worker's account the ids stay; who it is was only in the snapshots."""
    account = select(StripeAccount.account).where(StripeAccount.worker_id == worker).scalar_subquery()
    tx.execute(select(func.erase_events_of(account)))


_FRESH: Mapping[str, object] = {
    "state": InboxState.WAITING,
    "quarantined_for": None,
    "error": None,
    "attempts": 0,
}
