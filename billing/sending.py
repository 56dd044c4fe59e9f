"""Sending stored transfers exactly once: through crashes, lost replies, refusals and replays.

A call's row is claimed and marked in doubt before anything leaves; what leaves is the row's own parameters
under the row's own key. An unknown result is asked for again under that key while the key lives, then looked
up; money returns to payable only after a definite refusal. Whoever took a call holds it until his lease ends:
what he learns after that counts only if it is a transfer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, or_, select, update

from billing.accounts import STRIPE_AVAILABLE, in_flight, payable
from billing.batches import amounts_by_brand, finish_batch, free_earnings, set_earnings, store_call
from billing.books import payouts_stopped_by_books
from billing.connected_balances import is_below_zero
from billing.gateway import (
    CallRejected,
    CallUnknown,
    CredentialsRefused,
    KeyReused,
    PaymentGateway,
    RateLimited,
    Transfer,
)
from billing.ledger import credit, debit, post
from billing.models import CallState, EarningState, Payout, PayoutState, StripeAccount, StripeCall
from marketplace.events.commands import record
from marketplace.events.facts import PayoutFailed, PayoutSent
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import PayoutId

CALLS_PER_SWEEP = 50
LEASE = timedelta(seconds=60)  # a slow call may outlast it: `_held` and the key make that harmless
RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=10)
KEY_LIVES = timedelta(hours=20)
BETWEEN_LOOKUPS = timedelta(minutes=10)
LOOKUPS_NEEDED = 2
UNSETTLED = (CallState.READY, CallState.IN_DOUBT)
ACCOUNT_IS_GONE = frozenset({"account_invalid", "resource_missing"})
CANNOT_RECEIVE = frozenset({"account_cannot_receive", "insufficient_capabilities_for_transfer"})
REMEDY = (
    "The worker's account cannot receive transfers now. They must finish its set-up at Stripe; "
    "the money stays theirs and the next batch pays it."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A call taken off the queue, with what is needed to send it while no transaction is open."""

    call: UUID
    leased_until: datetime
    payout: PayoutId
    key: str
    params: dict[str, object]
    amount_minor: int
    currency: str
    destination: str
    group: str
    in_doubt: bool
    key_is_alive: bool


def send_due(database: Database, gateway: PaymentGateway) -> int:
    """Work on up to 50 due calls, one at a time; how many. Stops when the provider refuses our key or our pace."""
    done = 0
    while done < CALLS_PER_SWEEP and (due := _take(database)) is not None:
        try:
            _work(database, gateway, due)
        except CredentialsRefused as refusal:
            _wait(database, due, reason=str(refusal))
            log.error("payouts.credentials_refused", payout=str(due.payout))
            break
        except RateLimited as limit:
            _pause(database, due, reason=str(limit))
            break
        done += 1
    return done


def _take(database: Database) -> Due | None:
    """Claim the next due call for the time of a lease; a crash in that time makes it due again."""
    with database.transaction() as tx:
        now = app_now(tx)
        call = tx.scalars(
            select(StripeCall)
            .where(StripeCall.state.in_(UNSETTLED), StripeCall.due_at <= now, _may_go_now(tx))
            .order_by(StripeCall.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if call is None:
            return None
        call.due_at = now + LEASE
        payout = tx.get_one(Payout, call.payout_id)
        return Due(
            call=call.id,
            leased_until=call.due_at,
            payout=payout.id,
            key=call.key,
            params=call.params,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            destination=payout.destination,
            group=str(payout.batch_id),
            in_doubt=call.state is CallState.IN_DOUBT,
            key_is_alive=call.first_tried_at is None or now - call.first_tried_at < KEY_LIVES,
        )


def _may_go_now(tx: Tx) -> ColumnElement[bool]:
    """What is in doubt is always recovered. Nothing begins while the books differ, or to an account below zero."""
    if payouts_stopped_by_books(tx) is not None:
        return StripeCall.state == CallState.IN_DOUBT
    goes_below_zero = exists().where(Payout.id == StripeCall.payout_id, is_below_zero(Payout.destination))
    return or_(StripeCall.state == CallState.IN_DOUBT, ~goes_below_zero)


def _work(database: Database, gateway: PaymentGateway, due: Due) -> None:
    if due.in_doubt and not due.key_is_alive:
        _look_up(database, gateway, due)
        return
    if not due.in_doubt and not _may_send(database, gateway, due):
        return
    if not _mark_in_doubt(database, due):
        return
    try:
        transfer = gateway.execute_transfer(due.params, key=due.key)
    except CallRejected as refusal:
        _refused(database, gateway, due, refusal)
    except KeyReused as reused:
        _leave_to_a_person(database, due, reason=str(reused))
    except RateLimited:
        raise
    except CallUnknown as unknown:
        _wait(database, due, reason=str(unknown))
    else:
        _accept(database, due, transfer)


def _may_send(database: Database, gateway: PaymentGateway, due: Due) -> bool:
    """Fresh checks before a first try: the account can receive, and the platform has the money."""
    try:
        status = gateway.account_status(due.destination)
        available = gateway.available_balance(due.currency)
    except CallRejected as refusal:
        if refusal.code in ACCOUNT_IS_GONE:
            _refuse(database, due, reason=REMEDY, code="account_cannot_receive")
        else:
            _wait(database, due, reason=str(refusal))
        return False
    except CallUnknown as unknown:
        _wait(database, due, reason=str(unknown))
        return False
    if not status.can_receive:
        _refuse(database, due, reason=REMEDY, code="account_cannot_receive")
        return False
    if available < due.amount_minor:
        _wait(database, due, reason="The platform's available balance is too low; sending waits for it.")
        return False
    return True


def _mark_in_doubt(database: Database, due: Due) -> bool:
    """From here on only the provider knows; False when the call is no longer ours to make."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return False
        call.state, call.tries = CallState.IN_DOUBT, call.tries + 1
        call.first_tried_at = call.first_tried_at or app_now(tx)
    return True


def _refused(database: Database, gateway: PaymentGateway, due: Due, refusal: CallRejected) -> None:
    """A refusal settles a first try. An earlier try without an answer may have gone through: look before."""
    if due.in_doubt:
        try:
            found = _transfers_of(gateway, due)
        except (CallUnknown, CallRejected) as error:
            _wait(database, due, reason=str(error))
            return
        if found:
            _accept(database, due, *found)
            return
    reason = REMEDY if refusal.code in CANNOT_RECEIVE else str(refusal)
    _refuse(database, due, reason=reason, code=refusal.code)


def _accept(database: Database, due: Due, transfer: Transfer, *more: Transfer) -> None:
    if more or (transfer.amount_minor, transfer.currency, transfer.destination) != (
        due.amount_minor,
        due.currency,
        due.destination,
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
        set_earnings(tx, payout, EarningState.SENT)
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
    log.info("payout.sent", payout=str(due.payout), transfer=transfer.id, amount=due.amount_minor)


def _check_known(payout: Payout, transfer: Transfer) -> None:
    """Another sender settled this call meanwhile: with the same transfer, or somebody must hear of it."""
    if payout.stripe_transfer != transfer.id:
        log.error("payout.unexpected_transfer", payout=str(payout.id), transfer=transfer.id)


def _refuse(database: Database, due: Due, *, reason: str, code: str) -> None:
    """A definite no: the key is retired and the money payable again, in one commit."""
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := _held(tx, due)) is None:
            return
        payout = _payout(tx, due)
        post(
            tx,
            kind="rejected",
            key=f"rejected:{payout.id}:{call.attempt}",
            currency=payout.currency,
            legs=[
                debit(in_flight(payout.worker_id), payout.amount_minor),
                *(
                    credit(payable(brand, payout.worker_id), amount)
                    for brand, amount in amounts_by_brand(tx, payout).items()
                ),
            ],
            now=now,
        )
        call.state, call.outcome = CallState.REJECTED, code
        payout.state, payout.failure = PayoutState.REJECTED, reason
        free_earnings(tx, payout)
        if code in CANNOT_RECEIVE:
            _leave_out_of_batches(tx, payout)
        finish_batch(tx, batch=payout.batch_id, now=now)
        record(tx, PayoutFailed(worker=payout.worker_id, payout=payout.id, reason=reason))
    log.warning("payout.rejected", payout=str(due.payout), code=code)


def _leave_out_of_batches(tx: Tx, payout: Payout) -> None:
    """Until onboarding's sweep reads otherwise: else every batch would try this account again."""
    tx.execute(
        update(StripeAccount)
        .where(StripeAccount.worker_id == payout.worker_id)
        .values(transfers_active=False)
    )


def _wait(database: Database, due: Due, *, reason: str) -> None:
    """No answer, or not the time: try again later under the same key."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return
        payout = _payout(tx, due)
        call.outcome = payout.failure = reason
        call.due_at = app_now(tx) + _pause_after(call.tries)
        if call.state is CallState.IN_DOUBT:
            payout.state = PayoutState.UNKNOWN
    log.warning("payout.waits", payout=str(due.payout), reason=reason)


def _pause(database: Database, due: Due, *, reason: str) -> None:
    """The provider did not look at the request, so nothing failed and nothing more is unknown than before."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return
        call.outcome, call.due_at = reason, app_now(tx) + _pause_after(call.tries)
    log.warning("payouts.rate_limited", payout=str(due.payout))


def _pause_after(tries: int) -> timedelta:
    doubled: int = 2 ** min(tries, 10)
    return min(RETRY * doubled, LONGEST_RETRY)


def _leave_to_a_person(database: Database, due: Due, *, reason: str) -> None:
    """Neither sent again nor paid back: the key is retired, and the money stays in flight."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return
        payout = _payout(tx, due)
        call.state, call.outcome = CallState.RETIRED, reason
        payout.state, payout.failure = PayoutState.UNKNOWN, f"A person must look at Stripe: {reason}"
    log.error("payout.needs_a_person", payout=str(due.payout), reason=reason)


def _look_up(database: Database, gateway: PaymentGateway, due: Due) -> None:
    """The key has died with the result unknown: find the transfer, or be sure twice that there is none."""
    try:
        found = _transfers_of(gateway, due)
    except (CallUnknown, CallRejected) as error:
        _wait(database, due, reason=str(error))
        return
    if found:
        _accept(database, due, *found)
        return
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := _held(tx, due)) is None:
            return
        call.lookups_empty += 1
        call.due_at = now + BETWEEN_LOOKUPS
        if call.lookups_empty < LOOKUPS_NEEDED:
            return
        call.state, call.outcome = CallState.RETIRED, "no transfer found twice"
        payout = _payout(tx, due)
        payout.attempt += 1
        payout.state, payout.failure = PayoutState.SENDING, None
        store_call(tx, payout, environment=gateway.environment, now=now)


def _transfers_of(gateway: PaymentGateway, due: Due) -> list[Transfer]:
    found = gateway.find_transfers(transfer_group=due.group, destination=due.destination)
    return [transfer for transfer in found if transfer.metadata.get("payout_id") == str(due.payout)]


def _held(tx: Tx, due: Due) -> StripeCall | None:
    """The call, locked; None when it is settled, or somebody else took it after our lease."""
    call = tx.get_one(StripeCall, due.call, with_for_update=True)
    if call.state in UNSETTLED and call.due_at == due.leased_until:
        return call
    log.warning("payout.lease_lost", payout=str(due.payout), state=call.state.value)
    return None


def _payout(tx: Tx, due: Due) -> Payout:
    return tx.get_one(Payout, due.payout, with_for_update=True)
