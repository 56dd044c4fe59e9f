"""The receipts of a worker's own replies: what his brand and finance read of them, he reads too."""

from guidance.queries import receipts_of_replies
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.models import ReplyState
from marketplace.tickets.worker_queries import own_replies
from workers_ui.pages import receipt_views
from workers_ui.presenters.receipts import Receipt

YOU = "you"
LEFT = frozenset({ReplyState.QUEUED, ReplyState.SENT, ReplyState.FAILED})


def own_receipts(tx: Tx, *, brand: BrandId, ticket: TicketId, worker: WorkerId) -> tuple[Receipt, ...]:
    """Of what `worker` sent on `ticket`, oldest first. The transaction is the worker's before and after.

    `brand` is the ticket's own: with it what became of the replies is told as it is told there.
    """
    replies = own_replies(tx, ticket=ticket, worker=worker)
    own = [one for one in replies.values() if one.state in LEFT]
    if not own:
        return ()
    rescope(tx, Scope(worker=worker, brand=brand))
    stored = receipts_of_replies(tx, brand=brand, replies=[one.id for one in own])
    rescope(tx, Scope(worker=worker))
    return tuple(
        receipt_views.receipt(stored[one.id], worker_alias=YOU, sent_at=one.written_at, label=one.label)
        for one in own
        if one.id in stored
    )
