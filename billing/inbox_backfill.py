"""Closing gaps in delivery: once a day each account's own list of events is read, and what was never told taken in."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import literal, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.gateway import CallRejected, CallUnknown
from billing.inbox import take_in
from billing.inbox_events import Endpoint, event_of
from billing.inbox_handlers import HANDLERS
from billing.inbox_models import EventSource, StripeBackfill
from billing.inbox_work import Handlers
from billing.models import StripeAccount
from billing.observing import Observer
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx

PLATFORM_ACCOUNT = ""
LOOKS_BACK = timedelta(days=3)
LOOKS_AGAIN = timedelta(days=1)
AFTER_A_FAILURE = timedelta(minutes=5)
ACCOUNTS_PER_SWEEP = 100

log = structlog.get_logger()


def begin_backfill(database: Database) -> None:
    """Every account is due: nobody listened while this process was not there."""
    with database.transaction() as tx:
        tx.execute(update(StripeBackfill).values(due_at=app_now(tx)))


def backfill_due(database: Database, observer: Observer, handlers: Handlers = HANDLERS) -> int:
    """Read the events of up to ACCOUNTS_PER_SWEEP accounts that are due, the platform's first; how many came in."""
    with database.transaction() as tx:
        now = app_now(tx)
        _name_accounts(tx, now)
        due = tx.scalars(
            select(StripeBackfill.account)
            .where(StripeBackfill.due_at <= now)
            .order_by(StripeBackfill.account != PLATFORM_ACCOUNT, StripeBackfill.due_at)
            .limit(ACCOUNTS_PER_SWEEP)
        ).all()
    return sum(_backfill(database, observer, handlers, account, now) for account in due)


def _name_accounts(tx: Tx, now: datetime) -> None:
    """A row for the platform and for each worker's account that has none yet."""
    accounts = select(StripeAccount.account, literal(now)).where(StripeAccount.account.is_not(None))
    everybody = accounts.union_all(select(literal(PLATFORM_ACCOUNT), literal(now)))
    rows = insert(StripeBackfill).from_select(["account", "due_at"], everybody, include_defaults=False)
    tx.execute(rows.on_conflict_do_nothing())


def _backfill(database: Database, observer: Observer, handlers: Handlers, account: str, now: datetime) -> int:
    try:
        came_in = sum(
            _take_in(database, handlers, account, page)
            for page in observer.events_since(now - LOOKS_BACK, account=account or None)
        )
    except CallUnknown as unknown:
        log.warning("stripe_backfill.waits", account=account, reason=str(unknown))
        _read(database, account, again=now + AFTER_A_FAILURE, read_at=None)
        return 0
    except CallRejected as refusal:
        log.warning("stripe_backfill.refused", account=account, reason=str(refusal))
        _read(database, account, again=now + LOOKS_AGAIN, read_at=None)
        return 0
    _read(database, account, again=now + LOOKS_AGAIN, read_at=now)
    if came_in:
        log.warning("stripe_backfill.found", account=account, events=came_in)
    return came_in


def _take_in(database: Database, handlers: Handlers, account: str, page: Sequence[Mapping[str, Any]]) -> int:
    """Those that somebody acts on; an account's list does not name it in each event, so it is written in."""
    endpoint = Endpoint.CONNECT if account else Endpoint.PLATFORM
    told = [{**one, "account": account} if account else dict(one) for one in page]
    wanted = [(one, event_of(one)) for one in told if one["type"] in handlers[endpoint]]
    with database.transaction() as tx:
        fresh = [
            take_in(
                tx,
                endpoint=endpoint,
                event=event,
                body=json.dumps(one).encode(),
                headers={},
                source=EventSource.BACKFILL,
                now=app_now(tx),
            )
            for one, event in wanted
        ]
    return fresh.count(True)


def _read(database: Database, account: str, *, again: datetime, read_at: datetime | None) -> None:
    with database.transaction() as tx:
        row = tx.get_one(StripeBackfill, account, with_for_update=True)
        row.due_at, row.read_at = again, read_at or row.read_at
