"""Balances per account and currency, moved only by balance transactions."""

import sqlite3

from .call import Call, found, listed
from .events import emit
from .store import PLATFORM, JsonObject, Store

REPORTING = {
    "charge": "charge",
    "payment": "charge",
    "payment_refund": "refund",
    "refund": "refund",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
    "payout": "payout",
    "payout_failure": "payout_reversal",
    "topup": "topup",
    "adjustment": "dispute",
    "payment_failure_refund": "charge_failure",
    "refund_failure": "refund_failure",
    "stripe_fee": "fee",
    "reserve_transaction": "connect_reserved_funds",
}
OTHER_CATEGORY = "other_adjustment"


def record(
    store: Store,
    *,
    type_: str,
    amount: int,
    currency: str,
    source: str | None,
    account: str = PLATFORM,
    fee: int = 0,
    pending: bool = False,
) -> JsonObject:
    """A balance transaction of `amount` (signed, before `fee`) and its effect on the balance."""
    net = amount - fee
    store.move(account, currency, **{"pending" if pending else "available": net})
    fees = [
        {
            "amount": fee,
            "currency": currency,
            "type": "stripe_fee",
            "description": "Stripe processing fees",
            "application": None,
        }
    ]
    return store.insert(
        {
            "id": store.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": store.now(),
            "balance_type": "payments",
            "created": store.now(),
            "currency": currency,
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": fees if fee else [],
            "net": net,
            "reporting_category": REPORTING.get(type_, OTHER_CATEGORY),
            "source": source,
            "status": "pending" if pending else "available",
            "type": type_,
        },
        account=account,
    )


def settle_pending(store: Store) -> int:
    """Make everything pending available, as days passing would; says how many transactions settled."""
    rows = store.db.execute(
        "SELECT id, account FROM object WHERE kind = 'balance_transaction'"
        " AND json_extract(body, '$.status') = 'pending' ORDER BY seq"
    ).fetchall()
    for row in rows:
        body = store.find("balance_transaction", row["id"], account=row["account"])
        assert body is not None
        store.move(row["account"], body["currency"], pending=-body["net"], available=body["net"])
        store.save({**body, "status": "available", "available_on": store.now()})
    for account in sorted({row["account"] for row in rows}):
        emit(store, "balance.available", balance(store, account), account=account)
    return len(rows)


def balance(store: Store, account: str) -> JsonObject:
    rows = store.balances(account)
    return {
        "object": "balance",
        "available": [_sum(row, row["available"]) for row in rows] or [_nothing()],
        "connect_reserved": [
            {
                "amount": reserved(store, row["currency"]) if account == PLATFORM else 0,
                "currency": row["currency"],
            }
            for row in rows
        ],
        "livemode": False,
        "pending": [_sum(row, row["pending"]) for row in rows] or [_nothing()],
    }


def reserved(store: Store, currency: str) -> int:
    """What the platform's balance keeps back for connected accounts below zero."""
    row = store.db.execute(
        "SELECT coalesce(-sum(json_extract(body, '$.amount')), 0) AS reserved FROM object"
        " WHERE kind = 'balance_transaction' AND account = ? AND json_extract(body, '$.type') = 'reserve_transaction'"
        " AND json_extract(body, '$.currency') = ?",
        (PLATFORM, currency),
    ).fetchone()
    return int(row["reserved"])


def _sum(row: sqlite3.Row, amount: int) -> JsonObject:
    return {"amount": amount, "currency": row["currency"], "source_types": {"card": amount}}


def _nothing() -> JsonObject:
    return {"amount": 0, "currency": "usd", "source_types": {"card": 0}}


def retrieve_balance(call: Call) -> JsonObject:
    return balance(call.store, call.account)


def retrieve_balance_transaction(call: Call) -> JsonObject:
    return found(call, "balance_transaction", call.path["id"])


def list_balance_transactions(call: Call) -> JsonObject:
    return listed(
        call,
        "balance_transaction",
        "/v1/balance_transactions",
        type=call.params.get("type"),
        source=call.params.get("source"),
        currency=call.params.get("currency"),
    )
