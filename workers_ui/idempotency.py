"""A request sent twice acts once: its key, what it asked and got are a row of the effect's commit."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.models import IdempotencyKey

KEY_LIMIT = 200


class KeyReused(Conflict):
    """This Idempotency-Key came before with another request. Use a fresh key for a new request."""


class BadKey(Invalid):
    """An Idempotency-Key has 1 to 200 printable characters."""


def once(
    tx: Tx,
    *,
    principal: str,
    key: str | None,
    asked: object,
    now: datetime,
    act: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """The answer of `act`, or the stored one if `principal` sent `key` with the same request before.

    A second request with the key waits for the first one's commit. Without a key, `act` just runs.
    """
    if key is None:
        return act()
    if not 0 < len(key) <= KEY_LIMIT or not key.isprintable():
        raise BadKey
    fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    first = insert(IdempotencyKey).values(
        principal=principal, key=key, fingerprint=fingerprint, created_at=now
    )
    made = tx.execute(first.on_conflict_do_nothing().returning(IdempotencyKey.key)).first()
    row = tx.get_one(IdempotencyKey, (principal, key), with_for_update=True)
    if made is None:
        if row.fingerprint != fingerprint or row.answer is None:
            raise KeyReused
        return row.answer
    row.answer = act()
    return row.answer
