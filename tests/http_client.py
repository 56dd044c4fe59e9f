"""A keep-alive HTTP client as thin as it can be, so that the load's own cost does not stand in the figure."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str

    async def get(self, path: str, *, cookie: str) -> int:
        """The status of a page."""
        return (await self._exchange(f"GET {path}", f"Cookie: {cookie}")).status

    async def read(self, path: str, *, token: str) -> int:
        """The status of an answer of the API."""
        return (await self._exchange(f"GET {path}", f"Authorization: Bearer {token}")).status

    async def post(self, path: str, *, token: str) -> int:
        """The status of a POST without a body."""
        return (await self.ask(path, token=token)).status

    async def ask(self, path: str, *, token: str) -> Answer:
        """The answer to a POST without a body."""
        return await self._exchange(f"POST {path}", f"Authorization: Bearer {token}\r\nContent-Length: 0")

    async def _exchange(self, line: str, headers: str) -> Answer:
        self.writer.write(f"{line} HTTP/1.1\r\nHost: {self.host}\r\n{headers}\r\n\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = await self.reader.readexactly(_length(head))
        return Answer(status=int(head[9:12]), body=body)

    def close(self) -> None:
        self.writer.close()


async def connect(address: str) -> Connection:
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    return Connection(reader=reader, writer=writer, host=parts.netloc)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise RuntimeError("the answer does not say its length")
