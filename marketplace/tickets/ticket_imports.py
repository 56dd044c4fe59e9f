"""A file of tickets on its way in: looked at as a draft, imported in slices, undone while untouched.

What is still to do is what has a row that says so: a slice's tickets and its rows are one commit, so after a
kill the next run goes on where the last one was, whoever runs it and how often.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, text

from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import TicketImportAdvanced, TicketImportCommitted, TicketImportUndone
from marketplace.kernel.csv_in import read_table
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, NotFound
from marketplace.kernel.ids import BrandId, PersonId, TicketImportId, new_id
from marketplace.tickets.import_models import RowState, TicketImport, TicketImportRow, TicketImportState
from marketplace.tickets.import_rows import (
    BadRow,
    Defaults,
    Field,
    Reader,
    check_columns,
    guess_columns,
    read_rows,
)
from marketplace.tickets.models import Category, Channel, Claim
from marketplace.tickets.posting import BadTicket, ExternalIdTaken, lock_tickets, post_ticket
from marketplace.tickets.recall_models import RecallPay
from marketplace.tickets.recalls import JustOpening, TicketIsOver, withdraw
from marketplace.tickets.terms import UnknownCategory

SLICE_ROWS = 100
UNDO_REASON = "The import that made it was undone."
UNDO_BY = "import"
DRAFTS_PER_BRAND = 5
DRAFT_IS_KEPT = timedelta(days=1)
ROWS_ARE_KEPT = timedelta(days=30)
FILE_NAME_LIMIT = 200
IMPORT_IS_LOST = timedelta(seconds=30)


class TicketImportNotFound(NotFound):
    """There is no such import."""


class ImportHasBegun(Conflict):
    """This import has begun already."""


class NothingToUndo(Conflict):
    """There is nothing to undo here: the import has not ended, or made no ticket, or was undone already."""


class TouchedSince(Conflict):
    """A worker has claimed this ticket since; withdraw it on its own page if you must."""


class NothingToImport(Conflict):
    """No line of this file can become a ticket. Mend the file, or say which column is what."""


def start_ticket_import(
    tx: Tx, *, brand: BrandId, file_name: str, content: bytes, author: PersonId | None, now: datetime
) -> TicketImportId:
    """Keep a brand's file as a draft, its columns guessed; the oldest drafts beyond DRAFTS_PER_BRAND go.

    Raises TableRefused and its like, FileTooLarge, TooManyRows.
    """
    table = read_table(content)
    language = tx.scalar(select(Brand.language).where(Brand.id == brand)) or "en"
    made = TicketImport(
        brand_id=brand,
        id=TicketImportId(new_id()),
        file_name=_plain_name(file_name),
        headers=list(table.headers),
        columns=dict(guess_columns(table.headers)),
        defaults={"channel": Channel.EMAIL.value, "language": language, "category": ""},
        state=TicketImportState.DRAFT,
        made_by=author,
        made_at=now,
        advanced_at=now,
    )
    tx.add(made)
    tx.flush()
    tx.execute(
        insert(TicketImportRow),
        [
            {
                "brand_id": brand,
                "import_id": made.id,
                "line": row.number,
                "cells": list(row.cells),
                "state": RowState.WAITING,
            }
            for row in table.rows
        ],
    )
    _judge(tx, made)
    _drop_oldest_drafts(tx, brand)
    return made.id


def map_columns(
    tx: Tx,
    *,
    brand: BrandId,
    import_id: TicketImportId,
    columns: Mapping[Field, int],
    defaults: Defaults,
) -> None:
    """Say which column of a draft is what. Raises ImportHasBegun, NoTextColumn, ColumnUsedTwice, UnknownColumn."""
    found = _draft(tx, brand, import_id)
    check_columns(columns, width=len(found.headers))
    found.columns = {field.value: column for field, column in columns.items()}
    found.defaults = {
        "channel": defaults.channel.value,
        "language": defaults.language,
        "category": defaults.category or "",
    }
    tx.flush()
    _judge(tx, found)


def commit_ticket_import(tx: Tx, *, brand: BrandId, import_id: TicketImportId, now: datetime) -> None:
    """Import the good lines of a draft in the background. Raises ImportHasBegun, NothingToImport, NoTextColumn."""
    found = _draft(tx, brand, import_id)
    check_columns(_columns(found), width=len(found.headers))
    _judge(tx, found)  # the brand's categories may have changed since the draft was looked at
    if not _left(tx, found, RowState.WAITING):
        raise NothingToImport
    found.state, found.advanced_at = TicketImportState.IMPORTING, now
    record(tx, TicketImportCommitted(brand=brand, ticket_import=import_id))


def discard_ticket_import(tx: Tx, *, brand: BrandId, import_id: TicketImportId) -> None:
    """Forget a draft. Raises ImportHasBegun."""
    tx.delete(_draft(tx, brand, import_id))
    tx.flush()


def import_slice(tx: Tx, *, brand: BrandId, import_id: TicketImportId, now: datetime) -> int:
    """Make tickets of the next SLICE_ROWS lines; how many lines there were. The last slice ends the import."""
    found = _running(tx, brand, import_id, TicketImportState.IMPORTING)
    if found is None:
        return 0
    rows = _next_rows(tx, found, RowState.WAITING)
    reader = reader_of(tx, found)
    for row in rows:
        _import_row(tx, reader, row, now)
    _advance(tx, found, ended=len(rows) < SLICE_ROWS, after=TicketImportState.DONE, now=now)
    return len(rows)


def undo_ticket_import(tx: Tx, *, brand: BrandId, import_id: TicketImportId, now: datetime) -> None:
    """Withdraw, in the background, what an import made and nobody has touched. Raises NothingToUndo."""
    found = ticket_import_of(tx, brand=brand, import_id=import_id, locked=True)
    if found.state is not TicketImportState.DONE or not _left(tx, found, RowState.MADE):
        raise NothingToUndo
    found.state, found.advanced_at = TicketImportState.UNDOING, now
    record(tx, TicketImportUndone(brand=brand, ticket_import=import_id))


def undo_slice(tx: Tx, *, brand: BrandId, import_id: TicketImportId, now: datetime) -> int:
    """Withdraw the tickets of the next SLICE_ROWS lines; how many lines there were. The last slice ends the undo."""
    found = _running(tx, brand, import_id, TicketImportState.UNDOING)
    if found is None:
        return 0
    rows = _next_rows(tx, found, RowState.MADE)
    lock_tickets(tx, brand=brand, tickets=[row.ticket_id for row in rows if row.ticket_id is not None])
    for row in rows:
        _undo_row(tx, row, now)
    _advance(tx, found, ended=len(rows) < SLICE_ROWS, after=TicketImportState.UNDONE, now=now)
    return len(rows)


def lost_ticket_imports(tx: Tx, *, now: datetime) -> Sequence[tuple[BrandId, TicketImportId]]:
    """Imports and undos that stand still: their job was lost with a killed process."""
    busy = TicketImport.state.in_((TicketImportState.IMPORTING, TicketImportState.UNDOING))
    wanted = select(TicketImport.brand_id, TicketImport.id).where(
        busy, TicketImport.advanced_at <= now - IMPORT_IS_LOST
    )
    return [(row.brand_id, row.id) for row in tx.execute(wanted.limit(SLICE_ROWS))]


def forget_ticket_imports(tx: Tx, *, now: datetime) -> None:
    """Lines hold personal data: a draft is kept for a day, what became of an imported line for a month."""
    drafts = (TicketImport.state == TicketImportState.DRAFT) & (TicketImport.made_at <= now - DRAFT_IS_KEPT)
    ended = TicketImport.state.in_((TicketImportState.DONE, TicketImportState.UNDONE)) & (
        TicketImport.made_at <= now - ROWS_ARE_KEPT
    )
    tx.execute(delete(TicketImport).where(drafts | ended))


def ticket_import_of(
    tx: Tx, *, brand: BrandId, import_id: TicketImportId, locked: bool = False
) -> TicketImport:
    """The brand's import. Raises TicketImportNotFound."""
    wanted = select(TicketImport).where(TicketImport.brand_id == brand, TicketImport.id == import_id)
    found = tx.scalars(wanted.with_for_update() if locked else wanted).one_or_none()
    if found is None:
        raise TicketImportNotFound
    return found


def _draft(tx: Tx, brand: BrandId, import_id: TicketImportId) -> TicketImport:
    found = ticket_import_of(tx, brand=brand, import_id=import_id, locked=True)
    if found.state is not TicketImportState.DRAFT:
        raise ImportHasBegun
    return found


def _running(
    tx: Tx, brand: BrandId, import_id: TicketImportId, state: TicketImportState
) -> TicketImport | None:
    """The import, held while one slice of it is worked; None where there is nothing to do in `state`."""
    try:
        found = ticket_import_of(tx, brand=brand, import_id=import_id, locked=True)
    except TicketImportNotFound:
        return None
    return found if found.state is state else None


def _next_rows(tx: Tx, found: TicketImport, state: RowState) -> Sequence[TicketImportRow]:
    return tx.scalars(
        select(TicketImportRow)
        .where(
            TicketImportRow.brand_id == found.brand_id,
            TicketImportRow.import_id == found.id,
            TicketImportRow.state == state,
        )
        .order_by(TicketImportRow.line)
        .limit(SLICE_ROWS)
    ).all()


def _import_row(tx: Tx, reader: Reader, row: TicketImportRow, now: datetime) -> None:
    try:
        with tx.begin_nested():
            made, fresh = post_ticket(tx, brand=row.brand_id, ticket=reader.ticket(row.cells), now=now)
    except (BadRow, BadTicket, ExternalIdTaken, UnknownCategory) as error:
        row.state, row.problem = RowState.REFUSED, error.detail
        return
    row.state, row.ticket_id = RowState.MADE if fresh else RowState.KNOWN, made.id


def _undo_row(tx: Tx, row: TicketImportRow, now: datetime) -> None:
    """Withdraw one ticket, unless somebody has claimed it: decided under the ticket's own lock."""
    assert row.ticket_id is not None
    try:
        with tx.begin_nested():
            recall = withdraw(
                tx, brand=row.brand_id, ticket=row.ticket_id, reason=UNDO_REASON, by=UNDO_BY, now=now
            )
            if recall.pays is not RecallPay.NOTHING or _was_claimed(tx, row):
                raise TouchedSince
    except (TouchedSince, TicketIsOver, JustOpening) as error:
        row.state, row.problem = RowState.KEPT, f"Not undone. {error.detail}"
        return
    row.state = RowState.UNDONE


def _was_claimed(tx: Tx, row: TicketImportRow) -> bool:
    claims = select(Claim.id).where(Claim.brand_id == row.brand_id, Claim.ticket_id == row.ticket_id)
    return tx.scalar(claims.limit(1)) is not None


def _advance(tx: Tx, found: TicketImport, *, ended: bool, after: TicketImportState, now: datetime) -> None:
    if ended:
        found.state = after
    found.advanced_at = now
    tx.flush()
    record(
        tx,
        TicketImportAdvanced(brand=found.brand_id, ticket_import=found.id, state=found.state.value),
    )


def _judge(tx: Tx, found: TicketImport) -> None:
    """Say of each line of a draft whether it can become a ticket."""
    rows = tx.execute(
        select(TicketImportRow.line, TicketImportRow.cells)
        .where(TicketImportRow.brand_id == found.brand_id, TicketImportRow.import_id == found.id)
        .order_by(TicketImportRow.line)
    ).all()
    lines = [(row.line, row.cells) for row in rows]
    problems = [read.problem for read in read_rows(reader_of(tx, found), lines)]
    tx.execute(
        _JUDGE,
        {
            "brand": found.brand_id,
            "import": found.id,
            "lines": [line for line, _ in lines],
            "problems": problems,
        },
    )


_JUDGE = text(
    "UPDATE ticket_import_row r SET problem = j.problem, "
    "state = CASE WHEN j.problem = '' THEN 'waiting' ELSE 'refused' END "
    "FROM unnest(CAST(:lines AS int[]), CAST(:problems AS text[])) AS j(line, problem) "
    "WHERE r.brand_id = :brand AND r.import_id = :import AND r.line = j.line"
)


def reader_of(tx: Tx, found: TicketImport) -> Reader:
    categories = tx.execute(select(Category.key, Category.name).where(Category.brand_id == found.brand_id))
    return Reader(
        width=len(found.headers),
        columns=_columns(found),
        defaults=defaults_of(found),
        categories={row.key: row.name for row in categories},
    )


def _columns(found: TicketImport) -> dict[Field, int]:
    return {Field(name): column for name, column in found.columns.items()}


def defaults_of(found: TicketImport) -> Defaults:
    return Defaults(
        channel=Channel(found.defaults["channel"]),
        language=found.defaults["language"],
        category=found.defaults["category"] or None,
    )


def _left(tx: Tx, found: TicketImport, state: RowState) -> int:
    return (
        tx.scalar(
            select(func.count()).where(
                TicketImportRow.brand_id == found.brand_id,
                TicketImportRow.import_id == found.id,
                TicketImportRow.state == state,
            )
        )
        or 0
    )


def _drop_oldest_drafts(tx: Tx, brand: BrandId) -> None:
    kept = (
        select(TicketImport.id)
        .where(TicketImport.brand_id == brand, TicketImport.state == TicketImportState.DRAFT)
        .order_by(TicketImport.id.desc())
        .limit(DRAFTS_PER_BRAND)
    )
    tx.execute(
        delete(TicketImport).where(
            TicketImport.brand_id == brand,
            TicketImport.state == TicketImportState.DRAFT,
            TicketImport.id.not_in(kept),
        )
    )


def _plain_name(file_name: str) -> str:
    """A file's name as a label: no folders, nothing unprintable."""
    name = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isprintable())[:FILE_NAME_LIMIT].strip() or "tickets.csv"
