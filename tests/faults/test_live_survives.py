"""Open streams outlive Redis and PostgreSQL: nothing that was committed stays untold."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.announcing import FactsAnnouncing
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.kernel.redis import RedisAnnouncer
from marketplace.migrations import upgrade
from marketplace.tickets.pool import claim_ticket
from tests.builders import a_brand, a_worker, an_open_ticket, usd
from tests.redis_server import RedisServer, own_redis_server
from tests.site_process import site
from tests.workers_ui.live_site import Stream, listen
from workers_ui.bootstrap import same_transaction_bus

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05
HEARD_SECONDS = 5.0

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections that the kill tore


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site over a database and a Redis that may both be killed, a worker who listens, another who claims."""

    server: EmbeddedPostgres
    redis: RedisServer
    postmaster: Path
    address: str
    database: Database
    brand: BrandId
    token: str
    busy: WorkerId

    def listen(self, *, after: str = "") -> Stream:
        return listen(self.address, self.token, after=after)

    def post(self) -> TicketId:
        with self.database.transaction() as tx:
            return an_open_ticket(tx, self.brand)

    def claim(self, ticket: TicketId) -> None:
        with self.database.transaction() as tx:
            claim_ticket(tx, ticket=ticket, worker=self.busy)

    def kill_postgres(self) -> None:
        os.kill(int(self.postmaster.read_text().split()[0]), signal.SIGKILL)
        _until(self.server.revive)
        _until(self._answers)

    def _answers(self) -> bool:
        self.database.engine.dispose()
        try:
            with self.database.transaction() as tx:
                return bool(tx.execute(text("SELECT true")).scalar_one())
        except Exception:  # it recovers just now
            return False


@contextmanager
def a_place(folder: Path) -> Iterator[Place]:
    server = EmbeddedPostgres(folder / "postgres")
    with own_redis_server() as redis, server:
        upgrade(server.url)
        announcer = RedisAnnouncer(redis.url)
        announcing = FactsAnnouncing(announcer)
        database = Database(
            server.url,
            role=Role.BACKGROUND,
            connections=2,
            shared={"bus": same_transaction_bus()},
            announce_facts=announcing.announce,
        )
        with database.transaction() as tx:
            tx.execute(text("INSERT INTO installation (money_mode, marked_at) VALUES ('test', app_now())"))
            brand = a_brand(tx, funds=usd(1_000_000))
            listener, busy = a_worker(tx), a_worker(tx, email_cap=1_000)
            person = tx.get_one(Worker, listener).person_id
            token = begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token
        with site(server.url, folder, connections=4, redis_url=redis.url) as running:
            yield Place(
                server=server,
                redis=redis,
                postmaster=folder / "postgres" / "cluster" / "postmaster.pid",
                address=running.address,
                database=database,
                brand=brand,
                token=token,
                busy=busy,
            )
        announcing.close()
        announcer.close()
        database.dispose()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as made:
        yield made


def test_a_stream_hears_every_change_while_redis_is_killed_and_started_again(place: Place) -> None:
    stream = place.listen()
    for disturb in (None, place.redis.kill, place.redis.start, place.redis.kill):
        if disturb is not None:
            disturb()
        ticket = place.post()
        stream.next("pool.upsert", about=ticket)
        place.claim(ticket)
        stream.next("pool.remove", about=ticket)
    assert not stream.over.is_set()


def test_a_drain_of_the_pool_is_heard_to_the_end_though_postgres_is_killed_in_its_middle(
    place: Place,
) -> None:
    stream = place.listen()
    tickets = [place.post() for _ in range(12)]
    for ticket in tickets[:6]:
        place.claim(ticket)
    place.kill_postgres()
    for ticket in tickets[6:]:
        place.claim(ticket)
    for ticket in tickets:
        stream.next("pool.remove", about=ticket)
    assert not stream.over.is_set()


def test_who_reconnects_after_postgres_was_killed_goes_on_where_he_was(place: Place) -> None:
    stream = place.listen()
    place.post()
    stream.next("pool.upsert")
    last = stream.next("pool.waiting").id
    missed = place.post()
    place.kill_postgres()
    later = place.post()
    returned = _listening(lambda: place.listen(after=last))
    for ticket in (missed, later):
        returned.next("pool.upsert", about=ticket)
    assert [one.event for one in returned.everything_for(1.0) if one.event == "resync"] == []


def _listening(attempt: Callable[[], Stream]) -> Stream:
    """A browser tries again until it is answered."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return attempt()
        except AssertionError:
            assert time.monotonic() < deadline


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(POLL_SECONDS)
