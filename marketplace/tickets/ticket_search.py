"""Finding a brand's tickets: by state, category and age, or by what somebody remembers of one.

Every way reads an index and stops: by number, by the customer's e-mail address, by words of the subject. Filters
ask for the first rows of each state, so the rarest combination costs as little as the commonest.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.models import TicketState

PAGE_ROWS = 50
DEEPEST_FILTERED_PAGE = 40
SEARCH_LIMIT = 200
WORDS_LIMIT = 8
QUERY_LIMIT = 100
HIGHEST_NUMBER = 2**31 - 1


class TooDeep(Invalid):
    """That is as far as a filtered list goes. Narrow the filter to see more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """Which of a brand's tickets are meant; what is None leaves nothing out."""

    state: TicketState | None = None
    category: str | None = None
    posted_before: datetime | None = None

    @property
    def is_empty(self) -> bool:
        return self.state is None and self.category is None and self.posted_before is None


def newest_of(tx: Tx, *, brand: BrandId, which: TicketFilter, page: int) -> list[TicketId]:
    """One page of the filter's tickets and one more, newest first. Raises TooDeep."""
    if not 1 <= page <= DEEPEST_FILTERED_PAGE:
        raise TooDeep
    first = (page - 1) * PAGE_ROWS
    asked = _asked(brand, which, list(TicketState))
    reach = {"reach": first + PAGE_ROWS + 1, "first": first, "rows": PAGE_ROWS + 1}
    rows = tx.execute(text(_NEWEST.format(matches=_matches(which))), asked | reach)
    return [TicketId(row.id) for row in rows]


def oldest_of(
    tx: Tx, *, brand: BrandId, which: TicketFilter, among: Sequence[TicketState], limit: int
) -> list[tuple[TicketId, TicketState]]:
    """The filter's tickets in one of the states `among`, oldest first."""
    asked = _asked(brand, which, among) | {"reach": limit}
    rows = tx.execute(text(_OLDEST.format(matches=_matches(which))), asked)
    return [(TicketId(row.id), TicketState(row.state)) for row in rows]


def search(tx: Tx, *, brand: BrandId, query: str, which: TicketFilter) -> list[TicketId]:
    """Up to SEARCH_LIMIT tickets that `query` may mean, newest first.

    "#12" and "12" are numbers, anything with an @ is a customer's address, everything else words of a subject; the
    last word may be a beginning. The transaction's scope must be the brand's.
    """
    asked = _asked(brand, which, list(TicketState)) | {"limit": SEARCH_LIMIT}
    wanted = query.strip().replace("\x00", "")[:QUERY_LIMIT]
    found = f"AND t.state = ANY(CAST(:states AS text[])) {_matches(which)}"
    number = re.fullmatch(r"#?(\d{1,10})", wanted)
    if number and int(number[1]) <= HIGHEST_NUMBER:
        rows = tx.execute(text(_BY_NUMBER + found), asked | {"number": int(number[1])})
    elif "@" in wanted:
        rows = tx.execute(text(_BY_EMAIL.format(found=found)), asked | {"email": wanted.lower()})
    else:
        words = re.findall(r"\w+", wanted.lower())[:WORDS_LIMIT]
        if not words:
            return []
        rows = tx.execute(
            text(_BY_SUBJECT.format(found=found)),
            asked | {"words": " & ".join([*words[:-1], f"{words[-1]}:*"])},
        )
    return [TicketId(row.id) for row in rows]


def _asked(brand: BrandId, which: TicketFilter, among: Sequence[TicketState]) -> dict[str, object]:
    states = [state.value for state in among if which.state in (None, state)]
    return {
        "brand": brand,
        "states": states,
        **({} if which.category is None else {"category": which.category}),
        **({} if which.posted_before is None else {"before": which.posted_before}),
    }


def _matches(which: TicketFilter) -> str:
    """Conditions for what is asked and no others: with "or nothing was asked" a plan could not use its index."""
    category = "" if which.category is None else "AND t.category = :category "
    return category + ("" if which.posted_before is None else "AND t.posted_at < :before ")


_OF_A_STATE = (
    "FROM unnest(CAST(:states AS text[])) AS s(state) CROSS JOIN LATERAL ("
    "SELECT t.id, t.posted_at FROM ticket t WHERE t.brand_id = :brand AND t.state = s.state {matches}"
)
_NEWEST = (
    f"SELECT f.id {_OF_A_STATE} ORDER BY t.posted_at DESC, t.id DESC LIMIT :reach) AS f "
    "ORDER BY f.posted_at DESC, f.id DESC LIMIT :rows OFFSET :first"
)
_OLDEST = (
    f"SELECT f.id, s.state {_OF_A_STATE} ORDER BY t.posted_at, t.id LIMIT :reach) AS f "
    "ORDER BY f.posted_at, f.id LIMIT :reach"
)
_BY_NUMBER = "SELECT t.id FROM ticket t WHERE t.brand_id = :brand AND t.number = :number "
_BY_EMAIL = (
    # One customer, asked for alone: joined, his tickets would all be sorted before the first is shown.
    "SELECT t.id FROM ticket_search i JOIN ticket t ON t.brand_id = i.brand_id AND t.id = i.ticket_id "
    "WHERE i.brand_id = :brand AND i.customer_id = (SELECT c.id FROM customer c WHERE c.brand_id = :brand "
    "AND c.email = :email) {found} ORDER BY i.number DESC LIMIT :limit"
)
_BY_SUBJECT = (
    "SELECT t.id FROM search_subjects(:words, :limit) i JOIN ticket t ON t.brand_id = :brand AND t.id = i.ticket_id "
    "WHERE true {found} ORDER BY i.number DESC"
)
