"""Text that comes too late for its claim is kept: nobody's words are lost to a lease."""

from datetime import datetime

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets.pool import DRAFT_LIMIT, keep_draft
from marketplace.tickets.worker_queries import ever_held


def keep_unsent(tx: Tx, *, ticket: TicketId, worker: WorkerId, body: str, now: datetime) -> bool:
    """Keep what `worker` wrote for a ticket that he held at some time; whether there was anything to keep."""
    brand = ever_held(tx, ticket=ticket, worker=worker)
    kept = body.replace("\x00", "")[:DRAFT_LIMIT]
    if brand is None or not kept.strip():
        return False
    keep_draft(tx, brand=brand, ticket=ticket, worker=worker, body=kept, now=now)
    return True
