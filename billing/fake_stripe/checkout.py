"""Checkout sessions: the hosted page where a brand pays, and what its buttons do."""

from . import customers
from .call import Call, found, listed, metadata, require
from .errors import SchemaViolation, StripeRefusal
from .events import emit
from .payments import fail, new_intent, start_processing, succeed
from .store import JsonObject, Store

SESSION_SECONDS = 24 * 60 * 60
MINIMUM_MINOR = 50  # Stripe's 0.50 USD; other currencies have their own equivalent


def create_session(call: Call) -> JsonObject:
    require(call, "line_items", "success_url")
    if call.params.get("mode") != "payment":
        raise StripeRefusal("Fake Stripe serves Checkout in payment mode only.", param="mode")
    total, unit = _total(call)
    store, session_id = call.store, call.store.new_id("cs_test")
    intent_data = call.params.get("payment_intent_data", {})
    session: JsonObject = {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "cancel_url": call.params.get("cancel_url"),
        "client_reference_id": call.params.get("client_reference_id"),
        "created": store.now(),
        "currency": unit,
        "customer": call.params.get("customer"),
        "expires_at": call.params.get("expires_at", store.now() + SESSION_SECONDS),
        "livemode": False,
        "metadata": metadata(call.params),
        "mode": "payment",
        "payment_intent": None,  # Stripe makes it when the payer confirms
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "status": "open",
        "success_url": call.params["success_url"],
        "ui_mode": "hosted_page",
        "url": f"{call.base_url}/checkout/{session_id}",
    }
    store.insert(session)
    saves = intent_data.get("setup_future_usage") == "off_session"
    if saves and store.find("customer", call.params.get("customer", "")) is None:
        raise StripeRefusal("A payment method is kept for a customer: name one.", param="customer")
    _keep_intent_data(
        store, session_id, metadata(intent_data), intent_data.get("transfer_group"), saves=saves
    )
    return session


def _total(call: Call) -> tuple[int, str]:
    total, units = 0, set()
    for index, line in enumerate(call.params["line_items"]):
        price, param = line.get("price_data"), f"line_items[{index}][price_data]"
        if price is None or "unit_amount" not in price:
            raise SchemaViolation(f"Missing required param: {param}[unit_amount].", param=param)
        total += price["unit_amount"] * line.get("quantity", 1)
        units.add(price["currency"])
    if len(units) != 1:
        raise StripeRefusal(
            "All prices on a Checkout Session must have the same currency.", param="line_items"
        )
    if total < MINIMUM_MINOR:
        raise StripeRefusal(
            "The Checkout Session's total amount due must add up to at least $0.50 usd",
            code="amount_too_small",
        )
    return total, units.pop()


def _keep_intent_data(
    store: Store, session_id: str, pairs: dict[str, str], group: str | None, *, saves: bool
) -> None:
    """What the payment intent will carry; no part of the session Stripe shows."""
    store.insert(
        {
            "id": f"later_{session_id}",
            "object": "fake.intent_data",
            "metadata": pairs,
            "group": group,
            "saves": saves,
        }
    )


def session(store: Store, session_id: str) -> JsonObject | None:
    """The session as of now: one left open past its time has expired."""
    body = store.find("checkout.session", session_id)
    if body and body["status"] == "open" and body["expires_at"] <= store.now():
        return expire(store, body)
    return body


def retrieve_session(call: Call) -> JsonObject:
    return session(call.store, call.path["session"]) or found(
        call, "checkout.session", call.path["session"], param="session"
    )


def list_sessions(call: Call) -> JsonObject:
    return listed(
        call,
        "checkout.session",
        "/v1/checkout/sessions",
        payment_intent=call.params.get("payment_intent"),
        status=call.params.get("status"),
    )


def expire_session(call: Call) -> JsonObject:
    body = retrieve_session(call)
    _must_be_open(body)
    return expire(call.store, body)


def expire(store: Store, body: JsonObject) -> JsonObject:
    body.update(status="expired", url=None)
    store.save(body)
    emit(store, "checkout.session.expired", body)
    return body


def pay(store: Store, body: JsonObject) -> JsonObject:
    """The payer's card is charged at once."""
    intent = succeed(store, _confirmed(store, body, customers.CARD))
    body.update(status="complete", payment_status="paid", payment_intent=intent["id"], url=None)
    store.save(body)
    emit(store, "checkout.session.completed", body)
    return body


def pay_by_bank(store: Store, body: JsonObject) -> JsonObject:
    """Complete but unpaid: the bank answers in days, by `settle` or `bounce`."""
    intent = start_processing(store, _confirmed(store, body, customers.BANK))
    body.update(status="complete", payment_status="unpaid", payment_intent=intent["id"], url=None)
    store.save(body)
    emit(store, "checkout.session.completed", body)
    return body


def settle(store: Store, body: JsonObject) -> JsonObject:
    succeed(store, _processing_intent(store, body))
    body["payment_status"] = "paid"
    store.save(body)
    emit(store, "checkout.session.async_payment_succeeded", body)
    return body


def bounce(store: Store, body: JsonObject) -> JsonObject:
    intent = _processing_intent(store, body)
    fail(store, intent, code="payment_intent_payment_attempt_failed", message="The bank refused the debit.")
    emit(store, "checkout.session.async_payment_failed", body)
    return body


def _confirmed(store: Store, body: JsonObject, kind: str) -> JsonObject:
    _must_be_open(body)
    later = store.find("fake.intent_data", f"later_{body['id']}")
    assert later is not None
    intent = new_intent(
        store,
        value=body["amount_total"],
        unit=body["currency"],
        pairs=later["metadata"],
        group=later["group"],
        customer=body["customer"],
    )
    if later["saves"]:
        intent["payment_method"] = customers.save_method(store, body["customer"], kind)["id"]
    return intent


def _processing_intent(store: Store, body: JsonObject) -> JsonObject:
    intent = store.find("payment_intent", body["payment_intent"] or "")
    if intent is None or intent["status"] != "processing":
        raise StripeRefusal("No bank payment of this session is under way.")
    return intent


def _must_be_open(body: JsonObject) -> None:
    if body["status"] != "open":
        raise StripeRefusal(f"This Checkout Session is {body['status']}, no longer open.")
