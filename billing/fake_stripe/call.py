"""What a handler of an API operation gets, and the small answers they share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import SchemaViolation, StripeRefusal, missing
from .store import JsonObject, Store

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500
AMOUNT_LIMIT = 99_999_999
CURRENCY_LENGTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One validated API request: who it speaks for, its typed parameters and the parts of its path."""

    store: Store
    account: str  # the Stripe-Account header, PLATFORM without one
    params: dict[str, Any]
    path: dict[str, str]
    base_url: str


Handler = Callable[[Call], JsonObject]


def require(call: Call, *names: str) -> None:
    """Parameters Stripe demands although the SDK types them as optional."""
    for name in names:
        if name not in call.params:
            raise SchemaViolation(f"Missing required param: {name}.", code="parameter_missing", param=name)


def amount(call: Call) -> int:
    require(call, "amount")
    value = int(call.params["amount"])
    if not 1 <= value <= AMOUNT_LIMIT:
        raise SchemaViolation(
            f"Invalid amount: must be between 1 and {AMOUNT_LIMIT}.",
            code="parameter_invalid_integer",
            param="amount",
        )
    return value


def currency(call: Call) -> str:
    value = str(call.params["currency"])
    if len(value) != CURRENCY_LENGTH or not value.isalpha() or not value.islower():
        raise SchemaViolation(f"Invalid currency: {value}.", param="currency")
    return value


def metadata(params: Mapping[str, Any]) -> dict[str, str]:
    pairs: dict[str, str] = params.get("metadata") or {}
    if len(pairs) > METADATA_KEYS:
        raise SchemaViolation(f"Metadata can have up to {METADATA_KEYS} keys.", param="metadata")
    for key, value in pairs.items():
        if len(key) > METADATA_KEY_LENGTH or len(value) > METADATA_VALUE_LENGTH:
            raise SchemaViolation(f"Metadata key or value is too long: {key}.", param="metadata")
    return dict(pairs)


def found(call: Call, kind: str, object_id: str, *, param: str = "id") -> JsonObject:
    body = call.store.find(kind, object_id, account=call.account)
    if body is None:
        raise missing(kind, object_id, param=param, status=404)
    return body


def listed(call: Call, kind: str, url: str, **where: Any) -> JsonObject:
    """Stripe's list envelope over one page."""
    after = call.params.get("starting_after")
    if after is not None and call.store.find(kind, after, account=call.account) is None:
        raise missing(kind, after, param="starting_after")
    data, has_more = call.store.page(kind, account=call.account, where=where, params=call.params)
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def expanded(store: Store, body: JsonObject, paths: list[str]) -> JsonObject:
    """`latest_charge.balance_transaction`: ids along each dotted path replaced by their objects."""
    for path in paths:
        _expand(store, body, path.split("."), path)
    return body


def _expand(store: Store, body: JsonObject, steps: list[str], path: str) -> None:
    step, rest = steps[0], steps[1:]
    if step == "data" and body.get("object") == "list":
        for member in body["data"]:
            _expand(store, member, rest, path)
        return
    value = body.get(step)
    if isinstance(value, str):
        value = body[step] = store.find_any(value)
    if value is None and step in body:
        return  # nothing there yet, as Stripe answers
    if not isinstance(value, dict):
        raise StripeRefusal(f"This property cannot be expanded ({path}).", param="expand")
    if rest:
        _expand(store, value, rest, path)
