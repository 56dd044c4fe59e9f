"""The lanes of tickets, in the pool or already out of it."""

from collections.abc import Sequence

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId


def lanes_of_tickets(tx: Tx, tickets: Sequence[tuple[BrandId, TicketId]]) -> dict[TicketId, str]:
    """The lane in which each of `tickets` waits, waited or would wait."""
    asked = {"brands": [brand for brand, _ in tickets], "tickets": [ticket for _, ticket in tickets]}
    return {TicketId(row.id): row.lane for row in tx.execute(_LANES, asked)}


def lanes_beside(tx: Tx, lane: str) -> list[str]:
    """The lanes with anything in them, now or before, of the channel and language of `lane`."""
    asked = {"beside": lane.rsplit("/", 1)[0] + "/"}
    return list(tx.execute(_BESIDE, asked).scalars())


_BESIDE = text("SELECT lane FROM pool_count WHERE starts_with(lane, :beside) ORDER BY lane")
_LANES = text(
    "SELECT t.id, coalesce(p.lane, lane_of(t.channel, t.language, coalesce(c.skill, 'general'))) AS lane "
    "FROM unnest(CAST(:brands AS uuid[]), CAST(:tickets AS uuid[])) AS asked(brand, ticket) "
    "JOIN ticket t ON t.brand_id = asked.brand AND t.id = asked.ticket "
    "LEFT JOIN pool_ticket p ON p.ticket_id = t.id "
    "LEFT JOIN category c ON c.brand_id = t.brand_id AND c.key = t.category"
)
