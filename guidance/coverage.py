"""Whether a brand's knowledge seems to answer a waiting ticket: what a card says before any claim."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import text

from guidance.confidence import Reason
from guidance.models import SuggestionState
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TicketId


class Coverage(StrEnum):
    COVERED = "covered"
    PARTLY = "partly"
    MISSING = "missing"


def coverage_of(tx: Tx, tickets: Sequence[TicketId]) -> Mapping[TicketId, Coverage]:
    """The coverage of those of `tickets` that are in the pool and that guidance has looked at."""
    rows = tx.execute(_OF_TICKETS, {"tickets": list(tickets)})
    return {TicketId(row.ticket_id): verdict_of(row.state, row.reason) for row in rows}


def verdict_of(state: str, reason: str) -> Coverage:
    """What a suggestion says of the knowledge: a passage above the threshold, near ones only, or none. An answer that
    fails covers nothing."""
    if state == SuggestionState.READY and reason != Reason.FAILING:
        return Coverage.COVERED
    return Coverage.MISSING if reason in (Reason.NOTHING_FOUND, Reason.OFF_TOPIC) else Coverage.PARTLY


_OF_TICKETS = text("SELECT ticket_id, state, reason FROM pool_coverage(:tickets)")
