"""What every answer carries and every request must keep to, whatever its handler does."""

import re
from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marketplace.kernel.errors import TooLarge

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'{form_targets}"
)
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
JSON_LIMIT_BYTES = 1_000_000


class Guard:
    """Request ids, security headers and a limit on bodies, as plain ASGI."""

    def __init__(
        self, app: ASGIApp, *, upload_limit_bytes: int, secure: bool, form_targets: tuple[str, ...]
    ) -> None:
        self._app = app
        self._upload_limit_bytes = upload_limit_bytes
        targets = "".join(f" {target}" for target in form_targets)
        self._headers = {
            "Content-Security-Policy": CONTENT_POLICY.format(form_targets=targets),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(process="web", request=request_id)
        limit = self._upload_limit_bytes if _may_upload(scope) else JSON_LIMIT_BYTES
        if _declared_length(scope) > limit:
            await _refuse_size(send, limit)
            return

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, _limited(receive, limit), answered)


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise TooLarge(f"This is larger than the limit of {limit:,} bytes.")
        return message

    return counted


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _may_upload(scope: Scope) -> bool:
    return "/knowledge" in scope["path"] or scope["path"].endswith("/imports")


def _declared_length(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse_size(send: Send, limit: int) -> None:
    body = f"This is larger than the limit of {limit:,} bytes. Send it in smaller parts.".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
