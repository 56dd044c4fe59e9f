"""What finance reads of the books: today's proof, what is open, what waits for a second person, the days before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, cast, func, select

from billing.books import Statement, last_run, payouts_stopped_by_books
from billing.books_models import BalanceTransaction, BookBreak, BookRun, BreakKind, ManualPosting
from billing.breaks import open_breaks
from billing.models import LedgerEntry, LedgerTxn
from marketplace.accounts.models import Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import PersonId
from marketplace.kernel.money import Money

DAYS_SHOWN = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedPosting:
    """A correction by hand that waits for its second person."""

    id: UUID
    debit: str
    credit: str
    amount: Money
    reason: str
    proposer: PersonId
    proposer_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBreak:
    """Where Stripe and the ledger differ; `about` are the words of either side for it."""

    id: UUID
    kind: BreakKind
    about: tuple[str, ...]
    at_stripe: Money
    in_ledger: Money
    opened_at: datetime
    owner: PersonId | None
    owner_name: str
    postings: tuple[ProposedPosting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One UTC day's proofs: how many, how many failed, and the last."""

    day: date
    runs: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    ran_at: datetime | None
    ok: bool
    statements: tuple[Statement, ...]
    stopped: str | None
    breaks: tuple[OpenBreak, ...]
    days: tuple[Day, ...]


def books_now(tx: Tx) -> Books:
    """The last proof, and what is open."""
    run = last_run(tx)
    return Books(
        ran_at=run.ran_at if run else None,
        ok=run.ok if run else False,
        statements=tuple(Statement(**one) for one in run.statements) if run else (),
        stopped=payouts_stopped_by_books(tx),
        breaks=tuple(_breaks(tx, open_breaks(tx))),
        days=tuple(_days(tx)),
    )


def _breaks(tx: Tx, rows: Sequence[BookBreak]) -> list[OpenBreak]:
    movements = _types(tx, [one.transaction_id for one in rows if one.transaction_id])
    keys = _keys(tx, [one.entry_id for one in rows if one.entry_id is not None])
    proposed = _proposed(tx, [one.id for one in rows])
    names = _names(tx, {one.owner_id for one in rows if one.owner_id})
    return [
        OpenBreak(
            id=one.id,
            kind=one.kind,
            about=tuple(
                words
                for words in (
                    movements.get(one.transaction_id or ""),
                    keys.get(one.entry_id or 0),
                )
                if words
            ),
            at_stripe=Money(amount_minor=one.stripe_minor, currency=one.currency),
            in_ledger=Money(amount_minor=one.ledger_minor, currency=one.currency),
            opened_at=one.opened_at,
            owner=one.owner_id,
            owner_name=names[one.owner_id] if one.owner_id else "",
            postings=tuple(proposed.get(one.id, ())),
        )
        for one in rows
    ]


def _types(tx: Tx, ids: Sequence[str]) -> Mapping[str, str]:
    rows = tx.scalars(select(BalanceTransaction).where(BalanceTransaction.id.in_(ids)))
    return {row.id: " ".join((row.type, row.source or row.id)) for row in rows}


def _keys(tx: Tx, ids: Sequence[int]) -> Mapping[int, str]:
    rows = tx.execute(
        select(LedgerEntry.id, LedgerTxn.key)
        .join(LedgerTxn, LedgerTxn.id == LedgerEntry.txn_id)
        .where(LedgerEntry.id.in_(ids))
    )
    return {entry: key for entry, key in rows}


def _proposed(tx: Tx, breaks: Sequence[UUID]) -> Mapping[UUID, list[ProposedPosting]]:
    rows = tx.execute(
        select(ManualPosting, Person.name)
        .join(Person, Person.id == ManualPosting.proposed_by)
        .where(ManualPosting.break_id.in_(breaks), ManualPosting.approved_by.is_(None))
        .order_by(ManualPosting.proposed_at)
    )
    found: dict[UUID, list[ProposedPosting]] = {}
    for row, name in rows:
        found.setdefault(row.break_id, []).append(
            ProposedPosting(
                id=row.id,
                debit=row.debit,
                credit=row.credit,
                amount=Money(amount_minor=row.amount_minor, currency=row.currency),
                reason=row.reason,
                proposer=row.proposed_by,
                proposer_name=name,
            )
        )
    return found


def _names(tx: Tx, people: set[PersonId]) -> Mapping[PersonId, str]:
    rows = tx.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    return {person: name for person, name in rows}


def _days(tx: Tx) -> list[Day]:
    day = cast(func.timezone("UTC", BookRun.ran_at), Date)
    rows = tx.execute(
        select(day, func.count(), func.count().filter(~BookRun.ok))
        .group_by(day)
        .order_by(day.desc())
        .limit(DAYS_SHOWN)
    )
    return [Day(day=one, runs=runs, failed=failed) for one, runs, failed in rows]
