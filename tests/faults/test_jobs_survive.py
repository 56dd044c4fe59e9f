"""Job workers outlive their database, and jobs outlive their worker."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from marketplace.kernel.jobs import Job, Waker, defer, run_worker
from marketplace.migrations import upgrade

WAIT_SECONDS = 40.0
POLL_SECONDS = 0.05


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(POLL_SECONDS)


@pytest.fixture
def postgres(tmp_path: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(tmp_path / "postgres")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections that the kill tore
def test_a_worker_goes_on_after_its_database_was_killed_under_a_running_job(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    done: list[str] = []
    entered, go_on, stop = threading.Event(), threading.Event(), threading.Event()

    def note(name: str) -> None:
        entered.set()
        go_on.wait(WAIT_SECONDS)
        done.append(name)

    with postgres:
        upgrade(postgres.url)
        database = Database(postgres.url, role=Role.BACKGROUND, connections=2)
        worker = threading.Thread(
            target=run_worker, args=(postgres.url, {"note": note}), kwargs={"stop": stop}, daemon=True
        )
        worker.start()
        with database.transaction() as tx:
            defer(tx, [Job(task="note", args={"name": "before"})])
        Waker(postgres.url).wake()
        assert entered.wait(WAIT_SECONDS)

        os.kill(
            int((tmp_path / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL
        )
        _until(postgres.revive)
        go_on.set()
        with database.transaction() as tx:
            defer(tx, [Job(task="note", args={"name": "after"})])
        _until(lambda: "after" in done and done.count("before") >= 1)
        # What was running when the database died is not left `doing` for ever: it is done, or done again.
        _until(lambda: _unfinished(database) == 0)
        stop.set()
        worker.join(WAIT_SECONDS)
        assert not worker.is_alive()
        database.dispose()


def _unfinished(database: Database) -> int:
    with database.transaction() as tx:
        found = tx.connection().exec_driver_sql(
            "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        )
        return int(found.scalar_one())
