"""PDF: what its pages show, as paragraphs, headings by their size, and tables with the names of their columns."""

import io
import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pdfplumber
from pdfminer.pdfexceptions import PDFException
from pdfminer.psexceptions import PSException
from pypdf import PageObject, PdfReader
from pypdf.errors import LimitReachedError, PyPdfError

from knowledge_base.reading.documents import Outline, Unreadable, clean, counted, hidden_characters, one_line
from knowledge_base.reading.pdf_pages import DAMAGED, pages_of, take_out_hidden
from knowledge_base.reading.tables import table_lines

MAX_TEXT_CHARACTERS = 5_000_000
MAX_TABLE_PAGES = 40
HEADING_RATIO = 1.15
HEADING_CHARACTERS = 120
MAX_LEVEL = 3
RUNNING_PAGES = 4
"""From so many pages on, a first or last line that most of them share is furniture."""

FULL_LINE = 0.75
"""A line at least this long, of the page's longest, runs on in the next."""

GAP_RATIO = 1.7
BULLETS = "•◦▪‣●○■–—*·"

SCANNED = (
    "Its pages are pictures of text, which cannot be read. Run text recognition (OCR) over it and export the text, "
    "or upload the original document."
)
LOCKED = "It is protected by a password. Remove the password and upload it again."
BOMB = "It unpacks to far more than it weighs, as files do that are made to do harm. Export it as PDF anew."
NO_TEXT = "It has no text. Export the document as PDF anew, with its text."

logging.getLogger("pypdf").setLevel(logging.CRITICAL)
logging.getLogger("pdfminer").setLevel(logging.CRITICAL)


@dataclass(slots=True)
class _Line:
    text: str
    size: float
    x: float
    y: float


@dataclass(slots=True)
class _Page:
    number: int
    lines: list[_Line]


def write_pdf(content: bytes, outline: Outline) -> tuple[str, ...]:
    """Add the pages to `outline`; returns notes on what could not be read. Raises Unreadable."""
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable(LOCKED)
        pages, notes = _read_pages(reader, content, outline)
        _write(pages, outline)
        outline.title = outline.title or _told_title(reader)
    except LimitReachedError as error:
        raise Unreadable(BOMB) from error
    except (PyPdfError, RecursionError, *_BROKEN) as error:
        raise Unreadable(DAMAGED) from error
    return notes


# What pypdf raises of its own accord over files that are no good.
_BROKEN = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    NotImplementedError,
    OSError,
)


def _read_pages(reader: PdfReader, content: bytes, outline: Outline) -> tuple[list[_Page], tuple[str, ...]]:
    pages: list[_Page] = []
    scanned: list[int] = []
    broken: list[int] = []
    characters = tables = 0
    for number, page in enumerate(pages_of(reader), 1):
        try:
            shown = take_out_hidden(page, reader)
            lines = _lines(page)
        except LimitReachedError:
            raise
        except (PyPdfError, RecursionError, *_BROKEN):
            broken.append(number)
            continue
        outline.hidden += shown.hidden
        outline.invisible += sum(hidden_characters(line.text) for line in lines)
        characters += sum(len(line.text) for line in lines)
        if characters > MAX_TEXT_CHARACTERS:
            raise Unreadable("It holds more text than one file may. Split it into several files.")
        if not lines and shown.has_image:
            scanned.append(number)
        # The unseen text is out of what pypdf reads; pdfplumber would find it again.
        if lines and shown.may_have_table and not shown.hidden and tables < MAX_TABLE_PAGES:
            tables += 1
            lines = _with_tables(lines, content, number, page)
        pages.append(_Page(number, lines))
    if not any(page.lines for page in pages):
        raise Unreadable(SCANNED if scanned else DAMAGED if broken else NO_TEXT)
    return pages, (*_note(scanned, _PICTURES), *_note(broken, _DAMAGED_PAGES))


_PICTURES = "a picture of text and could not be read", "pictures of text and could not be read"
_DAMAGED_PAGES = "damaged and could not be read", "damaged and could not be read"


def _note(numbers: Sequence[int], said: tuple[str, str]) -> tuple[str, ...]:
    if not numbers:
        return ()
    if len(numbers) == 1:
        return (f"Page {numbers[0]} is {said[0]}.",)
    named = ", ".join(str(number) for number in numbers[:20])
    more = f" and {counted(len(numbers) - 20, 'more page')}" if len(numbers) > 20 else ""
    return (f"Pages {named}{more} are {said[1]}.",)


def _told_title(reader: PdfReader) -> str | None:
    title = one_line(clean(str((reader.metadata and reader.metadata.title) or "")))
    return None if not title or _JUNK_TITLE.search(title) else title[:300]


_JUNK_TITLE = re.compile(
    r"^(untitled|microsoft word|document\d*$)|\.(docx?|pdf|indd|pages|rtf|odt|tmp)$", re.IGNORECASE
)


def _lines(page: PageObject) -> list[_Line]:
    """The page's lines in reading order, each with its letters' size and where it begins."""
    lines: list[_Line] = []
    current: list[tuple[str, float, float, float]] = []

    def end_line() -> None:
        text = one_line(clean("".join(piece[0] for piece in current)))
        inked = [piece for piece in current if piece[0].strip()]
        if text and inked:
            sizes = Counter[float]()
            for piece in inked:
                sizes[piece[1]] += len(piece[0])
            lines.append(_Line(text, sizes.most_common(1)[0][0], inked[0][2], inked[0][3]))
        current.clear()

    def take(text: str, at: Any, placed: Any, font: Any, size: Any) -> None:
        x, y, scale = _place(at, placed)
        for number, piece in enumerate(text.split("\n")):
            if number:
                end_line()
            if piece:
                current.append((piece, round(abs(float(size or 0)) * scale, 1), x, y))

    page.extract_text(visitor_text=take)
    end_line()
    return lines


def _place(at: Sequence[float], placed: Sequence[float]) -> tuple[float, float, float]:
    x = placed[4] * at[0] + placed[5] * at[2] + at[4]
    y = placed[4] * at[1] + placed[5] * at[3] + at[5]
    return x, y, math.hypot(placed[2], placed[3]) * math.hypot(at[2], at[3])


def _with_tables(lines: list[_Line], content: bytes, number: int, page: PageObject) -> list[_Line]:
    """The lines with those that stand in a table replaced by its rows."""
    top = float(page.mediabox.top)
    for (x0, above, x1, below), rows in _tables(content, number):
        said = table_lines(rows)
        words = set(_WORD.findall(" ".join(cell for row in rows for cell in row)))
        inside = [
            at
            for at, line in enumerate(lines)
            if x0 - 2 <= line.x <= x1 + 2
            and top - below - 2 <= line.y <= top - above + 2
            and words.issuperset(_WORD.findall(line.text))
        ]
        if not said or not inside:
            continue
        first = lines[inside[0]]
        # Size nought: neither a heading nor to be joined with its neighbours.
        rows_in_place = [_Line(text, 0.0, first.x, first.y) for text in said]
        kept = set(inside)
        lines = [
            *(line for at, line in enumerate(lines[: inside[0]]) if at not in kept),
            *rows_in_place,
            *(line for at, line in enumerate(lines) if at > inside[0] and at not in kept),
        ]
    return lines


_WORD = re.compile(r"\w+")


def _tables(content: bytes, number: int) -> Iterator[tuple[Sequence[float], list[list[str]]]]:
    """Each table of a page: its box, measured from the top, and its cells."""
    try:
        with pdfplumber.open(io.BytesIO(content), pages=[number]) as pdf:
            for table in pdf.pages[0].find_tables():
                rows = [[one_line(cell or "") for cell in row] for row in table.extract()]
                if len(rows) > 1 and len(rows[0]) > 1:
                    yield table.bbox, rows
    except (PDFException, PSException, RecursionError, AssertionError, *_BROKEN):
        return  # then its words stay lines


def _write(pages: list[_Page], outline: Outline) -> None:
    _drop_running(pages)
    body = _body_size(line for page in pages for line in page.lines)
    levels = _levels(body, (line for page in pages for line in page.lines))
    for page in pages:
        outline.begin_page(page.number)
        _write_page(page.lines, outline, levels)


def _body_size(lines: Iterable[_Line]) -> float:
    sizes = Counter[float]()
    for line in lines:
        if line.size:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _levels(body: float, lines: Iterable[_Line]) -> dict[float, int]:
    """Sizes that headings have, largest first, to their levels."""
    larger = sorted({line.size for line in lines if _is_large(line, body)}, reverse=True)
    return {size: min(level, MAX_LEVEL) for level, size in enumerate(larger, 1)}


def _is_large(line: _Line, body: float) -> bool:
    return (
        line.size >= body * HEADING_RATIO
        and len(line.text) <= HEADING_CHARACTERS
        and bool(_LETTER.search(line.text))
    )


_LETTER = re.compile(r"[^\W\d_]")


def _write_page(lines: list[_Line], outline: Outline, levels: dict[float, int]) -> None:
    longest = max((len(line.text) for line in lines if line.size), default=0)
    heading: list[_Line] = []
    before: _Line | None = None
    for line in lines:
        level = levels.get(line.size) if len(line.text) <= HEADING_CHARACTERS else None
        if heading and (level is None or line.size != heading[0].size or _is_apart(heading[-1], line)):
            _write_heading(heading, outline, levels)
            heading, before = [], None
        if level is not None and _LETTER.search(line.text):
            heading.append(line)
            continue
        _write_line(line, before, longest, outline)
        before = line
    if heading:
        _write_heading(heading, outline, levels)


def _write_heading(lines: list[_Line], outline: Outline, levels: dict[float, int]) -> None:
    outline.heading(levels[lines[0].size], " ".join(line.text for line in lines))


def _write_line(line: _Line, before: _Line | None, longest: int, outline: Outline) -> None:
    text = line.text
    is_item = text[0] in BULLETS and len(text) > 1 and text[1] == " "
    if is_item:
        text = f"- {text[1:].strip()}"
    if before is not None and before.size and line.size and _runs_on(before, line, longest) and not is_item:
        outline.continue_line(text)
        return
    if before is not None and _is_apart(before, line):
        outline.paragraph_break()
    outline.line(text)


def _runs_on(before: _Line, line: _Line, longest: int) -> bool:
    """Whether a sentence goes on in the next line, as far as its length and its place can tell."""
    return (
        len(before.text) >= FULL_LINE * longest
        and not _is_apart(before, line)
        and not _NUMBERED.match(line.text)
        and abs(before.size - line.size) < 0.6
    )


_NUMBERED = re.compile(r"^(\d{1,3}|[a-z])[.)]\s")


def _is_apart(before: _Line, line: _Line) -> bool:
    size = max(before.size, line.size)
    return bool(size) and abs(before.y - line.y) > GAP_RATIO * size


def _drop_running(pages: list[_Page]) -> None:
    """Take off the first and last lines that most pages share but for their numbers."""
    filled = [page for page in pages if page.lines]
    if len(filled) < RUNNING_PAGES:
        return
    for at in (0, -1):
        shapes = Counter(_shape(page.lines[at]) for page in filled)
        shared = {shape for shape, times in shapes.items() if times > len(filled) / 2}
        for page in filled:
            if len(page.lines) > 1 and _shape(page.lines[at]) in shared:
                del page.lines[at]


def _shape(line: _Line) -> str:
    return re.sub(r"\d+", "0", line.text)
