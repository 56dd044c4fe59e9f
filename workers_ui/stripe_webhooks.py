"""Where Stripe tells us what happened: checked, kept as it came, and answered at once; acted on by the background."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import PlainTextResponse

from billing.inbox import take_in
from billing.inbox_events import Endpoint, NotAnEvent
from billing.inbox_models import EventSource
from billing.webhook_signature import NotSigned, verified
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, rescope
from workers_ui import parts
from workers_ui.deps import HasServices, HasTx

EVENT_LIMIT_BYTES = 500_000

router = APIRouter(
    prefix="/stripe/webhooks", include_in_schema=False, default_response_class=PlainTextResponse
)
log = structlog.get_logger()


async def _raw(request: Request) -> bytes:
    """The body byte for byte: that is what is signed."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > EVENT_LIMIT_BYTES:
            raise HTTPException(413, f"An event is at most {EVENT_LIMIT_BYTES:,} bytes.")
    return body


@router.post("/{endpoint}")
def told(
    request: Request,
    having: HasServices,
    endpoint: Endpoint,
    body: Annotated[bytes, Depends(_raw)],
    tx: HasTx,
) -> PlainTextResponse:
    """2xx once the event is committed; 4xx when it is not Stripe's; else Stripe comes again.

    The body is read before a transaction is opened, so that a slow sender holds none.
    """
    secret = parts.webhook_secret(having.settings, endpoint)
    now = app_now(tx)
    try:
        event = verified(body, header=request.headers.get("stripe-signature"), secret=secret, now=now)
    except (NotSigned, NotAnEvent) as refusal:
        log.warning(
            "stripe_event.refused", endpoint=endpoint.value, reason=refusal.code, has_secret=bool(secret)
        )
        return PlainTextResponse(refusal.detail, status_code=400)
    rescope(tx, PLATFORM)
    fresh = take_in(
        tx,
        endpoint=endpoint,
        event=event,
        body=body,
        headers=request.headers,
        source=EventSource.WEBHOOK,
        now=now,
    )
    return PlainTextResponse("kept" if fresh else "known")
