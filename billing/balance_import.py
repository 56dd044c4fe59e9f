"""Stripe's record of our balance, copied row by row; what only that record tells is posted as it is read.

Read by an overlapping window of creation times, never "up to the last one known": Stripe shows some movements
late. A movement is kept once, whole; what changed since is written over it, and its matches are tried anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from billing.accounts import BANK, STRIPE_AVAILABLE, STRIPE_FEES, STRIPE_PENDING, STRIPE_RESERVE, SUSPENSE
from billing.balance_types import PostedBy, key_of, posted_by
from billing.books_models import BalanceMatch, BalanceTransaction, BookBreak, BreakKind, Part
from billing.books_port import BooksPort, Movement
from billing.ledger import Account, LedgerKeyReused, Leg, credit, debit, post
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import new_id

WINDOW = timedelta(days=7)
OLDEST_PENDING = timedelta(days=60)
ROWS_PER_COMMIT = 500

_AGAINST = {
    PostedBy.BOOKS_TO_BANK: BANK,
    PostedBy.BOOKS_TO_FEES: STRIPE_FEES,
    PostedBy.BOOKS_TO_RESERVE: STRIPE_RESERVE,
    PostedBy.BOOKS_TO_SUSPENSE: SUSPENSE,
}
_WHAT_STRIPE_SAID = ("type", "amount_minor", "fee_minor", "currency", "source", "refs", "status", "raw")

log = structlog.get_logger()


def import_movements(database: Database, port: BooksPort) -> int:
    """Read the window anew, with no transaction open while Stripe is asked; how many movements are new."""
    with database.transaction() as tx:
        since = _since(tx)
    fresh = 0
    for movements in _batched(port.movements(since=since)):
        with database.transaction() as tx:
            fresh += _keep(tx, movements, app_now(tx))
    return fresh


def _since(tx: Tx) -> datetime | None:
    """A week before the newest, by Stripe's clock, or as far as one that is still pending; at first, everything."""
    newest: datetime | None = tx.scalar(select(func.max(BalanceTransaction.created_at)))
    if newest is None:
        return None
    oldest: datetime | None = tx.scalar(
        select(func.min(BalanceTransaction.created_at)).where(
            BalanceTransaction.status == "pending", BalanceTransaction.created_at > newest - OLDEST_PENDING
        )
    )
    return min(newest - WINDOW, oldest) if oldest else newest - WINDOW


def _batched(movements: Iterable[Movement]) -> Iterable[Sequence[Movement]]:
    batch: list[Movement] = []
    for one in movements:
        batch.append(one)
        if len(batch) == ROWS_PER_COMMIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _keep(tx: Tx, movements: Sequence[Movement], now: datetime) -> int:
    known = _known(tx, movements)
    for one in movements:
        before = known.get(one.id)
        if before is None:
            _write(tx, one, now)
            _post_own(tx, one, now)
        elif _said(before) != _said(one):
            _write(tx, one, now)
            _follow(tx, before, one, now)
    return len(movements) - len(known)


def _known(tx: Tx, movements: Sequence[Movement]) -> Mapping[str, BalanceTransaction]:
    ids = [one.id for one in movements]
    rows = tx.scalars(select(BalanceTransaction).where(BalanceTransaction.id.in_(ids)).with_for_update())
    found = {row.id: row for row in rows}
    tx.expunge_all()  # what follows compares with these as they were
    return found


def _said(row: Movement | BalanceTransaction) -> tuple[object, ...]:
    return (row.type, row.amount_minor, row.fee_minor, row.currency, row.status)


def _write(tx: Tx, one: Movement, now: datetime) -> None:
    values = {name: getattr(one, name) for name in _WHAT_STRIPE_SAID} | {"refs": list(one.refs)}
    row = insert(BalanceTransaction).values(id=one.id, created_at=one.created_at, imported_at=now, **values)
    again = values | {"imported_at": now}  # what is new in it has its own time to be posted
    tx.execute(row.on_conflict_do_update(index_elements=[BalanceTransaction.id], set_=again))


def _follow(tx: Tx, before: BalanceTransaction, one: Movement, now: datetime) -> None:
    """A movement that became available moves on; one that says something else is matched anew."""
    if _said(before)[:-1] != _said(one)[:-1]:
        log.error("books.movement_changed", movement=one.id, was=before.amount_minor, is_now=one.amount_minor)
        tx.execute(delete(BalanceMatch).where(BalanceMatch.transaction_id == one.id))
    elif posted_by(one.type) is not PostedBy.COMMANDS and (before.status, one.status) == (
        "pending",
        "available",
    ):
        net = one.amount_minor - one.fee_minor
        _post(tx, one, "available", f"avail:{one.id}", _moved(STRIPE_AVAILABLE, STRIPE_PENDING, net), now)


def _post_own(tx: Tx, one: Movement, now: datetime) -> None:
    """Post what no command of ours knows of. Of an unknown type a person must hear."""
    by = posted_by(one.type)
    if by is PostedBy.COMMANDS:
        return
    at_stripe = STRIPE_PENDING if one.status == "pending" else STRIPE_AVAILABLE
    key = key_of(one.type, transaction=one.id, source=one.source)
    legs = [
        *_moved(at_stripe, _AGAINST[by], one.amount_minor),
        *_moved(at_stripe, STRIPE_FEES, -one.fee_minor),
    ]
    _post(tx, one, "stripe_record", key, legs, now)
    if by is PostedBy.BOOKS_TO_SUSPENSE:
        _open_unknown(tx, one, now)


def _post(tx: Tx, one: Movement, kind: str, key: str, legs: Sequence[Leg], now: datetime) -> None:
    """What somebody posted under this key in other words stays, and shows as a break."""
    if not any(leg.amount_minor for leg in legs):
        return
    try:
        post(tx, kind=kind, key=key, currency=one.currency, legs=legs, now=now)
    except LedgerKeyReused:
        log.error("books.posted_otherwise", movement=one.id, key=key)


def _moved(at_stripe: Account, against: Account, minor: int) -> list[Leg]:
    """Legs of a signed amount: what Stripe gained is a debit there."""
    if minor >= 0:
        return [debit(at_stripe, minor), credit(against, minor)]
    return [debit(against, -minor), credit(at_stripe, -minor)]


def _open_unknown(tx: Tx, one: Movement, now: datetime) -> None:
    tx.add(
        BookBreak(
            id=new_id(),
            kind=BreakKind.UNKNOWN_TYPE,
            transaction_id=one.id,
            part=Part.NET,
            stripe_minor=one.amount_minor - one.fee_minor,
            ledger_minor=one.amount_minor - one.fee_minor,
            currency=one.currency,
            opened_at=now,
        )
    )
    tx.flush()
    log.error("books.unknown_type", movement=one.id, type=one.type)
