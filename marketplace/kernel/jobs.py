"""Background jobs: the only door to procrastinate. Jobs live in PostgreSQL, deferred in our own transactions."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.retry import RetryStrategy
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from marketplace.kernel.db import Database, Role, Tx, normalised_url
from marketplace.kernel.dead_letters import keep_error

Task = Callable[..., None]
ATTEMPTS = 8
CONCURRENCY = 4
HEARTBEAT_SECONDS = 2.0
STALLED_AFTER_SECONDS = 10
RESTART_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task by its name with JSON arguments. Jobs with the same `lock` run one after another."""

    task: str
    args: Mapping[str, str] = field(default_factory=dict)
    lock: str | None = None


def defer(tx: Tx, jobs: Sequence[Job]) -> None:
    """Write `jobs` in this transaction: they run after it commits, and not otherwise."""
    if not jobs:
        return
    rows = [{"task": job.task, "lock": job.lock, "args": dict(job.args)} for job in jobs]
    tx.execute(_DEFER, {"jobs": json.dumps(rows)})


_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(array_agg(ROW('default', j.task, 0, j.lock, NULL, j.args, NULL)"
    "::procrastinate_job_to_defer_v1)) FROM jsonb_to_recordset(CAST(:jobs AS jsonb)) "
    "AS j(task text, lock text, args jsonb)"
)


class Waker:
    """Wakes idle job workers after a commit, on a connection of its own (NOTIFY stays out of transactions)."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(normalised_url(url), isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def wake(self) -> None:
        payload = json.dumps({"type": "job_inserted", "job_id": 0})
        with self._engine.connect() as connection:
            connection.execute(
                text("SELECT pg_notify('procrastinate_any_queue_v1', :payload)"), {"payload": payload}
            )


def run_worker(url: str, tasks: Mapping[str, Task], *, stop: Event) -> None:
    """Run jobs until `stop`; a failing job is retried with growing pauses, then left failed for a person.

    Outlives the database: when it goes away the worker begins anew, and what it was doing is rescued.
    """
    errors = Database(url, role=Role.BACKGROUND, connections=1, process="jobs")
    remembered = {name: _remembering(task, errors) for name, task in tasks.items()}
    while not stop.is_set():
        try:
            asyncio.run(_work(_app(url, remembered), stop))
        except Exception:  # the edge of a background loop: the next round tries again
            log.exception("jobs.worker_failed")
            stop.wait(RESTART_SECONDS)
    errors.dispose()


def _remembering(task: Task, errors: Database) -> Task:
    """`task`, which leaves what it ran into where an operator can read it."""

    def run(context: JobContext, **args: str) -> None:
        try:
            task(**args)
        except Exception as error:
            with suppress(SQLAlchemyError), errors.transaction() as tx:
                keep_error(tx, job=context.job.id or 0, error=error)
            raise

    return run


async def _work(app: App, stop: Event) -> None:
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=1.0,
                install_signal_handlers=False,
                delete_jobs="successful",
                shutdown_graceful_timeout=2.0,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
            )
        )
        rescuer = asyncio.create_task(_rescue_stalled(app))
        stopping = asyncio.create_task(_until_set(stop))
        parts = {worker, rescuer, stopping}
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            part.cancel()
        ended = await asyncio.gather(*parts, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


async def _until_set(stop: Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)


async def _rescue_stalled(app: App) -> None:
    """Give back jobs whose worker was killed: they would stay `doing` for ever."""
    while True:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
            log.warning("job.rescued", task=job.task_name, job=job.id)
            await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
        await asyncio.sleep(HEARTBEAT_SECONDS)


def _app(url: str, tasks: Mapping[str, Task]) -> App:
    parts = make_url(normalised_url(url)).set(drivername="postgresql")
    connector = PsycopgConnector(
        conninfo=parts.render_as_string(hide_password=False),
        kwargs={"options": f"-c role={Role.BACKGROUND.value}"},
        min_size=1,
        max_size=CONCURRENCY + 2,
    )
    app = App(connector=connector)
    for name, task in tasks.items():
        app.task(
            name=name, pass_context=True, retry=RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2)
        )(task)
    return app
