"""Whether a brand's knowledge seems to answer a waiting ticket: what a card says before any claim."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import text

from guidance.confidence import Reason
from guidance.models import SuggestionState
from marketplace.kernel.db import PLATFORM, Scope, Tx, rescope
from marketplace.kernel.ids import TicketId


class Coverage(StrEnum):
    COVERED = "covered"
    PARTLY = "partly"
    MISSING = "missing"


def coverage_of(tx: Tx, tickets: Sequence[TicketId]) -> Mapping[TicketId, Coverage]:
    """The coverage of those of `tickets` that guidance has looked at, by their newest suggestion.

    Suggestions belong to brands and claimants; their verdict alone is for everybody, so it is read with the
    platform's eyes and the transaction handed back as it was.
    """
    scope: Scope = tx.info["scope"]
    rescope(tx, PLATFORM)
    rows = tx.execute(_NEWEST, {"tickets": list(tickets)}).all()
    rescope(tx, scope)
    return {TicketId(row.ticket_id): _verdict(row.state, row.reason) for row in rows}


def _verdict(state: str, reason: str) -> Coverage:
    if state == SuggestionState.READY:
        return Coverage.COVERED
    return Coverage.MISSING if reason in (Reason.NOTHING_FOUND, Reason.OFF_TOPIC) else Coverage.PARTLY


_NEWEST = text(
    "SELECT p.ticket_id, s.state, s.reason FROM pool_ticket p JOIN LATERAL ("
    "SELECT state, reason FROM suggestion WHERE brand_id = p.brand_id AND ticket_id = p.ticket_id "
    "ORDER BY id DESC LIMIT 1) AS s ON true WHERE p.ticket_id = ANY(:tickets)"
)
