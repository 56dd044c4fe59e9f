"""Invoices that are sent: drafted, given lines, finalized, paid in parts or too often, voided, credited."""

from typing import Any

from .call import Call, currency, found, listed, metadata, require
from .errors import StripeRefusal, missing
from .events import emit
from .payments import new_intent, succeed
from .store import JsonObject, Store

DAY_SECONDS = 24 * 60 * 60


def create_invoice(call: Call) -> JsonObject:
    require(call, "customer")
    store, params = call.store, call.params
    if params.get("collection_method") != "send_invoice" or "days_until_due" not in params:
        raise StripeRefusal("Fake Stripe serves invoices that are sent, with days_until_due.")
    if params.get("pending_invoice_items_behavior") != "exclude":
        raise StripeRefusal("Fake Stripe keeps no pending invoice items: exclude them.")
    customer = store.find("customer", params["customer"])
    if customer is None:
        raise missing("customer", params["customer"], param="customer")
    if not customer["email"]:
        raise StripeRefusal("An invoice that is sent needs a customer with a valid email.")
    invoice_id = store.new_id("in")
    return store.insert(
        {
            "id": invoice_id,
            "object": "invoice",
            "amount_due": 0,
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_remaining": 0,
            "auto_advance": params.get("auto_advance", False),
            "collection_method": "send_invoice",
            "created": store.now(),
            "currency": currency(call),
            "customer": customer["id"],
            "customer_email": customer["email"],
            "days_until_due": params["days_until_due"],
            "due_date": None,
            "hosted_invoice_url": None,
            "livemode": False,
            "metadata": metadata(params),
            "number": None,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "status": "draft",
            "total": 0,
        }
    )


def create_item(call: Call) -> JsonObject:
    require(call, "customer", "invoice", "amount")
    store = call.store
    invoice = _invoice(call, call.params["invoice"])
    if invoice["status"] != "draft":
        raise StripeRefusal("This invoice is no longer editable.", code="invoice_not_editable")
    if invoice["customer"] != call.params["customer"] or invoice["currency"] != currency(call):
        raise StripeRefusal("The item's customer and currency are those of its invoice.")
    item = store.insert(
        {
            "id": store.new_id("ii"),
            "object": "invoiceitem",
            "amount": call.params["amount"],
            "created": store.now(),
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "description": call.params.get("description"),
            "invoice": invoice["id"],
            "livemode": False,
            "metadata": metadata(call.params),
        }
    )
    invoice["total"] += item["amount"]
    _recount(invoice)
    store.save(invoice)
    return item


def list_items(call: Call) -> JsonObject:
    return listed(call, "invoiceitem", "/v1/invoiceitems", invoice=call.params.get("invoice"))


def send_invoice(call: Call) -> JsonObject:
    """A draft is finalized first; an open one is sent again."""
    store, invoice = call.store, _invoice(call, call.path["invoice"])
    if invoice["status"] == "draft":
        invoice.update(
            status="open",
            number=f"HC-{len(store.objects('invoice')):04d}",
            due_date=store.now() + invoice["days_until_due"] * DAY_SECONDS,
            hosted_invoice_url=f"{call.base_url}/invoice/{invoice['id']}",
        )
        store.save(invoice)
        emit(store, "invoice.finalized", invoice)
    elif invoice["status"] != "open":
        raise StripeRefusal(f"This invoice is {invoice['status']}: it is not sent.")
    emit(store, "invoice.sent", invoice)
    return invoice


def retrieve_invoice(call: Call) -> JsonObject:
    return _invoice(call, call.path["invoice"])


def list_invoices(call: Call) -> JsonObject:
    return listed(call, "invoice", "/v1/invoices", customer=call.params.get("customer"))


def list_payments(call: Call) -> JsonObject:
    return listed(
        call,
        "invoice_payment",
        "/v1/invoice_payments",
        invoice=call.params.get("invoice"),
        status=call.params.get("status"),
    )


def list_credit_notes(call: Call) -> JsonObject:
    return listed(call, "credit_note", "/v1/credit_notes", invoice=call.params.get("invoice"))


def pay(store: Store, invoice: JsonObject, value: int) -> JsonObject:
    """Somebody pays `value` of it, or more than it asks for, or once more although it is paid."""
    if invoice["status"] not in {"open", "paid", "uncollectible"}:
        raise StripeRefusal(f"This invoice is {invoice['status']}: it is not paid.")
    intent = succeed(store, new_intent(store, value=value, unit=invoice["currency"], pairs={}, group=None))
    return _paid(store, invoice, value, {"type": "payment_intent", "payment_intent": intent["id"]})


def pay_elsewhere(store: Store, invoice: JsonObject, value: int) -> JsonObject:
    """A bank transfer that never passed through Stripe, noted by hand."""
    return _paid(store, invoice, value, {"type": "payment_record", "payment_record": store.new_id("pr")})


def _paid(store: Store, invoice: JsonObject, value: int, payment: dict[str, Any]) -> JsonObject:
    store.insert(
        {
            "id": store.new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": value,
            "amount_requested": value,
            "created": store.now(),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": False,
            "livemode": False,
            "payment": payment,
            "status": "paid",
        }
    )
    invoice["amount_paid"] += value
    _recount(invoice)
    was_paid = invoice["status"] == "paid"
    if invoice["amount_remaining"] == 0:
        invoice["status"] = "paid"
    store.save(invoice)
    if invoice["status"] == "paid" and not was_paid:
        emit(store, "invoice.paid", invoice)
    emit(store, "invoice_payment.paid", invoice)
    return invoice


def void(store: Store, invoice: JsonObject) -> JsonObject:
    return _close(store, invoice, "void", "invoice.voided")


def give_up(store: Store, invoice: JsonObject) -> JsonObject:
    return _close(store, invoice, "uncollectible", "invoice.marked_uncollectible")


def _close(store: Store, invoice: JsonObject, status: str, event: str) -> JsonObject:
    if invoice["status"] not in {"open", "uncollectible"}:
        raise StripeRefusal(f"This invoice is {invoice['status']}.")
    invoice["status"] = status
    store.save(invoice)
    emit(store, event, invoice)
    return invoice


def give_credit(store: Store, invoice: JsonObject, value: int) -> JsonObject:
    """A credit note: what is not paid yet need not be; the rest is the payer's credit."""
    if invoice["status"] not in {"open", "paid"}:
        raise StripeRefusal(f"This invoice is {invoice['status']}: no credit is given on it.")
    before = min(value, invoice["amount_remaining"])
    note = store.insert(
        {
            "id": store.new_id("cn"),
            "object": "credit_note",
            "amount": value,
            "created": store.now(),
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "invoice": invoice["id"],
            "livemode": False,
            "metadata": {},
            "number": f"{invoice['number']}-CN",
            "post_payment_amount": value - before,
            "pre_payment_amount": before,
            "refunds": [],
            "status": "issued",
            "total": value,
            "type": "mixed" if 0 < before < value else "pre_payment" if before else "post_payment",
        }
    )
    invoice["pre_payment_credit_notes_amount"] += before
    invoice["post_payment_credit_notes_amount"] += value - before
    _recount(invoice)
    if invoice["amount_remaining"] == 0:
        invoice["status"] = "paid"
    store.save(invoice)
    emit(store, "credit_note.created", note)
    return note


def void_credit(store: Store, note_id: str) -> JsonObject:
    note = store.find("credit_note", note_id)
    if note is None or note["status"] != "issued" or note["post_payment_amount"]:
        raise StripeRefusal("Only an issued credit note on what was not paid yet can be voided.")
    invoice = store.find("invoice", note["invoice"])
    assert invoice is not None
    if invoice["status"] != "open":
        raise StripeRefusal("Credit notes of an open invoice can be voided.")
    note["status"] = "void"
    store.save(note)
    invoice["pre_payment_credit_notes_amount"] -= note["pre_payment_amount"]
    _recount(invoice)
    store.save(invoice)
    emit(store, "credit_note.voided", note)
    return note


def _invoice(call: Call, invoice_id: str) -> JsonObject:
    return found(call, "invoice", invoice_id, param="invoice")


def _recount(invoice: JsonObject) -> None:
    due = invoice["total"] - invoice["pre_payment_credit_notes_amount"]
    invoice["amount_due"] = due
    invoice["amount_remaining"] = max(0, due - invoice["amount_paid"])
    invoice["amount_overpaid"] = max(0, invoice["amount_paid"] - due)
