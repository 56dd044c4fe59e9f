"""Asking back what a worker was sent and owes since: a best effort, for only his account's balance can give it.

A reversal is stored before it is asked for, like a transfer. It never takes more than was sent and not taken back,
nor more than the worker owes; both are decided here under lock, before anything leaves. Refused, nothing changes:
the debt stays and later pay is netted.
"""

from datetime import datetime

import structlog
from sqlalchemy import select

from billing.accounts import STRIPE_AVAILABLE, owed_by_worker
from billing.batches import fingerprint
from billing.gateway import (
    CallRejected,
    CallUnknown,
    KeyReused,
    PaymentGateway,
    RateLimited,
    Reversal,
    reversal_params,
)
from billing.ledger import credit, debit, lock_accounts, post
from billing.models import CallKind, CallState, Payout, PayoutState, StripeCall
from billing.payout_models import ReversalState, TransferReversal
from billing.payout_plan import owed_minor
from billing.stored_calls import Due, held, looked_in_vain, mark_in_doubt, pause_after
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import PayoutId, PersonId, TransferReversalId, new_id

log = structlog.get_logger()


class NothingWasSent(Conflict):
    """Stripe has not accepted this payout, so there is nothing to ask back."""


class MoreThanWasSent(Conflict):
    """That is more than is left of this transfer: what came back or is being asked back counts."""


class MoreThanIsOwed(Conflict):
    """The worker does not owe that much. Only what he owes is asked back."""


class AmountNeeded(Invalid):
    """Say how much, in whole cents above zero."""


def ask_back(
    tx: Tx,
    *,
    payout: PayoutId,
    amount_minor: int,
    reason: str,
    by: PersonId | None,
    environment: str,
    now: datetime,
) -> TransferReversal:
    """Store the request to reverse so much of a payout's transfer; the background makes it.

    Raises AmountNeeded, NothingWasSent, MoreThanWasSent, MoreThanIsOwed.
    """
    if amount_minor < 1:
        raise AmountNeeded
    row = tx.get_one(Payout, payout, with_for_update=True)
    if row.state is not PayoutState.ACCEPTED:
        raise NothingWasSent
    if amount_minor > row.amount_minor - row.reversed_minor - row.reversing_minor:
        raise MoreThanWasSent
    lock_accounts(tx, [(owed_by_worker(row.worker_id), row.currency)])
    if amount_minor > owed_minor(tx, [row.worker_id], currency=row.currency).get(row.worker_id, 0):
        raise MoreThanIsOwed
    row.reversing_minor += amount_minor
    reversal = TransferReversal(
        id=TransferReversalId(new_id()),
        payout_id=row.id,
        amount_minor=amount_minor,
        reason=reason,
        state=ReversalState.SENDING,
        attempt=1,
        asked_by=by,
        asked_at=now,
    )
    tx.add(reversal)
    tx.flush()
    _store_call(tx, reversal, row, environment=environment, now=now)
    return reversal


def reversals_of(tx: Tx, payout: PayoutId) -> list[TransferReversal]:
    """Every attempt to get this payout back, oldest first."""
    wanted = select(TransferReversal).where(TransferReversal.payout_id == payout)
    return list(tx.scalars(wanted.order_by(TransferReversal.asked_at, TransferReversal.id)))


def _store_call(
    tx: Tx, reversal: TransferReversal, payout: Payout, *, environment: str, now: datetime
) -> None:
    assert payout.stripe_transfer is not None, "an accepted payout names its transfer"
    params = reversal_params(
        transfer=payout.stripe_transfer,
        amount_minor=reversal.amount_minor,
        payout_id=str(payout.id),
        reversal_id=str(reversal.id),
        environment=environment,
    )
    tx.add(
        StripeCall(
            id=new_id(),
            operation=CallKind.TRANSFER_REVERSAL,
            reversal_id=reversal.id,
            attempt=reversal.attempt,
            params=params,
            fingerprint=fingerprint(params),
            key=f"reversal:{reversal.id}:{reversal.attempt}",
            state=CallState.READY,
            created_at=now,
            due_at=now,
        )
    )
    tx.flush()


def take_back(database: Database, gateway: PaymentGateway, due: Due) -> None:
    """Make a due reversal, or find out what became of it."""
    if due.looks_only:
        _look_up(database, gateway, due)
        return
    if not mark_in_doubt(database, due):
        return
    try:
        reversal = gateway.execute_reversal(due.params, key=due.key)
    except CallRejected as refusal:
        _refused(database, gateway, due, refusal)
    except KeyReused as reused:
        _leave_to_a_person(database, due, reason=str(reused))
    except RateLimited:
        raise
    except CallUnknown as unknown:
        put_off(database, due, reason=str(unknown))
    else:
        _accept(database, due, reversal)


def put_off(database: Database, due: Due, *, reason: str) -> None:
    """No answer, or not the time: try again later under the same key."""
    with database.transaction() as tx:
        if (call := held(tx, due)) is None:
            return
        call.outcome, call.due_at = reason, app_now(tx) + pause_after(call.tries)
        if call.state is CallState.IN_DOUBT:
            row = _reversal(tx, due)
            row.state, row.failure = ReversalState.UNKNOWN, reason
    log.warning("reversal.waits", reversal=str(due.owner), reason=reason)


def _accept(database: Database, due: Due, reversal: Reversal) -> None:
    """Only what came back is posted, whatever was asked for."""
    if reversal.amount_minor != due.params["amount"]:
        _leave_to_a_person(database, due, reason="Stripe took back another amount than was asked for.")
        return
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := held(tx, due)) is None:
            return
        row = _reversal(tx, due)
        payout = tx.get_one(Payout, row.payout_id, with_for_update=True)
        post(
            tx,
            kind="reversed",
            key=f"trr:{reversal.id}",
            currency=payout.currency,
            legs=[
                debit(STRIPE_AVAILABLE, row.amount_minor),
                credit(owed_by_worker(payout.worker_id), row.amount_minor),
            ],
            now=now,
        )
        call.state, call.outcome = CallState.ACCEPTED, reversal.id
        row.state, row.stripe_reversal, row.ended_at = ReversalState.ACCEPTED, reversal.id, now
        row.failure = None
        payout.reversing_minor -= row.amount_minor
        payout.reversed_minor += row.amount_minor
    log.info("reversal.accepted", reversal=str(due.owner), stripe=reversal.id)


def _refused(database: Database, gateway: PaymentGateway, due: Due, refusal: CallRejected) -> None:
    """A refusal settles a first try; an earlier one without an answer may have gone through: look before."""
    if due.in_doubt:
        try:
            found = _found(gateway, due)
        except RateLimited:
            raise
        except (CallUnknown, CallRejected) as error:
            put_off(database, due, reason=str(error))
            return
        if found is not None:
            _accept(database, due, found)
            return
    with database.transaction() as tx:
        if (call := held(tx, due)) is None:
            return
        call.state, call.outcome = CallState.REJECTED, refusal.code
        row = _reversal(tx, due)
        row.state, row.failure, row.ended_at = ReversalState.REFUSED, str(refusal), app_now(tx)
        tx.get_one(Payout, row.payout_id, with_for_update=True).reversing_minor -= row.amount_minor
    log.warning("reversal.refused", reversal=str(due.owner), code=refusal.code)


def _look_up(database: Database, gateway: PaymentGateway, due: Due) -> None:
    try:
        found = _found(gateway, due)
    except RateLimited:
        raise
    except (CallUnknown, CallRejected) as error:
        put_off(database, due, reason=str(error))
        return
    if found is not None:
        _accept(database, due, found)
        return
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := held(tx, due)) is None or not looked_in_vain(call, now):
            return
        row = _reversal(tx, due)
        row.attempt += 1
        row.state, row.failure = ReversalState.SENDING, None
        payout = tx.get_one(Payout, row.payout_id)
        _store_call(tx, row, payout, environment=gateway.environment, now=now)


def _leave_to_a_person(database: Database, due: Due, *, reason: str) -> None:
    with database.transaction() as tx:
        if (call := held(tx, due)) is None:
            return
        call.state, call.outcome = CallState.RETIRED, reason
        row = _reversal(tx, due)
        row.state, row.failure = ReversalState.UNKNOWN, f"A person must look at Stripe: {reason}"
    log.error("reversal.needs_a_person", reversal=str(due.owner), reason=reason)


def _found(gateway: PaymentGateway, due: Due) -> Reversal | None:
    """The reversal that carries our id, where Stripe has one."""
    for reversal in gateway.find_reversals(str(due.params["transfer"])):
        if reversal.metadata.get("reversal_id") == str(due.owner):
            return reversal
    return None


def _reversal(tx: Tx, due: Due) -> TransferReversal:
    return tx.get_one(TransferReversal, due.owner, with_for_update=True)
