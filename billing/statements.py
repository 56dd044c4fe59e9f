"""A worker's statement for a UTC month: opening + movements = closing, and its transfers to the cent.

It is read from the ledger, so it cannot say anything else than the money did.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from billing.months import month_bounds
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import TooLarge
from marketplace.kernel.ids import WorkerId
from marketplace.kernel.money import Money

LINE_LIMIT = 10_000


class StatementTooLong(TooLarge):
    """This month has more than 10,000 lines. Ask for an export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One change of what is owed: earned and bonus lines are positive, taken back and paid are negative."""

    at: datetime
    kind: str
    ticket_number: int | None
    brand: str | None
    transfer: str | None
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was owed, what changed, what is owed, in one currency."""

    worker: WorkerId
    month: str
    currency: str
    opening: Money
    movements: tuple[Movement, ...]
    closing: Money

    @property
    def paid(self) -> Money:
        """The sum of the month's transfers."""
        total = sum(-line.amount.amount_minor for line in self.movements if line.kind == "sent")
        return Money(amount_minor=total, currency=self.currency)

    @property
    def earned(self) -> Money:
        total = sum(line.amount.amount_minor for line in self.movements if line.kind != "sent")
        return Money(amount_minor=total, currency=self.currency)


def statement(tx: Tx, *, worker: WorkerId, month: str, currency: str) -> Statement:
    """`worker`'s statement for `month` ("2026-11"). Raises BadMonth, StatementTooLong."""
    start, end = month_bounds(month)
    owner = {"worker": worker, "currency": currency, "start": start, "end": end, "limit": LINE_LIMIT + 1}
    opening = Money(amount_minor=tx.execute(_OPENING, owner).scalar_one(), currency=currency)
    movements = tuple(
        Movement(
            at=row.effective_at,
            kind=row.kind,
            ticket_number=row.number,
            brand=row.brand,
            transfer=row.transfer,
            amount=Money(amount_minor=row.amount, currency=currency),
        )
        for row in tx.execute(_MOVEMENTS, owner)
    )
    if len(movements) > LINE_LIMIT:
        raise StatementTooLong
    closing = opening
    for line in movements:
        closing = closing + line.amount
    return Statement(
        worker=worker, month=month, currency=currency, opening=opening, movements=movements, closing=closing
    )


def statement_months(tx: Tx, *, worker: WorkerId) -> list[tuple[str, str]]:
    """(month, currency) pairs in which anything happened, newest first."""
    return [(row.month, row.currency) for row in tx.execute(_MONTHS, {"worker": worker})]


_OWED = (
    "FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id JOIN ledger_txn t ON t.id = e.txn_id "
    "WHERE a.worker_id = :worker AND a.currency = :currency "
    "AND a.code IN ('worker_pending', 'worker_payable', 'worker_in_flight') "
)
_SIGNED = "sum(CASE WHEN e.side = a.normal THEN e.amount_minor ELSE -e.amount_minor END)"
_OPENING = text(f"SELECT coalesce({_SIGNED}, 0)::bigint {_OWED} AND t.effective_at < :start")
_MOVEMENTS = text(
    "SELECT m.effective_at, m.kind, m.amount, k.number, b.name AS brand, "  # noqa: S608 - constants only
    "CASE WHEN m.kind = 'sent' THEN substr(m.key, 6) END AS transfer "
    "FROM (SELECT t.id, t.kind, t.key, t.effective_at, t.ticket_id, "
    f"(array_agg(a.brand_id))[1] AS brand_id, {_SIGNED}::bigint AS amount {_OWED} "
    "AND t.effective_at >= :start AND t.effective_at < :end "
    f"GROUP BY t.id, t.kind, t.key, t.effective_at, t.ticket_id HAVING {_SIGNED} <> 0 "
    "ORDER BY t.effective_at, t.id LIMIT :limit) AS m "
    "LEFT JOIN ticket k ON k.brand_id = m.brand_id AND k.id = m.ticket_id "
    "LEFT JOIN brand b ON b.id = k.brand_id "
    "ORDER BY m.effective_at, m.id"
)
_MONTHS = text(
    "SELECT DISTINCT to_char(t.effective_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, a.currency "
    "FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id JOIN ledger_txn t ON t.id = e.txn_id "
    "WHERE a.worker_id = :worker ORDER BY month DESC, a.currency LIMIT 120"
)
