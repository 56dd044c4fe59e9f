"""Pay runs: drafted, submitted by one person, approved by another, released.

The database holds the four eyes and binds the signatures to the content (0001_ledger.sql).
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from psycopg.errors import CheckViolation
from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.accounts import in_flight, payable
from billing.gateway import transfer_params
from billing.ledger import Account, credit, debit, lock_accounts, post
from billing.models import (
    BatchState,
    CallState,
    Earning,
    EarningState,
    Payout,
    PayoutBatch,
    PayoutLine,
    PayoutState,
    StripeAccount,
    StripeCall,
)
from marketplace.events.commands import record
from marketplace.events.facts import BatchReleased
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, NotAllowed, NotFound
from marketplace.kernel.ids import BatchId, BrandId, PayoutId, PersonId, WorkerId, new_id
from marketplace.kernel.money import exponent

MINIMUM_PAYOUT_UNITS = 10
EARNINGS_PER_BATCH = 5_000
FOUR_EYES_CONSTRAINT = "ck_payout_batch_four_eyes"
CHANGED_SINCE_SIGNED = "HC002"


class NothingToPay(Conflict):
    """No worker has a payable sum above the minimum and an account that can receive it."""


class BatchNotFound(NotFound):
    """There is no such batch."""


class WrongState(Conflict):
    """This batch is past that step. Reload to see where it is."""


class SamePerson(NotAllowed):
    """A batch is approved by someone other than the person who submitted it. Nobody is exempt."""


class BatchChanged(Conflict):
    """The batch changed after it was signed, so no signature holds. Void it and draft a new one."""


def minimum_payout_minor(currency: str) -> int:
    """The smallest sum that is sent; what is below is carried to the next batch."""
    return int(MINIMUM_PAYOUT_UNITS * 10 ** exponent(currency))


def draft_batch(tx: Tx, *, currency: str, author: PersonId | None, now: datetime) -> PayoutBatch:
    """A batch of everything payable in `currency`: one payout per worker who can receive it."""
    planned = _planned(tx, currency)
    if not planned:
        raise NothingToPay
    batch = PayoutBatch(
        id=BatchId(new_id()),
        currency=currency,
        state=BatchState.DRAFT,
        content_hash="",
        created_at=now,
        created_by=author,
    )
    tx.add(batch)
    tx.flush()
    for destination, earnings in planned:
        _plan_payout(tx, batch, destination, earnings, now)
    batch.content_hash = content_hash(tx, batch.id)
    return batch


def submit_batch(tx: Tx, *, batch: BatchId, person: PersonId, now: datetime) -> PayoutBatch:
    """Sign the batch's content as its first person."""
    row = _batch_in(tx, batch, BatchState.DRAFT)
    with _judged(tx):
        row.state, row.submitted_at, row.submitted_by = BatchState.SUBMITTED, now, person
    return row


def approve_batch(tx: Tx, *, batch: BatchId, person: PersonId, now: datetime) -> PayoutBatch:
    """Sign the same content as a second, different person. Raises SamePerson, BatchChanged."""
    row = _batch_in(tx, batch, BatchState.SUBMITTED)
    if row.submitted_by == person:
        raise SamePerson
    signed = content_hash(tx, batch)
    with _judged(tx):
        row.state, row.approved_at, row.approved_by = BatchState.APPROVED, now, person
        row.approved_hash = signed
    return row


def release_batch(
    tx: Tx, *, batch: BatchId, person: PersonId, environment: str, now: datetime
) -> PayoutBatch:
    """Hand an approved batch to sending: money moves to in-flight, and each transfer's request is stored."""
    row = _batch_in(tx, batch, BatchState.APPROVED)
    with _judged(tx):
        row.state, row.released_at, row.released_by = BatchState.RELEASING, now, person
    payouts = _payouts(tx, batch)
    lock_accounts(tx, ((account, row.currency) for payout in payouts for account in _accounts_of(tx, payout)))
    for payout in payouts:
        start_attempt(tx, payout, environment=environment, now=now)
    record(tx, BatchReleased(batch=batch))
    return row


def void_batch(tx: Tx, *, batch: BatchId, now: datetime) -> PayoutBatch:
    """Give up a batch that was not released; its earnings are payable again."""
    row = _batch_in(tx, batch, BatchState.DRAFT, BatchState.SUBMITTED, BatchState.APPROVED)
    row.state, row.finished_at = BatchState.VOID, now
    for payout in _payouts(tx, batch):
        payout.state = PayoutState.VOID
        free_earnings(tx, payout)
    return row


def start_attempt(tx: Tx, payout: Payout, *, environment: str, now: datetime) -> StripeCall:
    """Move the payout's money in flight and store the request that will send it, under a key of its own."""
    payout.attempt += 1
    payout.state, payout.failure = PayoutState.SENDING, None
    post(
        tx,
        kind="send",
        key=f"send:{payout.id}:{payout.attempt}",
        currency=payout.currency,
        legs=[
            *(
                debit(payable(brand, payout.worker_id), amount)
                for brand, amount in amounts_by_brand(tx, payout).items()
            ),
            credit(in_flight(payout.worker_id), payout.amount_minor),
        ],
        now=now,
    )
    set_earnings(tx, payout, EarningState.SENDING)
    return store_call(tx, payout, environment=environment, now=now)


def store_call(tx: Tx, payout: Payout, *, environment: str, now: datetime) -> StripeCall:
    """The request as it will be sent on every try: parameters and key never change after this."""
    params = transfer_params(
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        destination=payout.destination,
        batch_id=str(payout.batch_id),
        payout_id=str(payout.id),
        environment=environment,
    )
    call = StripeCall(
        id=new_id(),
        operation="transfer",
        payout_id=payout.id,
        attempt=payout.attempt,
        params=params,
        fingerprint=hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest(),
        key=f"payout:{payout.id}:{payout.attempt}",
        state=CallState.READY,
        created_at=now,
        due_at=now,
    )
    tx.add(call)
    tx.flush()
    return call


def finish_batch(tx: Tx, *, batch: BatchId, now: datetime) -> None:
    """Close a releasing batch once no payout of it is under way."""
    tx.flush()
    row = batch_of(tx, batch)  # its lock makes the last of several finishing senders see all the others
    states = set(tx.scalars(select(Payout.state).where(Payout.batch_id == batch)))
    if row.state is not BatchState.RELEASING or states & {PayoutState.SENDING, PayoutState.UNKNOWN}:
        return
    row.state = BatchState.DONE_WITH_FAILURES if PayoutState.REJECTED in states else BatchState.DONE
    row.finished_at = now


def free_earnings(tx: Tx, payout: Payout) -> None:
    """A payout that will not happen lets its earnings go: the next batch may take them."""
    set_earnings(tx, payout, EarningState.PAYABLE)
    tx.execute(update(PayoutLine).where(PayoutLine.payout_id == payout.id).values(dropped=True))


def set_earnings(tx: Tx, payout: Payout, state: EarningState) -> None:
    """Move every earning of a payout to `state`."""
    lines = select(PayoutLine.brand_id, PayoutLine.earning_id).where(
        PayoutLine.payout_id == payout.id, ~PayoutLine.dropped
    )
    tx.execute(update(Earning).where(tuple_(Earning.brand_id, Earning.id).in_(lines)).values(state=state))


def amounts_by_brand(tx: Tx, payout: Payout) -> dict[BrandId, int]:
    """What each brand's tickets put into this payout, in minor units."""
    rows = tx.execute(
        select(PayoutLine.brand_id, func.sum(PayoutLine.amount_minor))
        .where(PayoutLine.payout_id == payout.id, ~PayoutLine.dropped)
        .group_by(PayoutLine.brand_id)
    )
    return {brand: int(amount) for brand, amount in rows}


def content_hash(tx: Tx, batch: BatchId) -> str:
    """SHA-256 over every worker, destination, amount and earning: what an approval binds to."""
    tx.flush()
    return str(tx.execute(text("SELECT payout_batch_hash(:batch)"), {"batch": batch}).scalar_one())


def batch_of(tx: Tx, batch: BatchId) -> PayoutBatch:
    """The batch, locked. Raises BatchNotFound."""
    row = tx.get(PayoutBatch, batch, with_for_update=True)
    if row is None:
        raise BatchNotFound
    return row


def _planned(tx: Tx, currency: str) -> list[tuple[str, list[Earning]]]:
    """Per worker: the account at Stripe, and the earnings that go there."""
    by_worker: dict[WorkerId, tuple[str, list[Earning]]] = {}
    for earning, destination in _payable(tx, currency):
        by_worker.setdefault(earning.worker_id, (destination, []))[1].append(earning)
    minimum = minimum_payout_minor(currency)
    return [
        (destination, earnings)
        for destination, earnings in by_worker.values()
        if sum(earning.amount_minor for earning in earnings) >= minimum
    ]


def _payable(tx: Tx, currency: str) -> list[tuple[Earning, str]]:
    """The oldest payable earnings of workers above the minimum, and the accounts that can receive them.

    Workers who must wait are left out here, so that they cannot fill the limit and hold up everybody else.
    """
    ready = (Earning.state == EarningState.PAYABLE, Earning.currency == currency)
    above_minimum = (
        select(Earning.worker_id)
        .where(*ready)
        .group_by(Earning.worker_id)
        .having(func.sum(Earning.amount_minor) >= minimum_payout_minor(currency))
    )
    rows = tx.execute(
        select(Earning, StripeAccount.account)
        .join(StripeAccount, StripeAccount.worker_id == Earning.worker_id)
        .where(*ready, StripeAccount.transfers_active, Earning.worker_id.in_(above_minimum))
        .order_by(Earning.accrued_at, Earning.id)
        .limit(EARNINGS_PER_BATCH)
        .with_for_update(of=Earning, skip_locked=True)
    )
    return [(earning, account) for earning, account in rows if account is not None]


def _plan_payout(
    tx: Tx, batch: PayoutBatch, destination: str, earnings: Sequence[Earning], now: datetime
) -> None:
    payout = Payout(
        id=PayoutId(new_id()),
        batch_id=batch.id,
        worker_id=earnings[0].worker_id,
        currency=batch.currency,
        amount_minor=sum(earning.amount_minor for earning in earnings),
        destination=destination,
        state=PayoutState.PLANNED,
        attempt=0,
        created_at=now,
    )
    tx.add(payout)
    tx.flush()
    for earning in earnings:
        earning.state = EarningState.BATCHED
        tx.add(
            PayoutLine(
                payout_id=payout.id,
                earning_id=earning.id,
                brand_id=earning.brand_id,
                amount_minor=earning.amount_minor,
                dropped=False,
            )
        )
    tx.flush()


def _accounts_of(tx: Tx, payout: Payout) -> list[Account]:
    """The accounts that sending a payout posts to."""
    return [
        in_flight(payout.worker_id),
        *(payable(brand, payout.worker_id) for brand in amounts_by_brand(tx, payout)),
    ]


def _payouts(tx: Tx, batch: BatchId) -> Sequence[Payout]:
    tx.flush()
    return tx.scalars(
        select(Payout).where(Payout.batch_id == batch).order_by(Payout.id).with_for_update()
    ).all()


def _batch_in(tx: Tx, batch: BatchId, *states: BatchState) -> PayoutBatch:
    row = batch_of(tx, batch)
    if row.state not in states:
        raise WrongState
    return row


@contextmanager
def _judged(tx: Tx) -> Iterator[None]:
    """Let the database judge a signature at once, and say what it found in our words."""
    try:
        with tx.begin_nested():
            yield
            tx.flush()
    except IntegrityError as error:
        if isinstance(error.orig, CheckViolation) and error.orig.diag.constraint_name == FOUR_EYES_CONSTRAINT:
            raise SamePerson from error
        raise
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == CHANGED_SINCE_SIGNED:
            raise BatchChanged from error
        raise
