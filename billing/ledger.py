"""Posting to the double-entry ledger, and reading balances back.

The database keeps it balanced, append-only and above its floors (migrations, 0001_ledger.sql); this module
is the only caller of `post_ledger_txn`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import CheckViolation, UniqueViolation
from sqlalchemy import ColumnElement, case, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.models import LedgerAccount, LedgerEntry, LedgerTxn, Side
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, NotFound
from marketplace.kernel.ids import BrandId, TicketId, WorkerId, new_id
from marketplace.kernel.money import Money

FLOOR_CONSTRAINT = "ck_ledger_account_floor"
REVERSED_ONCE = "uq_ledger_txn_reverses"
KEY_REUSED = "HC001"
PERIOD_CLOSED = "HC035"


class InsufficientFunds(Conflict):
    """There is not enough money in the account for this."""


class LedgerKeyReused(Conflict):
    """This posting's key was used before for a different posting. Nothing was posted."""


class PeriodClosed(Conflict):
    """The books of that month are closed. A correction is dated today and names what it corrects."""


class AlreadyReversed(Conflict):
    """This transaction was reversed before, and is reversed at most once."""


class NotReversible(Conflict):
    """A reversal is not reversed: post what should stand instead."""


class NoSuchTransaction(NotFound):
    """There is no such transaction in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account by its code in the chart and its owner."""

    code: str
    brand: BrandId | None = None
    worker: WorkerId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    account: Account
    side: Side
    amount_minor: int


def debit(account: Account, amount_minor: int) -> Leg:
    return Leg(account=account, side=Side.DEBIT, amount_minor=amount_minor)


def credit(account: Account, amount_minor: int) -> Leg:
    return Leg(account=account, side=Side.CREDIT, amount_minor=amount_minor)


def post(
    tx: Tx,
    *,
    kind: str,
    key: str,
    currency: str,
    legs: Sequence[Leg],
    now: datetime,
    ticket: TicketId | None = None,
    corrects: UUID | None = None,
) -> bool:
    """Post `legs` once under `key`: True when posted, False when the very same was posted before.

    `now` is when it counts, `corrects` the transaction that it puts right. Legs of zero are left out. A
    transaction that posts more than once calls `lock_accounts` first. Raises InsufficientFunds when a floored
    account would fall below zero, LedgerKeyReused when the key carries another posting, and PeriodClosed when
    `now` is in a closed month. Each leaves the transaction usable.
    """
    rows = [_row(leg) for leg in legs if leg.amount_minor]
    links = {"reverses": None, "corrects": corrects}
    return _post(tx, kind=kind, key=key, currency=currency, rows=rows, now=now, ticket=ticket, links=links)


def reverse(tx: Tx, *, txn: UUID, now: datetime) -> bool:
    """Undo a transaction by its mirror image, dated `now`: True when undone, False when this did it before.

    Raises NoSuchTransaction, NotReversible for a reversal, AlreadyReversed when something else reversed it,
    PeriodClosed, and InsufficientFunds when the money has gone on since.
    """
    undone = tx.get(LedgerTxn, txn)
    if undone is None:
        raise NoSuchTransaction
    if undone.reverses is not None:
        raise NotReversible
    entries = tx.execute(
        select(LedgerEntry, LedgerAccount)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(LedgerEntry.txn_id == txn)
    ).all()
    rows = [_row(_mirrored(entry, account)) for entry, account in entries]
    return _post(
        tx,
        kind="reverse",
        key=f"reverse:{txn}",
        currency=entries[0][0].currency,
        rows=rows,
        now=now,
        ticket=undone.ticket_id,
        links={"reverses": txn, "corrects": None},
    )


def _mirrored(entry: LedgerEntry, account: LedgerAccount) -> Leg:
    owner = Account(code=account.code, brand=account.brand_id, worker=account.worker_id)
    side = Side.CREDIT if entry.side is Side.DEBIT else Side.DEBIT
    return Leg(account=owner, side=side, amount_minor=entry.amount_minor)


def _post(
    tx: Tx,
    *,
    kind: str,
    key: str,
    currency: str,
    rows: list[dict[str, object]],
    now: datetime,
    ticket: TicketId | None,
    links: Mapping[str, UUID | None],
) -> bool:
    parameters = {
        "id": new_id(),
        "kind": kind,
        "key": key,
        "fingerprint": _fingerprint(kind, currency, rows, links),
        "ticket": ticket,
        "effective": now,
        "currency": currency,
        "legs": json.dumps(rows),
        **links,
    }
    tx.flush()
    try:
        with tx.begin_nested():
            return bool(tx.execute(_POST, parameters).scalar_one())
    except IntegrityError as error:
        if isinstance(error.orig, CheckViolation) and error.orig.diag.constraint_name == FLOOR_CONSTRAINT:
            raise InsufficientFunds from error
        if isinstance(error.orig, UniqueViolation) and error.orig.diag.constraint_name == REVERSED_ONCE:
            raise AlreadyReversed from error
        raise
    except DBAPIError as error:
        refusal = _REFUSALS.get(getattr(error.orig, "sqlstate", None) or "")
        if refusal is not None:
            raise refusal from error
        raise


_REFUSALS = {KEY_REUSED: LedgerKeyReused, PERIOD_CLOSED: PeriodClosed}
_POST = text(
    "SELECT post_ledger_txn(:id, :kind, :key, :fingerprint, :ticket, :reverses, :corrects, :effective, "
    ":currency, CAST(:legs AS jsonb))"
)


def lock_accounts(tx: Tx, accounts: Iterable[tuple[Account, str]]) -> None:
    """Lock accounts, each with its currency, in the one order that keeps several postings from deadlocks."""
    named = [_owner(account) | {"currency": currency} for account, currency in accounts]
    tx.execute(_LOCK, {"accounts": json.dumps(named)})


_LOCK = text("SELECT lock_ledger_accounts(CAST(:accounts AS jsonb))")


def balance(tx: Tx, account: Account, *, currency: str) -> Money:
    """What stands on `account`, on its normal side; zero when nothing was ever posted to it."""
    total = tx.scalar(
        select(func.coalesce(func.sum(_signed()), 0))
        .select_from(LedgerEntry)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(
            LedgerAccount.code == account.code,
            LedgerAccount.brand_id.is_not_distinct_from(account.brand),
            LedgerAccount.worker_id.is_not_distinct_from(account.worker),
            LedgerAccount.currency == currency,
        )
    )
    return Money(amount_minor=int(total or 0), currency=currency)


def standing_for_ticket(tx: Tx, account: Account, *, ticket: TicketId, currency: str) -> Money:
    """What of `account` stands there for one ticket, on its normal side."""
    total = tx.scalar(
        select(func.coalesce(func.sum(_signed()), 0))
        .select_from(LedgerTxn)
        .join(LedgerEntry, LedgerEntry.txn_id == LedgerTxn.id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(
            LedgerTxn.ticket_id == ticket,
            LedgerAccount.code == account.code,
            LedgerAccount.brand_id.is_not_distinct_from(account.brand),
            LedgerAccount.worker_id.is_not_distinct_from(account.worker),
            LedgerAccount.currency == currency,
        )
    )
    return Money(amount_minor=int(total or 0), currency=currency)


def total_of(tx: Tx, code: str) -> int:
    """The sum over all owners of accounts with `code`, in minor units of whatever currency they hold."""
    total = tx.scalar(
        select(func.sum(_signed()))
        .select_from(LedgerEntry)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(LedgerAccount.code == code)
    )
    return int(total or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the ledger says of itself: no imbalance, no drift.

    `imbalance_minor` adds up how far each transaction is out, so that two errors cannot cancel out.
    """

    transactions: int
    imbalance_minor: int
    drifted_accounts: tuple[int, ...]


def proof(tx: Tx) -> Proof:
    """Recompute the ledger: debits less credits, and kept balances and versions against their entries."""
    return Proof(
        transactions=tx.scalar(select(func.count()).select_from(LedgerTxn)) or 0,
        imbalance_minor=int(tx.execute(_IMBALANCE).scalar_one()),
        drifted_accounts=tuple(tx.execute(_DRIFTED).scalars()),
    )


_IMBALANCE = text(
    "SELECT coalesce(sum(abs(difference)), 0) FROM ("
    "SELECT sum(CASE side WHEN 'D' THEN amount_minor ELSE -amount_minor END) AS difference "
    "FROM ledger_entry GROUP BY txn_id, currency) AS txn"
)
_DRIFTED = text(
    "SELECT a.id FROM ledger_account a LEFT JOIN ledger_entry e ON e.account_id = a.id "
    "WHERE a.floor_zero GROUP BY a.id "
    "HAVING a.balance_minor <> coalesce(sum(CASE WHEN e.side = a.normal THEN e.amount_minor "
    "ELSE -e.amount_minor END), 0) OR a.version <> count(e.id) "
    "OR a.version <> coalesce(max(e.account_version), 0) ORDER BY a.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One leg as people read it, with the transaction it belongs to."""

    txn: UUID
    kind: str
    key: str
    code: str
    brand: BrandId | None
    worker: WorkerId | None
    side: Side
    amount: Money
    posted_at: datetime


def postings_of_ticket(tx: Tx, ticket: TicketId) -> list[Posting]:
    """Every leg that this ticket caused, in the order they were posted."""
    rows = tx.execute(
        select(LedgerTxn, LedgerEntry, LedgerAccount)
        .join(LedgerEntry, LedgerEntry.txn_id == LedgerTxn.id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(LedgerTxn.ticket_id == ticket)
        .order_by(LedgerEntry.id)
    )
    return [_posting(txn, entry, account) for txn, entry, account in rows]


def movements(tx: Tx, account: Account, *, currency: str, limit: int = 50) -> list[Posting]:
    """The newest postings to one account."""
    rows = tx.execute(
        select(LedgerTxn, LedgerEntry, LedgerAccount)
        .join(LedgerEntry, LedgerEntry.txn_id == LedgerTxn.id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(
            LedgerAccount.code == account.code,
            LedgerAccount.brand_id.is_not_distinct_from(account.brand),
            LedgerAccount.worker_id.is_not_distinct_from(account.worker),
            LedgerAccount.currency == currency,
        )
        .order_by(LedgerEntry.id.desc())
        .limit(limit)
    )
    return [_posting(txn, entry, owner) for txn, entry, owner in rows]


def _posting(txn: LedgerTxn, entry: LedgerEntry, account: LedgerAccount) -> Posting:
    return Posting(
        txn=txn.id,
        kind=txn.kind,
        key=txn.key,
        code=account.code,
        brand=account.brand_id,
        worker=account.worker_id,
        side=entry.side,
        amount=Money(amount_minor=entry.amount_minor, currency=entry.currency),
        posted_at=txn.posted_at,
    )


def _signed() -> ColumnElement[int]:
    on_normal_side = LedgerEntry.side == LedgerAccount.normal
    return case((on_normal_side, LedgerEntry.amount_minor), else_=-LedgerEntry.amount_minor)


def _row(leg: Leg) -> dict[str, object]:
    if leg.amount_minor < 0:
        raise ValueError("A leg's amount is positive; its side says which way it goes.")
    return _owner(leg.account) | {"side": leg.side.value, "amount": leg.amount_minor}


def _owner(account: Account) -> dict[str, object]:
    return {
        "code": account.code,
        "brand": account.brand and str(account.brand),
        "worker": account.worker and str(account.worker),
    }


def _fingerprint(
    kind: str, currency: str, rows: list[dict[str, object]], links: Mapping[str, UUID | None]
) -> str:
    """One digest per posting, whatever the order of its legs."""
    legs = sorted(json.dumps(row, sort_keys=True) for row in rows)
    linked = sorted(f"{link}:{txn}" for link, txn in links.items() if txn is not None)
    return hashlib.sha256(json.dumps([kind, currency, legs, *linked]).encode()).hexdigest()
