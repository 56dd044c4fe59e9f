"""Reading a stranger's file in a process of its own. Nobody else in the product parses.

A file that takes too much memory or time, or that breaks its parser, costs that process its life and is refused
with a sentence; the asking process only ever sees finished, checked documents.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge_base.reading.formats import MAX_UPLOAD_BYTES, NOT_ACCEPTED, Kind, kind_of
from knowledge_base.reading.sandbox import Fence, Limits
from knowledge_base.reading.verdicts import (
    ANSWER_BYTES_MAX,
    BUSY,
    TOO_LARGE,
    Ending,
    fence_of,
    judged,
    read_well,
    refused,
)
from knowledge_base.reading.wire import Reading

__all__ = ["WHILE_SOMEONE_WAITS", "Reading", "read_all_apart", "read_apart"]

WHILE_SOMEONE_WAITS = Limits(cpu_seconds=5, wall_seconds=10.0, niceness=5)
"""For one article that is read while its request is answered."""

CHILDREN_MAX = 4
"""Files that one process has read at the same time; the next waits."""

TURN_SECONDS = 60.0
"""How long a file waits for its turn; longer than the slowest file may take."""

MARGIN_SECONDS = 30.0
"""How much longer than a child's own deadline its answer is waited for, start-up included."""

BLOCK_BYTES = 1 << 20

GROUP_FILES = 50
SHORT_BYTES = 50_000
SHORT_TEXTS = frozenset({Kind.MARKDOWN, Kind.HTML})


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What a child is asked to read."""

    name: str
    kind: Kind
    content: bytes


Ask = Callable[[Sequence[File], Limits], Ending | None]
"""Has the files read by one child; None when it was not started or nobody knows how it ended."""


def read_apart(
    name: str,
    content: bytes,
    *,
    kind: Kind | None = None,
    limits: Limits | None = None,
    ask: Ask | None = None,
) -> Reading:
    """What the file holds. `kind` is for texts without a file's name; a bad file is a refusal, never an exception."""
    kind = kind or kind_of(name)
    if kind is None:
        return refused(name, NOT_ACCEPTED)
    if len(content) > MAX_UPLOAD_BYTES:
        return refused(name, TOO_LARGE)
    ending = _in_turn([File(name=name, kind=kind, content=content)], limits or Limits(), ask)
    return judged(name, ending) if ending else refused(name, BUSY)


def read_all_apart(files: Sequence[tuple[str, bytes]], *, ask: Ask | None = None) -> Iterator[Reading]:
    """What each of the files (name, content) holds, read when it is asked for.

    Short texts share a child, which saves half of the time that many of them take. When that child does not end
    well, each of its files is read once more in one of its own, and the one to blame is refused.
    """
    for group in _groups(files):
        yield from _read_group(group, ask)


def _groups(files: Sequence[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    for name, content in files:
        if group and not (_is_short(name, content) and _is_short(*group[-1]) and len(group) < GROUP_FILES):
            yield group
            group = []
        group.append((name, content))
    if group:
        yield group


def _is_short(name: str, content: bytes) -> bool:
    return kind_of(name) in SHORT_TEXTS and len(content) <= SHORT_BYTES


def _read_group(group: Sequence[tuple[str, bytes]], ask: Ask | None) -> list[Reading]:
    files = [
        File(name=name, kind=kind, content=content) for name, content in group if (kind := kind_of(name))
    ]
    ending = _in_turn(files, Limits(), ask) if len(files) > 1 else None
    together = read_well(ending, files=len(files)) if ending else None
    return together or [read_apart(name, content, ask=ask) for name, content in group]


def fence_in_use() -> Fence:
    """What keeps files that are read here from the network; for `humancloud doctor`."""
    ending = _in_turn([File(name="probe.md", kind=Kind.MARKDOWN, content=b"Probe.")], Limits())
    return fence_of(ending) if ending else Fence.NONE


_turns = threading.BoundedSemaphore(CHILDREN_MAX)


def _in_turn(files: Sequence[File], limits: Limits, ask: Ask | None = None) -> Ending | None:
    """Have the files read when it is their turn; None when that did not come.

    Once more when the nursery ended meanwhile, which need not be the files' fault.
    """
    if not _turns.acquire(timeout=TURN_SECONDS):
        return None
    try:
        ask = ask or nursery.ask
        return ask(files, limits) or ask(files, limits) or Ending(answer=b"", code=None)
    finally:
        _turns.release()


class _Nursery:
    """The process that forks one child for each file; started by the first file, and again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def ask(self, files: Sequence[File], limits: Limits) -> Ending | None:
        """None when the nursery ended before it told how the child did."""
        deadline = time.monotonic() + limits.wall_seconds + MARGIN_SECONDS
        ours, theirs = socket.socketpair()
        verdict, tells = os.pipe()
        with ours, open(verdict, "rb") as told:
            try:
                process = self._hand_over(limits, theirs.fileno(), tells)
            finally:
                theirs.close()
                os.close(tells)
            if process is None:
                return None
            try:
                answer = _exchange(ours, _request(files), deadline)
            except TimeoutError:  # the nursery should have ended that child long ago
                self._drop(process)
                return Ending(answer=b"", code=None, overdue=True)
            ours.close()
            ending = _ending(answer, told.read())
        if ending is None:
            self._drop(process)
        return ending

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def stop(self) -> None:
        with self._lock:
            self._stop()

    def after_fork(self) -> None:
        """In a fork of this process: the nursery belongs to the other one."""
        self._lock = threading.Lock()
        if self._control is not None:
            self._control.close()
        self._process = self._control = None

    def _hand_over(self, limits: Limits, data: int, tells: int) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._control is None or self._process is None or self._process.poll() is not None:
                self._stop()
                self._process, self._control = _started()
            try:
                socket.send_fds(self._control, [json.dumps(asdict(limits)).encode()], [data, tells])
            except OSError:
                self._stop()
                return None
            return self._process

    def _drop(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            if self._process is process:
                self._stop()

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()  # its children die with it
            self._process.wait()
        self._process = self._control = None


nursery = _Nursery()
atexit.register(nursery.stop)
os.register_at_fork(after_in_child=nursery.after_fork)


def _started() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "knowledge_base.reading.child", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
        )
    # It ends by itself when it is idle: then someone must be waiting, or it stays a zombie.
    threading.Thread(target=process.wait, daemon=True, name="nursery").start()
    return process, ours


_ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
}
"""No secret of this process is known to those that read strangers' files."""


def _request(files: Sequence[File]) -> bytes:
    head = [[file.name, file.kind.value, len(file.content)] for file in files]
    return b"".join([json.dumps(head).encode(), b"\n", *(file.content for file in files)])


def _exchange(data: socket.socket, request: bytes, deadline: float) -> bytes:
    """Send the file and receive the answer, at most one byte more than it may have. Raises TimeoutError."""
    received = bytearray()
    try:
        _wait_until(deadline, data)
        data.sendall(request)
        data.shutdown(socket.SHUT_WR)
        while len(received) <= ANSWER_BYTES_MAX:
            _wait_until(deadline, data)
            block = data.recv(BLOCK_BYTES)
            if not block:
                break
            received += block
    except (BrokenPipeError, ConnectionResetError):
        pass  # the child ended early; its verdict says why
    return bytes(received)


def _wait_until(deadline: float, data: socket.socket) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    data.settimeout(left)


def _ending(answer: bytes, told: bytes) -> Ending | None:
    if not told:
        return None
    verdict = json.loads(told)
    return Ending(
        answer=answer,
        code=verdict["code"],
        overdue=verdict["overdue"],
        peak_bytes=verdict["peak_bytes"],
    )
