"""The hub with its database: when it looks, what it renders, and what stops it (nothing)."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest

from marketplace.accounts.session_standing import Standing, find_standing
from marketplace.accounts.sessions import begin_session
from marketplace.accounts.tokens import hash_of
from marketplace.events.commands import record
from marketplace.events.facts import IndexPublished
from marketplace.events.queries import Told
from marketplace.kernel.announcing import FactsAnnouncing
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Tx
from marketplace.kernel.redis import InProcessAnnouncer, RedisAnnouncer
from tests.builders import a_brand, a_person
from tests.redis_server import RedisServer, own_redis_server
from workers_ui.bootstrap import same_transaction_bus
from workers_ui.live import Follower, Hub
from workers_ui.live_fanout import RESYNC, Frame

SOON_SECONDS = 10.0
AN_HOUR_SECONDS = 3_600.0
TOPIC = "numbers"


class Client:
    """One open stream, as the server sees it."""

    def __init__(self, hub: Hub, standing: Standing, *, reads: bool = True, after: str = "") -> None:
        self.heard = b""
        self._reads = reads
        self._gone = asyncio.Event()
        self._changed = asyncio.Event()
        follower = Follower(topics=frozenset({TOPIC}), standing=standing)
        self.task = asyncio.create_task(hub.stream(follower, self._receive, self._send, after=after))

    async def until(self, words: bytes) -> None:
        async with asyncio.timeout(SOON_SECONDS):
            while words not in self.heard:
                self._changed.clear()
                await self._changed.wait()

    async def leave(self) -> None:
        self._gone.set()
        self.task.cancel()

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if not self._reads and b"data" in message.get("body", b""):
            await asyncio.Event().wait()  # a connection whose buffers are full
        self.heard += message.get("body", b"")
        self._changed.set()


class Rendered:
    """Counts what is rendered; refuses the numbers it was told to."""

    def __init__(self, *, refuses: int | None = None) -> None:
        self.numbers: list[int] = []
        self._refuses = refuses

    def __call__(self, _tx: Tx, facts: Sequence[Told]) -> Iterable[tuple[Told, Frame]]:
        for told in facts:
            number = told.body["number"]
            self.numbers.append(number)
            if number == self._refuses:
                raise ValueError("no page for this one")
            yield told, Frame(topics=frozenset({TOPIC}), event="number", data={"n": number})


@pytest.fixture
def standing(background: Database) -> Standing:
    with background.transaction() as tx:
        token = begin_session(tx, person=a_person(tx), session_hours=1, now=app_now(tx)).token
        found = find_standing(tx, hash_of(token), now=app_now(tx))
    assert found is not None
    return found


@pytest.fixture
def tell(background: Database) -> Callable[[int], None]:
    with background.transaction() as tx:
        brand = a_brand(tx)

    def publish(number: int) -> None:
        with background.transaction() as tx:
            record(tx, IndexPublished(brand=brand, number=number))

    return publish


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with own_redis_server() as server:
        yield server


def numbers(found: int) -> bytes:
    return f'{{"n":{found}}}'.encode()


async def running(hub: Hub) -> None:
    hub.start()
    assert await hub.has_begun()


def test_each_fact_is_rendered_once_however_many_listen_and_a_stuck_one_holds_up_nobody(
    db: Database, standing: Standing, tell: Callable[[int], None]
) -> None:
    render = Rendered()

    async def play() -> None:
        hub = Hub(db, render, InProcessAnnouncer())
        await running(hub)
        stuck = Client(hub, standing, reads=False)
        clients = [Client(hub, standing) for _ in range(20)]
        await asyncio.sleep(0)
        for number in range(5):
            await asyncio.to_thread(tell, 100 + number)
        for client in clients:
            await client.until(numbers(104))
            assert client.heard.count(b"event: number") == 5
        assert hub.open_streams == 21
        for client in (stuck, *clients):
            await client.leave()
        hub.stop()

    asyncio.run(play())
    assert [number for number in render.numbers if number >= 100] == [100, 101, 102, 103, 104]


def test_facts_that_cannot_be_rendered_cost_a_reload_and_not_the_stream(
    db: Database, standing: Standing, tell: Callable[[int], None]
) -> None:
    async def play() -> None:
        hub = Hub(db, Rendered(refuses=7), InProcessAnnouncer())
        await running(hub)
        client = Client(hub, standing)
        await asyncio.sleep(0)
        await asyncio.to_thread(tell, 7)
        await client.until(RESYNC)
        await asyncio.to_thread(tell, 8)
        await client.until(numbers(8))
        await client.leave()
        hub.stop()

    asyncio.run(play())


def test_an_announcement_by_redis_brings_the_look_without_waiting_for_the_next_one(
    database_url: str, db: Database, standing: Standing, redis_server: RedisServer
) -> None:
    prefix = f"test:{uuid4().hex}:"
    here, there = (
        RedisAnnouncer(redis_server.url, prefix=prefix),
        RedisAnnouncer(redis_server.url, prefix=prefix),
    )
    announcing = FactsAnnouncing(there)
    other_process = Database(
        database_url,
        role=Role.BACKGROUND,
        connections=1,
        shared={"bus": same_transaction_bus()},
        announce_facts=announcing.announce,
    )

    def tell_from_there(number: int) -> None:
        with other_process.transaction() as tx:
            record(tx, IndexPublished(brand=a_brand(tx), number=number))

    async def play() -> None:
        hub = Hub(db, Rendered(), here, look_seconds=AN_HOUR_SECONDS)
        await running(hub)
        client = Client(hub, standing)
        await asyncio.sleep(0.5)  # until the hub listens
        await asyncio.to_thread(tell_from_there, 3)
        await client.until(numbers(3))
        await client.leave()
        await asyncio.to_thread(here.close)
        hub.stop()

    asyncio.run(play())
    announcing.close()
    there.close()
    other_process.dispose()


def test_without_its_redis_the_hub_looks_by_itself_and_hears_it_again_later(
    db: Database, standing: Standing, tell: Callable[[int], None], redis_server: RedisServer
) -> None:
    announcer = RedisAnnouncer(redis_server.url)

    async def play() -> None:
        hub = Hub(db, Rendered(), announcer)
        await running(hub)
        client = Client(hub, standing)
        await asyncio.sleep(0)
        for number, change in enumerate((redis_server.kill, redis_server.start, redis_server.kill)):
            await asyncio.to_thread(tell, 10 * number)
            await client.until(numbers(10 * number))
            await asyncio.to_thread(change)
            await asyncio.to_thread(tell, 10 * number + 1)
            await client.until(numbers(10 * number + 1))
        assert RESYNC not in client.heard
        await client.leave()
        hub.stop()

    asyncio.run(play())
    announcer.close()


def test_a_restarted_hub_still_knows_what_was_told_lately(
    db: Database, standing: Standing, tell: Callable[[int], None]
) -> None:
    tell(1)

    async def first() -> str:
        hub = Hub(db, Rendered(), InProcessAnnouncer())
        await running(hub)
        client = Client(hub, standing)
        await asyncio.sleep(0)
        await asyncio.to_thread(tell, 2)
        await client.until(numbers(2))
        await client.leave()
        hub.stop()
        return client.heard.partition(b"id: ")[2].partition(b"\n")[0].decode()

    last_heard = asyncio.run(first())
    tell(3)

    async def second() -> None:
        hub = Hub(db, Rendered(), InProcessAnnouncer())
        await running(hub)
        client = Client(hub, standing, after=last_heard)
        await client.until(numbers(3))
        assert numbers(2) not in client.heard
        assert RESYNC not in client.heard
        await client.leave()
        hub.stop()

    asyncio.run(second())
