"""Customers, and the payment methods they let be charged while nobody is there."""

from .call import Call, found, metadata
from .errors import StripeRefusal
from .store import JsonObject, Store

CARD, BANK = "card", "us_bank_account"
DECLINES = {
    "card_declined": "Your card was declined.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "insufficient_funds": "Your card has insufficient funds.",
}


def create_customer(call: Call) -> JsonObject:
    return call.store.insert(
        {
            "id": call.store.new_id("cus"),
            "object": "customer",
            "created": call.store.now(),
            "email": call.params.get("email"),
            "livemode": False,
            "metadata": metadata(call.params),
            "name": call.params.get("name"),
        }
    )


def update_customer(call: Call) -> JsonObject:
    body = retrieve_customer(call)
    body.update({name: call.params[name] for name in ("email", "name") if name in call.params})
    return call.store.save(body)


def retrieve_customer(call: Call) -> JsonObject:
    return found(call, "customer", call.path["customer"], param="customer")


def save_method(store: Store, customer: str, kind: str) -> JsonObject:
    """What a checkout keeps when it was asked to."""
    return store.insert(
        {
            "id": store.new_id("pm"),
            "object": "payment_method",
            "created": store.now(),
            "customer": customer,
            "livemode": False,
            "metadata": {},
            "type": kind,
        }
    )


def set_decline(store: Store, method_id: str, code: str) -> JsonObject:
    """From now on the method's bank says no; an empty code: yes again."""
    method = store.find("payment_method", method_id)
    if method is None or code not in {"", *DECLINES}:
        raise ValueError(f"A payment method and one of {', '.join(DECLINES)}, or nothing.")
    method["fake_decline"] = code
    return store.save(method)


def chargeable(call: Call, method_id: str) -> JsonObject:
    """A saved method of the very customer that is charged. Raises when its bank declines."""
    method = found(call, "payment_method", method_id, param="payment_method")
    if method["customer"] != call.params.get("customer"):
        raise StripeRefusal(
            "The customer does not have a payment method with this ID.",
            code="resource_missing",
            param="payment_method",
        )
    if code := method.get("fake_decline"):
        raise StripeRefusal(DECLINES[code], status=402, type_="card_error", code=code, param="payment_method")
    return method
