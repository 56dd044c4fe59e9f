"""All state in one SQLite file: what a committed transaction says survives kill -9.

One connection on the event loop's thread: requests are serial by construction, which is all the
isolation a stand-in needs. WAL with synchronous=FULL syncs every commit before the answer leaves.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JsonObject = dict[
    str, Any
]  # Stripe's objects are open JSON; their shapes are asserted by the SDK that reads them
PLATFORM = ""  # the account column of what belongs to the platform itself
PAGE_LIMIT = 100

TABLES = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, account TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_by_kind ON object (kind, account, seq);
CREATE INDEX IF NOT EXISTS transfer_by_group ON object (json_extract(body, '$.transfer_group'))
    WHERE kind = 'transfer';
CREATE TABLE IF NOT EXISTS balance (
    account TEXT NOT NULL, currency TEXT NOT NULL, pending INTEGER NOT NULL DEFAULT 0,
    available INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account, currency));
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL, request_id TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (account, key));
CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (created);
CREATE TABLE IF NOT EXISTS onboarding (
    token TEXT PRIMARY KEY, account TEXT NOT NULL, refresh_url TEXT NOT NULL, return_url TEXT NOT NULL,
    expires_at INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('new', 'visited', 'left')));
CREATE TABLE IF NOT EXISTS fault (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,
    seconds REAL NOT NULL, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS violation (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL, param TEXT,
    message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS endpoint (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL, connect INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, event TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting');
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLE_NAMES = (
    "object",
    "balance",
    "idempotency",
    "onboarding",
    "fault",
    "violation",
    "endpoint",
    "delivery",
    "setting",
)
SETTINGS: dict[str, Any] = {
    "clock_offset_seconds": 0,
    "funds": "available",  # or "pending": charges wait for /_fake/balance/settle
    "fee_basis_points": 290,
    "fee_fixed_minor": 30,
    # Of every 100 deliveries, how many are posted twice, never posted, or preceded by one with a wrong signature.
    "webhooks_duplicated_percent": 0,
    "webhooks_lost_percent": 0,
    "webhooks_forged_percent": 0,
    "webhooks_shuffled": False,
    "refunds": "succeeded",  # or "pending": each waits for a switch
    "payout_interval": "manual",  # how often the platform's own balance is paid out by itself
    "transfers_only_approved": True,  # False: Stripe's default for a new platform
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The API request that changes something; events carry it. Pages and switches have none."""

    request_id: str | None = None
    idempotency_key: str | None = None


class Store:
    """Objects, balances and settings of one fake Stripe; `now` is its own clock and can be advanced."""

    def __init__(
        self, path: Path, *, api_version: str, wall_clock: Callable[[], float], new_token: Callable[[], str]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.executescript(TABLES)
        self.api_version = api_version
        self.cause = Cause()
        self._wall_clock = wall_clock
        self._new_token = new_token

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self, cause: Cause | None = None) -> Iterator[None]:
        """All or nothing, on disk when the block ends."""
        self.cause = cause or Cause()
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the block when it raises; the transaction around it goes on."""
        self.db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO attempt")
            raise
        finally:
            self.db.execute("RELEASE attempt")

    def now(self) -> int:
        return int(self._wall_clock()) + int(self.setting("clock_offset_seconds"))

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._new_token()}"

    def insert(self, body: JsonObject, *, account: str = PLATFORM) -> JsonObject:
        """Keep a new object; its kind is Stripe's own word in `object`."""
        self.db.execute(
            "INSERT INTO object (id, kind, account, created, body) VALUES (?, ?, ?, ?, ?)",
            (body["id"], body["object"], account, body.get("created", self.now()), json.dumps(body)),
        )
        return body

    def save(self, body: JsonObject) -> JsonObject:
        self.db.execute("UPDATE object SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))
        return body

    def find(self, kind: str, object_id: str, *, account: str = PLATFORM) -> JsonObject | None:
        row = self.db.execute(
            "SELECT body FROM object WHERE id = ? AND kind = ? AND account = ?", (object_id, kind, account)
        ).fetchone()
        return json.loads(row["body"]) if row else None

    def find_any(self, object_id: str) -> JsonObject | None:
        row = self.db.execute("SELECT body FROM object WHERE id = ?", (object_id,)).fetchone()
        return json.loads(row["body"]) if row else None

    def owner(self, object_id: str) -> str | None:
        row = self.db.execute("SELECT account FROM object WHERE id = ?", (object_id,)).fetchone()
        return str(row["account"]) if row else None

    def objects(self, kind: str) -> list[JsonObject]:
        """Every object of a kind on every account, oldest first: for tests, which need no pages."""
        rows = self.db.execute("SELECT body FROM object WHERE kind = ? ORDER BY seq", (kind,))
        return [json.loads(row["body"]) for row in rows]

    def page(
        self, kind: str, *, account: str, where: Mapping[str, Any], params: Mapping[str, Any]
    ) -> tuple[list[JsonObject], bool]:
        """One page, newest first, and whether more follow; `params` holds limit, starting_after, created."""
        clauses: list[str] = ["kind = ?", "account = ?"]
        values: list[Any] = [kind, account]
        for name, value in where.items():
            if value is not None:
                clauses.append(f"json_extract(body, '$.{name}') = ?")
                values.append(value)
        for clause, value in _created_clauses(params.get("created")):
            clauses.append(clause)
            values.append(value)
        if "starting_after" in params:
            clauses.append("seq < (SELECT seq FROM object WHERE id = ?)")
            values.append(params["starting_after"])
        limit = max(1, min(int(params.get("limit", 10)), PAGE_LIMIT))
        rows = self.db.execute(
            f"SELECT body FROM object WHERE {' AND '.join(clauses)} ORDER BY seq DESC LIMIT ?",
            (*values, limit + 1),
        ).fetchall()
        return [json.loads(row["body"]) for row in rows[:limit]], len(rows) > limit

    def balances(self, account: str) -> list[sqlite3.Row]:
        return self.db.execute(
            "SELECT currency, pending, available FROM balance WHERE account = ? ORDER BY currency", (account,)
        ).fetchall()

    def available(self, account: str, currency: str) -> int:
        row = self.db.execute(
            "SELECT available FROM balance WHERE account = ? AND currency = ?", (account, currency)
        ).fetchone()
        return int(row["available"]) if row else 0

    def move(self, account: str, currency: str, *, pending: int = 0, available: int = 0) -> None:
        self.db.execute(
            "INSERT INTO balance (account, currency, pending, available) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account, currency) DO UPDATE"
            " SET pending = pending + excluded.pending, available = available + excluded.available",
            (account, currency, pending, available),
        )

    def setting(self, name: str) -> Any:
        row = self.db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else SETTINGS[name]

    def set_setting(self, name: str, value: Any) -> None:
        self.db.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )

    def forget_everything(self) -> None:
        for table in TABLE_NAMES:
            self.db.execute(f"DELETE FROM {table}")


def _created_clauses(created: Any) -> list[tuple[str, int]]:
    operators = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    if created is None:
        return []
    if isinstance(created, int):
        return [("created = ?", created)]
    return [(f"created {operators[name]} ?", value) for name, value in created.items()]
