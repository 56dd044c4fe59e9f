"""CSV in and out: whatever a program wrote is read or refused by a sentence, and no cell of ours is a formula."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.csv_in import (
    BYTES_MAX,
    ROWS_MAX,
    UNREADABLE,
    CellTooLong,
    EmptyFile,
    FileTooLarge,
    NoRows,
    NotText,
    SpreadsheetFile,
    TooManyColumns,
    TooManyRows,
    read_table,
)
from marketplace.kernel.csv_out import LIVE, csv_out
from marketplace.kernel.errors import AppError

ROOT = Path(__file__).parents[2]
HOUSES = ("marketplace", "knowledge_base", "guidance", "billing", "workers_ui")


def _written(rows: list[list[str | int]]) -> list[list[str]]:
    text = b"".join(csv_out(rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def _cells(content: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in read_table(content).rows]


@pytest.mark.parametrize("mark", [*LIVE, "\x00=", " =", "\x00\x00@"])
def test_no_cell_that_we_write_opens_as_a_formula(mark: str) -> None:
    ((cell, beside),) = _written([[f"{mark}HYPERLINK(1)", "harmless"]])
    assert cell.startswith("'"), cell
    assert beside == "harmless"


@given(st.lists(st.lists(st.text(max_size=30), min_size=2, max_size=4), min_size=1, max_size=5))
def test_whatever_stands_in_a_cell_it_is_never_live_and_never_leaves_its_cell(rows: list[list[str]]) -> None:
    if any("\ud800" <= c <= "\udfff" for row in rows for cell in row for c in cell):
        return
    written = _written([list(row) for row in rows])
    assert [len(row) for row in written] == [len(row) for row in rows]
    assert not any(cell.startswith(LIVE) or cell.lstrip().startswith(LIVE) for row in written for cell in row)


def test_numbers_of_ours_stay_numbers() -> None:
    assert _written([[-5, "-5"]]) == [["-5", "'-5"]]


def test_a_file_of_ours_that_comes_back_holds_what_it_held() -> None:
    content = b"".join(csv_out([["text", "number"], ["=1+1", "'quoted'"], ["-", "plain"]]))
    assert _cells(content) == [("=1+1", "'quoted'"), ("-", "plain")]


def test_only_the_two_doors_import_the_csv_module() -> None:
    doors = {"marketplace/kernel/csv_in.py", "marketplace/kernel/csv_out.py"}
    users = {
        str(path.relative_to(ROOT))
        for house in HOUSES
        for path in (ROOT / house).rglob("*.py")
        if re.search(r"^\s*(import|from) csv\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert users == doors


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_the_encoding_is_found_out(encoding: str) -> None:
    said = "Größe,Text\nübergroß,Wo bleibt mein Kessel? Über eine Woche warte ich schon.\n"
    table = read_table(said.encode(encoding))
    assert table.headers == ("Größe", "Text")
    assert table.rows[0].cells[0] == "übergroß"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    lines = [("id", "text"), ("1", "Hello, where; is it?"), ("2", "Thanks")]
    content = "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    assert _cells(content.encode()) == lines[1:]


def test_lines_keep_the_numbers_that_a_spreadsheet_shows() -> None:
    table = read_table(b'text,x\n"two\nlines",1\n\n,\nlast,2\n')
    assert [(row.number, row.cells) for row in table.rows] == [(2, ("two\nlines", "1")), (5, ("last", "2"))]


def test_a_line_separator_inside_a_cell_does_not_break_the_line() -> None:
    assert _cells("text,x\nfirst\u2028second,1\n".encode()) == [("first\u2028second", "1")]


def test_what_cannot_be_read_is_marked_and_spoils_only_its_cell() -> None:
    assert _cells(b"text,x\na\x00b,1\nfine,2\n") == [(f"a{UNREADABLE}b", "1"), ("fine", "2")]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", EmptyFile),
        (b" \r\n\r\n ", EmptyFile),
        (b"\xef\xbb\xbf", EmptyFile),
        (b"text,subject\n", NoRows),
        (b"PK\x03\x04" + b"x" * 100, SpreadsheetFile),
        (bytes(range(256)) * 50, NotText),
        (b"\x89PNG\r\n\x1a\n" + b"\x00\xff" * 500, NotText),
        (b"text\n" + b'"' + b"a" * 1_000_000 + b'"', CellTooLong),
        (b'text,x\n"never closed' + b",\n" * 200_000, CellTooLong),
        (b",".join([b"c"] * 101) + b"\nx\n", TooManyColumns),
        (b"text\n" + b"x\n" * (ROWS_MAX + 1), TooManyRows),
        (b"x" * (BYTES_MAX + 1), FileTooLarge),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(content: bytes, refusal: type[AppError]) -> None:
    with pytest.raises(refusal) as refused:
        read_table(content)
    assert refused.value.detail.endswith(".")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        table = read_table(content)
    except AppError:
        return
    assert table.rows
