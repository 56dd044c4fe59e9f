"""What a worker may know of his lease: whether one extension is to be had and where it leads, and whether a lost
ticket can be claimed again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TicketId, WorkerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """`to` is None when no time runs or the claim was extended before."""

    to: datetime | None
    used: bool


def extension_of(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> Extension:
    """What one extension would do for the live claim of `worker` on `ticket`."""
    row = tx.execute(_EXTENSION, {"ticket": ticket, "worker": worker}).one_or_none()
    if row is None or row.lease_ends_at is None:
        return Extension(to=None, used=False)
    if row.extended_at is not None:
        return Extension(to=None, used=True)
    return Extension(to=row.lease_ends_at + timedelta(seconds=row.extension_seconds), used=False)


def can_claim_again(tx: Tx, *, ticket: TicketId, worker: WorkerId, now: datetime) -> bool:
    """Whether a ticket that `worker` held before waits for anybody, him included."""
    asked = {"ticket": ticket, "worker": worker, "now": now}
    return bool(tx.execute(_CLAIMABLE, asked).scalar_one())


_EXTENSION = text(
    "SELECT p.lease_ends_at, c.extended_at, l.extension_seconds FROM pool_ticket p "
    "JOIN claim c ON c.brand_id = p.brand_id AND c.ticket_id = p.ticket_id AND c.ended_at IS NULL "
    "CROSS JOIN LATERAL (SELECT extension_seconds FROM lease_clock k WHERE k.channel = p.channel "
    "AND (k.brand_id = p.brand_id OR k.brand_id IS NULL) ORDER BY k.brand_id NULLS LAST LIMIT 1) AS l "
    "WHERE p.ticket_id = :ticket AND p.worker_id = :worker"
)
_CLAIMABLE = text(
    "SELECT EXISTS (SELECT FROM pool_ticket p WHERE p.ticket_id = :ticket "
    "AND (p.state = 'open' OR p.state = 'claimed' AND p.lease_ends_at <= :now)) "
    "AND NOT EXISTS (SELECT FROM release r WHERE r.ticket_id = :ticket AND r.worker_id = :worker)"
)
