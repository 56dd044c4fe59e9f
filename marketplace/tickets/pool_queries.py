"""Cards of the pool: what a worker sees of a ticket before claiming it, in the order of claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.kernel.money import Money

CARDS_A_PAGE = 50
DEEPEST_PAGE = 20
COUNTED_UP_TO = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCard:
    """A waiting ticket before any claim: nothing personal, nothing of who looks."""

    ticket: TicketId
    number: int
    brand: str
    subject: str
    channel: str
    language: str
    category: str
    pay: Money
    expected_minutes: int
    due_at: datetime
    terms_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPage:
    cards: tuple[PoolCard, ...]
    page: int
    has_more: bool


def pool_for(tx: Tx, *, worker: WorkerId, page: int = 1) -> PoolPage:
    """One page of what `worker` may claim, in claim order: without own brands and what he gave back."""
    if not 1 <= page <= DEEPEST_PAGE:
        raise Invalid(f"Pages of the pool are numbered from 1 to {DEEPEST_PAGE}.")
    found = _cards(tx, _FOR_WORKER, worker=worker, limit=CARDS_A_PAGE + 1, offset=(page - 1) * CARDS_A_PAGE)
    return PoolPage(cards=found[:CARDS_A_PAGE], page=page, has_more=len(found) > CARDS_A_PAGE)


def next_best(tx: Tx, *, worker: WorkerId) -> PoolCard | None:
    """The first ticket in the order of the pool that `worker` may claim."""
    return next(iter(_cards(tx, _FOR_WORKER, worker=worker, limit=1, offset=0)), None)


def open_cards(tx: Tx, tickets: Sequence[TicketId]) -> dict[TicketId, PoolCard]:
    """The cards of those of `tickets` that are open now."""
    return {card.ticket: card for card in _cards(tx, _OF_TICKETS, tickets=list(tickets))}


def waiting(tx: Tx) -> int:
    """How many tickets wait in the pool, counted up to COUNTED_UP_TO."""
    return int(tx.execute(_WAITING, {"limit": COUNTED_UP_TO}).scalar_one())


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A ticket as the pool names it, whoever holds it."""

    subject: str
    brand: str


def find_in_pool(tx: Tx, ticket: TicketId) -> Named | None:
    row = tx.execute(_NAMED, {"ticket": ticket}).one_or_none()
    return None if row is None else Named(subject=row.subject, brand=row.brand)


def _cards(tx: Tx, query: TextClause, **asked: object) -> tuple[PoolCard, ...]:
    return tuple(
        PoolCard(
            ticket=TicketId(row.ticket_id),
            number=row.number,
            brand=row.brand,
            subject=row.subject,
            channel=row.channel,
            language=row.language,
            category=row.category,
            pay=Money(amount_minor=row.pay_minor, currency=row.currency),
            expected_minutes=row.expected_minutes,
            due_at=row.due_at,
            terms_version=row.terms_version,
        )
        for row in tx.execute(query, asked)
    )


_CARD = (
    "SELECT p.ticket_id, p.number, b.name AS brand, p.subject, p.channel, p.language, c.name AS category, "
    "p.pay_minor, p.currency, p.expected_minutes, p.due_at, t.version AS terms_version "
    "FROM pool_ticket p JOIN brand b ON b.id = p.brand_id "
    "JOIN category c ON c.brand_id = p.brand_id AND c.key = p.category "
    "JOIN terms t ON t.brand_id = p.brand_id AND t.id = p.terms_id WHERE p.state = 'open' "
)
_FOR_WORKER = text(
    f"{_CARD} AND NOT EXISTS (SELECT FROM release r WHERE r.ticket_id = p.ticket_id "  # noqa: S608 - constants
    "AND r.worker_id = :worker) "
    "AND NOT EXISTS (SELECT FROM member m JOIN worker w ON w.person_id = m.person_id "
    "WHERE m.brand_id = p.brand_id AND w.id = :worker) "
    "ORDER BY p.rank_at, p.ticket_id LIMIT :limit OFFSET :offset"
)
_OF_TICKETS = text(f"{_CARD} AND p.ticket_id = ANY(:tickets) ORDER BY p.rank_at, p.ticket_id")
_WAITING = text("SELECT count(*) FROM (SELECT FROM pool_ticket WHERE state = 'open' LIMIT :limit) AS o")
_NAMED = text(
    "SELECT p.subject, b.name AS brand FROM pool_ticket p JOIN brand b ON b.id = p.brand_id "
    "WHERE p.ticket_id = :ticket"
)
