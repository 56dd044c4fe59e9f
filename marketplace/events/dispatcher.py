"""Carries committed facts to the jobs that answer them: at least once, in order, in batches."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event as StopEvent

import structlog

from marketplace.events.cursors import advance, held_cursor
from marketplace.events.queries import Told, facts_after
from marketplace.kernel.db import Database
from marketplace.kernel.jobs import Job, Waker, defer

READER = "dispatcher"
PERIOD_SECONDS = 0.1

log = structlog.get_logger()

Answer = Callable[[Told], Job | Sequence[Job]]


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
        cursor = held_cursor(tx, READER)
        facts = facts_after(tx, cursor)
        if not facts:
            return 0
        jobs = {
            str(job): job
            for fact in facts
            if fact.kind in answers
            for job in jobs_of(answers[fact.kind](fact))
        }
        defer(tx, list(jobs.values()))
        advance(tx, READER, facts[-1].cursor)
    if jobs:
        waker.wake()
    return len(facts)


def jobs_of(answered: Job | Sequence[Job]) -> Sequence[Job]:
    """One job or several, as several."""
    return (answered,) if isinstance(answered, Job) else answered
