"""Cards of the pool: what a worker sees of a ticket before claiming it, in the order of claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.lanes import primary_language

CARDS_A_PAGE = 50
DEEPEST_PAGE = 20
PASSED_OVER = 150  # how many tickets that are not for a worker may stand before those on his page
SEARCHED = 2_000  # how deep into each lane a filter that has no index looks


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCard:
    """A waiting ticket before any claim: nothing personal, nothing of who looks.

    `approval_basis_points` and `days_to_pay` are None of a brand that has not decided on enough yet.
    """

    ticket: TicketId
    number: int
    brand: str
    brand_slug: str
    subject: str
    channel: str
    language: str
    category: str
    skill: str
    lane: str
    pay: Money
    surge_basis_points: int
    expected_minutes: int
    due_at: datetime
    terms_version: int
    read_seconds: int
    reply_seconds: int
    newcomers_first: bool
    approval_basis_points: int | None
    days_to_pay: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFilters:
    """What a worker wants to see; the default is everything that he may claim. `brand` is a slug."""

    brand: str = ""
    language: str = ""
    channel: str = ""
    skill: str = ""
    minimum_pay_minor: int = 0
    longest_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPage:
    """`searched_all` False: the filters looked at the most urgent tickets only, and there are more."""

    cards: tuple[PoolCard, ...]
    page: int
    has_more: bool
    searched_all: bool = True


EVERYTHING = PoolFilters()


def pool_for(
    tx: Tx, *, worker: WorkerId, lanes: Sequence[str], filters: PoolFilters = EVERYTHING, page: int = 1
) -> PoolPage:
    """One page of what `worker` may claim in his `lanes`, in claim order, without own, hidden and stopped brands and
    what he gave back."""
    if not 1 <= page <= DEEPEST_PAGE:
        raise Invalid(f"Pages of the pool are numbered from 1 to {DEEPEST_PAGE}.")
    left = _lanes_left(lanes, filters)
    asked = {
        "worker": worker,
        "lanes": left,
        "searched": _depth(filters, left, page),
        "brand": filters.brand,
        "pay": filters.minimum_pay_minor,
        "minutes": filters.longest_minutes,
        "limit": CARDS_A_PAGE + 1,
        "offset": (page - 1) * CARDS_A_PAGE,
    }
    row = tx.execute(_FOR_WORKER if not filters.brand else _FOR_WORKER_OF_BRAND, asked).one()
    found = [TicketId(ticket) for ticket in row.tickets]
    cards = open_cards(tx, found)
    return PoolPage(
        cards=tuple(cards[ticket] for ticket in found[:CARDS_A_PAGE] if ticket in cards),
        page=page,
        has_more=len(found) > CARDS_A_PAGE,
        searched_all=not row.deeper,
    )


def next_best(tx: Tx, *, worker: WorkerId) -> PoolCard | None:
    """The first ticket in the order of the pool that `worker` may claim."""
    ticket = tx.execute(_NEXT_BEST, {"worker": worker}).scalar_one_or_none()
    return None if ticket is None else open_cards(tx, [TicketId(ticket)]).get(TicketId(ticket))


def open_cards(tx: Tx, tickets: Sequence[TicketId]) -> dict[TicketId, PoolCard]:
    """The cards of those of `tickets` that are open now."""
    return {card.ticket: card for card in _cards(tx, _OF_TICKETS, tickets=list(tickets))}


def lanes_of_worker(tx: Tx, *, worker: WorkerId) -> list[str]:
    """The lanes of the tickets that `worker` may claim."""
    lanes: list[str] = tx.execute(_LANES, {"worker": worker}).scalar_one()
    return lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A ticket as the pool names it, whoever holds it."""

    subject: str
    brand: str


def find_in_pool(tx: Tx, ticket: TicketId) -> Named | None:
    row = tx.execute(_NAMED, {"ticket": ticket}).one_or_none()
    return None if row is None else Named(subject=row.subject, brand=row.brand)


def _depth(filters: PoolFilters, lanes: Sequence[str], page: int) -> int:
    """How deep to look into each lane: to the end of the page and past what is not for this worker; deeper for filters
    that no index knows."""
    wanted = page * CARDS_A_PAGE + 1
    if filters.minimum_pay_minor or filters.longest_minutes:
        return max(SEARCHED // max(len(lanes), 1), wanted)
    return wanted + PASSED_OVER


def _lanes_left(lanes: Sequence[str], filters: PoolFilters) -> list[str]:
    """Those of `lanes` that `filters` leave."""
    wanted = (filters.channel, primary_language(filters.language), filters.skill)
    return [
        lane
        for lane in lanes
        if all(not word or word == part for word, part in zip(wanted, lane.split("/", 2), strict=True))
    ]


def _cards(tx: Tx, query: TextClause, **asked: object) -> tuple[PoolCard, ...]:
    return tuple(
        PoolCard(
            ticket=TicketId(row.ticket_id),
            number=row.number,
            brand=row.brand,
            brand_slug=row.brand_slug,
            subject=row.subject,
            channel=row.channel,
            language=row.language,
            category=row.category,
            skill=row.skill,
            lane=row.lane,
            pay=Money(amount_minor=row.pay_minor, currency=row.currency),
            surge_basis_points=row.surge_basis_points,
            expected_minutes=row.expected_minutes,
            due_at=row.due_at,
            terms_version=row.terms_version,
            read_seconds=row.read_seconds,
            reply_seconds=row.reply_seconds,
            newcomers_first=row.newcomers_first,
            approval_basis_points=row.approval_basis_points,
            days_to_pay=row.days_to_pay,
        )
        for row in tx.execute(query, asked)
    )


_LANES = text("SELECT email_lanes || chat_lanes FROM worker WHERE id = :worker")
_NEXT_BEST = text("SELECT next_best_ticket(:worker)")
# The heads of the worker's lanes, each by its index and no deeper than `searched`; then what is not for him goes.
# `deeper`: the page is not full, and a lane goes on below what was looked at.
_SEARCH = """
WITH who AS MATERIALIZED (
    SELECT brands_not_for(w) AS excluded, is_newcomer(w) AS newcomer,
        EXISTS (SELECT FROM kill_switch WHERE lifted_at IS NULL) AS stops
    FROM worker w WHERE w.id = :worker),
found AS MATERIALIZED (
    SELECT h.ticket_id, h.rank_at FROM who
    CROSS JOIN LATERAL unnest(CAST(:lanes AS text[])) AS l(lane)
    CROSS JOIN (VALUES (false), (true)) AS f(newcomers)
    CROSS JOIN LATERAL (
        SELECT p.ticket_id, p.brand_id, p.category, p.channel, p.rank_at, p.pay_minor, p.expected_minutes,
            p.newcomers_first
        FROM pool_ticket p WHERE p.state = 'open' AND p.lane = l.lane AND p.newcomers_first = f.newcomers {brand}
        ORDER BY p.rank_at, p.ticket_id LIMIT :searched) AS h
    WHERE h.brand_id <> ALL (who.excluded) AND h.pay_minor >= :pay
        AND (:minutes = 0 OR h.expected_minutes <= :minutes)
        AND (who.newcomer OR NOT h.newcomers_first)
        AND NOT (who.stops AND is_stopped(h.brand_id, h.category, h.channel))
        AND NOT EXISTS (SELECT FROM release r WHERE r.ticket_id = h.ticket_id AND r.worker_id = :worker)
    ORDER BY h.rank_at, h.ticket_id LIMIT :limit OFFSET :offset)
SELECT ARRAY(SELECT ticket_id FROM found ORDER BY rank_at, ticket_id) AS tickets,
    CASE WHEN (SELECT count(*) FROM found) = :limit THEN false ELSE EXISTS (
        SELECT FROM unnest(CAST(:lanes AS text[])) AS l(lane) CROSS JOIN LATERAL (
            SELECT count(*) AS open FROM (
                SELECT FROM pool_ticket p WHERE p.state = 'open' AND p.lane = l.lane AND NOT p.newcomers_first
                ORDER BY p.rank_at LIMIT :searched) AS head) AS h
        WHERE h.open >= :searched) END AS deeper
"""
_FOR_WORKER = text(_SEARCH.format(brand=""))
_FOR_WORKER_OF_BRAND = text(
    _SEARCH.format(brand="AND p.brand_id = (SELECT id FROM brand WHERE slug = :brand)")
)
_OF_TICKETS = text(
    "SELECT p.ticket_id, p.number, b.name AS brand, b.slug AS brand_slug, p.subject, p.channel, p.language, "
    "c.name AS category, p.skill, p.lane, p.pay_minor, p.currency, p.surge_basis_points, p.expected_minutes, "
    "p.due_at, t.version AS terms_version, l.read_seconds, l.reply_seconds, p.newcomers_first, "
    "s.approval_basis_points, s.days_to_pay "
    "FROM pool_ticket p JOIN brand b ON b.id = p.brand_id "
    "JOIN category c ON c.brand_id = p.brand_id AND c.key = p.category "
    "JOIN terms t ON t.brand_id = p.brand_id AND t.id = p.terms_id "
    "CROSS JOIN LATERAL (SELECT read_seconds, reply_seconds FROM lease_clock k WHERE k.channel = p.channel "
    "AND (k.brand_id = p.brand_id OR k.brand_id IS NULL) ORDER BY k.brand_id NULLS LAST LIMIT 1) AS l "
    "LEFT JOIN brand_stat s ON s.brand_id = p.brand_id "
    "WHERE p.state = 'open' AND p.ticket_id = ANY(:tickets) ORDER BY p.rank_at, p.ticket_id"
)
_NAMED = text(
    "SELECT p.subject, b.name AS brand FROM pool_ticket p JOIN brand b ON b.id = p.brand_id "
    "WHERE p.ticket_id = :ticket"
)
