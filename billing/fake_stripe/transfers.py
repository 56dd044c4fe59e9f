"""Transfers to connected accounts and their reversals: both fail at once or are done."""

from .balances import record
from .call import Call, amount, currency, found, listed, metadata
from .errors import SchemaViolation, StripeRefusal, insufficient_balance, missing
from .events import emit
from .store import JsonObject, Store


def create_transfer(call: Call) -> JsonObject:
    store, value, unit, pairs = call.store, amount(call), currency(call), metadata(call.params)
    destination = _ready_destination(store, call.params["destination"])
    if store.available(call.account, unit) < value:
        raise insufficient_balance(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your "
            "available balance by creating Charges using the 4000000000000077 test card."
        )
    transfer_id, payment_id = store.new_id("tr"), store.new_id("py")
    out = record(
        store, type_="transfer", amount=-value, currency=unit, source=transfer_id, account=call.account
    )
    _receive(store, destination, payment_id, value, unit, transfer_id)
    transfer: JsonObject = {
        "id": transfer_id,
        "object": "transfer",
        "amount": value,
        "amount_reversed": 0,
        "balance_transaction": out["id"],
        "created": store.now(),
        "currency": unit,
        "description": call.params.get("description"),
        "destination": destination,
        "destination_payment": payment_id,
        "livemode": False,
        "metadata": pairs,
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/transfers/{transfer_id}/reversals",
        },
        "reversed": False,
        "source_transaction": None,
        "source_type": call.params.get("source_type", "card"),
        "transfer_group": call.params.get("transfer_group") or f"group_{payment_id}",
    }
    store.insert(transfer, account=call.account)
    emit(store, "transfer.created", transfer)
    return transfer


def _ready_destination(store: Store, account_id: str) -> str:
    account = store.find("account", account_id)
    if account is None:
        raise missing("destination", account_id, param="destination")
    if account["capabilities"].get("transfers") != "active":
        raise StripeRefusal(
            "Your destination account needs to have at least one of the following capabilities enabled: "
            "transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    return account_id


def _receive(store: Store, account: str, payment_id: str, value: int, unit: str, transfer_id: str) -> None:
    """The other half: a payment on the destination's own books."""
    arrived = record(store, type_="payment", amount=value, currency=unit, source=payment_id, account=account)
    payment: JsonObject = {
        "id": payment_id,
        "object": "charge",
        "amount": value,
        "amount_refunded": 0,
        "balance_transaction": arrived["id"],
        "captured": True,
        "created": store.now(),
        "currency": unit,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "refunded": False,
        "source_transfer": transfer_id,
        "status": "succeeded",
    }
    store.insert(payment, account=account)


def retrieve_transfer(call: Call) -> JsonObject:
    return found(call, "transfer", call.path["transfer"], param="transfer")


def list_transfers(call: Call) -> JsonObject:
    return listed(
        call,
        "transfer",
        "/v1/transfers",
        transfer_group=call.params.get("transfer_group"),
        destination=call.params.get("destination"),
    )


def create_reversal(call: Call) -> JsonObject:
    store = call.store
    transfer = found(call, "transfer", call.path["id"], param="transfer")
    remaining = transfer["amount"] - transfer["amount_reversed"]
    value = int(call.params.get("amount", remaining))
    if value < 1:
        raise SchemaViolation("Invalid amount: must be at least 1.", param="amount")
    if value > remaining:
        raise StripeRefusal(
            f"Reversal amount ({value}) is greater than the unreversed amount of the transfer ({remaining}).",
            param="amount",
        )
    if store.available(transfer["destination"], transfer["currency"]) < value:
        raise insufficient_balance("The destination account has insufficient funds to reverse this transfer.")
    return _reverse(call, transfer, value)


def _reverse(call: Call, transfer: JsonObject, value: int) -> JsonObject:
    store, unit, reversal_id = call.store, transfer["currency"], call.store.new_id("trr")
    back = record(store, type_="transfer_refund", amount=value, currency=unit, source=reversal_id)
    refund_id = store.new_id("pyr")
    record(
        store,
        type_="payment_refund",
        amount=-value,
        currency=unit,
        source=refund_id,
        account=transfer["destination"],
    )
    reversal: JsonObject = {
        "id": reversal_id,
        "object": "transfer_reversal",
        "amount": value,
        "balance_transaction": back["id"],
        "created": store.now(),
        "currency": unit,
        "destination_payment_refund": refund_id,
        "metadata": metadata(call.params),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    store.insert(reversal)
    transfer["amount_reversed"] += value
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    store.save(transfer)
    emit(store, "transfer.reversed", transfer)
    return reversal


def list_reversals(call: Call) -> JsonObject:
    transfer = found(call, "transfer", call.path["id"], param="transfer")
    return listed(
        call, "transfer_reversal", f"/v1/transfers/{transfer['id']}/reversals", transfer=transfer["id"]
    )


def retrieve_reversal(call: Call) -> JsonObject:
    return found(call, "transfer_reversal", call.path["id"])
