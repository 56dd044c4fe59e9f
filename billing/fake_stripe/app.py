"""The ASGI application: the API, the hosted pages and the switches over one store."""

import asyncio
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import schema
from .api import HANDLERS, Api
from .errors import broken
from .guard import Stranger
from .pages import Pages
from .store import JsonObject, Store
from .switches import Switches
from .webhooks import Deliverer, listen

TOKEN_BYTES = 12


def create_app(
    data: Path, *, public_url: str | None = None, endpoints: Sequence[JsonObject] = ()
) -> Starlette:
    """Fake Stripe over the state file in `data`; raises SdkNotUnderstood when the SDK has moved away.

    `endpoints` (url, secret, connect) take the place of those of the last start; events still waiting go there.
    """
    request_schema = schema.load(data)
    if unknown := set(HANDLERS) - set(request_schema.operations):
        raise schema.SdkNotUnderstood(f"The installed SDK does not send {', '.join(sorted(unknown))}.")
    store = Store(
        data / "fake_stripe.sqlite3",
        api_version=request_schema.api_version,
        wall_clock=time.time,
        new_token=lambda: secrets.token_hex(TOKEN_BYTES),
    )
    with store.transaction():
        for endpoint in endpoints:
            listen(store, endpoint, id_=f"we_{'connect' if endpoint['connect'] else 'platform'}")
    deliverer = Deliverer(store)
    api = Api(store=store, schema=request_schema, public_url=public_url, on_commit=deliverer.wake)
    return Starlette(
        routes=_routes(api, Pages(store), Switches(api)),
        exception_handlers={Stranger: _refuse_stranger, Exception: _show_defect},
        lifespan=_lifespan(store, deliverer),
    )


def _routes(api: Api, pages: Pages, switches: Switches) -> list[Route]:
    return [
        Route("/v1/{path:path}", api.answer, methods=["GET", "POST", "DELETE"]),
        Route("/connect/onboarding/{token}", pages.onboarding, methods=["GET"]),
        Route("/connect/onboarding/{token}", pages.leave_onboarding, methods=["POST"]),
        Route("/checkout/{session}", pages.checkout, methods=["GET"]),
        Route("/checkout/{session}", pages.leave_checkout, methods=["POST"]),
        Route("/_fake/objects/{kind}", switches.look_at_objects, methods=["GET"]),
        Route("/_fake/{name}", switches.look, methods=["GET"]),
        Route("/_fake/{path:path}", switches.turn, methods=["POST"]),
    ]


def _lifespan(store: Store, deliverer: Deliverer) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        delivering = asyncio.create_task(deliverer.run())
        yield
        delivering.cancel()
        with suppress(asyncio.CancelledError):
            await delivering
        store.close()

    return lifespan


async def _show_defect(request: Request, defect: Exception) -> Response:
    """Our own defect: loud here, and to the caller a 500 that Stripe did not store."""
    traceback.print_exception(defect)
    return JSONResponse(broken().body(), status_code=500)


async def _refuse_stranger(request: Request, refusal: Exception) -> Response:
    return JSONResponse({"error": str(refusal)}, status_code=403)
