"""Switches of Stripe's own record: movements added, altered, kept back and shown late; accounts pushed below zero."""

from . import balances
from .accounts import account as connected
from .call import AMOUNT_LIMIT
from .store import PLATFORM, JsonObject, Store

DAY_SECONDS = 24 * 60 * 60
DAYS_LIMIT = 365
KEPT_BACK = "balance_transaction.kept_back"  # a kind that no request lists
RESERVE = "reserve_transaction"


def turn_record(store: Store, action: str, options: JsonObject) -> JsonObject:
    """POST /_fake/record/{action}; raises ValueError in words."""
    match action:
        case "add":
            return _add(store, options)
        case "alter":
            return _alter(store, _movement(store, options), _signed(options, "by_minor"))
        case "keep_back":
            return _show_as(store, _movement(store, options), KEPT_BACK)
        case "show":
            return _show_as(store, _movement(store, options), "balance_transaction")
    raise ValueError("record knows add, alter, keep_back and show.")


def _add(store: Store, options: JsonObject) -> JsonObject:
    """A movement of any type, with its effect on the balance; `days_ago` says when Stripe made it."""
    days = _signed({"days_ago": 0, **options}, "days_ago")
    if not 0 <= days <= DAYS_LIMIT:
        raise ValueError(f"days_ago is 0 to {DAYS_LIMIT}.")
    body = balances.record(
        store,
        type_=str(options.get("type", "adjustment")),
        amount=_signed(options, "amount_minor"),
        currency=str(options.get("currency", "usd")),
        source=options.get("source"),
        fee=_signed({"fee_minor": 0, **options}, "fee_minor"),
        pending=options.get("pending") is True,
    )
    body["created"] -= days * DAY_SECONDS
    store.db.execute("UPDATE object SET created = ? WHERE id = ?", (body["created"], body["id"]))
    return store.save(body)


def _alter(store: Store, body: JsonObject, by_minor: int) -> JsonObject:
    """As a defect of Stripe's would: record and balance both say something else than before."""
    store.move(PLATFORM, body["currency"], **{body["status"]: by_minor})
    return store.save({**body, "amount": body["amount"] + by_minor, "net": body["net"] + by_minor})


def _show_as(store: Store, body: JsonObject, kind: str) -> JsonObject:
    store.db.execute("UPDATE object SET kind = ? WHERE id = ?", (kind, body["id"]))
    return body


def _movement(store: Store, options: JsonObject) -> JsonObject:
    body = store.find_any(str(options.get("id")))
    if body is None or body["object"] != "balance_transaction":
        raise ValueError("id names a balance transaction.")
    return body


def push(store: Store, account_id: str, options: JsonObject) -> JsonObject:
    """Take from a connected account (or give to it), and reserve on the platform what all accounts owe."""
    unit, value = str(options.get("currency", "usd")), _signed(options, "amount_minor")
    moved = balances.record(
        store,
        type_="adjustment",
        amount=value,
        currency=unit,
        source=None,
        account=connected(store, account_id)["id"],
    )
    owed = store.db.execute(
        "SELECT coalesce(-sum(available), 0) AS owed FROM balance"
        " WHERE account <> ? AND currency = ? AND available < 0",
        (PLATFORM, unit),
    ).fetchone()["owed"]
    short = owed - balances.reserved(store, unit)
    if short:
        balances.record(store, type_=RESERVE, amount=-short, currency=unit, source=None)
    return moved


def _signed(options: JsonObject, name: str) -> int:
    value = options.get(name)
    if type(value) is not int or abs(value) > 100 * AMOUNT_LIMIT:
        raise ValueError(f"{name} is a whole number.")
    return value
