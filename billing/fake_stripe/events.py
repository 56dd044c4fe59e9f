"""Events: what happened, snapshotted when it happened, and queued for every endpoint that listens."""

import json

from .call import Call, found, listed
from .store import PLATFORM, JsonObject, Store


def emit(store: Store, type_: str, body: JsonObject, *, account: str = PLATFORM) -> None:
    """Record `type_` about `body`; an `account` makes it a Connect event."""
    event: JsonObject = {
        "id": store.new_id("evt"),
        "object": "event",
        "api_version": store.api_version,
        "created": store.now(),
        "data": {"object": json.loads(json.dumps(body))},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": store.cause.request_id, "idempotency_key": store.cause.idempotency_key},
        "type": type_,
    }
    if account:
        event["account"] = account
    listeners = store.db.execute(
        "SELECT id FROM endpoint WHERE connect = ?", (int(bool(account)),)
    ).fetchall()
    event["pending_webhooks"] = len(listeners)
    store.insert(event, account=account)
    for listener in listeners:
        store.db.execute(
            "INSERT INTO delivery (endpoint, event) VALUES (?, ?)", (listener["id"], event["id"])
        )


def retrieve_event(call: Call) -> JsonObject:
    return found(call, "event", call.path["id"])


def list_events(call: Call) -> JsonObject:
    return listed(call, "event", "/v1/events", type=call.params.get("type"))
