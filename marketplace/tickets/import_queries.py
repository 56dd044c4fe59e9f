"""A file of tickets as its page and the API show it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId, TicketImportId
from marketplace.tickets.import_models import RowState, TicketImport, TicketImportRow, TicketImportState
from marketplace.tickets.import_rows import Field, Read, read_rows
from marketplace.tickets.ticket_imports import reader_of, ticket_import_of

PREVIEW_ROWS = 10
PROBLEMS_SHOWN = 50
IMPORTS_SHOWN = 5
ROWS_PER_READ = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLine:
    line: int
    state: RowState
    problem: str
    ticket: TicketId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketImportStatus:
    """How many lines are in which state, and the first that were refused or kept."""

    id: TicketImportId
    file_name: str
    state: TicketImportState
    headers: tuple[str, ...]
    columns: Mapping[Field, int]
    counts: Mapping[RowState, int]
    problems: tuple[ImportedLine, ...]
    made_at: datetime

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    def count(self, *states: RowState) -> int:
        return sum(self.counts.get(state, 0) for state in states)


def ticket_import_status(tx: Tx, *, brand: BrandId, import_id: TicketImportId) -> TicketImportStatus:
    """Raises TicketImportNotFound."""
    return _status(tx, ticket_import_of(tx, brand=brand, import_id=import_id))


def ticket_imports(tx: Tx, *, brand: BrandId) -> Sequence[TicketImportStatus]:
    """The brand's newest imports."""
    newest = select(TicketImport).where(TicketImport.brand_id == brand).order_by(TicketImport.id.desc())
    return [_status(tx, found) for found in tx.scalars(newest.limit(IMPORTS_SHOWN)).all()]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedLine:
    number: int
    cells: Sequence[str]
    read: Read


def preview(tx: Tx, *, brand: BrandId, import_id: TicketImportId) -> Sequence[PreviewedLine]:
    """The first lines of a file as the tickets they would become."""
    found = ticket_import_of(tx, brand=brand, import_id=import_id)
    rows = tx.execute(
        select(TicketImportRow.line, TicketImportRow.cells)
        .where(TicketImportRow.brand_id == brand, TicketImportRow.import_id == import_id)
        .order_by(TicketImportRow.line)
        .limit(PREVIEW_ROWS)
    ).all()
    lines = [(row.line, row.cells) for row in rows]
    read = read_rows(reader_of(tx, found), lines)
    return [
        PreviewedLine(number=number, cells=cells, read=one)
        for (number, cells), one in zip(lines, read, strict=True)
    ]


def error_rows(tx: Tx, *, brand: BrandId, import_id: TicketImportId) -> Iterator[Sequence[str | int]]:
    """The error file: the file's own columns of each line that is no ticket, with its number and the reason.

    Raises TicketImportNotFound.
    """
    found = ticket_import_of(tx, brand=brand, import_id=import_id)
    width = len(found.headers)
    yield [*found.headers, "Line", "Reason"]
    after = 0
    while rows := _refused_after(tx, found, after):
        for row in rows:
            cells = [str(cell) for cell in row.cells[:width]]
            yield [*cells, *[""] * (width - len(cells)), row.line, row.problem]
        after = rows[-1].line


def _refused_after(tx: Tx, found: TicketImport, line: int) -> Sequence[TicketImportRow]:
    return tx.scalars(
        select(TicketImportRow)
        .where(
            TicketImportRow.brand_id == found.brand_id,
            TicketImportRow.import_id == found.id,
            TicketImportRow.state == RowState.REFUSED,
            TicketImportRow.line > line,
        )
        .order_by(TicketImportRow.line)
        .limit(ROWS_PER_READ)
    ).all()


def _status(tx: Tx, found: TicketImport) -> TicketImportStatus:
    own = (TicketImportRow.brand_id == found.brand_id) & (TicketImportRow.import_id == found.id)
    counted = tx.execute(
        select(TicketImportRow.state, func.count()).where(own).group_by(TicketImportRow.state)
    ).all()
    problems = tx.scalars(
        select(TicketImportRow)
        .where(own, TicketImportRow.problem != "")
        .order_by(TicketImportRow.line)
        .limit(PROBLEMS_SHOWN)
    )
    return TicketImportStatus(
        id=found.id,
        file_name=found.file_name,
        state=found.state,
        headers=tuple(found.headers),
        columns={Field(name): column for name, column in found.columns.items()},
        counts={state: count for state, count in counted},
        problems=tuple(
            ImportedLine(line=row.line, state=row.state, problem=row.problem, ticket=row.ticket_id)
            for row in problems
        ),
        made_at=found.made_at,
    )
