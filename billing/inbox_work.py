"""Acting on the inbox: one event at a time of each object, each either wholly or not at all.

An event is claimed for the time of a lease, so that a crash in that time makes it due again. While it is worked on a
lock on its object keeps others of the same object out, here and in every other process: so what was read at Stripe
last is written last. What an event changes and that it is handled are one commit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from billing.gateway import CredentialsRefused
from billing.inbox import release_known, take_up_ignored
from billing.inbox_checks import why_quarantined
from billing.inbox_events import Act, Endpoint, Handler, StripeEvent, event_of
from billing.inbox_handlers import HANDLERS
from billing.inbox_models import EventSource, InboxEvent, InboxState, Quarantine
from billing.models import StripeAccount
from billing.stripe_connection import StripeConnection
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.dead_letters import told
from marketplace.kernel.errors import Conflict
from marketplace.kernel.only_one import only_one

EVENTS_PER_SWEEP = 200
ATTEMPTS = 12
LEASE = timedelta(minutes=2)
BUSY = timedelta(seconds=1)
RETRY = timedelta(seconds=5)
AFTER_REFUSED_KEY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)

Handlers = Mapping[Endpoint, Mapping[str, Handler]]

log = structlog.get_logger()


class EndsItsProcess(Conflict):
    """Whoever worked on this never came to an end: each process that tried it was killed, or lost its database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An event taken off the queue; it is ours while its row still says `leased_until`."""

    endpoint: Endpoint
    event: StripeEvent
    source: EventSource
    attempt: int
    leased_until: datetime
    account_is_known: bool


def handle_due(database: Database, connection: StripeConnection, handlers: Handlers = HANDLERS) -> int:
    """Work on up to EVENTS_PER_SWEEP events that are due; how many. Stops when Stripe refuses our key."""
    with database.transaction() as tx:
        release_known(tx, now=app_now(tx))
    done = 0
    while done < EVENTS_PER_SWEEP and (due := _take(database)) is not None:
        try:
            _work(database, connection, handlers, due)
        except CredentialsRefused as refusal:
            _put_back(database, due, refusal, after=AFTER_REFUSED_KEY)
            log.error("stripe_event.credentials_refused", stripe_event=due.event.id)
            break
        done += 1
    return done


def take_up_what_was_ignored(database: Database, handlers: Handlers = HANDLERS) -> None:
    """A newer version acts on more than an older one did."""
    for endpoint, by_type in handlers.items():
        with database.transaction() as tx:
            take_up_ignored(tx, endpoint=endpoint, types=by_type.keys(), now=app_now(tx))


def _take(database: Database) -> Due | None:
    """Claim the next due event for the time of a lease."""
    with database.transaction() as tx:
        now = app_now(tx)
        row = tx.scalars(
            select(InboxEvent)
            .where(InboxEvent.state == InboxState.WAITING, InboxEvent.due_at <= now)
            .order_by(InboxEvent.due_at, InboxEvent.happened_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        row.due_at, row.attempts = now + LEASE, row.attempts + 1
        known = row.account is not None and tx.scalar(
            select(StripeAccount.worker_id).where(StripeAccount.account == row.account)
        )
        return Due(
            endpoint=row.endpoint,
            event=event_of(json.loads(row.body)),
            source=row.source,
            attempt=row.attempts,
            leased_until=row.due_at,
            account_is_known=bool(known),
        )


def _work(database: Database, connection: StripeConnection, handlers: Handlers, due: Due) -> None:
    reason = why_quarantined(
        due.event,
        endpoint=due.endpoint,
        source=due.source,
        is_live=connection.is_live,
        api_version=connection.api_version,
        environment=connection.environment,
        account_is_known=due.account_is_known,
    )
    handler = handlers[due.endpoint].get(due.event.type)
    if reason is not None:
        _quarantine(database, due, reason)
    elif handler is None:
        _ignore(database, due)
    elif due.attempt > ATTEMPTS:
        _try_later(database, due, EndsItsProcess())
    else:
        _handle(database, connection, handler, due)


def _handle(database: Database, connection: StripeConnection, handler: Handler, due: Due) -> None:
    with only_one(database, f"stripe_event:{due.event.account or due.event.object_id}") as alone:
        if not alone:
            _step_aside(database, due)
            return
        try:
            _finish(database, due, handler(database, connection, due.event))
        except CredentialsRefused:
            raise
        except Exception as error:  # the edge of one event's work: others wait behind it
            log.warning("stripe_event.failed", stripe_event=due.event.id, exc_info=error)
            _try_later(database, due, error)


def _finish(database: Database, due: Due, act: Act) -> None:
    """What the event changes, and that it is handled: both or neither."""
    with database.transaction() as tx:
        row = _held(tx, due)
        if row is None:
            return
        act(tx)
        row.state, row.error, row.handled_at = InboxState.HANDLED, None, app_now(tx)
    log.info("stripe_event.handled", stripe_event=due.event.id, type=due.event.type)


def _ignore(database: Database, due: Due) -> None:
    """Kept, and not acted on: no part of this version has asked for its type."""
    with database.transaction() as tx:
        if (row := _held(tx, due)) is not None:
            row.state, row.handled_at = InboxState.IGNORED, app_now(tx)


def _quarantine(database: Database, due: Due, reason: Quarantine) -> None:
    with database.transaction() as tx:
        if (row := _held(tx, due)) is not None:
            row.state, row.quarantined_for = InboxState.QUARANTINED, reason
    log.error("stripe_event.quarantined", stripe_event=due.event.id, type=due.event.type, reason=reason.value)


def _step_aside(database: Database, due: Due) -> None:
    """Somebody is at this object: come back when he is done. That was no attempt."""
    with database.transaction() as tx:
        if (row := _held(tx, due)) is not None:
            row.due_at, row.attempts = app_now(tx) + BUSY, row.attempts - 1


def _try_later(database: Database, due: Due, error: Exception) -> None:
    with database.transaction() as tx:
        row = _held(tx, due)
        if row is None:
            return
        row.error = told(error)
        if row.attempts >= ATTEMPTS:
            row.state = InboxState.FAILED
            log.error("stripe_event.given_up", stripe_event=row.event_id, type=row.type, error=row.error)
            return
        row.due_at = app_now(tx) + min(RETRY * 2 ** (row.attempts - 1), LONGEST_RETRY)


def _put_back(database: Database, due: Due, error: Exception, *, after: timedelta) -> None:
    """Not this event's fault: it keeps its attempt."""
    with database.transaction() as tx:
        if (row := _held(tx, due)) is not None:
            row.error, row.due_at, row.attempts = told(error), app_now(tx) + after, row.attempts - 1


def _held(tx: Tx, due: Due) -> InboxEvent | None:
    """The event's row, locked; None when it is settled, or somebody else took it after our lease."""
    row = tx.get_one(InboxEvent, (due.endpoint, due.event.id), with_for_update=True)
    if row.state is InboxState.WAITING and row.due_at == due.leased_until:
        return row
    log.warning("stripe_event.lease_lost", stripe_event=due.event.id, state=row.state.value)
    return None
