"""The one reader of CSV: somebody's bytes to a table of texts, whatever program wrote them, or a plain sentence.

Encoding and delimiter are found out, not asked for. Every dimension has a limit, so nothing here is slow.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from charset_normalizer import from_bytes

from marketplace.kernel.csv_out import unguarded
from marketplace.kernel.errors import Invalid, TooLarge

BYTES_MAX = 5_000_000
ROWS_MAX = 10_000
COLUMNS_MAX = 100
SNIFFED_ROWS = 20
SNIFFED_BYTES = 65_536
UNREADABLE = "\ufffd"
DELIMITERS = (",", ";", "\t", "|")

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_OLD_ENCODINGS = ["cp1252", "cp1250", "cp1251", "shift_jis", "gb18030", "euc_kr"]
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_OTHER_FILES = (b"\x89PNG", b"%PDF-", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b")
_MOST_CONTROLS = 0.01


class TableRefused(Invalid):
    """This file cannot be read as a table."""


class EmptyFile(TableRefused):
    """This file is empty. It needs a line with the names of the columns, and a line for each ticket."""


class SpreadsheetFile(TableRefused):
    """This is a spreadsheet's own file. Save it as CSV (comma-separated values) and choose that one."""


class NotText(TableRefused):
    """This is no text file. Export your tickets as CSV and choose that file."""


class NoRows(TableRefused):
    """There is only the line with the column names. Each ticket needs a line of its own below it."""


class TooManyColumns(TableRefused):
    """A table may have 100 columns at most."""


class CellTooLong(TableRefused):
    """A cell has more than 131,072 characters. A quotation mark that is never closed has the same effect."""


class TooManyRows(TooLarge):
    """A file may have 10,000 lines at most. Split it and import the parts one after another."""


class FileTooLarge(TooLarge):
    """A file may have 5 MB at most. Split it and import the parts one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row by the number that a spreadsheet shows beside it, with as many cells as it had."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Texts, row by row; unreadable characters stand as UNREADABLE."""

    headers: tuple[str, ...]
    rows: tuple[Line, ...]
    encoding: str
    delimiter: str


def read_table(content: bytes) -> Table:
    """The table in `content`, its first line the column names; empty lines are left out.

    Raises TableRefused and its like, FileTooLarge, TooManyRows.
    """
    if len(content) > BYTES_MAX:
        raise FileTooLarge
    if not content.strip():
        raise EmptyFile
    if content.startswith(_SPREADSHEETS):
        raise SpreadsheetFile
    if content.startswith(_OTHER_FILES):
        raise NotText
    text, encoding = _decoded(content)
    if _is_binary(text):
        raise NotText
    text = text.replace("\x00", UNREADABLE)
    delimiter = _delimiter_of(text)
    rows = list(islice(_rows(text, delimiter), ROWS_MAX + 2))
    if not rows:
        raise EmptyFile
    headers, lines = rows[0].cells, rows[1:]
    if len(headers) > COLUMNS_MAX:
        raise TooManyColumns
    if not lines:
        raise NoRows
    if len(lines) > ROWS_MAX:
        raise TooManyRows
    return Table(headers=headers, rows=tuple(lines), encoding=encoding, delimiter=delimiter)


def _decoded(content: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace"), encoding
    for encoding in ("utf-8", *_without_mark(content)):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    found = from_bytes(content[:SNIFFED_BYTES], cp_isolation=_OLD_ENCODINGS).best()
    encoding = found.encoding if found else "cp1252"
    return content.decode(encoding, "replace"), encoding


def _without_mark(content: bytes) -> tuple[str, ...]:
    """UTF-16 without its mark shows by a NUL in every other byte of Latin text."""
    sample = content[:1_000]
    if sample[1::2].count(0) > len(sample) // 4:
        return ("utf-16-le",)
    return ("utf-16-be",) if sample[0::2].count(0) > len(sample) // 4 else ()


def _is_binary(text: str) -> bool:
    sample = text[:SNIFFED_BYTES]
    controls = sum((c < " " and c not in "\t\r\n") or c == UNREADABLE for c in sample)
    return controls > _MOST_CONTROLS * len(sample) + 1


def _delimiter_of(text: str) -> str:
    """The delimiter that gives the most rows as many cells as the first, and the most cells."""
    sample = text[:SNIFFED_BYTES]
    return max(DELIMITERS, key=lambda one: _fit(list(islice(_sampled(sample, one), SNIFFED_ROWS))))


def _sampled(sample: str, delimiter: str) -> Iterator[Line]:
    try:
        yield from _rows(sample, delimiter)
    except CellTooLong:
        return


def _fit(rows: Sequence[Line]) -> tuple[float, int]:
    width = len(rows[0].cells) if rows else 0
    if width < 2:
        return (0.0, 0)
    return (sum(len(row.cells) == width for row in rows) / len(rows), width)


def _rows(text: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(reader, 1):
            if any(cell.strip() for cell in row):
                yield Line(number=number, cells=tuple(unguarded(cell.removeprefix("\ufeff")) for cell in row))
    except csv.Error as error:
        raise CellTooLong from error
