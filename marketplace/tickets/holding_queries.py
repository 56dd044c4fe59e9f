"""Why a ticket is not in the pool: held back by a rule, or waiting for money or room under the spend cap."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.events.facts import TicketAwaitsFunds, TicketHeldBack, kind_of
from marketplace.events.models import Event
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId

LOOKED_AT = 100
"""A ticket that waits says so at each try; the first of a run is what people read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """`kept`: the brand keeps the ticket; else it waits. `reason` is the rule's, or "wallet" or "spend cap"."""

    at: datetime
    kept: bool
    reason: str


def holdings_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[Holding]:
    """What held the ticket up, oldest first, each reason once in a row."""
    rows = tx.execute(
        select(Event.at, Event.kind, Event.body)
        .where(
            Event.subject_id == ticket,
            Event.brand_id == brand,
            Event.kind.in_([kind_of(TicketHeldBack), kind_of(TicketAwaitsFunds)]),
        )
        .order_by(Event.id)
        .limit(LOOKED_AT)
    )
    found: list[Holding] = []
    for at, kind, body in rows:
        one = Holding(at=at, kept=kind == kind_of(TicketHeldBack), reason=str(body.get("reason", "wallet")))
        if not found or (found[-1].kept, found[-1].reason) != (one.kept, one.reason):
            found.append(one)
    return found
