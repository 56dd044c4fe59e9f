"""Requests on keep-alive connections as cheap as Python can send them: one thread, one epoll, bytes made beforehand.

The load runs on the server's own cores, as pgbench does beside it: what a client spends is missing in the figure. An
asyncio client spends about 100 µs on a request, this one about 20.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

READ_BYTES = 65_536
WAIT_SECONDS = 30.0
OK = b"HTTP/1.1 200"


def post(address: str, path: str, *, token: str) -> bytes:
    """A POST without a body, as it goes over the wire."""
    host = urlsplit(address).netloc
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """How many requests were answered, and how many a second."""

    answered: int
    rate: float


def press(requests: Iterator[bytes], address: str, *, connections: int, seconds: float) -> Pressed:
    """Send `requests`, on each connection the next as soon as the last is answered with 200.

    Raises RuntimeError for any other answer.
    """
    started = time.perf_counter()
    stop_at = started + seconds
    answered = _exchange(
        [_connection(address) for _ in range(connections)],
        lambda: next(requests) if time.perf_counter() < stop_at else None,
    )
    return Pressed(answered=answered, rate=answered / (time.perf_counter() - started))


def _connection(address: str) -> socket.socket:
    parts = urlsplit(address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=WAIT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _exchange(connections: list[socket.socket], following: Callable[[], bytes | None]) -> int:
    """Keep each connection busy until `following` has no request for it; how many were answered."""
    answered = 0
    open_ones = {connection.fileno(): connection for connection in connections}
    read = dict.fromkeys(open_ones, b"")
    poll = select.epoll()
    for number, connection in open_ones.items():
        poll.register(number, select.EPOLLIN)
        connection.sendall(following() or b"")
    while open_ones:
        ready = poll.poll(WAIT_SECONDS)
        if not ready:
            raise RuntimeError(f"{len(open_ones)} requests were not answered in {WAIT_SECONDS:g} s")
        for number, _ in ready:
            connection = open_ones[number]
            received = connection.recv(READ_BYTES)
            if not received:
                raise RuntimeError("the server closed a connection before its answer")
            answer = read[number] + received
            if not _is_whole(answer):
                read[number] = answer
                continue
            if not answer.startswith(OK):
                raise RuntimeError(f"a request was answered {answer[:200]!r}")
            answered += 1
            read[number] = b""
            request = following()
            if request is None:
                poll.unregister(number)
                open_ones.pop(number).close()
            else:
                connection.sendall(request)
    poll.close()
    return answered


def _is_whole(answer: bytes) -> bool:
    """Whether the head has come, and as much after it as it says. Raises RuntimeError when it does not say."""
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        return False
    _, said, length = head.lower().partition(b"content-length: ")
    if not said:
        raise RuntimeError(f"an answer does not say its length: {answer[:200]!r}")
    return len(body) >= int(length.partition(b"\r\n")[0])
