"""Payment intents, their charges and refunds: how money enters the platform's balance."""

from typing import Any

from . import customers
from .balances import record
from .call import Call, amount, currency, found, listed, metadata
from .errors import StripeRefusal, insufficient_balance, missing
from .events import emit
from .store import JsonObject, Store

DECLINING_METHODS = {"pm_card_chargeDeclined", "pm_card_visa_chargeDeclined"}
SLOW_METHODS = {"pm_usBankAccount"}
BASIS_POINTS = 10_000


def create_payment_intent(call: Call) -> JsonObject:
    intent = new_intent(
        call.store,
        value=amount(call),
        unit=currency(call),
        pairs=metadata(call.params),
        group=call.params.get("transfer_group"),
        customer=call.params.get("customer"),
    )
    if call.params.get("confirm"):
        return _confirm(call, intent)
    return intent


def new_intent(
    store: Store,
    *,
    value: int,
    unit: str,
    pairs: dict[str, str],
    group: str | None,
    customer: str | None = None,
) -> JsonObject:
    intent_id = store.new_id("pi")
    intent: JsonObject = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": value,
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{store.new_id('s')}",
        "confirmation_method": "automatic",
        "created": store.now(),
        "currency": unit,
        "customer": customer,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": pairs,
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "processing": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": group,
    }
    store.insert(intent)
    emit(store, "payment_intent.created", intent)
    return intent


def confirm_payment_intent(call: Call) -> JsonObject:
    return _confirm(call, found(call, "payment_intent", call.path["intent"], param="intent"))


def _confirm(call: Call, intent: JsonObject) -> JsonObject:
    if intent["status"] not in {"requires_payment_method", "requires_confirmation"}:
        raise StripeRefusal(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    method = call.params.get("payment_method")
    if method is None:
        raise StripeRefusal(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    if method in DECLINING_METHODS:
        raise StripeRefusal(
            "Your card was declined.",
            status=402,
            type_="card_error",
            code="card_declined",
            param="payment_method",
        )
    intent["payment_method"] = method
    if call.params.get("off_session"):
        saved = customers.chargeable(call, method)
        slow = saved["type"] == customers.BANK
    else:
        slow = method in SLOW_METHODS
    return start_processing(call.store, intent) if slow else succeed(call.store, intent)


def succeed(store: Store, intent: JsonObject) -> JsonObject:
    """Money arrives: a charge, its fee and its balance transaction."""
    charge_id, value, unit = store.new_id("ch"), intent["amount"], intent["currency"]
    arrived = record(
        store,
        type_="charge",
        amount=value,
        currency=unit,
        source=charge_id,
        fee=_fee(store, value),
        pending=store.setting("funds") == "pending",
    )
    charge = store.insert(_charge(store, intent, charge_id, arrived["id"]))
    intent.update(status="succeeded", amount_received=value, latest_charge=charge_id, processing=None)
    store.save(intent)
    emit(store, "charge.succeeded", charge)
    emit(store, "payment_intent.succeeded", intent)
    return intent


def start_processing(store: Store, intent: JsonObject) -> JsonObject:
    """A bank payment that takes days; `succeed` or `fail` ends it."""
    intent.update(status="processing", payment_method_types=["us_bank_account"])
    store.save(intent)
    emit(store, "payment_intent.processing", intent)
    return intent


def fail(store: Store, intent: JsonObject, *, code: str, message: str) -> JsonObject:
    intent.update(
        status="requires_payment_method",
        last_payment_error={"type": "card_error", "code": code, "message": message},
    )
    store.save(intent)
    emit(store, "payment_intent.payment_failed", intent)
    return intent


def take_back(store: Store, intent: JsonObject) -> JsonObject:
    """A bank payment that had succeeded fails after all: the charge is undone, its fee is not."""
    charge = store.find("charge", intent["latest_charge"] or "")
    if charge is None or intent["status"] != "succeeded":
        raise StripeRefusal("Only a payment that succeeded can be taken back.")
    arrived = store.find("balance_transaction", charge["balance_transaction"])
    assert arrived is not None
    record(
        store,
        type_="payment_failure_refund",
        amount=-charge["amount"],
        currency=charge["currency"],
        source=charge["id"],
        pending=arrived["status"] == "pending",
    )
    charge.update(status="failed", paid=False, failure_code="debit_not_authorized")
    store.save(charge)
    emit(store, "charge.failed", charge)
    return fail(store, intent, code="debit_not_authorized", message="The bank took the debit back.")


def _fee(store: Store, value: int) -> int:
    share = (value * int(store.setting("fee_basis_points")) + BASIS_POINTS // 2) // BASIS_POINTS
    return min(value, share + int(store.setting("fee_fixed_minor")))


def _charge(store: Store, intent: JsonObject, charge_id: str, transaction_id: str) -> JsonObject:
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "balance_transaction": transaction_id,
        "captured": True,
        "created": store.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "failure_code": None,
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": True,
        "payment_intent": intent["id"],
        "refunded": False,
        "status": "succeeded",
        "transfer_group": intent["transfer_group"],
    }


def retrieve_payment_intent(call: Call) -> JsonObject:
    return found(call, "payment_intent", call.path["intent"], param="intent")


def list_payment_intents(call: Call) -> JsonObject:
    return listed(call, "payment_intent", "/v1/payment_intents", customer=call.params.get("customer"))


def retrieve_charge(call: Call) -> JsonObject:
    return found(call, "charge", call.path["charge"], param="charge")


def list_charges(call: Call) -> JsonObject:
    return listed(call, "charge", "/v1/charges", payment_intent=call.params.get("payment_intent"))


def create_refund(call: Call) -> JsonObject:
    """Back to the payer out of the platform's balance; fees and transfers are not given back."""
    store, charge = call.store, _refundable(call)
    remaining = charge["amount"] - charge["amount_refunded"]
    value = int(call.params.get("amount", remaining))
    if remaining == 0:
        raise StripeRefusal(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if not 1 <= value <= remaining:
        raise StripeRefusal(
            f"Refund amount ({value}) is greater than unrefunded amount on charge ({remaining})",
            param="amount",
        )
    if store.available(call.account, charge["currency"]) < value:
        raise insufficient_balance("Insufficient funds in your Stripe balance to refund this amount.")
    return _refund(call, charge, value)


def _refundable(call: Call) -> JsonObject:
    charge_id = call.params.get("charge")
    if intent_id := call.params.get("payment_intent"):
        charge_id = found(call, "payment_intent", intent_id, param="payment_intent")["latest_charge"]
    charge = call.store.find("charge", charge_id, account=call.account) if charge_id else None
    if charge is None:
        raise missing("charge", str(charge_id), param="charge")
    if any(one["charge"] == charge_id and one["status"] != "won" for one in call.store.objects("dispute")):
        raise StripeRefusal(
            f"Charge {charge_id} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    return charge


def _refund(call: Call, charge: JsonObject, value: int) -> JsonObject:
    store, refund_id = call.store, call.store.new_id("re")
    out = record(store, type_="refund", amount=-value, currency=charge["currency"], source=refund_id)
    refund: dict[str, Any] = {
        "id": refund_id,
        "object": "refund",
        "amount": value,
        "balance_transaction": out["id"],
        "charge": charge["id"],
        "created": store.now(),
        "currency": charge["currency"],
        "metadata": metadata(call.params),
        "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"),
        "status": store.setting("refunds"),
    }
    charge["amount_refunded"] += value
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    store.save(charge)
    store.insert(refund)
    emit(store, "refund.created", refund)
    emit(store, "charge.refunded", charge)
    return refund


def retrieve_refund(call: Call) -> JsonObject:
    return found(call, "refund", call.path["refund"], param="refund")


def list_refunds(call: Call) -> JsonObject:
    return listed(call, "refund", "/v1/refunds", payment_intent=call.params.get("payment_intent"))


def arrive(store: Store, refund: JsonObject) -> JsonObject:
    refund["status"] = "succeeded"
    store.save(refund)
    emit(store, "refund.updated", refund)
    return refund


def fail_refund(store: Store, refund: JsonObject) -> JsonObject:
    """The payer's bank did not take it: the money is the platform's again."""
    if refund["status"] == "failed":
        raise StripeRefusal("This refund has failed already.")
    back = record(
        store,
        type_="refund_failure",
        amount=refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
    )
    refund.update(
        status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=back["id"]
    )
    store.save(refund)
    charge = store.find("charge", refund["charge"])
    assert charge is not None
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    store.save(charge)
    emit(store, "refund.updated", refund)
    emit(store, "refund.failed", refund)
    return refund
