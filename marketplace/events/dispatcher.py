"""Carries committed facts to the jobs that answer them: at least once, in order, in batches."""

from collections.abc import Callable, Mapping
from threading import Event as StopEvent

import structlog
from sqlalchemy import text

from marketplace.events.queries import START, Cursor, Told, facts_after
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.jobs import Job, Waker, defer

READER = "dispatcher"
PERIOD_SECONDS = 0.1

log = structlog.get_logger()

Answer = Callable[[Told], Job]


def run_dispatcher(
    database: Database, answers: Mapping[str, Answer], waker: Waker, *, stop: StopEvent
) -> None:
    """Look for new facts every 100 ms until `stop`; a failure is logged and tried again."""
    while not stop.wait(PERIOD_SECONDS):
        try:
            while dispatch(database, answers, waker):
                pass
        except Exception:  # the edge of a background loop: the next round tries again
            log.exception("dispatcher.failed")
            stop.wait(1.0)


def dispatch(database: Database, answers: Mapping[str, Answer], waker: Waker) -> int:
    """Defer jobs for one page of facts and move the cursor, in one commit; how many facts it held."""
    with database.transaction() as tx:
        cursor = _cursor(tx)
        facts = facts_after(tx, cursor)
        if not facts:
            return 0
        jobs = {str(job): job for fact in facts if fact.kind in answers for job in [answers[fact.kind](fact)]}
        defer(tx, list(jobs.values()))
        _advance(tx, facts[-1].cursor)
    if jobs:
        waker.wake()
    return len(facts)


def _cursor(tx: Tx) -> Cursor:
    row = tx.execute(
        text("SELECT xid::text AS xid, id FROM event_cursor WHERE reader = :reader FOR UPDATE"),
        {"reader": READER},
    ).one_or_none()
    return START if row is None else Cursor(xid=int(row.xid), id=row.id)


def _advance(tx: Tx, cursor: Cursor) -> None:
    tx.execute(
        text(
            "INSERT INTO event_cursor (reader, xid, id) VALUES (:reader, CAST(:xid AS xid8), :id) "
            "ON CONFLICT (reader) DO UPDATE SET xid = excluded.xid, id = excluded.id"
        ),
        {"reader": READER, "xid": str(cursor.xid), "id": cursor.id},
    )
