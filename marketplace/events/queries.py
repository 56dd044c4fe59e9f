"""Reading facts in an order in which none can be overtaken.

A cursor by id alone loses rows: an id is taken early and becomes visible late. So readers order by
(transaction, id) and stop before the oldest transaction still running.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, WorkerId

PAGE_LIMIT = 500


class BadCursor(Invalid):
    """`after` must be a cursor that this feed gave out before, such as "731-12"."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cursor:
    """A place in the stream of facts, written "xid-id"."""

    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, value: str) -> "Cursor":
        xid, _, number = value.partition("-")
        if not (xid.isascii() and xid.isdigit() and number.isascii() and number.isdigit()) or len(value) > 40:
            raise BadCursor
        if int(xid) >= 2**64 or int(number) >= 2**63:
            raise BadCursor
        return cls(xid=int(xid), id=int(number))


START = Cursor(xid=0, id=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact as read back."""

    cursor: Cursor
    at: datetime
    kind: str
    brand: BrandId | None
    worker: WorkerId | None
    subject: UUID | None
    body: dict[str, Any]


def facts_after(tx: Tx, cursor: Cursor, *, limit: int = PAGE_LIMIT, kinds: Sequence[str] = ()) -> list[Told]:
    """Up to `limit` facts after `cursor` that this transaction's scope may read, oldest first."""
    rows = tx.execute(
        _AFTER,
        {"xid": str(cursor.xid), "id": cursor.id, "limit": min(limit, PAGE_LIMIT), "kinds": list(kinds)},
    )
    return [_told(row) for row in rows]


def before_newest(tx: Tx, *, facts: int) -> Cursor:
    """Where a reader starts that wants the last so many `facts` and all that come: at a fact, or at START.

    Never at a transaction id without a fact: a crash may give out such an id once more.
    """
    row = tx.execute(_BEFORE_NEWEST, {"facts": facts}).one_or_none()
    return START if row is None else Cursor(xid=int(row.xid), id=row.id)


def facts_about(tx: Tx, subject: UUID, *, limit: int = PAGE_LIMIT) -> list[Told]:
    """The history of one thing, oldest first."""
    rows = tx.execute(_ABOUT, {"subject": subject, "limit": min(limit, PAGE_LIMIT)})
    return [_told(row) for row in rows]


def newest_acts(tx: Tx, *, limit: int) -> list[Told]:
    """What operators did, the newest first; for the platform's own eyes."""
    return [_told(row) for row in tx.execute(_ACTS, {"limit": limit})]


def _told(row: Row[Any]) -> Told:
    return Told(
        cursor=Cursor(xid=int(row.xid), id=row.id),
        at=row.at,
        kind=row.kind,
        brand=row.brand_id,
        worker=row.worker_id,
        subject=row.subject_id,
        body=row.body,
    )


_ACTS = text(
    "SELECT xid::text AS xid, id, at, kind, brand_id, worker_id, subject_id, body FROM event "
    "WHERE kind = 'operator_acted' ORDER BY id DESC LIMIT :limit"
)
_AFTER = text(
    "SELECT xid::text AS xid, id, at, kind, brand_id, worker_id, subject_id, body FROM event "
    "WHERE (xid, id) > (CAST(:xid AS xid8), :id) AND xid < pg_snapshot_xmin(pg_current_snapshot()) "
    "AND (cardinality(CAST(:kinds AS text[])) = 0 OR kind = ANY(:kinds)) "
    "ORDER BY event.xid, id LIMIT :limit"
)
_BEFORE_NEWEST = text(
    "SELECT xid::text AS xid, id FROM event WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) "
    "ORDER BY event.xid DESC, id DESC OFFSET :facts LIMIT 1"
)
_ABOUT = text(
    "SELECT xid::text AS xid, id, at, kind, brand_id, worker_id, subject_id, body FROM event "
    "WHERE subject_id = :subject ORDER BY id LIMIT :limit"
)
