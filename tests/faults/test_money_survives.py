"""Whoever does the money work is killed again and again, and so are PostgreSQL and Stripe: everybody is paid once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from benchmarks.crowd import prepare
from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from tests.billing.keeping import House
from tests.billing.paying import PAY, Till, WatchedGateway
from tests.billing.simulating import (
    Simulation,
    Size,
    assert_every_cent_is_accounted_for,
    assert_everybody_was_paid_once,
)
from tests.billing.stripe_server import StripeServer
from workers_ui.bootstrap import same_transaction_bus

SEED = 20_261_127
SIZE = Size(tickets=48, rounds=1, brands=2, workers=12)
PATIENCE_SECONDS = 500.0
LOOK_AGAIN_SECONDS = 0.05
MOST_LIVES = 60
RESOLVED = "SELECT count(*) FROM resolution"
SENT = "SELECT count(*) FROM payout WHERE state = 'accepted'"


class Hands:
    """The process that does the work, and each that takes its place."""

    def __init__(self, database: Database, server: StripeServer) -> None:
        self._database = database
        self._command = [sys.executable, "-m", "tests.billing.money_hand", database.url, server.url]
        self.lives = 0
        self.deadline = time.monotonic() + PATIENCE_SECONDS
        self._running = self._next()

    def until(self, asked: str, least: int) -> None:
        """The work goes on, whoever dies, until `asked` counts so many."""
        self._wait(lambda: self._count(asked) >= least)

    def kill(self) -> None:
        self._running.kill()
        self._running.wait()

    def close(self) -> None:
        """Nobody is left behind."""
        if self._running.poll() is None:
            self.kill()

    def finish(self) -> None:
        self._wait(lambda: self._running.poll() == 0)

    def _wait(self, done: Callable[[], bool]) -> None:
        while not done():
            assert time.monotonic() < self.deadline, "the work does not come to its end"
            if self._running.poll() not in (None, 0):
                self._running = self._next()
            time.sleep(LOOK_AGAIN_SECONDS)

    def _next(self) -> "subprocess.Popen[bytes]":
        self.lives += 1
        assert self.lives < MOST_LIVES
        return subprocess.Popen([*self._command, str(SEED + self.lives)])

    def _count(self, asked: str) -> int:
        try:
            with self._database.transaction() as tx:
                return int(tx.execute(text(asked)).scalar_one())
        except DBAPIError:  # killed; it comes back
            return 0


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections that the kills tore
def test_everybody_is_paid_once_though_worker_database_and_stripe_are_killed_in_the_middle(
    tmp_path: Path,
) -> None:
    server = StripeServer(tmp_path / "stripe")
    server.start()
    with closing(server), EmbeddedPostgres(tmp_path / "postgres") as postgres:
        prepare(postgres.url)
        database = Database(
            postgres.url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()}
        )
        till = Till(database=database, server=server, gateway=WatchedGateway(server, database))
        house = House.of(till, float_minor=SIZE.tickets * PAY.amount_minor)
        Simulation(house=house, senders=(), size=SIZE, chance=Random(SEED)).prepare()
        with closing(Hands(database, server)) as hands:
            hands.until(RESOLVED, SIZE.tickets // 4)
            hands.kill()
            hands.until(RESOLVED, SIZE.tickets // 2)
            kill_postgres(postgres, tmp_path)
            hands.until(SENT, SIZE.workers // 4)
            server.kill()
            server.start()
            hands.until(SENT, SIZE.workers // 2)
            kill_postgres(postgres, tmp_path)
            hands.finish()
        assert hands.lives > 2, "nobody died: this test tested nothing"
        assert_everybody_was_paid_once(house, SIZE.tickets)
        assert_every_cent_is_accounted_for(house)
        database.dispose()


def kill_postgres(postgres: EmbeddedPostgres, folder: Path) -> None:
    pid = int((folder / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    while not postgres.revive():
        time.sleep(LOOK_AGAIN_SECONDS)
