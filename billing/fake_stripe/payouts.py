"""Payouts from an account's balance to its bank, which may fail even after they were called paid."""

from .accounts import account as connected
from .balances import record
from .call import Call, amount, currency, found, listed, metadata
from .errors import StripeRefusal, insufficient_balance
from .events import emit
from .store import PLATFORM, JsonObject, Store

STATES = ("pending", "in_transit", "paid", "failed", "canceled")


def create_payout(call: Call) -> JsonObject:
    unit, value = currency(call), amount(call)
    if call.account and not connected(call.store, call.account)["payouts_enabled"]:
        raise StripeRefusal("Payouts are not enabled for this account.", code="payouts_not_allowed")
    if call.store.available(call.account, unit) < value:
        raise insufficient_balance("You have insufficient funds in your Stripe account for this payout.")
    return pay_out(call.store, call.account, value, unit, pairs=metadata(call.params), automatic=False)


def pay_out(
    store: Store, account: str, value: int, unit: str, *, pairs: dict[str, str], automatic: bool
) -> JsonObject:
    payout_id = store.new_id("po")
    out = record(store, type_="payout", amount=-value, currency=unit, source=payout_id, account=account)
    payout: JsonObject = {
        "id": payout_id,
        "object": "payout",
        "amount": value,
        "arrival_date": store.now(),
        "automatic": automatic,
        "balance_transaction": out["id"],
        "created": store.now(),
        "currency": unit,
        "description": "STRIPE PAYOUT" if automatic else None,
        "destination": _bank(store, account),
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": pairs,
        "method": "standard",
        "reconciliation_status": "not_applicable",
        "source_type": "card",
        "status": "pending",
        "type": "bank_account",
    }
    store.insert(payout, account=account)
    emit(store, "payout.created", payout, account=account)
    return payout


def _bank(store: Store, account: str) -> str | None:
    banks = connected(store, account)["external_accounts"]["data"] if account else []
    return banks[0]["id"] if banks else None


def pay_out_everything(store: Store, account: str) -> list[JsonObject]:
    """Stripe's daily automatic payout."""
    return [
        pay_out(store, account, row["available"], row["currency"], pairs={}, automatic=True)
        for row in store.balances(account)
        if row["available"] > 0
    ]


def drain_platform(store: Store, unit: str, leave_minor: int) -> JsonObject | None:
    """The platform's own automatic payout takes the float, as one left on `automatic` does."""
    surplus = store.available(PLATFORM, unit) - leave_minor
    return pay_out(store, PLATFORM, surplus, unit, pairs={}, automatic=True) if surplus > 0 else None


def set_state(store: Store, payout_id: str, state: str, failure_code: str | None) -> JsonObject:
    """What the bank says; a failure gives the money back to the account."""
    account = store.owner(payout_id)
    payout = store.find("payout", payout_id, account=account) if account is not None else None
    if payout is None or account is None:
        raise StripeRefusal(f"No such payout: '{payout_id}'", status=404, code="resource_missing")
    if payout["status"] in {"failed", "canceled"}:
        raise StripeRefusal(f"This payout is {payout['status']} for good.")
    payout["status"] = state
    if state in {"failed", "canceled"}:
        _give_back(store, payout, account, failure_code or "account_closed")
    store.save(payout)
    emit(
        store,
        f"payout.{state if state not in {'pending', 'in_transit'} else 'updated'}",
        payout,
        account=account,
    )
    return payout


def _give_back(store: Store, payout: JsonObject, account: str, failure_code: str) -> None:
    back = record(
        store,
        type_="payout_failure",
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        account=account,
    )
    payout["failure_balance_transaction"] = back["id"]
    if payout["status"] == "failed":
        payout.update(
            failure_code=failure_code, failure_message=f"The bank refused this payout ({failure_code})."
        )


def retrieve_payout(call: Call) -> JsonObject:
    return found(call, "payout", call.path["payout"], param="payout")


def list_payouts(call: Call) -> JsonObject:
    return listed(call, "payout", "/v1/payouts", status=call.params.get("status"))
