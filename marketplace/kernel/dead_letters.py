"""Jobs that did not end: what they were, what they ran into, another try or a decision to let them go.

The second leaf of the door to procrastinate (`jobs` is the first): its tables are read here by SQL, so that a
replay is one transaction with the record of who wanted it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from traceback import extract_tb
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict

PAGE_ROWS = 50
REPLAYED_AT_ONCE = 1_000
SAID_LIMIT = 300
_LITERAL = re.compile(r"""\S*["'“(=@0-9].*""", re.DOTALL)


class JobState(StrEnum):
    FAILED = "failed"
    STUCK = "stuck"


class JobIsGone(Conflict):
    """This job is no longer here: it was replayed, discarded, or has ended since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A job after its last attempt, or one that runs without a sign of life. `args` are ids, nothing personal."""

    id: int
    task: str
    args: tuple[tuple[str, str], ...]
    state: JobState
    attempts: int
    since: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTask:
    """How many jobs of one task did not end."""

    task: str
    jobs: int


def dead_letters(tx: Tx, *, page: int = 1) -> Sequence[DeadLetter]:
    """The newest first, PAGE_ROWS a page."""
    rows = tx.execute(_DEAD, {"limit": PAGE_ROWS, "offset": (page - 1) * PAGE_ROWS})
    return [_letter(row) for row in rows]


def dead_tasks(tx: Tx) -> Sequence[DeadTask]:
    rows = tx.execute(_BY_TASK)
    return [DeadTask(task=row.task_name, jobs=row.jobs) for row in rows]


def replay(tx: Tx, job: int) -> str:
    """Give a job all its attempts again; the task's name. Raises JobIsGone."""
    task = tx.execute(_REPLAY_ONE, {"job": job}).scalar_one_or_none()
    if task is None:
        raise JobIsGone
    return str(task)


def replay_task(tx: Tx, task: str) -> int:
    """Replay up to REPLAYED_AT_ONCE jobs of one task; how many."""
    return len(tx.execute(_REPLAY_TASK, {"task": task, "limit": REPLAYED_AT_ONCE}).all())


def discard(tx: Tx, job: int) -> str:
    """Let a failed job go for good; the task's name. Raises JobIsGone."""
    task = tx.execute(_DISCARD, {"job": job}).scalar_one_or_none()
    if task is None:
        raise JobIsGone
    return str(task)


def keep_error(tx: Tx, *, job: int, error: BaseException) -> None:
    """Remember what a job's last attempt ran into, and forget the errors of jobs that are gone."""
    tx.execute(_KEEP, {"job": job, "kind": type(error).__name__, "said": told(error)})
    tx.execute(_FORGET)


def told(error: BaseException) -> str:
    """What went wrong and where, without what anybody wrote: values may stand in any message but our own."""
    if isinstance(error, AppError):
        words = error.detail.splitlines()[0]
    else:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        first = (str(cause).splitlines() or [""])[0]
        words = _LITERAL.sub("…", first) if not isinstance(error, KeyError) else "a key is missing"
    return f"{words[:SAID_LIMIT]} ({_place(error)})"


def _place(error: BaseException) -> str:
    frames = extract_tb(error.__traceback__)
    if not frames:
        return "no trace"
    last = frames[-1]
    return f"{PurePath(last.filename).name}, line {last.lineno}, {last.name}"


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        task=row.task_name,
        args=tuple((name, _shown(value)) for name, value in sorted(row.args.items())),
        state=JobState.FAILED if row.status == "failed" else JobState.STUCK,
        attempts=row.attempts,
        since=row.since,
        error=row.error,
    )


def _shown(value: object) -> str:
    """Ids as they are; anything else could be somebody's words."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        return "…"


# The view `dead_job` says which jobs these are; it has its place in the migrations.
_DEAD = text("SELECT * FROM dead_job ORDER BY id DESC LIMIT :limit OFFSET :offset")
_BY_TASK = text(
    "SELECT task_name, count(*) AS jobs FROM dead_job GROUP BY task_name ORDER BY count(*) DESC, task_name"
)
_REPLAY_ONE = text(
    "UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL, worker_id = NULL, "
    "abort_requested = false WHERE id = :job AND id IN (SELECT id FROM dead_job) RETURNING task_name"
)
_REPLAY_TASK = text(
    "UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL, worker_id = NULL, "
    "abort_requested = false WHERE id IN (SELECT id FROM dead_job WHERE task_name = :task ORDER BY id LIMIT :limit) "
    "RETURNING id"
)
_DISCARD = text("DELETE FROM procrastinate_jobs WHERE id = :job AND status = 'failed' RETURNING task_name")
_KEEP = text(
    "INSERT INTO job_error (job_id, kind, said, at) VALUES (:job, :kind, :said, app_now()) "
    "ON CONFLICT (job_id) DO UPDATE SET kind = excluded.kind, said = excluded.said, at = excluded.at"
)
_FORGET = text(
    "DELETE FROM job_error WHERE job_id IN (SELECT r.job_id FROM job_error r "
    "WHERE NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.id = r.job_id) LIMIT 100)"
)
