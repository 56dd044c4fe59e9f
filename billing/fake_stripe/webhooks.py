"""Signed webhooks: each queued event is posted to its endpoint, a bounded number of times.

As Stripe's are, they may be duplicated, out of order or lost, and anybody may post what only looks like one: settings
say how often.
"""

import asyncio
import hashlib
import hmac
import json
import random
import sqlite3
import urllib.error
import urllib.request

from .store import JsonObject, Store

RETRY_SECONDS = (0.5, 2.0, 10.0, 60.0)  # Stripe retries for three days; a test wants to see the end
TIMEOUT_SECONDS = 10.0
IDLE_SECONDS = 30.0
FORGED_SECRET = "whsec_of_somebody_else"

# Endpoints are on this machine: a proxy set for the outside world must not get their traffic.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def signature(payload: bytes, secret: str, timestamp: int) -> str:
    """The Stripe-Signature header of `payload`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def listen(store: Store, endpoint: JsonObject, *, id_: str) -> JsonObject:
    """Tell `endpoint` (url, secret, connect) of what happens from now on, instead of the one with its id."""
    store.db.execute(
        "INSERT OR REPLACE INTO endpoint (id, url, secret, connect) VALUES (?, ?, ?, ?)",
        (id_, endpoint["url"], endpoint["secret"], int(endpoint["connect"])),
    )
    return {"id": id_, **endpoint}


class Deliverer:
    """One background task that empties the delivery table; what is waiting survives a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wake = asyncio.Event()
        self._due: dict[int, float] = {}

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            pause = await self._deliver_due()
            try:
                await asyncio.wait_for(self._wake.wait(), timeout=pause)
            except TimeoutError:
                continue

    async def _deliver_due(self) -> float:
        """Post what is due; says how long until the next one is."""
        clock = asyncio.get_running_loop().time
        pause = IDLE_SECONDS
        for row in _waiting(self._store):
            wait = self._due.get(row["seq"], 0.0) - clock()
            if wait <= 0:
                wait = self._note(row, await self._deliver(row))
                self._due[row["seq"]] = clock() + wait
            pause = min(pause, wait)
        self._due = {seq: due for seq, due in self._due.items() if due > clock()}
        return pause

    async def _deliver(self, row: sqlite3.Row) -> str:
        """One attempt: `delivered`, `waiting` for the next one, or `given_up`."""
        now = self._store.now()
        if self._happens("webhooks_lost_percent"):
            return "given_up"
        if self._happens("webhooks_forged_percent"):
            await asyncio.to_thread(_post, row, now, secret=FORGED_SECRET)
        delivered = await asyncio.to_thread(_post, row, now, secret=row["secret"])
        if delivered and self._happens("webhooks_duplicated_percent"):
            await asyncio.to_thread(_post, row, now, secret=row["secret"])
        exhausted = row["attempts"] + 1 > len(RETRY_SECONDS)
        return "delivered" if delivered else "given_up" if exhausted else "waiting"

    def _happens(self, setting: str) -> bool:
        return random.randrange(100) < int(self._store.setting(setting))

    def _note(self, row: sqlite3.Row, state: str) -> float:
        """Record the attempt; says how long to leave this delivery alone."""
        attempts = row["attempts"] + 1
        with self._store.transaction():
            self._store.db.execute(
                "UPDATE delivery SET attempts = ?, state = ? WHERE seq = ?", (attempts, state, row["seq"])
            )
        return IDLE_SECONDS if state != "waiting" else RETRY_SECONDS[attempts - 1]


def _waiting(store: Store) -> list[sqlite3.Row]:
    rows = store.db.execute(
        "SELECT d.seq, d.attempts, e.url, e.secret, o.body FROM delivery d"
        " JOIN endpoint e ON e.id = d.endpoint JOIN object o ON o.id = d.event"
        " WHERE d.state = 'waiting' ORDER BY d.seq LIMIT 100"
    ).fetchall()
    if store.setting("webhooks_shuffled"):
        random.shuffle(rows)
    return rows


def _post(row: sqlite3.Row, now: int, *, secret: str) -> bool:
    payload = json.dumps(json.loads(row["body"]), indent=2).encode()
    request = urllib.request.Request(
        row["url"],
        data=payload,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secret, now),
            "User-Agent": "Stripe/1.0 (fake; test money only)",
        },
    )
    try:
        with _direct.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return 200 <= int(answer.status) < 300
    except (urllib.error.URLError, OSError):
        return False  # not lost: the row stays waiting or is marked given_up
