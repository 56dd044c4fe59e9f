"""Money that the platform adds to its own balance from its bank."""

from .balances import record
from .events import emit
from .store import JsonObject, Store


def top_up(store: Store, value: int, unit: str) -> JsonObject:
    """A top-up that has arrived; gives its balance transaction."""
    topup_id = store.new_id("tu")
    arrived = record(store, type_="topup", amount=value, currency=unit, source=topup_id)
    topup: JsonObject = {
        "id": topup_id,
        "object": "topup",
        "amount": value,
        "balance_transaction": arrived["id"],
        "created": store.now(),
        "currency": unit,
        "description": None,
        "expected_availability_date": store.now(),
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "source": None,
        "statement_descriptor": None,
        "status": "succeeded",
        "transfer_group": None,
    }
    store.insert(topup)
    emit(store, "topup.succeeded", topup)
    return arrived
