"""What should be over by now: leases past their deadline and replies that did not leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TicketId

LEASE_GRACE = timedelta(seconds=60)
REPLY_GRACE = timedelta(minutes=2)
SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckTicket:
    ticket: TicketId
    number: int
    brand_name: str
    state: str
    since: datetime


def overdue_leases(tx: Tx, *, now: datetime) -> Sequence[StuckTicket]:
    """Claims whose time has been over for longer than LEASE_GRACE: the sweep should have returned them."""
    rows = tx.execute(_LEASES, {"before": now - LEASE_GRACE, "limit": SHOWN})
    return [StuckTicket(**row._mapping) for row in rows]


def undelivered_replies(tx: Tx, *, now: datetime) -> Sequence[StuckTicket]:
    """Replies that failed, or have waited for longer than REPLY_GRACE."""
    rows = tx.execute(_REPLIES, {"before": now - REPLY_GRACE, "limit": SHOWN})
    return [StuckTicket(**row._mapping) for row in rows]


_LEASES = text(
    "SELECT p.ticket_id AS ticket, p.number, b.name AS brand_name, p.state::text AS state, "
    "p.lease_ends_at AS since FROM pool_ticket p JOIN brand b ON b.id = p.brand_id "
    "WHERE p.state = 'claimed' AND p.lease_ends_at < :before ORDER BY p.lease_ends_at LIMIT :limit"
)
_REPLIES = text(
    "SELECT r.ticket_id AS ticket, t.number, b.name AS brand_name, r.state::text AS state, "
    "r.written_at AS since FROM reply r JOIN ticket t ON t.brand_id = r.brand_id AND t.id = r.ticket_id "
    "JOIN brand b ON b.id = r.brand_id WHERE r.state = 'queued' AND r.written_at < :before "
    "OR r.state = 'failed' ORDER BY r.written_at LIMIT :limit"
)
