"""What the worker's handlers share: the ticket in the path, limited fields."""

from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Form, Request

from marketplace.kernel.ids import TicketId
from workers_ui.deps import as_uuid

LARGEST_CLAIM_NUMBER = 2**31 - 1
TYPED_LIMIT = 40_000
"""More than any reply may have: what is too long is refused with its text kept, not dropped at the door."""


def _ticket(ticket: str) -> TicketId:
    return TicketId(as_uuid(ticket))


ThisTicket = Annotated[TicketId, Depends(_ticket)]
ClaimNumber = Annotated[int, Form(ge=0, le=LARGEST_CLAIM_NUMBER)]
TypedText = Annotated[str, Form(max_length=TYPED_LIMIT)]
Short = Annotated[str, Form(max_length=200)]


def by_script(request: Request) -> bool:
    """Whether htmx asks, which can replace a part of the page."""
    return request.headers.get("hx-request") == "true"


def fresh_key() -> str:
    """An idempotency key for one form; the browser sends it back, so it need not be reproducible."""
    return uuid4().hex
