"""Sentences for a worker whose work was ended by somebody else: what it pays, and why."""

from babel import Locale

from billing.worker_queries import paid_for_recall
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.worker_stops import find_stop
from workers_ui.pages.worker_earnings_views import written
from workers_ui.templating import DEFAULT_LOCALE


def recall_pay_sentence(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> str:
    """What the brand's recall of the ticket pays this worker."""
    paid = paid_for_recall(tx, ticket=ticket, worker=worker)
    if paid is None:
        return ""
    return f"You are paid {written(paid, Locale.parse(DEFAULT_LOCALE))} for your work on it."


def stop_sentence(tx: Tx, *, brand: BrandId, worker: WorkerId, otherwise: str) -> str:
    """Why a kill switch ended the claim; `otherwise` where none is thrown any more."""
    stop = find_stop(tx, worker=worker, brand=brand)
    return f"{stop.sentence} The ticket went back to the pool; your text is kept." if stop else otherwise
