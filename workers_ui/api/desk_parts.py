"""What a worker's program reads of the time before: the hand-over in quotes, and how his last reply fared."""

from typing import Any

from guidance.handover import Quote, handover
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.tickets.queries import Desk
from marketplace.tickets.review_queries import find_own_review


def handover_out(desk: Desk) -> dict[str, Any]:
    """Asked, answered, promised and still open, word for word; masked as the thread is."""
    found = handover(desk.thread)
    return {
        "replies": found.replies,
        "asked": [_quote(one) for one in found.asked],
        "answered": [_quote(one) for one in found.answered],
        "promised": [_quote(one) for one in found.promised],
        "open_question": _quote(found.open_question) if found.open_question else None,
    }


def review_out(tx: Tx, desk: Desk, worker: WorkerId) -> dict[str, Any] | None:
    """The newest review of the worker's replies to this ticket; None when there never was one."""
    found = find_own_review(tx, ticket=desk.ticket, worker=worker)
    if found is None:
        return None
    return {
        "state": found.state.value,
        "reason": found.reason.value if found.reason else None,
        "note": found.note,
        "decide_by": found.decide_by,
    }


def _quote(quote: Quote) -> dict[str, Any]:
    return {"author": quote.author.value, "said_at": quote.said_at, "text": quote.text}
