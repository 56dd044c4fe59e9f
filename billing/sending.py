"""Sending stored transfers exactly once: through crashes, lost replies, refusals and replays.

A transfer is checked once more before it leaves: that its worker is not held, that his account and its bank are the
approved ones and can receive, and that the platform has the money for all that its batch has still to send. An
unknown result is asked for again under its key while the key lives, then looked up; money returns to payable only
after a definite refusal.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select, update

from billing import reversing
from billing.accounts import STRIPE_AVAILABLE, in_flight
from billing.batches import (
    HELD,
    batch_of,
    finish_batch,
    free_earnings,
    set_earnings,
    store_transfers,
)
from billing.gateway import (
    AccountStatus,
    CallRejected,
    CallUnknown,
    CredentialsRefused,
    KeyReused,
    PaymentGateway,
    RateLimited,
    Transfer,
)
from billing.ledger import credit, debit, lock_accounts, post
from billing.models import (
    BatchState,
    CallKind,
    CallState,
    EarningState,
    Payout,
    PayoutBatch,
    PayoutState,
    StripeAccount,
    StripeCall,
)
from billing.onboarding import keep_status, read_status
from billing.payout_holds import held_among
from billing.payout_parts import accounts_of, parts_of, sent_legs, undo_netting
from billing.stored_calls import (
    RETRY,
    UNSETTLED,
    Due,
    held,
    looked_in_vain,
    mark_in_doubt,
    pause,
    pause_after,
    take_due,
)
from marketplace.events.commands import record
from marketplace.events.facts import PayoutFailed, PayoutSent
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BatchId, PayoutId, WorkerId

CALLS_PER_SWEEP = 50
FUNDS_AGAIN = 2 * RETRY
MANUAL, UNREAD = "manual", "unread"
CANNOT_RECEIVE = frozenset({"account_cannot_receive", "insufficient_capabilities_for_transfer"})
REMEDY = (
    "The worker's account cannot receive transfers now. They must finish its set-up at Stripe; "
    "the money stays theirs and the next batch pays it."
)
ACCOUNT_CHANGED = (
    "The worker's account or its bank changed after this was approved. The money stays theirs; "
    "the next batch asks somebody to look at the new one first."
)
NO_FUNDS = "The platform's available balance is too low; sending waits for it."
DRAINED_BY_ITSELF = (
    "Stripe pays the platform's balance out by itself ({}), which takes what payouts need. Set the platform's payout "
    "schedule to manual at Stripe."
)

log = structlog.get_logger()


class TooLateToCancel(Conflict):
    """This payout was asked of Stripe already, or is over. What is sent is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The payout behind a due call, as it was approved."""

    payout: PayoutId
    batch: BatchId
    worker: WorkerId
    amount_minor: int
    currency: str
    destination: str
    bank: str | None
    account: str | None
    held_because: str | None


def send_due(database: Database, gateway: PaymentGateway) -> int:
    """Work on up to 50 due calls, one at a time; how many. Stops when the provider refuses our key or our pace."""
    done, covered = 0, set[BatchId]()
    while done < CALLS_PER_SWEEP and (due := take_due(database)) is not None:
        try:
            work_on(database, gateway, due, covered)
        except CredentialsRefused as refusal:
            _put_off(database, due, reason=str(refusal))
            log.error("payouts.credentials_refused", owner=str(due.owner))
            break
        except RateLimited as limit:
            pause(database, due, reason=str(limit))
            break
        done += 1
    return done


def work_on(database: Database, gateway: PaymentGateway, due: Due, covered: set[BatchId]) -> None:
    """Make one call, or find out what became of it; `covered` collects batches that the balance suffices for."""
    match due.kind:
        case CallKind.TRANSFER:
            _send(database, gateway, due, covered)
        case CallKind.TRANSFER_REVERSAL:
            reversing.take_back(database, gateway, due)


def cancel_payout(tx: Tx, *, payout: PayoutId, now: datetime) -> Payout:
    """Stop a released payout that Stripe was not asked for; its earnings are payable again. Raises TooLateToCancel.

    A sender marks its call in doubt under the same lock: either he finds it cancelled, or this finds it too late.
    """
    if tx.scalar(select(Payout.state).where(Payout.id == payout)) is PayoutState.PLANNED:
        return _cancel_unstarted(tx, payout, now)
    call = tx.scalars(
        select(StripeCall)
        .where(StripeCall.payout_id == payout, StripeCall.state == CallState.READY)
        .with_for_update()
    ).one_or_none()
    row = tx.get_one(Payout, payout, with_for_update=True)
    if call is None or row.state is not PayoutState.SENDING or call.first_tried_at is not None:
        raise TooLateToCancel
    call.state, call.outcome = CallState.RETIRED, "cancelled"
    _give_back(tx, row, kind="cancelled", attempt=call.attempt, now=now)
    row.state, row.failure = PayoutState.CANCELLED, None
    finish_batch(tx, batch=row.batch_id, now=now)
    return row


def _cancel_unstarted(tx: Tx, payout: PayoutId, now: datetime) -> Payout:
    row = tx.get_one(Payout, payout)
    batch = batch_of(tx, row.batch_id)
    tx.refresh(row, with_for_update=True)
    if batch.state is not BatchState.RELEASING or row.state is not PayoutState.PLANNED:
        raise TooLateToCancel
    free_earnings(tx, row)
    row.state = PayoutState.CANCELLED
    finish_batch(tx, batch=row.batch_id, now=now)
    return row


def _send(database: Database, gateway: PaymentGateway, due: Due, covered: set[BatchId]) -> None:
    wanted = _wanted(database, due)
    if due.looks_only:
        _look_up(database, gateway, due, wanted)
        return
    if not due.in_doubt and not _may_send(database, gateway, due, wanted, covered):
        return
    if not mark_in_doubt(database, due):
        return
    try:
        transfer = gateway.execute_transfer(due.params, key=due.key)
    except CallRejected as refusal:
        _refused(database, gateway, due, wanted, refusal)
    except KeyReused as reused:
        _leave_to_a_person(database, due, reason=str(reused))
    except RateLimited:
        raise
    except CallUnknown as unknown:
        _put_off(database, due, reason=str(unknown))
    else:
        _accept(database, due, wanted, transfer)


def _wanted(database: Database, due: Due) -> Wanted:
    with database.transaction() as tx:
        payout = tx.get_one(Payout, due.owner)
        account = tx.get(StripeAccount, payout.worker_id)
        return Wanted(
            payout=payout.id,
            batch=payout.batch_id,
            worker=payout.worker_id,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            destination=payout.destination,
            bank=payout.bank,
            account=account.account if account else None,
            held_because=held_among(tx, [payout.worker_id]).get(payout.worker_id),
        )


def _may_send(
    database: Database, gateway: PaymentGateway, due: Due, wanted: Wanted, covered: set[BatchId]
) -> bool:
    """Fresh checks before a first try: the worker, his account, the platform's money."""
    if wanted.held_because is not None:
        _refuse(database, due, reason=HELD.format(wanted.held_because), code="held")
        return False
    try:
        status = read_status(gateway, wanted.destination)
        if status.can_receive and _is_as_approved(wanted, status):
            return _is_covered(database, gateway, wanted, covered)
    except RateLimited:
        raise
    except (CallUnknown, CallRejected) as error:
        _put_off(database, due, reason=str(error))
        return False
    if not status.can_receive:
        _refuse(database, due, reason=REMEDY, code="account_cannot_receive", status=status)
    else:
        _refuse(database, due, reason=ACCOUNT_CHANGED, code="destination_changed", status=status)
    return False


def _is_as_approved(wanted: Wanted, status: AccountStatus) -> bool:
    """Whether the money goes where the approver saw it go; a bank that was not known then is not compared."""
    same_account = wanted.account == wanted.destination
    return same_account and (wanted.bank is None or status.bank == wanted.bank)


def _is_covered(database: Database, gateway: PaymentGateway, wanted: Wanted, covered: set[BatchId]) -> bool:
    """Whether the available balance is enough for all that the batch has still to send; looked at once a sweep."""
    if wanted.batch in covered:
        return True
    available = gateway.available_balance(wanted.currency)
    with database.transaction() as tx:
        missing = _still_to_send(tx, wanted.batch) - available
        if missing <= 0:
            batch = tx.get_one(PayoutBatch, wanted.batch)
            if batch.shortfall_minor is not None:
                batch.shortfall_minor = batch.shortfall_note = None
    if missing <= 0:
        covered.add(wanted.batch)
        return True
    schedule = _schedule(gateway)
    drained = f" {DRAINED_BY_ITSELF.format(schedule)}" if schedule not in (MANUAL, UNREAD) else ""
    _wait_for_funds(database, wanted.batch, missing, NO_FUNDS + drained)
    log.error("payouts.short_of_funds", batch=str(wanted.batch), missing=missing, schedule=schedule)
    return False


def _schedule(gateway: PaymentGateway) -> str:
    """How the platform's own balance is paid out; that it cannot be read keeps nobody from hearing of the rest."""
    try:
        return gateway.payout_interval()
    except RateLimited:
        raise
    except (CallUnknown, CallRejected):
        return UNREAD


def _still_to_send(tx: Tx, batch: BatchId) -> int:
    total = tx.scalar(
        select(func.sum(Payout.amount_minor))
        .join(StripeCall, StripeCall.payout_id == Payout.id)
        .where(Payout.batch_id == batch, StripeCall.state == CallState.READY)
    )
    return int(total or 0)


def _wait_for_funds(database: Database, batch: BatchId, missing: int, note: str) -> None:
    """All of the batch waits, and finance reads for what; its smaller payouts do not overtake the larger ones."""
    with database.transaction() as tx:
        waiting = select(Payout.id).where(Payout.batch_id == batch, Payout.state == PayoutState.SENDING)
        moved = tx.execute(
            update(StripeCall)
            .where(StripeCall.payout_id.in_(waiting), StripeCall.state == CallState.READY)
            .values(due_at=app_now(tx) + FUNDS_AGAIN)
            .returning(StripeCall.payout_id)
        ).scalars()
        tx.execute(update(Payout).where(Payout.id.in_(moved.all())).values(failure=NO_FUNDS))
        row = tx.get_one(PayoutBatch, batch)
        row.shortfall_minor, row.shortfall_note = missing, note


def _refused(
    database: Database, gateway: PaymentGateway, due: Due, wanted: Wanted, refusal: CallRejected
) -> None:
    """A refusal settles a first try. An earlier try without an answer may have gone through: look before."""
    if due.in_doubt:
        try:
            found = _transfers_of(gateway, wanted)
        except RateLimited:
            raise
        except (CallUnknown, CallRejected) as error:
            _put_off(database, due, reason=str(error))
            return
        if found:
            _accept(database, due, wanted, *found)
            return
    reason = REMEDY if refusal.code in CANNOT_RECEIVE else str(refusal)
    _refuse(database, due, reason=reason, code=refusal.code)


def _accept(database: Database, due: Due, wanted: Wanted, transfer: Transfer, *more: Transfer) -> None:
    if more or (transfer.amount_minor, transfer.currency, transfer.destination) != (
        wanted.amount_minor,
        wanted.currency,
        wanted.destination,
    ):
        _leave_to_a_person(database, due, reason="Stripe holds other transfers for this payout than ours.")
        return
    with database.transaction() as tx:
        now = app_now(tx)
        call = tx.get_one(StripeCall, due.call, with_for_update=True)
        payout = _payout(tx, due)
        if call.state not in UNSETTLED:
            _check_known(payout, transfer)
            return
        post(
            tx,
            kind="sent",
            key=f"sent:{transfer.id}",
            currency=payout.currency,
            legs=[
                debit(in_flight(payout.worker_id), payout.amount_minor),
                credit(STRIPE_AVAILABLE, payout.amount_minor),
            ],
            now=now,
        )
        call.state, call.outcome = CallState.ACCEPTED, transfer.id
        payout.state, payout.stripe_transfer = PayoutState.ACCEPTED, transfer.id
        payout.paid_at, payout.failure = now, None
        set_earnings(tx, [payout], EarningState.SENT)
        _has_left(tx, payout)
        finish_batch(tx, batch=payout.batch_id, now=now)
        record(
            tx,
            PayoutSent(
                worker=payout.worker_id,
                payout=payout.id,
                amount_minor=payout.amount_minor,
                currency=payout.currency,
            ),
        )
    log.info("payout.sent", payout=str(wanted.payout), transfer=transfer.id, amount=wanted.amount_minor)


def _has_left(tx: Tx, payout: Payout) -> None:
    """Who asked for all that was payable before he leaves has it now."""
    tx.execute(
        update(StripeAccount)
        .where(StripeAccount.worker_id == payout.worker_id, StripeAccount.leaving_at <= payout.created_at)
        .values(leaving_at=None)
    )


def _check_known(payout: Payout, transfer: Transfer) -> None:
    """Another sender settled this call meanwhile: with the same transfer, or somebody must hear of it."""
    if payout.stripe_transfer != transfer.id:
        log.error("payout.unexpected_transfer", payout=str(payout.id), transfer=transfer.id)


def _refuse(
    database: Database, due: Due, *, reason: str, code: str, status: AccountStatus | None = None
) -> None:
    """A definite no: the key is retired and the money payable again, in one commit.

    `status` is what the account was read to be; without one, an account that Stripe refused is left out of batches
    until it is read again: else every batch would try it.
    """
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := held(tx, due)) is None:
            return
        payout = _payout(tx, due)
        _give_back(tx, payout, kind="rejected", attempt=call.attempt, now=now)
        call.state, call.outcome = CallState.REJECTED, code
        payout.state, payout.failure = PayoutState.REJECTED, reason
        if status is not None and status.account_id == _account_of(tx, payout):
            keep_status(tx, worker=payout.worker_id, status=status, now=now)
        elif code in CANNOT_RECEIVE:
            _leave_out_of_batches(tx, payout)
        finish_batch(tx, batch=payout.batch_id, now=now)
        record(tx, PayoutFailed(worker=payout.worker_id, payout=payout.id, reason=reason))
    log.warning("payout.rejected", payout=str(due.owner), code=code)


def _give_back(tx: Tx, payout: Payout, *, kind: str, attempt: int, now: datetime) -> None:
    """What was in flight is payable again, and what was netted is owed again."""
    parts = parts_of(tx, [payout])[payout.id]
    lock_accounts(tx, ((account, payout.currency) for account in accounts_of(payout, parts)))
    post(
        tx,
        kind=kind,
        key=f"{kind}:{payout.id}:{attempt}",
        currency=payout.currency,
        legs=sent_legs(payout, parts, back=True),
        now=now,
    )
    undo_netting(tx, payout, parts, now)
    free_earnings(tx, payout)


def _account_of(tx: Tx, payout: Payout) -> str | None:
    row = tx.get(StripeAccount, payout.worker_id)
    return row.account if row else None


def _leave_out_of_batches(tx: Tx, payout: Payout) -> None:
    tx.execute(
        update(StripeAccount)
        .where(StripeAccount.worker_id == payout.worker_id)
        .values(transfers_active=False)
    )


def _put_off(database: Database, due: Due, *, reason: str) -> None:
    """No answer, or not the time: try again later under the same key."""
    if due.kind is CallKind.TRANSFER_REVERSAL:
        reversing.put_off(database, due, reason=reason)
        return
    with database.transaction() as tx:
        if (call := held(tx, due)) is None:
            return
        payout = _payout(tx, due)
        call.outcome = payout.failure = reason
        call.due_at = app_now(tx) + pause_after(call.tries)
        if call.state is CallState.IN_DOUBT:
            payout.state = PayoutState.UNKNOWN
    log.warning("payout.waits", payout=str(due.owner), reason=reason)


def _leave_to_a_person(database: Database, due: Due, *, reason: str) -> None:
    """Neither sent again nor paid back: the key is retired, and the money stays in flight."""
    with database.transaction() as tx:
        if (call := held(tx, due)) is None:
            return
        payout = _payout(tx, due)
        call.state, call.outcome = CallState.RETIRED, reason
        payout.state, payout.failure = PayoutState.UNKNOWN, f"A person must look at Stripe: {reason}"
    log.error("payout.needs_a_person", payout=str(due.owner), reason=reason)


def _look_up(database: Database, gateway: PaymentGateway, due: Due, wanted: Wanted) -> None:
    """Find the transfer, or be sure twice that there is none; then a new attempt has a key of its own."""
    try:
        found = _transfers_of(gateway, wanted)
    except RateLimited:
        raise
    except (CallUnknown, CallRejected) as error:
        _put_off(database, due, reason=str(error))
        return
    if found:
        _accept(database, due, wanted, *found)
        return
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := held(tx, due)) is None or not looked_in_vain(call, now):
            return
        payout = _payout(tx, due)
        payout.attempt += 1
        payout.state, payout.failure = PayoutState.SENDING, None
        store_transfers(tx, [payout], environment=gateway.environment, now=now)


def _transfers_of(gateway: PaymentGateway, wanted: Wanted) -> list[Transfer]:
    found = gateway.find_transfers(transfer_group=str(wanted.batch), destination=wanted.destination)
    return [transfer for transfer in found if transfer.metadata.get("payout_id") == str(wanted.payout)]


def _payout(tx: Tx, due: Due) -> Payout:
    return tx.get_one(Payout, due.owner, with_for_update=True)
