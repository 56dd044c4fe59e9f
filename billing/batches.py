"""Pay runs: drafted, looked at, submitted by one person, approved by another (by two, over a sum), released.

The database holds the eyes and binds the signatures to the content (0031_payouts.sql).
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from psycopg.errors import CheckViolation
from sqlalchemy import exists, func, insert, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.gateway import transfer_params
from billing.ledger import lock_accounts, post
from billing.models import (
    BatchState,
    CallKind,
    CallState,
    Earning,
    EarningState,
    Payout,
    PayoutBatch,
    PayoutLine,
    PayoutState,
    StripeCall,
)
from billing.payout_holds import held_among
from billing.payout_parts import Part, accounts_of, parts_of, post_netting, sent_legs
from billing.payout_plan import PlannedPayout, owed_minor, planned_payouts
from billing.payout_rules import second_approval_over_minor
from marketplace.events.commands import record
from marketplace.events.facts import BatchReleased, PayoutFailed
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, NotAllowed, NotFound
from marketplace.kernel.ids import BatchId, PayoutId, PersonId, new_id

PAYOUTS_PER_START = 500
FOUR_EYES_CONSTRAINTS = frozenset({"ck_payout_batch_four_eyes", "ck_payout_batch_six_eyes"})
UNDER_WAY = (PayoutState.PLANNED, PayoutState.SENDING, PayoutState.UNKNOWN)
HELD = "Nothing is sent to this worker for now: {} The money stays theirs."
OWES_LESS = "What the worker owed has changed since the batch was drafted. The next batch pays all of it."


class NothingToPay(Conflict):
    """No worker has a payable sum above the minimum and an account that can receive it."""


class BatchNotFound(NotFound):
    """There is no such batch."""


class WrongState(Conflict):
    """This batch is past that step. Reload to see where it is."""


class SamePerson(NotAllowed):
    """A batch is approved by someone other than the person who submitted it. Nobody is exempt."""


class DecidedBefore(NotAllowed):
    """You confirmed a payout of this batch, or lifted a hold of one of its workers: somebody else approves it."""


class NotLookedAt(Conflict):
    """Some payouts of this batch are a worker's first, or go to a new bank account. Confirm them before."""


class SecondApproverNeeded(Conflict):
    """This batch is so large that a second person approves it before it is released."""


class BatchChanged(Conflict):
    """The batch changed after it was signed, so no signature holds. Void it and draft a new one."""


REFUSALS: Mapping[str, type[AppError]] = {
    "HC002": BatchChanged,
    "HC003": NotLookedAt,
    "HC004": DecidedBefore,
    "HC005": SecondApproverNeeded,
}
"""What the database says of a signature (SQLSTATE), in our words."""


def draft_batch(tx: Tx, *, currency: str, author: PersonId | None, now: datetime) -> PayoutBatch:
    """A batch of everything payable in `currency`: one payout per worker who can receive it."""
    planned = planned_payouts(tx, currency=currency, now=now)
    if not planned:
        raise NothingToPay
    batch = PayoutBatch(
        id=BatchId(new_id()),
        currency=currency,
        state=BatchState.DRAFT,
        content_hash="",
        second_over_minor=second_approval_over_minor(currency),
        created_at=now,
        created_by=author,
    )
    tx.add(batch)
    tx.flush()
    _write_payouts(tx, batch, planned, now)
    batch.content_hash = content_hash(tx, batch.id)
    return batch


def confirm_payouts(
    tx: Tx, *, batch: BatchId, payouts: Collection[PayoutId] | None, person: PersonId, now: datetime
) -> int:
    """Somebody looked at payouts that are a first one or go to a new bank account, at all of them where none are
    named; how many. He may submit the batch, and does not approve it."""
    _batch_in(tx, batch, BatchState.DRAFT)
    waiting = [Payout.batch_id == batch, Payout.review.is_not(None), Payout.reviewed_by.is_(None)]
    if payouts is not None:
        waiting.append(Payout.id.in_(payouts))
    found = tx.execute(
        update(Payout).where(*waiting).values(reviewed_by=person, reviewed_at=now).returning(Payout.id)
    )
    return len(found.all())


def submit_batch(tx: Tx, *, batch: BatchId, person: PersonId, now: datetime) -> PayoutBatch:
    """Sign the batch's content as its first person. Raises NotLookedAt."""
    row = _batch_in(tx, batch, BatchState.DRAFT)
    with _judged(tx):
        row.state, row.submitted_at, row.submitted_by = BatchState.SUBMITTED, now, person
    return row


def approve_batch(tx: Tx, *, batch: BatchId, person: PersonId, now: datetime) -> PayoutBatch:
    """Sign the same content as a second, different person. Raises SamePerson, DecidedBefore, BatchChanged."""
    row = _batch_in(tx, batch, BatchState.SUBMITTED)
    if row.submitted_by == person:
        raise SamePerson
    signed = content_hash(tx, batch)
    with _judged(tx):
        row.state, row.approved_at, row.approved_by = BatchState.APPROVED, now, person
        row.approved_hash = signed
    return row


def second_batch(tx: Tx, *, batch: BatchId, person: PersonId, now: datetime) -> PayoutBatch:
    """Approve a large batch as its third person. Raises SamePerson, DecidedBefore, BatchChanged."""
    row = _batch_in(tx, batch, BatchState.APPROVED)
    if row.seconded_by is not None:
        raise WrongState
    with _judged(tx):
        row.seconded_by, row.seconded_at = person, now
    return row


def release_batch(
    tx: Tx, *, batch: BatchId, person: PersonId, environment: str, now: datetime
) -> PayoutBatch:
    """Hand an approved batch to sending: money moves to in-flight, and each transfer's request is stored.

    Of a large batch the first 500 payouts at once; the background goes on with the rest (`start_released`).
    """
    row = _batch_in(tx, batch, BatchState.APPROVED)
    with _judged(tx):
        row.state, row.released_at, row.released_by = BatchState.RELEASING, now, person
    record(tx, BatchReleased(batch=batch))
    _start_some(tx, row, environment=environment, now=now)
    return row


def start_released(tx: Tx, *, environment: str, now: datetime) -> int:
    """Start up to 500 payouts of a released batch that were not started yet; how many."""
    row = tx.scalars(
        select(PayoutBatch)
        .where(
            PayoutBatch.state == BatchState.RELEASING,
            exists().where(Payout.batch_id == PayoutBatch.id, Payout.state == PayoutState.PLANNED),
        )
        .order_by(PayoutBatch.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    return 0 if row is None else _start_some(tx, row, environment=environment, now=now)


def void_batch(tx: Tx, *, batch: BatchId, now: datetime) -> PayoutBatch:
    """Give up a batch that was not released; its earnings are payable again."""
    row = _batch_in(tx, batch, BatchState.DRAFT, BatchState.SUBMITTED, BatchState.APPROVED)
    row.state, row.finished_at = BatchState.VOID, now
    tx.flush()
    lines = (
        select(PayoutLine.brand_id, PayoutLine.earning_id)
        .join(Payout, Payout.id == PayoutLine.payout_id)
        .where(Payout.batch_id == batch, ~PayoutLine.dropped)
    )
    tx.execute(
        update(Earning)
        .where(tuple_(Earning.brand_id, Earning.id).in_(lines))
        .values(state=EarningState.PAYABLE)
    )
    payouts = select(Payout.id).where(Payout.batch_id == batch)
    tx.execute(update(PayoutLine).where(PayoutLine.payout_id.in_(payouts)).values(dropped=True))
    tx.execute(update(Payout).where(Payout.batch_id == batch).values(state=PayoutState.VOID))
    return row


def _write_payouts(tx: Tx, batch: PayoutBatch, planned: Sequence[PlannedPayout], now: datetime) -> None:
    ids = [PayoutId(new_id()) for _ in planned]
    tx.execute(
        insert(Payout),
        [
            {
                "id": payout,
                "batch_id": batch.id,
                "worker_id": one.worker,
                "currency": batch.currency,
                "amount_minor": one.amount_minor,
                "netted_minor": one.netted_minor,
                "destination": one.destination,
                "bank": one.bank,
                "review": one.review,
                "state": PayoutState.PLANNED,
                "created_at": now,
            }
            for payout, one in zip(ids, planned, strict=True)
        ],
    )
    tx.execute(
        insert(PayoutLine),
        [
            {
                "payout_id": payout,
                "earning_id": earning.earning,
                "brand_id": earning.brand,
                "amount_minor": earning.amount_minor,
                "dropped": False,
            }
            for payout, one in zip(ids, planned, strict=True)
            for earning in one.earnings
        ],
    )
    tx.execute(_BATCHED, {"batch": batch.id, "state": EarningState.BATCHED.value})
    _forget_earnings(tx)


_BATCHED = text(
    "UPDATE earning e SET state = :state FROM payout_line l JOIN payout p ON p.id = l.payout_id "
    "WHERE p.batch_id = :batch AND e.brand_id = l.brand_id AND e.id = l.earning_id"
)


def _start_some(tx: Tx, batch: PayoutBatch, *, environment: str, now: datetime) -> int:
    payouts = tx.scalars(
        select(Payout)
        .where(Payout.batch_id == batch.id, Payout.state == PayoutState.PLANNED)
        .order_by(Payout.id)
        .limit(PAYOUTS_PER_START)
        .with_for_update()
    ).all()
    parts = parts_of(tx, payouts)
    lock_accounts(
        tx,
        (
            (account, batch.currency)
            for payout in payouts
            for account in accounts_of(payout, parts[payout.id])
        ),
    )
    workers = [payout.worker_id for payout in payouts]
    held = held_among(tx, workers)
    owed = owed_minor(
        tx, [payout.worker_id for payout in payouts if payout.netted_minor], currency=batch.currency
    )
    going = []
    for payout in payouts:
        if (reason := held.get(payout.worker_id)) is not None:
            _leave_out(tx, payout, reason=HELD.format(reason))
        elif owed.get(payout.worker_id, 0) < payout.netted_minor:
            _leave_out(tx, payout, reason=OWES_LESS)
        else:
            _post_start(tx, payout, parts[payout.id], now)
            going.append(payout)
    _begin(tx, going, environment=environment, now=now)
    finish_batch(tx, batch=batch.id, now=now)
    return len(payouts)


def _leave_out(tx: Tx, payout: Payout, *, reason: str) -> None:
    """Nothing of it was posted: its earnings wait for the next batch."""
    payout.state, payout.failure = PayoutState.REJECTED, reason
    free_earnings(tx, payout)
    record(tx, PayoutFailed(worker=payout.worker_id, payout=payout.id, reason=reason))


def _post_start(tx: Tx, payout: Payout, parts: Sequence[Part], now: datetime) -> None:
    """Net what the worker owes, and move the rest in flight."""
    post_netting(tx, payout, parts, now)
    if payout.amount_minor:
        post(
            tx,
            kind="send",
            key=f"send:{payout.id}:{payout.attempt + 1}",
            currency=payout.currency,
            legs=sent_legs(payout, parts),
            now=now,
        )


def _begin(tx: Tx, payouts: Sequence[Payout], *, environment: str, now: datetime) -> None:
    """Store the requests of those with something to send; the others are over. For all of them at once: a round
    trip for each would be most of a large release."""
    sent = [payout for payout in payouts if payout.amount_minor]
    netted = [payout for payout in payouts if not payout.amount_minor]
    for payout in sent:
        payout.attempt += 1
        payout.state, payout.failure = PayoutState.SENDING, None
    for payout in netted:
        payout.state = PayoutState.NETTED
    set_earnings(tx, sent, EarningState.SENDING)
    set_earnings(tx, netted, EarningState.SENT)
    store_transfers(tx, sent, environment=environment, now=now)


def store_transfers(tx: Tx, payouts: Sequence[Payout], *, environment: str, now: datetime) -> None:
    """The requests as they will be sent on every try: parameters and keys never change after this."""
    tx.flush()
    if payouts:
        tx.execute(insert(StripeCall), [_transfer_row(payout, environment, now) for payout in payouts])


def _transfer_row(payout: Payout, environment: str, now: datetime) -> dict[str, object]:
    params = transfer_params(
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        destination=payout.destination,
        batch_id=str(payout.batch_id),
        payout_id=str(payout.id),
        environment=environment,
    )
    return {
        "id": new_id(),
        "operation": CallKind.TRANSFER,
        "payout_id": payout.id,
        "attempt": payout.attempt,
        "params": params,
        "fingerprint": fingerprint(params),
        "key": f"payout:{payout.id}:{payout.attempt}",
        "state": CallState.READY,
        "created_at": now,
        "due_at": now,
    }


def fingerprint(params: Mapping[str, object]) -> str:
    """One digest per set of parameters."""
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def finish_batch(tx: Tx, *, batch: BatchId, now: datetime) -> None:
    """Close a releasing batch once no payout of it is under way."""
    tx.flush()
    row = batch_of(tx, batch)  # its lock makes the last of several finishing senders see all the others
    if row.state is not BatchState.RELEASING or _any_in(tx, batch, UNDER_WAY):
        return
    failed = _any_in(tx, batch, (PayoutState.REJECTED, PayoutState.CANCELLED))
    row.state = BatchState.DONE_WITH_FAILURES if failed else BatchState.DONE
    row.finished_at, row.shortfall_minor, row.shortfall_note = now, None, None


def _any_in(tx: Tx, batch: BatchId, states: Sequence[PayoutState]) -> bool:
    return bool(tx.scalar(select(exists().where(Payout.batch_id == batch, Payout.state.in_(states)))))


def free_earnings(tx: Tx, payout: Payout) -> None:
    """A payout that will not happen lets its earnings go: the next batch may take them."""
    set_earnings(tx, [payout], EarningState.PAYABLE)
    tx.execute(update(PayoutLine).where(PayoutLine.payout_id == payout.id).values(dropped=True))


def set_earnings(tx: Tx, payouts: Sequence[Payout], state: EarningState) -> None:
    """Move every earning of these payouts to `state`."""
    tx.flush()
    tx.execute(_MOVED, {"payouts": [payout.id for payout in payouts], "state": state.value})
    _forget_earnings(tx)


def _forget_earnings(tx: Tx) -> None:
    """What a statement changed past the session is read anew."""
    for row in list(tx.identity_map.values()):
        if isinstance(row, Earning):
            tx.expire(row)


_MOVED = text(
    "UPDATE earning e SET state = :state FROM payout_line l "
    "WHERE l.payout_id = ANY(CAST(:payouts AS uuid[])) AND NOT l.dropped "
    "AND e.brand_id = l.brand_id AND e.id = l.earning_id"
)


def needs_second(tx: Tx, batch: PayoutBatch) -> bool:
    """Whether a second approver is still missing."""
    if batch.seconded_by is not None or batch.second_over_minor is None:
        return False
    total = tx.scalar(
        select(func.sum(Payout.amount_minor)).where(
            Payout.batch_id == batch.id, Payout.state != PayoutState.VOID
        )
    )
    return int(total or 0) > batch.second_over_minor


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
        if (
            isinstance(error.orig, CheckViolation)
            and error.orig.diag.constraint_name in FOUR_EYES_CONSTRAINTS
        ):
            raise SamePerson from error
        raise
    except DBAPIError as error:
        refusal = REFUSALS.get(getattr(error.orig, "sqlstate", None) or "")
        if refusal is not None:
            raise refusal from error
        raise
