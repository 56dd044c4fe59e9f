"""Live updates: one look at new facts per process, each frame rendered once, many open streams fed from it.

The event table is the truth; an announcement by Redis only makes the look come sooner. A subscriber that falls
behind is told to reload its list (`resync`) instead of being waited for.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from marketplace.events.queries import Cursor, Told, facts_after, newest
from marketplace.kernel.db import PLATFORM, Database, Tx

LOOK_SECONDS = 0.1
KEEP_ALIVE_SECONDS = 15.0
QUEUE_FRAMES = 200
HISTORY_FRAMES = 1_000
RETRY_MS = 1_500
SUBSCRIBERS_MAX = 10_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event for everyone who follows one of `topics`."""

    topics: frozenset[str]
    event: str
    data: dict[str, object]

    def encoded(self, cursor: Cursor) -> bytes:
        return f"id: {cursor}\nevent: {self.event}\ndata: {json.dumps(self.data)}\n\n".encode()


Renderer = Callable[[Tx, Sequence[Told]], Iterable[tuple[Told, Frame]]]
RESYNC = b"event: resync\ndata: {}\n\n"


@dataclass(eq=False, slots=True)
class Subscriber:
    """One open stream. Frames wait in a bounded queue; `behind` is set when it overflowed."""

    topics: frozenset[str]
    frames: deque[bytes] = field(default_factory=deque)
    behind: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, frame: bytes) -> None:
        if len(self.frames) >= QUEUE_FRAMES:
            self.frames.clear()
            self.behind = True
        self.frames.append(frame)
        self.ready.set()

    def take(self) -> bytes:
        waiting = b"".join([RESYNC] if self.behind else self.frames)
        self.frames.clear()
        self.behind = False
        self.ready.clear()
        return waiting


class Hub:
    """Reads facts in a thread of its own and hands frames to the streams of this process."""

    def __init__(self, database: Database, render: Renderer) -> None:
        self._database = database
        self._render = render
        self._subscribers: set[Subscriber] = set()
        self._history: deque[tuple[Cursor, frozenset[str], bytes]] = deque(maxlen=HISTORY_FRAMES)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="live", daemon=True)
        self.closing = asyncio.Event()

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def end_streams(self) -> None:
        """Let every open stream finish, so that the server can stop; safe from a signal handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.closing.set)

    async def stream(self, topics: frozenset[str], after: str, receive: Receive, send: Send) -> None:
        """Answer one request with frames until the client leaves or the server stops."""
        subscriber = Subscriber(topics=topics)
        self._subscribers.add(subscriber)
        leaving = asyncio.create_task(_left(receive))
        closing = asyncio.create_task(self.closing.wait())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _send(send, f"retry: {RETRY_MS}\n\n".encode() + self._missed(topics, after))
            while not (leaving.done() or closing.done()):
                ready = asyncio.create_task(subscriber.ready.wait())
                await asyncio.wait(
                    {ready, leaving, closing},
                    timeout=KEEP_ALIVE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                ready.cancel()
                if not leaving.done():
                    await _send(send, subscriber.take() or b": here\n\n")
            if not leaving.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            log.debug("live.client_gone")
        finally:
            self._subscribers.discard(subscriber)
            leaving.cancel()
            closing.cancel()

    @property
    def is_full(self) -> bool:
        return len(self._subscribers) >= SUBSCRIBERS_MAX

    def _missed(self, topics: frozenset[str], after: str) -> bytes:
        """What a returning client missed; a reload where the history no longer reaches back."""
        if not after:
            return b""
        try:
            cursor = Cursor.parse(after)
        except Exception:  # whatever the client sent as its last event id: start it over
            return RESYNC
        known = list(self._history)
        if not known or (cursor.xid, cursor.id) < (known[0][0].xid, known[0][0].id):
            return RESYNC
        return b"".join(
            frame for at, to, frame in known if (at.xid, at.id) > (cursor.xid, cursor.id) and to & topics
        )

    def _read(self) -> None:
        cursor: Cursor | None = None
        while not self._stop.wait(LOOK_SECONDS):
            try:
                cursor = self._look(cursor)
            except Exception:  # the edge of a background loop: the next look tries again
                log.exception("live.look_failed")
                self._stop.wait(1.0)

    def _look(self, cursor: Cursor | None) -> Cursor:
        with self._database.transaction(PLATFORM) as tx:
            if cursor is None:
                return newest(tx)
            facts = facts_after(tx, cursor)
            frames = [
                (told.cursor, frame.topics, frame.encoded(told.cursor))
                for told, frame in self._render(tx, facts)
            ]
        if frames and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_out, frames)
        return facts[-1].cursor if facts else cursor

    def _hand_out(self, frames: list[tuple[Cursor, frozenset[str], bytes]]) -> None:
        self._history.extend(frames)
        for subscriber in self._subscribers:
            for _, topics, frame in frames:
                if topics & subscriber.topics:
                    subscriber.offer(frame)


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class LiveEndpoint:
    """`GET /live`, as plain ASGI: it keeps no connection to the database while the stream is open."""

    def __init__(self, topics_of: Callable[[Request], frozenset[str] | None]) -> None:
        self._topics_of = topics_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        hub: Hub = request.app.state.services.hub
        topics = await asyncio.to_thread(self._topics_of, request)
        if topics is None or hub.is_full:
            status = 401 if topics is None else 503
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        after = request.headers.get("last-event-id", "")
        await hub.stream(topics, after, receive, send)
