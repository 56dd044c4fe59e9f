"""What every answer carries and every request must keep to, whatever its handler does."""

import re
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers_ui import errors

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'{form_targets}"
)
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
JSON_LIMIT_BYTES = 1_000_000
LONGEST_NUMBER = 18
UPLOADS = re.compile(
    r"/api/v1/(ticket-imports|imports(/[^/]+/files)?)|/b/[^/]+/(knowledge(/.*)?|tickets/imports)"
)


class Guard:
    """Request ids, security headers, a limit on bodies and the last word on defects, as plain ASGI."""

    def __init__(
        self, app: ASGIApp, *, upload_limit_bytes: int, secure: bool, form_targets: tuple[str, ...]
    ) -> None:
        self._app = app
        self._upload_limit_bytes = upload_limit_bytes
        targets = "".join(f" {target}" for target in form_targets)
        headers = {
            "Content-Security-Policy": CONTENT_POLICY.format(form_targets=targets),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        self._encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(process="web", request=request_id)
        begun = False

        async def answered(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._complete(message, scope["path"], request_id)
            await send(message)

        try:
            await self._serve(scope, receive, answered)
        except Exception as error:  # the edge of a request
            if begun:
                raise  # half an answer is out: the server cuts the connection
            await errors.defect(Request(scope), error)(scope, receive, answered)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._upload_limit_bytes if UPLOADS.fullmatch(scope["path"]) else JSON_LIMIT_BYTES
        if _declared_length(scope) > limit:
            refusal = errors.answer(Request(scope), 413, "too_large", _too_large(limit))
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _limited(receive, limit), send)

    def _complete(self, start: Message, path: str, request_id: str) -> None:
        headers: list[tuple[bytes, bytes]] = start["headers"]
        given = {name for name, _ in headers}
        headers.append((b"x-request-id", request_id.encode()))
        headers += [header for header in self._encoded if header[0] not in given]
        may_be_kept = start["status"] < HTTPStatus.BAD_REQUEST and path.startswith("/static/")
        if not may_be_kept and b"cache-control" not in given:
            headers.append((b"cache-control", b"no-store"))


def _limited(receive: Receive, limit: int) -> Receive:
    """For bodies that do not say how long they are."""
    received = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            # FastAPI makes a 400 of any other exception that comes while it reads a body.
            raise HTTPException(413, _too_large(limit))
        return message

    return counted


def _too_large(limit: int) -> str:
    return f"This is larger than the limit of {limit:,} bytes. Send it in smaller parts."


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _declared_length(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length[:LONGEST_NUMBER]) if length.isdigit() else 0
