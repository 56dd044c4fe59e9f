"""A worker's or a brand's statement for a UTC month: opening + movements = closing, and transfers to the cent.

It is read from the ledger, so it cannot say anything else than the money did. What is told are changes of what is
owed to the worker, or of what is left to the brand: between accounts of one owner nothing moves.
"""

from collections.abc import Generator, Iterator
from contextlib import closing as closing_after
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import text

from billing.months import month_bounds
from billing.periods import closed_through
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import TooLarge
from marketplace.kernel.ids import BrandId, WorkerId
from marketplace.kernel.money import Money

LINE_LIMIT = 10_000
LINES_PER_FETCH = 1_000
MONTHS_SHOWN = 120
SENT = "sent:"
RETURNED = "trr:"
"""How the keys of transfers and of their reversals begin."""

WORKER_CODES = ("worker_pending", "worker_held", "worker_payable", "worker_in_flight", "worker_receivable")
BRAND_CODES = ("brand_wallet", "brand_reserved", "brand_promo", "brand_receivable")


class StatementTooLong(TooLarge):
    """This month has more than 10,000 lines. Load it as a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One change of what is owed or left: earned and topped up are positive, taken back and paid are negative."""

    at: datetime
    kind: str
    key: str
    ticket_number: int | None
    ticket_reference: str | None
    brand_id: BrandId | None
    brand: str | None
    amount: Money

    @property
    def transfer(self) -> str | None:
        return self.key.removeprefix(SENT) if self.key.startswith(SENT) else None

    @property
    def is_payment(self) -> bool:
        """Whether money went to the worker's account at Stripe, or came back from there."""
        return self.key.startswith((SENT, RETURNED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was owed or left, what changed, what is; in one currency. It is final once its month is closed."""

    worker: WorkerId | None
    brand: BrandId | None
    month: str
    currency: str
    opening: Money
    movements: tuple[Movement, ...]
    closing: Money
    is_final: bool

    @property
    def transferred(self) -> Money:
        """The sum of the month's transfers."""
        return self._sum(-line.amount.amount_minor for line in self.movements if line.transfer)

    @property
    def paid(self) -> Money:
        """The month's transfers less what was reversed of them."""
        return self._sum(-line.amount.amount_minor for line in self.movements if line.is_payment)

    @property
    def earned(self) -> Money:
        return self._sum(line.amount.amount_minor for line in self.movements if not line.is_payment)

    def _sum(self, amounts: Iterator[int]) -> Money:
        return Money(amount_minor=sum(amounts), currency=self.currency)


def statement(
    tx: Tx, *, month: str, currency: str, worker: WorkerId | None = None, brand: BrandId | None = None
) -> Statement:
    """The statement of `worker`, or of `brand`, for `month` ("2026-11"). Raises BadMonth, StatementTooLong."""
    opening = opening_of(tx, month=month, currency=currency, worker=worker, brand=brand)
    with closing_after(movements_of(tx, month=month, currency=currency, worker=worker, brand=brand)) as lines:
        movements = tuple(islice(lines, LINE_LIMIT + 1))
    if len(movements) > LINE_LIMIT:
        raise StatementTooLong
    closing = opening
    for line in movements:
        closing = closing + line.amount
    last = closed_through(tx)
    return Statement(
        worker=worker,
        brand=brand,
        month=month,
        currency=currency,
        opening=opening,
        movements=movements,
        closing=closing,
        is_final=last is not None and month_bounds(month)[0].date() <= last,
    )


def opening_of(
    tx: Tx, *, month: str, currency: str, worker: WorkerId | None = None, brand: BrandId | None = None
) -> Money:
    """What was owed or left when `month` began. Raises BadMonth."""
    start, _ = month_bounds(month)
    asked = _owner(worker, brand) | {"currency": currency, "start": start}
    return Money(amount_minor=tx.execute(_OPENING, asked).scalar_one(), currency=currency)


def movements_of(
    tx: Tx, *, month: str, currency: str, worker: WorkerId | None = None, brand: BrandId | None = None
) -> Generator[Movement]:
    """The month's movements in order, fetched as they are read: a month may have any number. Raises BadMonth."""
    start, end = month_bounds(month)
    asked = _owner(worker, brand) | {"currency": currency, "start": start, "end": end}
    with tx.execute(_MOVEMENTS, asked, execution_options={"yield_per": LINES_PER_FETCH}) as rows:
        for row in rows:
            yield Movement(
                at=row.effective_at,
                kind=row.kind,
                key=row.key,
                ticket_number=row.number,
                ticket_reference=row.external_id,
                brand_id=row.brand_id,
                brand=row.brand,
                amount=Money(amount_minor=row.amount, currency=currency),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthMoved:
    """A month of one currency in which something moved: what was paid out, and what was owed or left at its end."""

    month: date
    paid: Money
    closing: Money


def months_moved(
    tx: Tx, *, worker: WorkerId | None = None, brand: BrandId | None = None, limit: int = MONTHS_SHOWN
) -> list[MonthMoved]:
    """Month and currency in which anything moved, newest first."""
    asked = _owner(worker, brand) | {"limit": limit, "sent": SENT, "returned": RETURNED}
    return [
        MonthMoved(
            month=row.month,
            paid=Money(amount_minor=row.paid, currency=row.currency),
            closing=Money(amount_minor=row.closing, currency=row.currency),
        )
        for row in tx.execute(_MONTHS, asked)
    ]


def statement_months(tx: Tx, *, worker: WorkerId) -> list[tuple[str, str]]:
    """(month, currency) pairs in which anything moved, newest first."""
    return [(f"{one.month:%Y-%m}", one.closing.currency) for one in months_moved(tx, worker=worker)]


def _owner(worker: WorkerId | None, brand: BrandId | None) -> dict[str, UUID | list[str] | None]:
    if (worker is None) == (brand is None):
        raise ValueError("A statement is a worker's or a brand's.")
    return {"worker": worker, "brand": brand, "codes": list(BRAND_CODES if worker is None else WORKER_CODES)}


_SIGNED = "sum(CASE e.side WHEN 'C' THEN e.amount_minor ELSE -e.amount_minor END)"
_OWNED = (
    "FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_txn t ON t.id = e.txn_id "
    "WHERE a.code = ANY(CAST(:codes AS text[])) AND a.worker_id IS NOT DISTINCT FROM CAST(:worker AS uuid) "
    "AND (CAST(:brand AS uuid) IS NULL OR a.brand_id = CAST(:brand AS uuid)) "
)
_OPENING = text(
    f"SELECT coalesce({_SIGNED}, 0)::bigint {_OWNED} AND a.currency = :currency AND t.effective_at < :start"
)
_MOVEMENTS = text(
    "SELECT m.effective_at, m.kind, m.key, m.amount, m.brand_id, k.number, k.external_id, b.name AS brand "  # noqa: S608 - constants only
    "FROM (SELECT t.id, t.kind, t.key, t.effective_at, t.ticket_id, "
    f"(array_agg(a.brand_id))[1] AS brand_id, {_SIGNED}::bigint AS amount {_OWNED} "
    "AND a.currency = :currency AND t.effective_at >= :start AND t.effective_at < :end "
    f"GROUP BY t.id, t.kind, t.key, t.effective_at, t.ticket_id HAVING {_SIGNED} <> 0) AS m "
    "LEFT JOIN ticket k ON k.brand_id = m.brand_id AND k.id = m.ticket_id "
    "LEFT JOIN brand b ON b.id = k.brand_id "
    "ORDER BY m.effective_at, m.id"
)
_MONTHS = text(
    "SELECT month, currency, paid, sum(net) OVER (PARTITION BY currency ORDER BY month)::bigint AS closing "  # noqa: S608
    "FROM (SELECT date_trunc('month', t.effective_at AT TIME ZONE 'UTC')::date AS month, a.currency, "
    f"{_SIGNED}::bigint AS net, coalesce(-{_SIGNED} "
    "FILTER (WHERE starts_with(t.key, :sent) OR starts_with(t.key, :returned)), 0)::bigint AS paid "
    f"{_OWNED} GROUP BY 1, 2) AS by_month "
    'ORDER BY month DESC, currency COLLATE "C" LIMIT :limit'
)
