"""The other end of `benchmarks.live`: a process that holds thousands of open streams and notes when each event came.

Reads a job as one JSON line on standard input, says `ready` when every stream is open, then reads the times of the
commits as a second line and answers with one JSON line.
"""

import asyncio
import json
import re
import resource
import statistics
import sys
import time
import zlib
from array import array
from typing import Any, cast
from urllib.parse import urlsplit

import numpy
import uvloop

OPENING_AT_ONCE = 100
OPEN_SECONDS = 60.0
EVENT_ID = re.compile(rb"\nid: (\d+)-\d+\n")


class Listeners:
    """What all streams heard: one entry for each chunk of each stream, and each distinct chunk parsed once."""

    def __init__(self) -> None:
        self.streams = array("i")
        self.chunks = array("i")
        self.times = array("d")
        self.heard: list[tuple[int, ...]] = []
        self._known: dict[bytes, int] = {}

    def note(self, stream: int, chunk: bytes) -> None:
        known = self._known.get(chunk)
        if known is None:
            known = self._known[chunk] = len(self.heard)
            self.heard.append(tuple(int(found) for found in EVENT_ID.findall(unpacked(chunk))))
        self.streams.append(stream)
        self.chunks.append(known)
        self.times.append(time.monotonic())


def unpacked(data: bytes) -> bytes:
    """The events in one or more HTTP chunks, each a gzip stream's piece that stands for itself."""
    events = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        events += b"\n" + zlib.decompressobj(-zlib.MAX_WBITS).decompress(rest[: int(size, 16)])
        data = rest[int(size, 16) + 2 :]
    return events


class Stream(asyncio.Protocol):
    """One open stream. The server writes whole HTTP chunks; a read that ends in the middle of one waits."""

    def __init__(self, number: int, request: bytes, listeners: Listeners) -> None:
        self._number = number
        self._request = request
        self._listeners = listeners
        self._begun = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._begun:
            data = self._begun + data
            self._begun = b""
        if not self.opened.done():
            self._begun = self._opening(data)
            return
        whole = _whole(data)
        self._begun = data[whole:]
        if whole:
            self._listeners.note(self._number, data[:whole])

    def _opening(self, data: bytes) -> bytes:
        """Past the head and the greeting's chunk; all of it again while it is not complete."""
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a stream was answered {head[:60]!r}")
        if not (whole := _whole(body)):
            return data
        self.opened.set_result(None)
        return body[whole:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def _whole(data: bytes) -> int:
    """How many bytes of `data` are whole HTTP chunks."""
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        following = end + 4 + int(data[at:end], 16)
        if following > len(data):
            break
        at = following
    return at


async def listen(job: dict[str, Any]) -> None:
    parts = urlsplit(job["address"])
    loop = asyncio.get_running_loop()
    listeners = Listeners()
    opening = asyncio.Semaphore(OPENING_AT_ONCE)
    streams: list[Stream] = []

    async def open_one(number: int, token: str) -> None:
        request = (
            f"GET /live HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {job['cookie']}={token}\r\n"
            "Accept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n"
        ).encode()
        async with opening:
            _, stream = await loop.create_connection(
                lambda: Stream(number, request, listeners), parts.hostname, parts.port
            )
            streams.append(stream)
            await asyncio.wait_for(stream.opened, OPEN_SECONDS)

    await asyncio.gather(*(open_one(number, token) for number, token in enumerate(job["tokens"])))
    print("ready", flush=True)
    before = _cpu()
    told = await loop.run_in_executor(None, sys.stdin.readline)
    spent = _cpu() - before
    answer = _summary(listeners, {int(xid): at for xid, at in json.loads(told).items()})
    lost = sum(stream.lost for stream in streams)
    print(json.dumps(answer | {"streams_lost": lost, "client_cpu_s": spent}), flush=True)


def _summary(listeners: Listeners, commits: dict[int, float]) -> dict[str, float]:
    heard_by: dict[int, set[int]] = {}
    waits: list[float] = []
    for stream, chunk, at in zip(listeners.streams, listeners.chunks, listeners.times, strict=True):
        heard = heard_by.setdefault(stream, set())
        for xid in listeners.heard[chunk]:
            if xid in commits and xid not in heard:
                heard.add(xid)
                waits.append(at - commits[xid])
    p50, p99 = numpy.percentile(waits, [50, 99]) if waits else (0.0, 0.0)
    return {
        "delivered": sum(map(len, heard_by.values())),
        "chunks": len(listeners.chunks),
        "p50_ms": float(p50) * 1000,
        "p99_ms": float(p99) * 1000,
        "max_ms": max(waits, default=0.0) * 1000,
        "mean_ms": statistics.fmean(waits) * 1000 if waits else 0.0,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(listen(json.loads(sys.stdin.readline())))
