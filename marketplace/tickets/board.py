"""What a brand looks at first: what waits and for how long, what is at risk, and what needs the brand itself.

Counts are the kept ones or stop at COUNTED_UP_TO; lists are the first rows of an index. So it costs the same with
five tickets and with five million.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.counts import counts_of_brand
from marketplace.tickets.models import TicketState

COUNTED_UP_TO = 1_000
SHOWN = 5
AT_RISK_WITHIN = timedelta(hours=1)
AT_RISK_SHARE = 4
"""At risk: less than an hour is left, or less than a quarter of the ticket's time where that is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTicket:
    """A ticket that needs somebody by `due_at`."""

    ticket: TicketId
    number: int
    subject: str
    category: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCounts:
    """One category's tickets that are not over."""

    key: str
    name: str
    by_state: Mapping[TicketState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """`at_risk`, `past_due`, `escalated` and `in_review` stop counting at COUNTED_UP_TO."""

    by_state: Mapping[TicketState, int]
    categories: tuple[CategoryCounts, ...]
    oldest_waiting_since: datetime | None
    at_risk: int
    past_due: int
    escalated: int
    in_review: int
    most_pressing: tuple[BoardTicket, ...]
    escalations: tuple[BoardTicket, ...]


def board_of(tx: Tx, *, brand: BrandId, now: datetime) -> Board:
    asked = {
        "brand": brand,
        "now": now,
        "limit": COUNTED_UP_TO,
        "shown": SHOWN,
        "within": AT_RISK_WITHIN,
        "share": AT_RISK_SHARE,
    }
    figures = tx.execute(_FIGURES, asked).one()
    by_state, categories = _counted(tx, brand)
    return Board(
        by_state=by_state,
        categories=categories,
        oldest_waiting_since=figures.oldest_waiting_since,
        at_risk=figures.at_risk,
        past_due=figures.past_due,
        escalated=figures.escalated,
        in_review=figures.in_review,
        most_pressing=_tickets(tx, _PRESSING, asked),
        escalations=_tickets(tx, _ESCALATIONS, asked),
    )


def _counted(tx: Tx, brand: BrandId) -> tuple[dict[TicketState, int], tuple[CategoryCounts, ...]]:
    names = {row.key: row.name for row in tx.execute(_NAMES, {"brand": brand})}
    totals: dict[TicketState, int] = {}
    by_category: dict[str, dict[TicketState, int]] = {key: {} for key in names}
    for one in counts_of_brand(tx, brand=brand):
        totals[one.state] = totals.get(one.state, 0) + one.tickets
        by_category.setdefault(one.category, {})[one.state] = one.tickets
    return totals, tuple(
        CategoryCounts(key=key, name=names.get(key, key), by_state=counts)
        for key, counts in by_category.items()
    )


def _tickets(tx: Tx, query: TextClause, asked: Mapping[str, object]) -> tuple[BoardTicket, ...]:
    return tuple(
        BoardTicket(
            ticket=TicketId(row.ticket_id),
            number=row.number,
            subject=row.subject,
            category=row.category,
            due_at=row.due_at,
        )
        for row in tx.execute(query, asked)
    )


_NAMES = text("SELECT key, name FROM category WHERE brand_id = :brand ORDER BY name")
_UNANSWERED = "FROM pool_ticket p WHERE p.brand_id = :brand AND p.state IN ('open', 'claimed')"
_IS_AT_RISK = (
    "p.due_at > :now AND p.due_at <= :now + CAST(:within AS interval) "
    "AND p.due_at - :now <= (p.due_at - p.waiting_since) / :share"
)
_FIGURES = text(
    "SELECT (SELECT p.waiting_since FROM pool_ticket p WHERE p.brand_id = :brand AND p.state = 'open' "  # noqa: S608 - constants
    "ORDER BY p.waiting_since LIMIT 1) AS oldest_waiting_since, "
    f"(SELECT count(*) FROM (SELECT {_UNANSWERED} AND {_IS_AT_RISK} LIMIT :limit) AS o) AS at_risk, "
    f"(SELECT count(*) FROM (SELECT {_UNANSWERED} AND p.due_at <= :now LIMIT :limit) AS o) AS past_due, "
    "(SELECT count(*) FROM (SELECT FROM escalation WHERE brand_id = :brand AND state = 'open' "
    "LIMIT :limit) AS o) AS escalated, "
    "(SELECT count(*) FROM (SELECT FROM pool_ticket p WHERE p.brand_id = :brand AND p.state = 'in_review' "
    "LIMIT :limit) AS o) AS in_review"
)
_PRESSING = text(
    f"SELECT p.ticket_id, p.number, p.subject, c.name AS category, p.due_at FROM (SELECT * {_UNANSWERED} "  # noqa: S608 - constants
    f"AND (p.due_at <= :now OR {_IS_AT_RISK}) ORDER BY p.due_at LIMIT :shown) AS p "
    "JOIN category c ON c.brand_id = p.brand_id AND c.key = p.category ORDER BY p.due_at"
)
_ESCALATIONS = text(
    "SELECT t.id AS ticket_id, t.number, t.subject, c.name AS category, e.decide_by AS due_at FROM escalation e "
    "JOIN ticket t ON t.brand_id = e.brand_id AND t.id = e.ticket_id "
    "JOIN category c ON c.brand_id = t.brand_id AND c.key = t.category "
    "WHERE e.brand_id = :brand AND e.state = 'open' ORDER BY e.decide_by LIMIT :shown"
)
