"""Writing facts, and telling those who must act on them within the same transaction."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import text

from marketplace.events.facts import Fact
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import HAS_FACTS, Tx

Subscriber = Callable[[Tx, Any], None]


class Bus:
    """Who hears of which fact within its transaction."""

    def __init__(self, subscribers: Mapping[type[Fact], Sequence[Subscriber]]) -> None:
        self._subscribers = subscribers

    def tell(self, tx: Tx, fact: Fact) -> None:
        for subscriber in self._subscribers.get(type(fact), ()):
            subscriber(tx, fact)


def record(tx: Tx, fact: Fact) -> None:
    """Write `fact` and run its same-transaction subscribers: all of it commits, or none."""
    tx.flush()
    tx.execute(
        _INSERT,
        {
            "at": app_now(tx),
            "kind": fact.kind,
            "brand": fact.brand,
            "worker": fact.worker,
            "subject": fact.subject,
            "body": json.dumps(_body(fact)),
        },
    )
    facts_written(tx)
    bus: Bus = tx.info["bus"]
    bus.tell(tx, fact)


def facts_written(tx: Tx) -> None:
    """Facts are in this transaction, by `record` or by the database's own functions: announce its commit."""
    tx.info[HAS_FACTS] = True


_INSERT = text(
    "INSERT INTO event (at, kind, brand_id, worker_id, subject_id, body) "
    "VALUES (:at, :kind, :brand, :worker, :subject, CAST(:body AS jsonb))"
)


def _body(fact: Fact) -> dict[str, object]:
    own = (field.name for field in fields(fact) if field.name not in ("brand", "worker"))
    return {name: _json(getattr(fact, name)) for name in own}


def _json(value: object) -> object:
    return value if isinstance(value, int | str | bool | None) else str(value)
