"""Matching in the database, and the breaks it leaves: opened, looked after by somebody, resolved with a note.

Three hours are enough for our side to post what Stripe did, a day for Stripe to show what we posted. What a
person has resolved counts as said on both sides: if the money does not agree then, the proof fails.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, text

from billing.books_models import BalanceMatch, BookBreak, BreakKind, Part
from billing.matching import Entry, Pairing, Record, pair
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import PersonId, new_id

IN_LEDGER_WITHIN = timedelta(hours=3)
IN_STRIPE_WITHIN = timedelta(hours=24)
SHORTEST_NOTE = 3

log = structlog.get_logger()


class BreakNotFound(NotFound):
    """There is no such break."""


class AlreadyResolved(Conflict):
    """This break has been resolved already."""


class SomebodyElses(Conflict):
    """Somebody else looks after this break. Take it over first."""


class NoteMissing(Invalid):
    """Say in a few words how it was put right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What one pass matched, and what is still said on one side alone, in minor units by currency."""

    matches: int
    only_at_stripe: Mapping[str, int]


def match_all(tx: Tx, *, now: datetime) -> Matched:
    """Match what can be and keep the breaks: opened, turned late, or settled by what came since."""
    tx.execute(_ONE_AT_A_TIME)
    records, entries = _open_records(tx), _open_entries(tx)
    found = pair([one.record for one in records], [one.entry for one in entries])
    tx.add_all(
        BalanceMatch(transaction_id=one.record.id, part=one.part, entry_id=one.entry.id, matched_at=now)
        for one in found.agreeing
    )
    tx.flush()
    _settle(tx, now)
    read = {one.record.id: one.imported_at for one in records}
    pending = {one.record.id for one in records if one.is_pending}
    posted = {one.entry.id: one.posted_at for one in entries}
    _open_breaks(tx, found, read=read, pending=pending, posted=posted, now=now)
    return Matched(matches=len(found.agreeing), only_at_stripe=_sums(found))


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('the books'))")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    record: Record
    imported_at: datetime
    is_pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    entry: Entry
    posted_at: datetime


def _open_records(tx: Tx) -> list[_Read]:
    rows = tx.execute(_OPEN_RECORDS)
    return [
        _Read(
            record=Record(
                id=row.id,
                amount_minor=row.amount_minor,
                fee_minor=row.fee_minor,
                currency=row.currency,
                refs=frozenset(row.refs),
                open_parts=frozenset(
                    part
                    for part, is_open in ((Part.AMOUNT, row.amount_open), (Part.FEE, row.fee_open))
                    if is_open
                ),
            ),
            imported_at=row.imported_at,
            is_pending=row.status == "pending",
        )
        for row in rows
    ]


_OPEN_RECORDS = text("""
SELECT * FROM (
    SELECT b.id, b.amount_minor, b.fee_minor, b.currency, b.created_at, b.imported_at, b.status,
        b.refs || ARRAY(SELECT v.object_id FROM invoice_movement v WHERE v.payment_intent = ANY (b.refs)) AS refs,
        b.amount_minor <> 0 AND coalesce(NOT 'amount' = ANY (said.parts), true) AS amount_open,
        b.fee_minor <> 0 AND coalesce(NOT 'fee' = ANY (said.parts), true) AS fee_open
    FROM balance_transaction b LEFT JOIN (
        SELECT transaction_id, array_agg(part) AS parts, bool_or(part = 'net') AS whole FROM (
            SELECT transaction_id, part FROM balance_match
            UNION ALL SELECT transaction_id, part FROM book_break
                WHERE resolved_by IS NOT NULL AND kind <> 'unknown_type' AND transaction_id IS NOT NULL
        ) AS one GROUP BY transaction_id
    ) AS said ON said.transaction_id = b.id
    WHERE said.whole IS NOT TRUE
) AS record WHERE amount_open OR fee_open ORDER BY created_at, id
""")


def _open_entries(tx: Tx) -> list[_Posted]:
    return [
        _Posted(
            entry=Entry(
                id=row.id, minor=int(row.minor), currency=row.currency, refs=frozenset(row.key.split(":"))
            ),
            posted_at=row.posted_at,
        )
        for row in tx.execute(_OPEN_ENTRIES)
    ]


_OPEN_ENTRIES = text("SELECT id, minor, currency, key, posted_at FROM book_entry WHERE is_open ORDER BY id")


def _sums(found: Pairing) -> dict[str, int]:
    """What Stripe says and the ledger does not, by currency: differing parts count whole."""
    sums: dict[str, int] = {}
    alone = [*found.only_at_stripe, *((one.record, one.part) for one in found.differing)]
    for record, part in alone:
        sums[record.currency] = sums.get(record.currency, 0) + record.minor(part)
    return sums


def _settle(tx: Tx, now: datetime) -> None:
    """A live break whose other side came: late when that took more than a day, else over by itself."""
    for row in tx.execute(_CAME, {"late": IN_STRIPE_WITHIN}):
        one = tx.get_one(BookBreak, row.id)
        if not row.late:
            one.resolved_at, one.note = now, "The other side came by itself."
            continue
        one.kind, one.transaction_id, one.part = BreakKind.LATE, row.transaction_id, Part(row.part)
        one.entry_id, one.stripe_minor, one.ledger_minor = row.entry_id, int(row.minor), int(row.minor)
        log.warning("books.late", movement=row.transaction_id)
    tx.flush()


_CAME = text("""
SELECT k.id, m.transaction_id, m.part, m.entry_id,
    CASE m.part WHEN 'amount' THEN b.amount_minor WHEN 'fee' THEN -b.fee_minor
                ELSE b.amount_minor - b.fee_minor END AS minor,
    k.kind = 'not_in_stripe' OR t.posted_at - b.imported_at > :late AS late
FROM book_break k
JOIN balance_match m ON CASE WHEN k.transaction_id IS NULL THEN m.entry_id = k.entry_id
                             ELSE m.transaction_id = k.transaction_id AND m.part IN (k.part, 'net') END
JOIN balance_transaction b ON b.id = m.transaction_id
JOIN ledger_entry e ON e.id = m.entry_id JOIN ledger_txn t ON t.id = e.txn_id
WHERE k.resolved_at IS NULL AND k.kind NOT IN ('unknown_type', 'late')
""")


def _open_breaks(
    tx: Tx,
    found: Pairing,
    *,
    read: Mapping[str, datetime],
    pending: Collection[str],
    posted: Mapping[int, datetime],
    now: datetime,
) -> None:
    live = _Live(tx)
    for both in found.differing:
        live.note(BreakKind.AMOUNT_DIFFERS, (both.record, both.part), both.entry, now)
    for record, part in found.only_at_stripe:
        not_due = (
            part is Part.FEE and record.id in pending
        )  # an invoice's fee is posted when its money is available
        if read[record.id] < now - IN_LEDGER_WITHIN and not not_due:
            live.note(BreakKind.NOT_IN_LEDGER, (record, part), None, now)
    for entry in found.only_in_ledger:
        if posted[entry.id] < now - IN_STRIPE_WITHIN:
            live.note(BreakKind.NOT_IN_STRIPE, None, entry, now)
    tx.flush()


class _Live:
    """The live breaks, by what they are about: one each."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        wanted = (
            BookBreak.resolved_at.is_(None),
            BookBreak.kind.not_in([BreakKind.UNKNOWN_TYPE, BreakKind.LATE]),
        )
        rows = tx.scalars(select(BookBreak).where(*wanted)).all()
        self._by_part = {(one.transaction_id, one.part): one for one in rows if one.transaction_id}
        self._by_entry = {one.entry_id: one for one in rows if one.entry_id is not None}

    def note(
        self, kind: BreakKind, at_stripe: tuple[Record, Part] | None, entry: Entry | None, now: datetime
    ) -> None:
        of_part = self._by_part.get((at_stripe[0].id, at_stripe[1])) if at_stripe else None
        of_entry = self._by_entry.get(entry.id) if entry else None
        if of_part and of_entry and of_part is not of_entry:
            of_entry.resolved_at, of_entry.note = now, "It is about a movement that has a break of its own."
            self._tx.flush()
        one = of_part or of_entry or self._new(entry.currency if entry else _currency(at_stripe), now)
        one.kind = kind
        one.transaction_id, one.part = (at_stripe[0].id, at_stripe[1]) if at_stripe else (None, None)
        one.entry_id = entry.id if entry else None
        one.stripe_minor = at_stripe[0].minor(at_stripe[1]) if at_stripe else 0
        one.ledger_minor = entry.minor if entry else 0
        self._tx.add(one)

    @staticmethod
    def _new(currency: str, now: datetime) -> BookBreak:
        log.error("books.break_opened", currency=currency)
        return BookBreak(id=new_id(), currency=currency, opened_at=now, note="")


def _currency(at_stripe: tuple[Record, Part] | None) -> str:
    assert at_stripe is not None, "a break is about something"
    return at_stripe[0].currency


def take_break(tx: Tx, *, break_id: UUID, person: PersonId) -> BookBreak:
    """`person` looks after it from now on, whoever did before."""
    one = _live_break(tx, break_id)
    one.owner_id = person
    return one


def resolve_break(tx: Tx, *, break_id: UUID, person: PersonId, note: str, now: datetime) -> BookBreak:
    """Close it, with how it was put right. Raises SomebodyElses, NoteMissing, AlreadyResolved."""
    one = _live_break(tx, break_id)
    if one.owner_id not in {None, person}:
        raise SomebodyElses
    if len(note.strip()) < SHORTEST_NOTE:
        raise NoteMissing
    one.owner_id = one.resolved_by = person
    one.resolved_at, one.note = now, note.strip()
    tx.flush()
    log.info("books.break_resolved", book_break=str(one.id), person=str(person))
    return one


def break_of(tx: Tx, break_id: UUID) -> BookBreak:
    """The break, locked. Raises BreakNotFound."""
    one = tx.get(BookBreak, break_id, with_for_update=True)
    if one is None:
        raise BreakNotFound
    return one


def open_breaks(tx: Tx) -> Sequence[BookBreak]:
    """All that are open, the oldest first; late ones, which hold up nothing, last."""
    live = select(BookBreak).where(BookBreak.resolved_at.is_(None))
    return tx.scalars(
        live.order_by(BookBreak.kind == BreakKind.LATE, BookBreak.opened_at, BookBreak.id)
    ).all()


def _live_break(tx: Tx, break_id: UUID) -> BookBreak:
    one = break_of(tx, break_id)
    if one.resolved_at is not None:
        raise AlreadyResolved
    return one
