"""Disputes: a payer's bank takes a charge back at once, and who is right is decided later."""

from .balances import record
from .call import Call, found, listed
from .errors import StripeRefusal
from .events import emit
from .store import JsonObject, Store

FEE_MINOR = 1_500


def open_dispute(store: Store, charge_id: str, *, reason: str = "fraudulent") -> JsonObject:
    """The bank takes the whole charge back, and Stripe its fee."""
    charge = store.find("charge", charge_id)
    if charge is None or charge["disputed"]:
        raise StripeRefusal("There is no such charge, or it is disputed already.")
    dispute_id, value = store.new_id("du"), charge["amount"] - charge["amount_refunded"]
    dispute = store.insert(
        {
            "id": dispute_id,
            "object": "dispute",
            "amount": value,
            "balance_transactions": [],
            "charge": charge_id,
            "created": store.now(),
            "currency": charge["currency"],
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "status": "needs_response",
        }
    )
    emit(store, "charge.dispute.created", dispute)
    _move(store, dispute, amount=-value, fee=FEE_MINOR)
    charge["disputed"] = True
    store.save(charge)
    emit(store, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(store: Store, dispute_id: str, *, won: bool) -> JsonObject:
    dispute = store.find("dispute", dispute_id)
    if dispute is None or dispute["status"] in {"won", "lost"}:
        raise StripeRefusal("There is no such dispute, or it is closed.")
    dispute["status"] = "won" if won else "lost"
    store.save(dispute)
    emit(store, "charge.dispute.closed", dispute)
    if won:
        _move(store, dispute, amount=dispute["amount"], fee=0)
        emit(store, "charge.dispute.funds_reinstated", dispute)
    return dispute


def _move(store: Store, dispute: JsonObject, *, amount: int, fee: int) -> None:
    moved = record(
        store,
        type_="adjustment",
        amount=amount,
        currency=dispute["currency"],
        source=dispute["id"],
        fee=fee,
    )
    dispute["balance_transactions"].append(moved)
    store.save(dispute)


def retrieve_dispute(call: Call) -> JsonObject:
    return found(call, "dispute", call.path["dispute"], param="dispute")


def list_disputes(call: Call) -> JsonObject:
    return listed(call, "dispute", "/v1/disputes", payment_intent=call.params.get("payment_intent"))
