"""Wallets that fill themselves: a saved method is charged when the balance falls below a threshold.

A brand saves the method by paying one top-up; its payment keeps it. One charge at a time is on its way, within a
month's limit; a refusal stops it until the brand says so again. Each charge is a stored call (`funds_calls`).
"""

from datetime import datetime

import structlog
from sqlalchemy import func, select, text

from billing.brand_customers import customer_of
from billing.funds_calls import About, Reaction, store_call
from billing.funds_models import (
    AutoCharge,
    AutoChargeState,
    AutoTopUp,
    AutoTopUpState,
    BrandCustomer,
    FundsOperation,
)
from billing.funds_port import FundsPort, charge_params
from billing.gateway import CallRejected, CallUnknown
from billing.models import TopUp, TopUpState
from billing.spend import today
from billing.top_ups import HIGHEST_TOP_UP_MINOR, BadAmount, apply_status, ask_top_up, keep_checkout
from marketplace.events.commands import record
from marketplace.events.facts import AutoTopUpStopped
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, PersonId, TopUpId
from marketplace.kernel.money import Money

HIGHEST_MONTHLY_LIMIT_MINOR = 100_000_000_000
BRANDS_A_SWEEP = 50
LIVE = (AutoChargeState.ASKED, AutoChargeState.TAKEN)
COUNTED = (*LIVE, AutoChargeState.DONE)

log = structlog.get_logger()


class BadAutoTopUp(Invalid):
    """The threshold is from 0 up, and the month's limit is at least one top-up."""


class NoSavedMethod(Conflict):
    """There is no saved payment method. Set automatic top-up up anew; the first payment saves it."""


def set_up(
    tx: Tx,
    *,
    brand: BrandId,
    threshold_minor: int,
    amount: Money,
    monthly_limit_minor: int,
    person: PersonId | None,
    now: datetime,
) -> TopUpId | None:
    """What is wished from now on. With a saved method it holds at once (None); else by the top-up that is returned.

    Raises BadAutoTopUp, BadAmount, OtherCurrency.
    """
    if not 0 <= threshold_minor <= HIGHEST_TOP_UP_MINOR:
        raise BadAutoTopUp
    if not amount.amount_minor <= monthly_limit_minor <= HIGHEST_MONTHLY_LIMIT_MINOR:
        raise BadAutoTopUp
    row = tx.get(AutoTopUp, brand, with_for_update=True)
    method = row.payment_method if row else None
    saving = None
    if method is None:
        saving = TopUpId(ask_top_up(tx, brand=brand, amount=amount, person=person, now=now).id)
    elif amount.currency != (row.currency if row else None) or amount.amount_minor > HIGHEST_TOP_UP_MINOR:
        raise BadAmount
    tx.merge(
        AutoTopUp(
            brand_id=brand,
            state=AutoTopUpState.AWAITING_METHOD if saving else AutoTopUpState.ON,
            currency=amount.currency,
            threshold_minor=threshold_minor,
            amount_minor=amount.amount_minor,
            monthly_limit_minor=monthly_limit_minor,
            saving_top_up_id=saving,
            payment_method=method,
            stopped_reason=None,
            set_by=person,
            set_at=now,
        )
    )
    tx.flush()
    return saving


def turn_off(tx: Tx, *, brand: BrandId, forget_method: bool, now: datetime) -> None:
    """Nothing is charged by itself any more; what is on its way still arrives."""
    row = tx.get(AutoTopUp, brand, with_for_update=True)
    if row is None:
        return
    row.state, row.stopped_reason, row.set_at = AutoTopUpState.OFF, None, now
    if forget_method:
        row.payment_method = None


def open_saving_checkout(
    database: Database,
    port: FundsPort,
    *,
    brand: BrandId,
    top_up: TopUpId,
    email: str | None,
    return_url: str,
) -> str:
    """The page at Stripe where the brand pays and the method is saved; again, it is the same page."""
    scope = Scope(brand=brand)
    with database.transaction(scope) as tx:
        row = tx.get_one(TopUp, (brand, top_up))
        if row.checkout_url is not None:
            return row.checkout_url
        amount, currency = row.amount_minor, row.currency
    customer = customer_of(database, port, brand=brand, email=email, scope=scope)
    checkout = port.create_saving_checkout(
        reference=str(top_up),
        customer=customer,
        amount_minor=amount,
        currency=currency,
        success_url=return_url,
        cancel_url=return_url,
        key=f"top_up:{top_up}",
    )
    keep_checkout(database, brand=brand, top_up=top_up, checkout=checkout)
    return checkout.url


def learn_methods(database: Database, port: FundsPort) -> int:
    """Read which method the payments of set-ups saved, and begin; how many began."""
    with database.transaction() as tx:
        waiting = tx.execute(
            select(TopUp.brand_id, TopUp.id, TopUp.checkout_session)
            .join(
                AutoTopUp,
                (AutoTopUp.brand_id == TopUp.brand_id) & (AutoTopUp.saving_top_up_id == TopUp.id),
            )
            .where(AutoTopUp.state == AutoTopUpState.AWAITING_METHOD, TopUp.state == TopUpState.PAID)
            .limit(BRANDS_A_SWEEP)
        ).all()
    began = 0
    for brand, top_up, session in waiting:
        try:
            method = port.saved_method(str(session))
        except (CallUnknown, CallRejected) as error:
            log.warning("auto_top_up.method_unread", brand=str(brand), reason=str(error))
            continue
        with database.transaction() as tx:
            began += _begin(tx, brand, top_up, method)
    return began


def _begin(tx: Tx, brand: BrandId, top_up: TopUpId, method: str | None) -> int:
    row = tx.get_one(AutoTopUp, brand, with_for_update=True)
    if row.state is not AutoTopUpState.AWAITING_METHOD or row.saving_top_up_id != top_up:
        return 0
    if method is None:
        row.state, row.stopped_reason = AutoTopUpState.STOPPED, "The payment saved no method."
        return 0
    row.state, row.payment_method = AutoTopUpState.ON, method
    return 1


def ask_charges(database: Database, port: FundsPort) -> int:
    """Write down a charge for each brand whose wallet has fallen below its threshold; how many."""
    with database.transaction() as tx:
        low = tx.execute(_LOW, {"limit": BRANDS_A_SWEEP}).scalars().all()
    asked = 0
    for brand in low:
        with database.transaction() as tx:
            asked += ask_charge(tx, brand=BrandId(brand), environment=port.environment, now=app_now(tx))
    return asked


def ask_charge(tx: Tx, *, brand: BrandId, environment: str, now: datetime) -> int:
    """One charge, if it is wanted, none is on its way and the month's limit leaves room: 1, else 0."""
    row = tx.get(AutoTopUp, brand, with_for_update=True)
    if row is None or row.state is not AutoTopUpState.ON or row.payment_method is None:
        return 0
    if tx.execute(_LOW_ONE, {"brand": brand}).scalar_one_or_none() is None:
        return 0
    month = today(tx, brand, now).replace(day=1)
    if charged_in_month(tx, brand=brand, now=now) + row.amount_minor > row.monthly_limit_minor:
        return 0
    amount = Money(amount_minor=row.amount_minor, currency=row.currency)
    top_up = ask_top_up(tx, brand=brand, amount=amount, person=None, now=now)
    tx.add(
        AutoCharge(
            brand_id=brand,
            top_up_id=top_up.id,
            month=month,
            amount_minor=row.amount_minor,
            state=AutoChargeState.ASKED,
        )
    )
    params = charge_params(
        environment=environment,
        reference=str(top_up.id),
        customer=tx.get_one(BrandCustomer, brand).customer,
        method=row.payment_method,
        amount_minor=row.amount_minor,
        currency=row.currency,
    )
    store_call(tx, brand=brand, operation=FundsOperation.CHARGE, subject=top_up.id, params=params, now=now)
    return 1


def charged_in_month(tx: Tx, *, brand: BrandId, now: datetime) -> int:
    """Minor units charged, or being charged, in the running month of the brand's zone."""
    month = today(tx, brand, now).replace(day=1)
    total = tx.scalar(
        select(func.coalesce(func.sum(AutoCharge.amount_minor), 0)).where(
            AutoCharge.brand_id == brand, AutoCharge.month == month, AutoCharge.state.in_(COUNTED)
        )
    )
    return int(total or 0)


def settle_charges(database: Database, port: FundsPort) -> int:
    """Read payments that Stripe took and has not finished, or not made available; how many."""
    with database.transaction() as tx:
        now = app_now(tx)
        taken = tx.execute(
            select(AutoCharge.brand_id, AutoCharge.top_up_id, AutoCharge.payment_intent)
            .join(TopUp, (TopUp.brand_id == AutoCharge.brand_id) & (TopUp.id == AutoCharge.top_up_id))
            .where(
                AutoCharge.payment_intent.is_not(None),
                (AutoCharge.state == AutoChargeState.TAKEN)
                | ((TopUp.state == TopUpState.PAID) & TopUp.available_at.is_(None)),
                TopUp.due_at <= now,
            )
            .order_by(TopUp.due_at)
            .limit(BRANDS_A_SWEEP)
        ).all()
    for brand, top_up, intent in taken:
        try:
            status = port.payment_status(str(intent))
        except (CallUnknown, CallRejected) as error:
            log.warning("auto_top_up.unread", top_up=str(top_up), reason=str(error))
            status = None
        with database.transaction() as tx:
            apply_status(tx, brand=brand, top_up=top_up, status=status, now=app_now(tx))
            note_outcome(tx, brand=brand, top_up=top_up)
    return len(taken)


def note_outcome(tx: Tx, *, brand: BrandId, top_up: TopUpId) -> None:
    """Once its top-up is paid or has failed, the charge is done, and the next may be asked for."""
    charge = tx.get(AutoCharge, (brand, top_up), with_for_update=True)
    if charge is None or charge.state is not AutoChargeState.TAKEN:
        return
    state = tx.get_one(TopUp, (brand, top_up)).state
    if state is TopUpState.PAID:
        charge.state = AutoChargeState.DONE
    elif state is TopUpState.FAILED:
        _stop(tx, charge, reason="Your bank refused the payment.")


def intent_of(tx: Tx, *, brand: BrandId, top_up: TopUpId) -> str | None:
    """The payment behind a top-up that has no page; None while Stripe has not taken it."""
    charge = tx.get(AutoCharge, (brand, top_up))
    return charge.payment_intent if charge else None


def _accepted(tx: Tx, about: About, payment_intent: str) -> None:
    top_up = TopUpId(about.subject)
    charge = tx.get_one(AutoCharge, (about.brand, top_up), with_for_update=True)
    charge.state, charge.payment_intent = AutoChargeState.TAKEN, payment_intent
    row = tx.get_one(TopUp, (about.brand, top_up), with_for_update=True)
    if row.state is TopUpState.CREATED:
        row.state = TopUpState.PROCESSING
    row.due_at = about.now


def _refused(tx: Tx, about: About, reason: str) -> None:
    top_up = TopUpId(about.subject)
    charge = tx.get_one(AutoCharge, (about.brand, top_up), with_for_update=True)
    row = tx.get_one(TopUp, (about.brand, top_up), with_for_update=True)
    row.state = TopUpState.FAILED
    _stop(tx, charge, reason=reason)


def _stop(tx: Tx, charge: AutoCharge, *, reason: str) -> None:
    """One refusal is enough: a card that is tried again and again is blocked by its bank."""
    charge.state, charge.failure = AutoChargeState.REFUSED, reason
    row = tx.get_one(AutoTopUp, charge.brand_id, with_for_update=True)
    if row.state is AutoTopUpState.ON:
        row.state, row.stopped_reason = AutoTopUpState.STOPPED, reason
    record(tx, AutoTopUpStopped(brand=charge.brand_id, top_up=charge.top_up_id, reason=reason))


REACTION = Reaction(accepted=_accepted, refused=_refused)

_LOW_WHERE = (
    "FROM auto_top_up t LEFT JOIN ledger_account a ON a.code = 'brand_wallet' AND a.brand_id = t.brand_id "
    "AND a.worker_id IS NULL AND a.currency = t.currency "
    "WHERE t.state = 'on' AND coalesce(a.balance_minor, 0) < t.threshold_minor "
    "AND NOT EXISTS (SELECT FROM auto_charge c WHERE c.brand_id = t.brand_id AND c.state IN ('asked', 'taken')) "
    "AND NOT EXISTS (SELECT FROM top_up_reversal r WHERE r.brand_id = t.brand_id AND r.state IN ('open', 'owed')) "
)
_LOW = text(f"SELECT t.brand_id {_LOW_WHERE} ORDER BY t.set_at LIMIT :limit")
_LOW_ONE = text(f"SELECT t.brand_id {_LOW_WHERE} AND t.brand_id = :brand")
