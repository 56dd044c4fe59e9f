"""Who follows what in this process: frames found by one look leave in one send to each stream they concern.

Everything here runs on the event loop. A send costs the same whatever it carries, so frames are joined, once for each
combination of topics that somebody follows, and all who follow it are handed the same bytes. Nobody is waited for:
each stream has a bounded queue of its own, and one that falls behind is told to reload its page (`resync`).
"""

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest

from marketplace.events.queries import START, BadCursor, Cursor

QUEUE_BYTES = 1_000_000  # more than a page weighs: whoever is further behind is better off reloading
PACKED_LEVEL = 1
HISTORY_FRAMES = 5_000
STREAMS_AT_ONCE = 200  # how many are handed their frames before other requests get a turn
CLOCK_MARGIN = timedelta(seconds=1)  # between a page's time and the moment its rows were read

RESYNC = b"event: resync\ndata: {}\n\n"
GZIP_BEGIN = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])


def packed(chunk: bytes) -> bytes:
    """`chunk` as a piece of any gzip stream: it refers to nothing before it, so all streams can carry the same bytes.

    A row shrinks to a fifth, many rows in one chunk to less. The stream never comes to gzip's checksum at its end.
    """
    packer = zlib.compressobj(PACKED_LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event for everyone who follows one of `topics`."""

    topics: frozenset[str]
    event: str
    data: dict[str, object]

    def encoded(self) -> bytes:
        return f"event: {self.event}\ndata: {json.dumps(self.data, separators=(',', ':'))}\n\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A frame ready to be sent. `fact` is the place of the fact it tells of."""

    fact: Cursor
    topics: frozenset[str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one look found, at the database's time `at`, up to the fact at `cursor`."""

    at: datetime
    cursor: Cursor
    frames: Sequence[Encoded]


@dataclass(eq=False, slots=True)
class Stream:
    """One open answer. Chunks wait in a bounded queue until its task takes them."""

    topics: frozenset[str]
    packs: bool = False
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    behind: bool = False
    over: bool = False
    woken: asyncio.Future[None] | None = None

    def own(self, chunk: bytes) -> bytes:
        """`chunk` as this stream carries it."""
        return packed(chunk) if self.packs else chunk

    def offer(self, chunk: bytes) -> None:
        """`chunk` is next, as `own` made it."""
        if self.size + len(chunk) > QUEUE_BYTES:
            self.behind = True
            self.chunks.clear()
            self.size = 0
        if not self.behind:
            self.chunks.append(chunk)
            self.size += len(chunk)
        self._wake()

    def end(self) -> None:
        self.over = True
        self._wake()

    async def next(self) -> bytes:
        """What to send next, all that waits at once; nothing when the stream is over."""
        while not (self.over or self.behind or self.chunks):
            self.woken = asyncio.get_running_loop().create_future()
            await self.woken
        return b"" if self.over else self._take()

    def _take(self) -> bytes:
        taken = self.own(RESYNC) if self.behind else b"".join(self.chunks)  # a single one is not copied
        self.chunks.clear()
        self.size, self.behind = 0, False
        return taken

    def _wake(self) -> None:
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class Fanout:
    """The open streams of this process, and what was sent lately for those who come back."""

    def __init__(self, *, history_frames: int = HISTORY_FRAMES) -> None:
        self.streams: set[Stream] = set()
        self._followers: dict[str, set[Stream]] = {}
        self._history_frames = history_frames
        self._history: deque[Batch] = deque()
        self._frames_kept = 0
        self._forgotten_at: datetime | None = None
        self._forgotten = START
        self.cursor = START

    def begin(self, cursor: Cursor, at: datetime) -> None:
        """Nothing before `cursor` is known here."""
        self.cursor = self._forgotten = cursor
        self._forgotten_at = at
        self._history.clear()
        self._frames_kept = 0

    def join(self, stream: Stream, *, after: str = "", since: str = "") -> None:
        """Let `stream` follow its topics from now on, and first what it missed `after` an event or `since` a time."""
        missed = self._missed(stream.topics, after=after, since=since)
        if missed:
            stream.offer(stream.own(missed))
        self.streams.add(stream)
        for topic in stream.topics:
            self._followers.setdefault(topic, set()).add(stream)

    def leave(self, stream: Stream) -> None:
        self.streams.discard(stream)
        for topic in stream.topics:
            followers = self._followers.get(topic, set())
            followers.discard(stream)
            if not followers:
                self._followers.pop(topic, None)

    async def hand_out(self, batch: Batch) -> None:
        """Give each stream its frames of `batch`; returns when all have been handed to their connections."""
        self._remember(batch)
        moved = frozenset[str]().union(*(frame.topics for frame in batch.frames))
        concerned = set[Stream]().union(*(self._followers.get(topic, ()) for topic in moved))
        chunks: dict[tuple[frozenset[str], bool], bytes] = {}
        for number, stream in enumerate(concerned, start=1):
            followed = stream.topics & moved
            chunk = chunks.get((followed, stream.packs))
            if chunk is None:
                chunk = chunks[followed, stream.packs] = stream.own(joined(batch.frames, followed))
            stream.offer(chunk)
            if number % STREAMS_AT_ONCE == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.cursor = batch.cursor

    async def resync_all(self, cursor: Cursor, at: datetime) -> None:
        """Something up to `cursor` cannot be told: everybody reloads."""
        self.begin(cursor, at)
        await self._to_all(RESYNC)

    async def say_here(self) -> None:
        """Keep idle connections open, and let everybody know how far he has come."""
        await self._to_all(f"event: here\nid: {self.cursor}\ndata: {{}}\n\n".encode())

    async def _to_all(self, chunk: bytes) -> None:
        both = {False: chunk, True: packed(chunk)}
        for number, stream in enumerate(list(self.streams), start=1):
            if not stream.chunks:
                stream.offer(both[stream.packs])
            if number % STREAMS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _remember(self, batch: Batch) -> None:
        self._history.append(batch)
        self._frames_kept += len(batch.frames)
        while self._frames_kept > self._history_frames and len(self._history) > 1:
            forgotten = self._history.popleft()
            self._frames_kept -= len(forgotten.frames)
            self._forgotten, self._forgotten_at = forgotten.cursor, forgotten.at

    def _missed(self, topics: frozenset[str], *, after: str, since: str) -> bytes:
        """What a client missed; a reload where the history does not reach back so far."""
        try:
            if after:
                return self._after(topics, Cursor.parse(after))
            return self._since(topics, datetime.fromisoformat(since)) if since else b""
        except (BadCursor, ValueError, TypeError):  # whatever the client sent: start it over
            return RESYNC

    def _after(self, topics: frozenset[str], cursor: Cursor) -> bytes:
        if cursor < self._forgotten:
            return RESYNC
        newer = [batch for batch in self._history if batch.cursor > cursor]
        return joined([frame for batch in newer for frame in batch.frames if frame.fact > cursor], topics)

    def _since(self, topics: frozenset[str], at: datetime) -> bytes:
        if self._forgotten_at is None or at < self._forgotten_at:
            return RESYNC
        newer = [batch for batch in self._history if batch.at >= at - CLOCK_MARGIN]
        return joined([frame for batch in newer for frame in batch.frames], topics)


def joined(frames: Iterable[Encoded], topics: frozenset[str]) -> bytes:
    """The frames for whoever follows `topics`, in one piece.

    A fact's id stands at its last frame: a stream cut off between two frames of one fact hears both again.
    """
    own = [frame for frame in frames if not topics.isdisjoint(frame.topics)]
    pieces: list[bytes] = []
    for frame, following in zip_longest(own, own[1:]):
        if following is None or following.fact != frame.fact:
            pieces.append(f"id: {frame.fact}\n".encode())
        pieces.append(frame.body)
    return b"".join(pieces)
