"""Statements and a year's payments as rows of a file, the same as programs are told.

A row holds ids, numbers and moments that never change, no names: the file of a closed month is the same bytes
whenever it is made, also after somebody was renamed or erased.
"""

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime

from sqlalchemy import text

from billing.months import month_bounds, year_bounds
from billing.statements import LINES_PER_FETCH, RETURNED, SENT, WORKER_CODES, movements_of, opening_of
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, WorkerId

Row = tuple[str | int, ...]

STATEMENT_COLUMNS = (
    *("at", "entry", "posting", "brand", "ticket", "ticket_reference", "transfer"),
    *("amount_minor", "balance_minor", "currency"),
)
YEAR_COLUMNS = (
    *("year", "worker", "transfers", "transferred_minor", "reversed_minor", "paid_minor", "currency"),
    *("first_at", "last_at"),
)


def statement_rows(
    tx: Tx, *, month: str, currency: str, worker: WorkerId | None = None, brand: BrandId | None = None
) -> Generator[Row]:
    """STATEMENT_COLUMNS of the opening, each movement and the closing, in order. Raises BadMonth.

    Times are ISO 8601 in UTC, amounts whole minor units. The brand's own reference of a ticket is the brand's to see.
    """
    start, end = month_bounds(month)
    opening = opening_of(tx, month=month, currency=currency, worker=worker, brand=brand)
    balance = opening.amount_minor
    yield _balance_row(start, "opening", balance, currency)
    with closing(movements_of(tx, month=month, currency=currency, worker=worker, brand=brand)) as lines:
        for line in lines:
            balance += line.amount.amount_minor
            yield (
                written(line.at),
                line.kind,
                line.key,
                str(line.brand_id or ""),
                "" if line.ticket_number is None else line.ticket_number,
                (line.ticket_reference or "") if brand else "",
                line.transfer or "",
                line.amount.amount_minor,
                balance,
                currency,
            )
    yield _balance_row(end, "closing", balance, currency)


def year_rows(tx: Tx, *, year: str) -> Generator[Row]:
    """YEAR_COLUMNS of each worker and currency that was paid in a UTC year. Raises BadMonth.

    A payment counts in the year its transfer was accepted, tips and bonuses included; what was reversed of one
    counts against the year of the reversal. Seen by the platform alone.
    """
    start, end = year_bounds(year)
    asked = {"start": start, "end": end, "sent": SENT, "returned": RETURNED, "codes": list(WORKER_CODES)}
    with tx.execute(_PAID, asked, execution_options={"yield_per": LINES_PER_FETCH}) as rows:
        for row in rows:
            yield (
                year,
                str(row.worker_id),
                row.transfers,
                row.transferred,
                row.reversed,
                row.transferred - row.reversed,
                row.currency,
                written(row.first_at),
                written(row.last_at),
            )


def written(moment: datetime) -> str:
    """2026-11-30T23:59:59.999999Z: every digit, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _balance_row(at: datetime, entry: str, balance_minor: int, currency: str) -> Row:
    return (written(at), entry, "", "", "", "", "", "", balance_minor, currency)


_PAID = text(
    "SELECT a.worker_id, a.currency, "
    "count(*) FILTER (WHERE starts_with(t.key, :sent)) AS transfers, "
    "coalesce(sum(e.amount_minor) FILTER (WHERE starts_with(t.key, :sent)), 0)::bigint AS transferred, "
    "coalesce(sum(e.amount_minor) FILTER (WHERE starts_with(t.key, :returned)), 0)::bigint AS reversed, "
    "min(t.effective_at) AS first_at, max(t.effective_at) AS last_at "
    "FROM ledger_txn t JOIN ledger_entry e ON e.txn_id = t.id JOIN ledger_account a ON a.id = e.account_id "
    "WHERE t.effective_at >= :start AND t.effective_at < :end AND a.code = ANY(CAST(:codes AS text[])) "
    "AND (starts_with(t.key, :sent) OR starts_with(t.key, :returned)) "
    'GROUP BY a.worker_id, a.currency ORDER BY a.worker_id, a.currency COLLATE "C"'
)
