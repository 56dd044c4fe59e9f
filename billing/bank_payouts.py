"""What is seen of workers' banks: Stripe pays there by itself, and a bank may refuse, even days after it was paid.

Nothing of this moves money of ours: what a bank gave back lies on the worker's own balance at Stripe. What it means
is said to the worker, and a bank that refused three times in a row gets no transfer until it is another bank.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, Uuid, column, exists, select, table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from billing.bank_letters import bank_refused
from billing.bank_payout_models import BankPayout, BankPayoutState
from billing.observing import ObservedPayout
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.kernel.money import Money

log = structlog.get_logger()

FOLLOWERS: Mapping[BankPayoutState, frozenset[BankPayoutState]] = {
    BankPayoutState.PENDING: frozenset(BankPayoutState) - {BankPayoutState.PENDING},
    BankPayoutState.IN_TRANSIT: frozenset(
        {BankPayoutState.PAID, BankPayoutState.FAILED, BankPayoutState.CANCELED}
    ),
    BankPayoutState.PAID: frozenset({BankPayoutState.FAILED}),
    BankPayoutState.FAILED: frozenset(),
    BankPayoutState.CANCELED: frozenset(),
}
"""What a state may turn into. The database holds the same (0032_inbox.sql)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPayout:
    """A payout to a bank as the worker is told of it."""

    id: str
    amount: Money
    state: BankPayoutState
    failure_code: str | None
    arrives_at: datetime


def keep_payout(tx: Tx, *, worker: WorkerId, seen: ObservedPayout, now: datetime) -> None:
    """Keep a payout as it was just read, and tell the worker when his bank refused it.

    A state that cannot follow the last one is an older reading, and changes nothing.
    """
    first = insert(BankPayout).values(worker_id=worker, **_columns(seen), read_at=now)
    if tx.execute(first.on_conflict_do_nothing().returning(BankPayout.id)).first() is not None:
        before = None
    else:
        row = tx.get_one(BankPayout, seen.id, with_for_update=True, populate_existing=True)
        before = row.state
        if seen.state not in FOLLOWERS[before]:
            if seen.state is not before:
                log.warning("bank_payout.read_late", payout=seen.id, kept=before.value, read=seen.state.value)
            return
        row.state, row.failure_code, row.bank = seen.state, seen.failure_code, seen.bank
        row.arrives_at, row.read_at = seen.arrives_at, now
        tx.flush()
    log.info("bank_payout.seen", payout=seen.id, state=seen.state.value, before=before and before.value)
    if seen.state is BankPayoutState.FAILED:
        _tell(tx, worker=worker, seen=seen, now=now)


def newest_payout(tx: Tx, *, worker: WorkerId) -> SeenPayout | None:
    """The last payout that Stripe made to a worker's bank."""
    row = tx.scalars(
        select(BankPayout)
        .where(BankPayout.worker_id == worker)
        .order_by(BankPayout.created_at.desc(), BankPayout.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return SeenPayout(
        id=row.id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        state=row.state,
        failure_code=row.failure_code,
        arrives_at=row.arrives_at,
    )


def is_paused(tx: Tx, *, worker: WorkerId) -> bool:
    """Whether the worker's bank refused the last three payouts that ended there: then no transfer is made to him."""
    return bool(tx.scalar(select(exists().where(_PAUSE.c.worker_id == worker))))


def paused(worker: InstrumentedAttribute[WorkerId]) -> ColumnElement[bool]:
    """The same, as a condition on a column of workers."""
    return exists().where(_PAUSE.c.worker_id == worker)


_PAUSE = table("bank_pause", column("worker_id", Uuid))


def _columns(seen: ObservedPayout) -> dict[str, object]:
    return {
        "id": seen.id,
        "amount_minor": seen.amount_minor,
        "currency": seen.currency,
        "state": seen.state,
        "failure_code": seen.failure_code,
        "bank": seen.bank,
        "created_at": seen.created_at,
        "arrives_at": seen.arrives_at,
    }


def _tell(tx: Tx, *, worker: WorkerId, seen: ObservedPayout, now: datetime) -> None:
    address = tx.scalars(
        select(Person.email).join(Worker, Worker.person_id == Person.id).where(Worker.id == worker)
    ).one()
    words = bank_refused(
        amount=Money(amount_minor=seen.amount_minor, currency=seen.currency),
        failure_code=seen.failure_code,
        is_paused=is_paused(tx, worker=worker),
    )
    write_letter(tx, recipient=address, subject=words.subject, body=words.body, now=now)
