"""The web process: pages, JSON API and live streams over one set of services."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn
from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from marketplace.kernel import log as logs
from marketplace.kernel.announcing import FactsAnnouncing
from marketplace.kernel.db import Role
from marketplace.kernel.rate_limits import RateLimiter
from marketplace.kernel.redis import connect
from marketplace.kernel.settings import Settings
from workers_ui import api, errors, health, live_frames, live_topics, pages, parts, stripe_webhooks
from workers_ui.api.claims import ShortWay
from workers_ui.claim_desk import ClaimDesk
from workers_ui.forgetting import Forgetting
from workers_ui.live import Hub, LiveEndpoint
from workers_ui.security import Guard
from workers_ui.services import Services
from workers_ui.templating import templates

STATIC = Path(__file__).parent / "static"
STATIC.mkdir(exist_ok=True)
GRACE_SECONDS = 3

log = structlog.get_logger()


class Site(FastAPI):
    """The application, with the short way for what is asked most."""

    def guard(self, **limits: Any) -> None:
        """Put a Guard with these `limits` around the routes and around the short way past them."""
        self.add_middleware(Guard, **limits)
        self._short_way = ShortWay(super().__call__, guard=partial(Guard, **limits))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self._short_way(scope, receive, send)


def create_app(settings: Settings) -> Site:
    """The application for `settings`; it touches the database at the first request, not before."""
    services = _services(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        services.hub.start()
        services.forgetting.start()
        yield
        services.forgetting.stop()
        services.hub.stop()
        services.close()

    app = Site(
        title="Human Cloud",
        version="1",
        description=api.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page needs another host's script, which our content policy forbids
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.services = services
    errors.install(app)
    app.include_router(health.router)
    app.include_router(stripe_webhooks.router)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.router.routes.append(Route("/live", LiveEndpoint(live_topics.follower_of)))
    app.guard(
        upload_limit_bytes=settings.upload_limit_bytes,
        secure=settings.secure_cookies,
        form_targets=_form_targets(settings),
    )
    return app


class Server(uvicorn.Server):
    """uvicorn that ends live streams first: with one open it would wait out its whole grace time."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app: Site = self.config.app  # type: ignore[assignment]  # we made it a few lines below
        app.state.services.hub.end_streams()
        super().handle_exit(sig, frame)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    logs.configure(process="web", level=settings.log_level)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # who connects could claim any address, and the sign-in limit counts by it
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=30,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn raises the signal again after its own shutdown
    Server(config).run()


def _leave(_number: int, _frame: FrameType | None) -> None:
    log.info("web.stopped")
    sys.exit(0)


def _services(settings: Settings) -> Services:
    announcer = connect(settings.redis_url)
    announcing = FactsAnnouncing(announcer)
    database = parts.database(settings, role=Role.APP, process="web", announce_facts=announcing.announce)
    retriever = parts.retriever(settings, database)
    return Services(
        settings=settings,
        database=database,
        gateway=parts.gateway_if_on(settings),
        funds=parts.funds_if_on(settings),
        retriever=retriever,
        memory=parts.memory(settings),
        judge=parts.judge(settings),
        limiter=RateLimiter(settings.redis_url),
        templates=templates(),
        announcer=announcer,
        announcing=announcing,
        hub=Hub(database, live_frames.renderer(templates()), announcer),
        forgetting=Forgetting(database, retriever),
        claims=ClaimDesk(database, announce=announcing.announce),
        admission=CapacityLimiter(settings.database_connections - 1),
    )


def _form_targets(settings: Settings) -> tuple[str, ...]:
    """Where a form's redirect may lead besides ourselves: the payment provider's hosted pages."""
    if settings.fake_stripe:
        return (parts.fake_stripe_url(settings),)
    return ("https://checkout.stripe.com", "https://connect.stripe.com")
