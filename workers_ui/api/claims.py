"""Claiming, for programs that work on a worker's behalf.

It is asked most, and finding a route and calling it cost FastAPI several times what the rest of a claim costs the web
process. So `ShortWay` calls these endpoints itself. FastAPI knows them too, which documents them; they read their two
headers by hand, and what they say of themselves in the OpenAPI document is written out.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from marketplace.kernel.clock import app_now
from marketplace.kernel.errors import AppError, NotSignedIn
from marketplace.kernel.ids import TicketId
from marketplace.tickets import pool
from marketplace.tickets.worker_stops import with_reason
from workers_ui import errors
from workers_ui.api.schemas import HoldOut
from workers_ui.deps import KEY_SAYS, TokenNeeded, services, worker_of_token
from workers_ui.idempotency import KEY_LIMIT, once

router = APIRouter(tags=["pool"])

BY_TOKEN: dict[str, Any] = {"security": [{"sessionToken": []}]}
BY_TOKEN_ONCE: dict[str, Any] = BY_TOKEN | {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": KEY_LIMIT},
            "description": KEY_SAYS,
        }
    ]
}


@router.post("/tickets/{ticket}/claim", response_model=HoldOut, openapi_extra=BY_TOKEN)
async def claim(ticket: UUID, request: Request) -> Response:
    """Claim this ticket. 409 when somebody else holds it, with the `next_best` for you to claim; claiming
    your own again returns the same lease."""
    return await _claimed(request, TicketId(ticket))


@router.post("/claims", response_model=HoldOut, openapi_extra=BY_TOKEN_ONCE)
async def claim_next(request: Request) -> Response:
    """Claim the best ticket you may have; 404 when there is none, 409 when you hold as many as you may."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return await _claimed(request, None)
    return JSONResponse(await run_in_threadpool(_claim_once, request, key))


class ShortWay:
    """Claims past FastAPI, as plain ASGI; everything else goes to `app`."""

    def __init__(self, app: ASGIApp, *, guard: Callable[[ASGIApp], ASGIApp]) -> None:
        """`guard` is what else `app` has around its routes."""
        self._app = app
        self._claims = guard(_answer_claim)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["endpoint"] = _endpoint(scope)
        await (self._claims if scope["endpoint"] else self._app)(scope, receive, send)


async def _answer_claim(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive, send)
    try:
        response = await scope["endpoint"](request)
    except Exception as error:  # the edge of a request; what nobody expected goes on to the guard
        response = errors.expected(request, error)
    await response(scope, receive, send)


def _endpoint(scope: Scope) -> Callable[[Request], Awaitable[Response]] | None:
    """The endpoint for a claim; None for anything else."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    if scope["path"] == "/api/v1/claims":
        return claim_next
    by_id = _BY_ID.fullmatch(scope["path"])
    return partial(claim, UUID(by_id[1])) if by_id else None


_BY_ID = re.compile(r"/api/v1/tickets/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/claim")


async def _claimed(request: Request, ticket: TicketId | None) -> Response:
    """A claim that shares its commit with those that arrive beside it."""
    try:
        hold = await services(request).claims.claim(_token(request), ticket)
    except NotSignedIn:
        raise TokenNeeded from None
    except (pool.WorkerRestricted, pool.StoppedHere) as refusal:
        raise await run_in_threadpool(_with_reason, request, ticket, refusal) from None
    return JSONResponse(_answer(hold))


def _with_reason(request: Request, ticket: TicketId | None, refusal: AppError) -> AppError:
    """What tells this worker why. Raises WorkSuspended, which does so, when he is."""
    with services(request).database.transaction() as tx:
        return with_reason(tx, refusal, worker=worker_of_token(tx, _token(request)), ticket=ticket)


def _claim_once(request: Request, key: str) -> dict[str, Any]:
    """A claim with its key in the same commit: sent again, it is answered and not made again."""
    with services(request).database.transaction() as tx:
        worker = worker_of_token(tx, _token(request))

        def act() -> dict[str, Any]:
            try:
                return _answer(pool.claim_next(tx, worker=worker))
            except pool.WorkerRestricted as refusal:
                raise with_reason(tx, refusal, worker=worker, ticket=None) from None

        return once(tx, principal=f"worker:{worker}", key=key, asked=["claim"], now=app_now(tx), act=act)


def _token(request: Request) -> str:
    """The bearer's token. Raises TokenNeeded."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenNeeded
    return token.strip()


def _answer(hold: pool.Hold) -> dict[str, Any]:
    """A HoldOut as FastAPI would write it, without its cost."""
    ends = hold.lease_ends_at and hold.lease_ends_at.isoformat().replace("+00:00", "Z")
    return {"ticket": str(hold.ticket), "claim_number": hold.number, "lease_ends_at": ends}
