"""The books: Stripe's record read, matched and proven against the ledger, sentence by sentence.

A proof that fails and a break that is open hold up payouts, by a function of the database. Between our reading
of Stripe's balance and of the ledger both go on moving: what only one side has said so far is counted out on
that side, and it becomes a break when the other stays silent.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, TextClause, func, select, text

from billing.balance_import import import_movements
from billing.books_models import BookBreak, BookRun, BreakKind
from billing.books_port import BooksPort
from billing.breaks import Matched, match_all
from billing.ledger import proof
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Unavailable
from marketplace.kernel.ids import new_id
from marketplace.kernel.money import exponent

EVERY = timedelta(hours=1)
AGAIN_AFTER_FAILURE = timedelta(minutes=5)
READINGS = 5
OFFENDERS_NAMED = 5

log = structlog.get_logger()


class StripeKeepsMoving(Unavailable):
    """Stripe's balance moved each time it was read, so nothing could be proven. It is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A sentence about money, whether it holds, and what was found."""

    what: str
    ok: bool
    said: str


def payouts_stopped_by_books(tx: Tx) -> str | None:
    """Why no payout may begin now, or None; what is already in doubt at Stripe is recovered all the same."""
    why: str | None = tx.execute(text("SELECT payouts_stopped_by_books()")).scalar_one()
    return why


def books_are_due(tx: Tx, *, now: datetime) -> bool:
    """Once an hour; five minutes after a failure; and at once when a break was resolved."""
    last = last_run(tx)
    if last is None:
        return True
    resolved = select(BookBreak.id).where(BookBreak.resolved_at > last.ran_at).limit(1)
    if tx.scalar(resolved) is not None:
        return True
    return now - last.ran_at >= (EVERY if last.ok else AGAIN_AFTER_FAILURE)


def last_run(tx: Tx) -> BookRun | None:
    return tx.scalars(
        select(BookRun).order_by(BookRun.ran_at.desc(), BookRun.id.desc()).limit(1)
    ).one_or_none()


def keep_books(database: Database, port: BooksPort) -> BookRun:
    """Import, match, prove, and keep what was found. Raises what the port raises, and StripeKeepsMoving."""
    held, imported = _still_reading(database, port)
    with database.transaction() as tx:
        now = app_now(tx)
        matched = match_all(tx, now=now)
        statements = [*_against_stripe(tx, held, matched), *ledger_statements(tx)]
        run = BookRun(
            id=new_id(),
            ran_at=now,
            ok=all(one.ok for one in statements),
            imported=imported,
            matched=matched.matches,
            open_breaks=_open(tx),
            statements=[asdict(one) for one in statements],
        )
        tx.add(run)
        tx.flush()
    if not run.ok:
        log.error("books.not_proven", failed=[one.what for one in statements if not one.ok])
    return run


def _still_reading(database: Database, port: BooksPort) -> tuple[Mapping[str, int], int]:
    """A balance that was the same before and after the record was read: the two belong together."""
    imported = 0
    before = port.held_by_currency()
    for _ in range(READINGS):
        imported += import_movements(database, port)
        after = port.held_by_currency()
        if after == before:
            return after, imported
        before = after
    raise StripeKeepsMoving


def _open(tx: Tx) -> int:
    live = (BookBreak.resolved_at.is_(None), BookBreak.kind != BreakKind.LATE)
    return tx.scalar(select(func.count()).select_from(BookBreak).where(*live)) or 0


def _against_stripe(tx: Tx, held: Mapping[str, int], matched: Matched) -> list[Statement]:
    return [
        *_balances(tx, held, matched),
        _breaks(tx),
        _from_rows(tx, "every transfer at Stripe is a payout of ours", _STRAY_TRANSFERS),
        _from_rows(tx, "every sent payout has exactly one transfer at Stripe", _PAYOUTS_WITHOUT_ONE),
    ]


def _balances(tx: Tx, held: Mapping[str, int], matched: Matched) -> list[Statement]:
    rows = {row.currency: row for row in tx.execute(_LEDGER)}
    currencies = sorted({*rows, *(currency for currency, minor in held.items() if minor)})
    return [
        _balance(
            currency,
            ledger=int(rows[currency].total) if currency in rows else 0,
            only_in_ledger=int(rows[currency].only_here) if currency in rows else 0,
            stripe=held.get(currency, 0),
            only_at_stripe=matched.only_at_stripe.get(currency, 0),
        )
        for currency in currencies
    ]


def _balance(
    currency: str, *, ledger: int, only_in_ledger: int, stripe: int, only_at_stripe: int
) -> Statement:
    difference = (stripe - only_at_stripe) - (ledger - only_in_ledger)
    said = f"ledger {amount(ledger, currency)}, Stripe {amount(stripe, currency)}"
    if only_in_ledger or only_at_stripe:
        said += (
            f"; not yet said by the other side: {amount(only_in_ledger, currency)} of the ledger's, "
            f"{amount(only_at_stripe, currency)} of Stripe's"
        )
    if difference:
        said += f"; {amount(difference, currency)} nobody accounts for"
    return Statement(
        what=f"the ledger equals Stripe's balance in {currency.upper()}", ok=not difference, said=said
    )


_LEDGER = text(
    "SELECT currency, sum(minor) AS total, coalesce(sum(minor) FILTER (WHERE is_open), 0) AS only_here "
    "FROM book_entry GROUP BY currency"
)


def _breaks(tx: Tx) -> Statement:
    count = _open(tx)
    return Statement(what="no break is open", ok=count == 0, said=f"{count} open")


# A payout whose answer we have not heard yet may have its transfer already.
_STRAY_TRANSFERS = text("""
SELECT b.source FROM balance_transaction b
LEFT JOIN payout p ON p.id::text = b.raw #>> '{source,metadata,payout_id}'
WHERE b.type = 'transfer' AND (p.id IS NULL OR p.stripe_transfer IS DISTINCT FROM b.source
    AND (p.stripe_transfer IS NOT NULL OR p.state NOT IN ('sending', 'unknown')))
LIMIT 100
""")
_PAYOUTS_WITHOUT_ONE = text("""
SELECT p.id::text FROM payout p
LEFT JOIN balance_transaction b ON b.type = 'transfer' AND b.source = p.stripe_transfer
WHERE p.state = 'accepted' AND (p.paid_at < app_now() - interval '24 hours' OR b.id IS NOT NULL)
GROUP BY p.id HAVING count(b.id) <> 1 LIMIT 100
""")


def ledger_statements(tx: Tx) -> list[Statement]:
    """What can be proven without asking Stripe."""
    found = proof(tx)
    return [
        Statement(
            what="debits equal credits",
            ok=found.imbalance_minor == 0,
            said=f"{found.transactions} transactions, difference {found.imbalance_minor}",
        ),
        Statement(
            what="balances equal their entries",
            ok=not found.drifted_accounts,
            said=f"{len(found.drifted_accounts)} accounts differ",
        ),
        *(_covered(row) for row in tx.execute(_COVER)),
        _suspense(tx),
        _from_rows(tx, "every sent payout names its transfer and is posted", _SENT_WITHOUT_POSTING),
        _from_rows(tx, "every sent earning has its payout", _EARNINGS_WITHOUT_PAYOUT),
    ]


def _covered(row: Row[Any]) -> Statement:
    currency, clients, cash = row.currency, int(row.clients), int(row.cash)
    said = f"{amount(clients, currency)} owed to brands and workers, {amount(cash, currency)} in cash"
    if clients > cash:
        said += f"; add {amount(clients - cash, currency)} of the platform's own money at Stripe"
    return Statement(what=f"clients' money is covered in {currency.upper()}", ok=clients <= cash, said=said)


# What clients owe the platform counts against what it owes them: a credit line in use, a clawback not netted yet.
# A bank account below zero is money that the platform brought in before the books began.
_COVER = text("""
SELECT currency, coalesce(sum(minor) FILTER (WHERE is_cash), 0) + greatest(sum(minor) FILTER (WHERE code = 'bank'), 0)
        AS cash,
    coalesce(-sum(minor) FILTER (WHERE NOT is_cash AND code <> 'bank'), 0) AS clients
FROM (
    SELECT a.currency, a.code, a.code IN ('stripe_pending', 'stripe_available', 'stripe_reserve') AS is_cash,
        sum(CASE e.side WHEN 'D' THEN e.amount_minor ELSE -e.amount_minor END) AS minor
    FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
    WHERE a.code IN ('stripe_pending', 'stripe_available', 'stripe_reserve', 'bank')
        OR starts_with(a.code, 'brand_') OR starts_with(a.code, 'worker_')
    GROUP BY a.currency, a.code
) AS account GROUP BY currency ORDER BY currency
""")


def _suspense(tx: Tx) -> Statement:
    """Money of an unknown kind may stand there while somebody looks at it, and no longer."""
    standing = [row.currency for row in tx.execute(_SUSPENSE)]
    said = (
        f"something stands there in {', '.join(one.upper() for one in standing)}" if standing else "nothing"
    )
    return Statement(what="nothing stands in suspense without a break", ok=not standing, said=said)


_SUSPENSE = text("""
SELECT e.currency FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
WHERE a.code = 'suspense_stripe' GROUP BY e.currency
HAVING sum(CASE e.side WHEN 'D' THEN e.amount_minor ELSE -e.amount_minor END) <> 0
    AND NOT EXISTS (SELECT FROM book_break k WHERE k.kind = 'unknown_type' AND k.resolved_at IS NULL
                    AND k.currency = e.currency)
""")
_SENT_WITHOUT_POSTING = text("""
SELECT p.id::text FROM payout p LEFT JOIN ledger_txn t ON t.key = 'sent:' || p.stripe_transfer
WHERE p.state = 'accepted' AND t.id IS NULL LIMIT 100
""")
_EARNINGS_WITHOUT_PAYOUT = text("""
SELECT e.id::text FROM earning e LEFT JOIN payout_line l ON l.earning_id = e.id AND NOT l.dropped
WHERE e.state = 'sent' AND l.earning_id IS NULL LIMIT 100
""")


def _from_rows(tx: Tx, what: str, asked: TextClause) -> Statement:
    offenders = [str(one) for one in tx.execute(asked).scalars()]
    named = f": {', '.join(offenders[:OFFENDERS_NAMED])}" if offenders else ""
    return Statement(what=what, ok=not offenders, said=f"{len(offenders)} without{named}")


def amount(minor: int, currency: str) -> str:
    """As people read it: 1,234.50 USD."""
    places = exponent(currency)
    whole, rest = divmod(abs(minor), 10**places)
    decimals = f".{rest:0{places}d}" if places else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{decimals} {currency.upper()}"
