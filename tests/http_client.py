"""A keep-alive HTTP client as thin as it can be, so that the load's own cost does not stand in the figure."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str

    async def get(self, path: str, *, cookie: str) -> int:
        """The status of a page; its body is read and dropped."""
        return await self._ask(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nCookie: {cookie}\r\n\r\n")

    async def post(self, path: str, *, token: str) -> int:
        """The status of a POST without a body."""
        return await self._ask(
            f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    async def _ask(self, request: str) -> int:
        self.writer.write(request.encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(_length(head))
        return int(head[9:12])

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
