"""Switches of a brand's money: what payers, their banks and Stripe's own people do."""

from collections.abc import Callable

from . import customers, disputes, invoices, payments
from .call import AMOUNT_LIMIT
from .store import JsonObject, Store


def turn(store: Store, kind: str, object_id: str, action: str, options: JsonObject) -> JsonObject:
    """`POST /_fake/{kind}/{object_id}/{action}`. Raises ValueError for what there is no switch of."""
    actions: dict[tuple[str, str], Callable[[], JsonObject]] = {
        ("payment_methods", "decline"): lambda: customers.set_decline(
            store, object_id, str(options.get("code", ""))
        ),
        ("payment_intents", "settle"): lambda: payments.succeed(
            store, _of(store, "payment_intent", object_id)
        ),
        ("payment_intents", "bounce"): lambda: payments.fail(
            store,
            _of(store, "payment_intent", object_id),
            code="payment_intent_payment_attempt_failed",
            message="The bank refused the debit.",
        ),
        ("payment_intents", "take_back"): lambda: payments.take_back(
            store, _of(store, "payment_intent", object_id)
        ),
        ("refunds", "arrive"): lambda: payments.arrive(store, _of(store, "refund", object_id)),
        ("refunds", "fail"): lambda: payments.fail_refund(store, _of(store, "refund", object_id)),
        ("charges", "dispute"): lambda: disputes.open_dispute(store, object_id),
        ("disputes", "win"): lambda: disputes.close_dispute(store, object_id, won=True),
        ("disputes", "lose"): lambda: disputes.close_dispute(store, object_id, won=False),
        ("invoices", "pay"): lambda: invoices.pay(store, _of(store, "invoice", object_id), _amount(options)),
        ("invoices", "pay_elsewhere"): lambda: invoices.pay_elsewhere(
            store, _of(store, "invoice", object_id), _amount(options)
        ),
        ("invoices", "void"): lambda: invoices.void(store, _of(store, "invoice", object_id)),
        ("invoices", "give_up"): lambda: invoices.give_up(store, _of(store, "invoice", object_id)),
        ("invoices", "credit"): lambda: invoices.give_credit(
            store, _of(store, "invoice", object_id), _amount(options)
        ),
        ("credit_notes", "void"): lambda: invoices.void_credit(store, object_id),
    }
    if (kind, action) not in actions:
        raise ValueError(f"No switch is called {kind}/{object_id}/{action}.")
    return actions[kind, action]()


def _of(store: Store, kind: str, object_id: str) -> JsonObject:
    body = store.find(kind, object_id)
    if body is None:
        raise ValueError(f"There is no {kind} {object_id}.")
    return body


def _amount(options: JsonObject) -> int:
    value = options.get("amount")
    if type(value) is not int or not 1 <= value <= AMOUNT_LIMIT:
        raise ValueError("amount is in minor units.")
    return value
