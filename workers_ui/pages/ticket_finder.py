"""What a brand asks of its list of tickets, as an address says it: state, category, age, or words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId
from marketplace.tickets import brand_queries, queries, ticket_search
from marketplace.tickets.brand_queries import TicketLine
from marketplace.tickets.models import TicketState
from marketplace.tickets.ticket_search import TicketFilter
from workers_ui.presenters.brand import TicketFinder
from workers_ui.presenters.values import Choice

AGES: Mapping[str, str] = {
    "1": "1 hour",
    "4": "4 hours",
    "24": "1 day",
    "72": "3 days",
    "168": "a week",
    "720": "30 days",
}
OLDEST_HOURS = 87_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Filters of the list; `older` is hours, as typed."""

    state: TicketState | None = None
    category: str = ""
    older: str = ""
    q: str = ""

    def filter(self, now: datetime) -> TicketFilter:
        return TicketFilter(
            state=self.state,
            category=self.category.replace("\x00", "") or None,
            posted_before=now - timedelta(hours=int(self.older)) if self.older else None,
        )

    def page_href(self, base: str) -> str:
        """Ends where the page's number goes."""
        return f"{base}?{urlencode([*self._pairs(), ('page', '')])}"

    def in_state(self, base: str, state: TicketState | None) -> str:
        pairs = replace(self, state=state)._pairs()
        return f"{base}?{urlencode(pairs)}" if pairs else base

    def withdraw_href(self, base: str) -> str:
        """Only a filter can be withdrawn: not everything there is, and not what a search happened to find."""
        if self.q or not self._pairs():
            return ""
        return f"{base}?{urlencode(self._pairs())}"

    def _pairs(self) -> list[tuple[str, str]]:
        pairs = (
            ("state", self.state.value if self.state else ""),
            ("category", self.category),
            ("older", self.older),
            ("q", self.q),
        )
        return [(name, value) for name, value in pairs if value]


NOTHING_ASKED = Asked()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTickets:
    """`total` is None where only counting could tell."""

    lines: tuple[TicketLine, ...]
    has_more: bool
    total: int | None


def found_tickets(
    tx: Tx, brand: BrandId, asked: Asked, counts: Mapping[TicketState, int], *, page: int
) -> FoundTickets:
    """One page of what was asked for."""
    if asked.q:
        return _searched(tx, brand, asked, page)
    if asked.category or asked.older:
        which = asked.filter(app_now(tx))
        tickets = ticket_search.newest_of(tx, brand=brand, which=which, page=page)
        lines = brand_queries.lines_of(tx, brand=brand, tickets=tickets[: queries.PAGE_ROWS])
        return FoundTickets(lines=tuple(lines), has_more=len(tickets) > queries.PAGE_ROWS, total=None)
    lines = brand_queries.ticket_lines(tx, brand=brand, state=asked.state, page=page)
    total = counts.get(asked.state, 0) if asked.state else sum(counts.values())
    seen = (page - 1) * queries.PAGE_ROWS + len(lines)
    return FoundTickets(lines=tuple(lines), has_more=seen < total, total=total)


def asked_state(text: str) -> TicketState | None:
    if text and text not in set(TicketState):
        raise Invalid(f"There is no state {text!r}.")
    return TicketState(text) if text else None


def asked_hours(text: str) -> str:
    if text and not (text.isascii() and text.isdigit() and int(text) <= OLDEST_HOURS):
        raise Invalid("An age is a number of hours.")
    return text


def finder(tx: Tx, membership: Membership, asked: Asked, base: str) -> TicketFinder:
    ages = AGES if asked.older in AGES or not asked.older else {asked.older: f"{asked.older} hours", **AGES}
    narrowed = bool(asked.q or asked.category or asked.older)
    return TicketFinder(
        q=asked.q,
        state=asked.state.value if asked.state else "",
        category=asked.category,
        older=asked.older,
        categories=tuple(
            Choice(value=one.key, label=one.name) for one in queries.categories(tx, membership.brand)
        ),
        ages=tuple(Choice(value=hours, label=label) for hours, label in ages.items()),
        reset_href=NOTHING_ASKED.in_state(base, asked.state) if narrowed else "",
    )


def _searched(tx: Tx, brand: BrandId, asked: Asked, page: int) -> FoundTickets:
    tickets = ticket_search.search(tx, brand=brand, query=asked.q, which=asked.filter(app_now(tx)))
    first = (page - 1) * queries.PAGE_ROWS
    shown = tickets[first : first + queries.PAGE_ROWS]
    lines = brand_queries.lines_of(tx, brand=brand, tickets=shown)
    return FoundTickets(
        lines=tuple(lines), has_more=len(tickets) > first + queries.PAGE_ROWS, total=len(tickets)
    )
