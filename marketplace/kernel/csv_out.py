"""The one writer of CSV: whatever stands in a cell, no spreadsheet takes it for a formula.

Cells come from customers and brands, and files go to people who open them with Excel or LibreOffice, which
run a cell that begins with one of LIVE. Such a text gets an apostrophe in front, the mark of a text cell.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

MEDIA_TYPE = "text/csv; charset=utf-8"
LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""ASCII and full-width: some programs fold the second kind to the first. NUL is dropped before the look."""

BYTE_ORDER_MARK = "\ufeff"
ROWS_PER_PIECE = 500


def csv_out(rows: Iterable[Sequence[str | int]]) -> Iterator[bytes]:
    """`rows` as UTF-8 with the mark that Excel needs to read it as such, in pieces of some hundred rows."""
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    for number, row in enumerate(rows, 1):
        writer.writerow([safe_cell(cell) for cell in row])
        if number % ROWS_PER_PIECE == 0:
            yield _emptied(text)
    yield _emptied(text)


def safe_cell(cell: str | int) -> str:
    """`cell` as it may stand in a file. Numbers are ours and stay as they are."""
    if isinstance(cell, int):
        return str(cell)
    text = cell.replace("\x00", "")
    return f"'{text}" if is_live(text) else text


def is_live(text: str) -> bool:
    """Whether a spreadsheet may run `text`; some trim spaces first."""
    return text.startswith(LIVE) or text.lstrip().startswith(LIVE)


def unguarded(cell: str) -> str:
    """A cell as it was before `safe_cell`: files that we wrote come back mended."""
    return cell[1:] if cell.startswith("'") and is_live(cell[1:]) else cell


def _emptied(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece
