"""Live updates: one look at new facts per process, each frame rendered once, many open streams fed from it.

The event table is the truth; an announcement, by Redis or within the process, only makes the look come sooner. The
looks set the pace: what a look found is handed out before the next one, which waits until sending has taken at most
half of a core. So under load fewer sends carry more frames each, and requests keep their share of the process.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from random import uniform
from typing import Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from marketplace.accounts.session_standing import Standing, fallen
from marketplace.events.queries import Cursor, Told, before_newest, facts_after
from marketplace.kernel.announcing import FACTS
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.redis import Announcer
from workers_ui.live_fanout import GZIP_BEGIN, Batch, Encoded, Fanout, Frame, Stream

LOOK_SECONDS = 0.1  # without an announcement
UNFOLLOWED_SECONDS = 10.0  # longer than a browser takes to reconnect
FACTS_A_LOOK = 200  # their frames must fit into a stream's queue
TICK_SECONDS = 0.1  # between two looks that found something
TICK_SECONDS_MAX = 1.0
SENDING_SHARE = 0.5  # of one core, at most
KEEP_ALIVE_SECONDS = 15.0
STANDING_SECONDS = 3.0  # how long a stream may outlive its session
STANDINGS_AT_ONCE = 1_000
RETRY_MS, RETRY_SPREAD_MS = 1_500, 2_000  # not everybody at once after a restart
STREAMS_MAX = 10_000
REMEMBERED_FACTS = 1_000  # from before the start, for those who come back after it
BEGIN_SECONDS = 5.0
RETRY_LOOK_SECONDS = 0.5
POLL_SECONDS = 0.1

log = structlog.get_logger()

Renderer = Callable[[Tx, Sequence[Told]], Iterable[tuple[Told, Frame]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Who opens a stream: what he may follow, the standing that lets him, and what he is told first."""

    topics: frozenset[str]
    standing: Standing
    greeting: bytes = b""


class Hub:
    """Reads facts in a thread of its own and feeds the streams of this process."""

    def __init__(
        self,
        database: Database,
        render: Renderer,
        announcer: Announcer,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._database = database
        self._render = render
        self._announcer = announcer
        self._look_seconds = look_seconds
        self._fanout = Fanout()
        self._standings: dict[Stream, Standing] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = asyncio.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="live", daemon=True)
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False
        self._followed_at = time.monotonic()

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._tasks = [
            asyncio.create_task(self._keep_alive()),
            asyncio.create_task(self._watch_standings()),
        ]

    def stop(self) -> None:
        self._stop.set()
        for task in self._tasks:
            task.cancel()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def end_streams(self) -> None:
        """Let every open stream finish, so that the server can stop; safe from a signal handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    @property
    def open_streams(self) -> int:
        return len(self._fanout.streams)

    @property
    def is_full(self) -> bool:
        return self.open_streams >= STREAMS_MAX

    async def has_begun(self) -> bool:
        """Whether the first look is done, after a moment if need be: only then is it known who missed what."""
        try:
            await asyncio.wait_for(self._begun.wait(), BEGIN_SECONDS)
        except TimeoutError:
            return False
        return True

    async def stream(
        self,
        follower: Follower,
        receive: Receive,
        send: Send,
        *,
        after: str = "",
        since: str = "",
        packs: bool = False,
    ) -> None:
        """Answer one request with frames until the client leaves, its session ends or the server stops."""
        stream = Stream(topics=follower.topics, packs=packs)
        stream.over = self._ending
        self._fanout.join(stream, after=after, since=since)
        self._standings[stream] = follower.standing
        leaving = asyncio.create_task(_left(receive))
        leaving.add_done_callback(lambda _: stream.end())
        try:
            headers = [*_HEADERS, *([(b"content-encoding", b"gzip")] if packs else [])]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            retry_ms = RETRY_MS + round(uniform(0, RETRY_SPREAD_MS))  # noqa: S311 - no secret
            begin = stream.own(f"retry: {retry_ms}\n\n".encode() + follower.greeting)
            await _send(send, GZIP_BEGIN + begin if packs else begin)
            while chunk := await stream.next():
                await _send(send, chunk)
            if not leaving.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            log.debug("live.client_gone")
        finally:
            self._fanout.leave(stream)
            self._standings.pop(stream, None)
            leaving.cancel()

    # In the reader's thread

    def _read(self) -> None:
        heard = self._announcer.subscribe(FACTS)
        cursor: Cursor | None = None
        while not self._stop.is_set():
            try:
                cursor = self._look(cursor) if cursor else self._begin()
            except Exception:  # the edge of a background loop: the next look tries again
                log.exception("live.look_failed")
                self._stop.wait(RETRY_LOOK_SECONDS)
            heard.wait(self._look_seconds)
        heard.close()

    def _begin(self) -> Cursor:
        """Read again what was told lately, so that a restart makes nobody reload."""
        with self._database.transaction(PLATFORM) as tx:
            cursor, at = before_newest(tx, facts=REMEMBERED_FACTS), app_now(tx)
        self._on_loop(self._start_at(cursor, at))
        while (reached := self._look(cursor)) != cursor and not self._stop.is_set():
            cursor = reached
        self._on_loop(self._say_begun())
        return cursor

    def _look(self, cursor: Cursor) -> Cursor:
        """Hand out what happened after `cursor`; where the next look goes on."""
        if not self._is_followed():
            return self._pass_over(cursor)
        began = time.monotonic()
        with self._database.transaction(PLATFORM) as tx:
            at = app_now(tx)
            facts = facts_after(tx, cursor, limit=FACTS_A_LOOK)
            if not facts:
                return cursor
            frames = self._frames(tx, facts)
        reached = facts[-1].cursor
        sending = time.process_time()  # not the clock's time: a machine with other work must not make us lazy
        if frames is None:
            self._on_loop(self._fanout.resync_all(reached, at))
        else:
            self._on_loop(self._fanout.hand_out(Batch(at=at, cursor=reached, frames=frames)))
        if len(facts) < FACTS_A_LOOK:
            self._pause(began, sending=time.process_time() - sending)
        return reached

    def _pass_over(self, cursor: Cursor) -> Cursor:
        """Go to the newest fact without reading those before it: who comes later asks for his page again."""
        began = time.monotonic()
        with self._database.transaction(PLATFORM) as tx:
            newest, at = before_newest(tx, facts=0), app_now(tx)
        if newest != cursor:
            self._on_loop(self._fanout.resync_all(newest, at))
        self._pause(began, sending=0.0)
        return newest

    def _frames(self, tx: Tx, facts: Sequence[Told]) -> list[Encoded] | None:
        """None when these facts cannot be told: one that breaks its page must not stop all that follow it."""
        try:
            return [
                Encoded(fact=told.cursor, topics=frame.topics, body=frame.encoded())
                for told, frame in self._render(tx, facts)
            ]
        except (OperationalError, InterfaceError):
            raise  # the database is away: look again
        except Exception:  # the edge of a background loop
            log.exception("live.facts_not_told", first=str(facts[0].cursor), last=str(facts[-1].cursor))
            return None

    def _is_followed(self) -> bool:
        """Whether somebody follows, or did a moment ago and may come back."""
        now = time.monotonic()
        if self.open_streams:
            self._followed_at = now
        return now - self._followed_at < UNFOLLOWED_SECONDS

    def _pause(self, began: float, *, sending: float) -> None:
        tick = max(TICK_SECONDS, min(TICK_SECONDS_MAX, sending / SENDING_SHARE))
        self._stop.wait(max(0.0, began + tick - time.monotonic()))

    def _on_loop(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done on the event loop and wait for it, unless we are to stop."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            return
        doing: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not self._stop.is_set():
            try:
                return doing.result(POLL_SECONDS)
            except TimeoutError:
                continue
        doing.cancel()

    # On the event loop

    async def _start_at(self, cursor: Cursor, at: datetime) -> None:
        self._fanout.begin(cursor, at)

    async def _say_begun(self) -> None:
        self._begun.set()

    def _end_all(self) -> None:
        self._ending = True
        for stream in list(self._fanout.streams):
            stream.end()

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            await self._fanout.say_here()

    async def _watch_standings(self) -> None:
        """End the streams of people who signed out, were suspended or may not follow what they follow."""
        while True:
            await asyncio.sleep(STANDING_SECONDS)
            held = dict(self._standings)
            try:
                ended = await asyncio.to_thread(self._fallen, list(held.values()))
            except Exception:  # the edge of a background loop: the next round asks again
                log.exception("live.standings_not_read")
                continue
            for stream, standing in held.items():
                if standing in ended:
                    stream.end()

    def _fallen(self, standings: Sequence[Standing]) -> set[Standing]:
        ended: set[Standing] = set()
        for first in range(0, len(standings), STANDINGS_AT_ONCE):
            with self._database.transaction(PLATFORM) as tx:
                ended |= fallen(tx, standings[first : first + STANDINGS_AT_ONCE], now=app_now(tx))
        return ended


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept-encoding"),
    (b"x-accel-buffering", b"no"),
]


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class LiveEndpoint:
    """`GET /live`, as plain ASGI: it keeps no connection to the database while the stream is open."""

    def __init__(self, follower_of: Callable[[Request], Follower | None]) -> None:
        self._follower_of = follower_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        hub: Hub = request.app.state.services.hub
        follower = await asyncio.to_thread(self._follower_of, request)
        if follower is None:
            return await _refuse(send, 401)
        if hub.is_full or not await hub.has_begun():
            return await _refuse(send, 503)
        await hub.stream(
            follower,
            receive,
            send,
            after=request.headers.get("last-event-id") or request.query_params.get("after", ""),
            since=request.query_params.get("since", ""),
            packs="gzip" in request.headers.get("accept-encoding", ""),
        )
