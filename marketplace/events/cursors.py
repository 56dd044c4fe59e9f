"""How far a named reader of facts has come: kept with what it did about them, in one commit."""

from sqlalchemy import text

from marketplace.events.queries import Cursor
from marketplace.kernel.db import Tx


def held_cursor(tx: Tx, reader: str) -> Cursor:
    """Where `reader` stands, locked until the transaction ends so that nobody else reads on from there."""
    row = tx.execute(_HELD, {"reader": reader}).one_or_none()
    if row is None:  # two that begin at once: the second waits here, and goes on where the first came to
        tx.execute(_BEGIN, {"reader": reader})
        row = tx.execute(_HELD, {"reader": reader}).one()
    return Cursor(xid=int(row.xid), id=row.id)


def advance(tx: Tx, reader: str, cursor: Cursor) -> None:
    tx.execute(_ADVANCE, {"reader": reader, "xid": str(cursor.xid), "id": cursor.id})


_HELD = text("SELECT xid::text AS xid, id FROM event_cursor WHERE reader = :reader FOR UPDATE")
_BEGIN = text("INSERT INTO event_cursor (reader, xid, id) VALUES (:reader, '0', 0) ON CONFLICT DO NOTHING")
_ADVANCE = text(
    "INSERT INTO event_cursor (reader, xid, id) VALUES (:reader, CAST(:xid AS xid8), :id) "
    "ON CONFLICT (reader) DO UPDATE SET xid = excluded.xid, id = excluded.id"
)
