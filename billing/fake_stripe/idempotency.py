"""Idempotency as Stripe keeps it: a key's first result, refusals and 500s included, answers for 24 hours."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import key_reused
from .store import JsonObject, Store

KEY_SECONDS = 24 * 60 * 60
KEY_LENGTH = 255
RANDOM_KEY = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The answer a key already has."""

    status: int
    body: JsonObject
    request_id: str


def fingerprint(method: str, path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """One digest per endpoint and parameters, whatever their order."""
    return hashlib.sha256(json.dumps([method, path, sorted(pairs)]).encode()).hexdigest()


def find(store: Store, *, account: str, key: str, print_: str) -> Stored | None:
    """The stored answer of `key`; raises idempotency_error when other parameters used it first."""
    store.db.execute("DELETE FROM idempotency WHERE created <= ?", (store.now() - KEY_SECONDS,))
    row = store.db.execute(
        "SELECT * FROM idempotency WHERE account = ? AND key = ?", (account, key)
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != print_:
        raise key_reused(key)
    return Stored(status=row["status"], body=json.loads(row["body"]), request_id=row["request_id"])


def keep(store: Store, stored: Stored, *, account: str, key: str, print_: str, path: str) -> None:
    store.db.execute(
        "INSERT INTO idempotency (account, key, fingerprint, path, status, body, request_id, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (account, key, print_, path, stored.status, json.dumps(stored.body), stored.request_id, store.now()),
    )


def complaint(key: str | None) -> str | None:
    """Why this key would not protect us, or None."""
    if not key:
        return "A POST without an Idempotency-Key: a retry would execute it again."
    if len(key) > KEY_LENGTH:
        return f"Idempotency keys are at most {KEY_LENGTH} characters."
    if RANDOM_KEY.match(key):
        return "A random Idempotency-Key, as the SDK invents per call: it protects nothing across a crash."
    return None
