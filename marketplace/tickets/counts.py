"""Counters of tickets, kept by the database and never counted: what is rolled up, plus the moves that are not yet."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import TicketState

ROLL_UP_MOVES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many of a brand's tickets of `category` are in `state`."""

    category: str
    state: TicketState
    tickets: int


def counts_of_brand(tx: Tx, *, brand: BrandId) -> tuple[Counted, ...]:
    """Every category and state of the brand with at least one ticket."""
    return tuple(
        Counted(category=row.category, state=TicketState(row.state), tickets=row.tickets)
        for row in tx.execute(_OF_BRAND, {"brand": brand})
    )


def count_by_state(tx: Tx, *, brand: BrandId) -> dict[TicketState, int]:
    """How many of a brand's tickets are in each state."""
    counts: dict[TicketState, int] = {}
    for one in counts_of_brand(tx, brand=brand):
        counts[one.state] = counts.get(one.state, 0) + one.tickets
    return counts


def pool_counts(tx: Tx, lanes: Sequence[str]) -> dict[str, int]:
    """How many tickets wait in each of `lanes`."""
    return {row.lane: row.tickets for row in tx.execute(_OF_LANES, {"lanes": list(lanes)})}


def waiting_in(tx: Tx, lanes: Sequence[str]) -> int:
    """How many tickets wait in `lanes` together."""
    return sum(pool_counts(tx, lanes).values())


def waiting_everywhere(tx: Tx) -> int:
    """How many tickets wait in the pool."""
    return int(tx.execute(_OF_ALL_LANES).scalar_one())


def recount(tx: Tx) -> None:
    """Make every counter true again, whatever happened to it."""
    tx.execute(text("SELECT recount_tickets()"))


def roll_up(tx: Tx) -> int:
    """Add up to ROLL_UP_MOVES moves of each kind to the counters; how many there were."""
    return int(tx.execute(text("SELECT roll_up_counters(:limit)"), {"limit": ROLL_UP_MOVES}).scalar_one())


_OF_BRAND = text(
    "SELECT category, state, sum(tickets)::bigint AS tickets FROM ("
    "SELECT category, state, tickets FROM ticket_count WHERE brand_id = :brand "
    "UNION ALL SELECT from_category, from_state, -1 FROM ticket_move WHERE brand_id = :brand "
    "AND from_state IS NOT NULL "
    "UNION ALL SELECT to_category, to_state, 1 FROM ticket_move WHERE brand_id = :brand) AS kept "
    "GROUP BY category, state HAVING sum(tickets) > 0 ORDER BY category, state"
)
_OF_LANES = text(
    "SELECT lane, sum(tickets)::bigint AS tickets FROM ("
    "SELECT lane, tickets FROM pool_count WHERE lane = ANY(:lanes) "
    "UNION ALL SELECT lane, change FROM pool_move WHERE lane = ANY(:lanes)) AS kept "
    "GROUP BY lane HAVING sum(tickets) > 0"
)
_OF_ALL_LANES = text(
    "SELECT coalesce((SELECT sum(tickets) FROM pool_count), 0) + coalesce((SELECT sum(change) FROM pool_move), 0)"
)
