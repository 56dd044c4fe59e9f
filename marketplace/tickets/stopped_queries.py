"""Open tickets that kill switches keep from workers, and those that one switch is about."""

from collections.abc import Sequence

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.switch_models import SwitchKind

TICKETS_TOLD = 500  # the most urgent; claims of all others are refused


def stopped_among(tx: Tx, tickets: Sequence[TicketId]) -> frozenset[TicketId]:
    """Those of `tickets` that a live switch keeps from workers now."""
    return frozenset(tx.execute(_STOPPED, {"tickets": list(tickets)}).scalars())


def open_under_switch(
    tx: Tx, *, brand: BrandId, stops: SwitchKind, key: str | None
) -> list[tuple[BrandId, TicketId]]:
    """The most urgent open tickets that such a switch of `brand` is about, whether or not it is on."""
    asked = {"brand": brand, "stops": stops.value, "key": key, "limit": TICKETS_TOLD}
    return [(brand, TicketId(ticket)) for ticket in tx.execute(_UNDER_SWITCH, asked).scalars()]


_STOPPED = text(
    "SELECT ticket_id FROM pool_ticket WHERE ticket_id = ANY(:tickets) AND is_stopped(brand_id, category, channel)"
)
_UNDER_SWITCH = text(
    "SELECT ticket_id FROM pool_ticket WHERE state = 'open' AND brand_id = :brand AND (:stops = 'brand' "
    "OR :stops = 'category' AND category = :key OR :stops = 'channel' AND channel = :key) "
    "ORDER BY rank_at, ticket_id LIMIT :limit"
)
