"""Text that comes too late for its claim is kept: nobody's words are lost to a lease."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets.models import WorkerDraft
from marketplace.tickets.pool import DRAFT_LIMIT
from marketplace.tickets.worker_queries import ever_held


def keep_unsent(tx: Tx, *, ticket: TicketId, worker: WorkerId, body: str, now: datetime) -> bool:
    """Keep what `worker` wrote for a ticket that he held at some time; whether there was anything to keep."""
    brand = ever_held(tx, ticket=ticket, worker=worker)
    kept = body.replace("\x00", "")[:DRAFT_LIMIT]
    if brand is None or not kept.strip():
        return False
    saved = insert(WorkerDraft).values(
        brand_id=brand, ticket_id=ticket, worker_id=worker, body=kept, saved_at=now
    )
    tx.execute(
        saved.on_conflict_do_update(
            index_elements=[WorkerDraft.brand_id, WorkerDraft.ticket_id, WorkerDraft.worker_id],
            set_={"body": saved.excluded.body, "saved_at": saved.excluded.saved_at},
        )
    )
    return True
