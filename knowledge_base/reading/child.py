"""`python -m knowledge_base.reading.child`: has every parser loaded, reads no file itself, forks a child for each.

A fork of a loaded process costs milliseconds where a new interpreter costs a second, so every file has a process,
limits and a memory figure of its own, and no file can touch the reading of another. Single-threaded, and it ends
with the process that started it: when the control socket closes.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from knowledge_base.reading.documents import clean
from knowledge_base.reading.formats import Kind
from knowledge_base.reading.readers import read_kind
from knowledge_base.reading.sandbox import Limits, confine
from knowledge_base.reading.verdicts import FAILED, OUT_OF_MEMORY
from knowledge_base.reading.wire import packed

REQUEST_BYTES = 4_096
DESCRIPTORS = 2
LOOK_SECONDS = 1.0
IDLE_SECONDS = 300.0
"""After so long without a file it ends; the next file starts a new one."""


@dataclass(slots=True, kw_only=True)
class _Running:
    """A child at work. `verdict` is the pipe that tells the asking process how it ended."""

    pid: int
    verdict: int
    deadline: float
    overdue: bool = False


class _Nursery:
    """Starts the children, ends the overdue, and reaps them all."""

    def __init__(self, control: socket.socket, woken: int) -> None:
        self._control = control
        self._woken = woken
        self._running: dict[int, _Running] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(woken, select.POLLIN)
        self._idle_since = time.monotonic()

    def serve(self) -> None:
        """Until nobody can ask any more, or nobody has for long."""
        while self._running or time.monotonic() - self._idle_since < IDLE_SECONDS:
            for descriptor, _ in self._poll.poll(LOOK_SECONDS * 1_000):
                if descriptor == self._control.fileno():
                    if not self._take():
                        return
                elif descriptor == self._woken:
                    os.read(self._woken, REQUEST_BYTES)
                else:  # the asker gave up: nobody reads that verdict
                    self._kill(self._running[descriptor])
            self._end_overdue()
            self._reap()

    def close(self) -> None:
        for running in self._running.values():
            self._kill(running)
            os.wait4(running.pid, 0)

    def _take(self) -> bool:
        """Start a child for a request; false when the asking process is gone."""
        message, descriptors, _, _ = socket.recv_fds(self._control, REQUEST_BYTES, DESCRIPTORS)
        if not message:
            return False
        limits = Limits(**json.loads(message))
        data, verdict = descriptors
        pid = os.fork()
        if pid == 0:
            self._become_child(data, verdict, limits)
        os.close(data)
        with contextlib.suppress(OSError):  # the child has done so itself, or is gone
            os.setpgid(pid, pid)
        self._running[verdict] = _Running(
            pid=pid, verdict=verdict, deadline=time.monotonic() + limits.wall_seconds
        )
        self._poll.register(verdict, 0)
        return True

    def _become_child(self, data: int, verdict: int, limits: Limits) -> NoReturn:
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for descriptor in (verdict, self._woken, *self._running):
                os.close(descriptor)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            _answer(data, limits)
        finally:
            os._exit(1)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if now > running.deadline and not running.overdue:
                running.overdue = True
                self._kill(running)

    def _kill(self, running: _Running) -> None:
        for end in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                end(running.pid, signal.SIGKILL)

    def _reap(self) -> None:
        for running in list(self._running.values()):
            pid, status, used = os.wait4(running.pid, os.WNOHANG)
            if pid:
                self._tell(running, os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024)

    def _tell(self, running: _Running, code: int, peak_bytes: int) -> None:
        verdict = {"code": code, "overdue": running.overdue, "peak_bytes": peak_bytes}
        with contextlib.suppress(OSError):  # nobody listens any more
            os.write(running.verdict, json.dumps(verdict).encode())
        self._poll.unregister(running.verdict)
        os.close(running.verdict)
        del self._running[running.verdict]
        self._idle_since = time.monotonic()


def _answer(data: int, limits: Limits) -> NoReturn:
    """In the child: say how it is fenced, read the file, send what it holds, and end."""
    fence = confine(limits)
    _send(data, f"{fence.value}\n".encode())
    try:
        answer = _read(data)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # the edge of this process: whatever a parser raises is how the file ends it
        _send(data, type(error).__name__.encode())
        os._exit(FAILED)
    _send(data, answer)
    os._exit(0)


def _read(data: int) -> bytes:
    return packed(read_kind(kind, name, content) for kind, name, content in _request(data))


def _request(data: int) -> Iterator[tuple[Kind, str, bytes]]:
    """The files asked about: a line of JSON says their names, kinds and sizes, then their contents follow."""
    received = bytearray()
    while block := os.read(data, 1 << 20):
        received += block
    end = received.index(b"\n")
    start = end + 1
    for name, kind, size in json.loads(received[:end]):
        yield Kind(kind), clean(name), bytes(received[start : start + size])
        start += size


def _send(data: int, answer: bytes) -> None:
    left = memoryview(answer)
    while left:
        left = left[os.write(data, left) :]


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks; its end ends this one
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.freeze()
    nursery = _Nursery(control, woken)
    try:
        nursery.serve()
    finally:
        nursery.close()


if __name__ == "__main__":
    main()
