"""Faults on demand: a queue of what goes wrong with the next requests that match."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from .store import Store

TIMES_LIMIT = 1_000
SECONDS_LIMIT = 60.0


class FaultKind(StrEnum):
    BEFORE = "before"  # the connection breaks, nothing was executed
    AFTER_LOST_REPLY = "after_lost_reply"  # executed and stored, the connection breaks
    CONFLICT = "409"
    RATE_LIMIT = "429"
    BROKEN = "500"  # nothing executed; the 500 is stored under the key
    BROKEN_AFTER = "500_after"  # executed, and yet a 500 is stored under the key
    DELAY = "delay"  # the answer comes late, the request is executed when it comes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`kind` happens to the next `times` requests whose method and path match the glob `path`."""

    kind: FaultKind
    path: str
    method: str = "POST"
    seconds: float = 0.0
    times: int = 1


def parse_fault(raw: dict[str, Any]) -> Fault:
    """A fault from JSON; raises ValueError in words."""
    try:
        fault = Fault(
            kind=FaultKind(str(raw["kind"])),
            path=str(raw.get("path", "*")),
            method=str(raw.get("method", "POST")).upper(),
            seconds=float(raw.get("seconds", 0.0)),
            times=int(raw.get("times", 1)),
        )
    except KeyError as missing:
        raise ValueError(f"A fault needs {missing}.") from None
    if not (1 <= fault.times <= TIMES_LIMIT and 0 <= fault.seconds <= SECONDS_LIMIT):
        raise ValueError(f"times is 1 to {TIMES_LIMIT}, seconds 0 to {SECONDS_LIMIT}.")
    return fault


def add(store: Store, fault: Fault) -> None:
    store.db.execute(
        "INSERT INTO fault (method, path, kind, seconds, times) VALUES (?, ?, ?, ?, ?)",
        (fault.method, fault.path, fault.kind, fault.seconds, fault.times),
    )


def waiting(store: Store) -> list[dict[str, Any]]:
    return [dict(row) for row in store.db.execute("SELECT * FROM fault ORDER BY seq")]


def take(store: Store, method: str, path: str) -> Fault | None:
    """The oldest fault that matches, used up once."""
    for row in store.db.execute("SELECT * FROM fault ORDER BY seq").fetchall():
        if row["method"] in {method, "*"} and fnmatchcase(path, row["path"]):
            store.db.execute("UPDATE fault SET times = times - 1 WHERE seq = ?", (row["seq"],))
            store.db.execute("DELETE FROM fault WHERE times <= 0")
            return parse_fault(dict(row))
    return None
