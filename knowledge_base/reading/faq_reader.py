"""Questions and answers from a table: CSV of any program, or the sheets of an Excel file. Each row is an article.

openpyxl in its reading mode, not calamine: that one reserves a cell for every place between the first and the
last. A file of 4,681 bytes whose second cell is XFD1048576 made version 0.9.1 ask for 549,755,813,888 bytes at once
and abort its process (measured under `ulimit -v 2000000`).
"""

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from knowledge_base.reading.archives import Archive, check_office
from knowledge_base.reading.documents import (
    MAX_KEY_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    Document,
    Outline,
    Refusal,
    Unreadable,
    clean,
    language_of,
    left_out,
    of_many,
    one_line,
)
from knowledge_base.reading.html_reader import parsed, write_html
from marketplace.kernel.csv_in import EmptyFile, FileTooLarge, NoRows, NotText, TooManyRows, read_table
from marketplace.kernel.errors import Invalid, TooLarge

MAX_ROWS = 10_000
MAX_SHEETS = 50
MAX_COLUMNS = 100
MAX_CELL_CHARACTERS = 100_000

NAMES = {
    "question": "question questions q faq frage fragen pregunta preguntas domanda domande vraag pergunta spørgsmål "
    "fråga pytanie вопрос 質問 问题 問題 질문 soru title titel titre título titolo subject betreff heading topic",
    "answer": "answer answers a antwort antworten respuesta respuestas réponse réponses risposta risposte antwoord "
    "resposta svar odpowiedź ответ 回答 答え 答案 답변 cevap text body content article solution lösung response reply",
    "id": "id key nr no number nummer faqid articleid externalid slug ref reference",
    "category": "category categories kategorie kategorien categoría categoria catégorie categorie kategoria "
    "категория カテゴリ 分类 section bereich thema group department rubrik",
    "language": "language lang locale sprache idioma langue lingua taal språk язык 言語 语言",
}
NO_COLUMNS = (
    "It has no columns for questions and answers. "
    "Name one column “Question” and one “Answer” in its first row."
)
EMPTY = "It is empty. Write “Question” and “Answer” into the first row, and a question and its answer below."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where each of the things an article needs stands, by column."""

    question: int
    answer: int
    id: int | None
    category: int | None
    language: int | None


Row = tuple[int, Sequence[str]]


def read_csv_faq(name: str, content: bytes) -> Iterator[Document | Refusal]:
    """Raises Unreadable when the whole file is no table of questions."""
    try:
        table = read_table(content)
    except (EmptyFile, NoRows) as error:
        raise Unreadable(EMPTY) from error
    except NotText as error:
        raise Unreadable("It is not a text file. Export the table as CSV and upload that.") from error
    except FileTooLarge as error:
        raise Unreadable("A CSV file may have 5 MB. Split it into several files.") from error
    except TooManyRows as error:
        raise Unreadable(f"It has more than {MAX_ROWS:,} rows. Split it into several files.") from error
    except (Invalid, TooLarge) as error:
        raise Unreadable(f"{error.detail} Correct that and upload it again.") from error
    columns = _columns(table.headers)
    if columns is None:
        raise Unreadable(NO_COLUMNS)
    yield from _articles(name, columns, ((line.number, line.cells) for line in table.rows))


def read_xlsx_faq(name: str, content: bytes) -> Iterator[Document | Refusal]:
    """Raises Unreadable when no sheet is a table of questions, and for anything but a plain Excel file."""
    check_office(Archive(content), "xl/workbook.xml", "Excel")
    try:
        with warnings.catch_warnings(action="ignore"):  # on styles and drawings, which are not read
            yield from _sheets(name, content)
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        ParseError,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
    ) as error:
        raise Unreadable("It is damaged. Open it in Excel, save it anew and upload that.") from error


def _sheets(name: str, content: bytes) -> Iterator[Document | Refusal]:
    workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    taken = 0
    for sheet in islice(workbook.worksheets, MAX_SHEETS):
        # The size that a sheet claims is only a claim; without it rows are as wide as they are.
        sheet.reset_dimensions()
        rows = ((number, _texts(row)) for number, row in enumerate(sheet.iter_rows(values_only=True), 1))
        filled = (row for row in islice(rows, MAX_ROWS + 1) if any(row[1]))
        _, head = next(filled, (0, ()))
        columns = _columns(head)
        if columns is None:
            continue
        taken += 1
        several = len(workbook.worksheets) > 1
        yield from _articles(f"{name}, {clean(sheet.title)}" if several else name, columns, filled)
        if next(rows, None) is not None:
            reason = f"Only the first {MAX_ROWS:,} rows were read. Put the rest into another file."
            yield Refusal(name=f"{name}, {clean(sheet.title)}", reason=reason)
    if not taken:
        raise Unreadable(NO_COLUMNS)


def _texts(row: Iterable[object]) -> list[str]:
    return ["" if cell is None else _text(cell) for cell in islice(row, MAX_COLUMNS)]


def _text(cell: object) -> str:
    # Excel keeps every number as a fraction: an id 7 must not become "7.0".
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _columns(head: Sequence[str]) -> _Columns | None:
    """What the columns hold by their names; None without a question and an answer."""
    found: dict[str, int] = {}
    names = [_bare(cell) for cell in head]
    for thing, spellings in NAMES.items():
        wanted = spellings.split()
        # The spelling that stands first wins, wherever its column is: "title" is the question only without one.
        places = [(wanted.index(name), at) for at, name in enumerate(names) if name in wanted]
        if places:
            found[thing] = min(places)[1]
    if "question" not in found or "answer" not in found:
        return None
    return _Columns(
        question=found["question"],
        answer=found["answer"],
        id=found.get("id"),
        category=found.get("category"),
        language=found.get("language"),
    )


def _bare(cell: str) -> str:
    return re.sub(r"[\W_]+", "", clean(cell).casefold())


def _articles(name: str, columns: _Columns, rows: Iterable[Row]) -> Iterator[Document | Refusal]:
    keys: set[str] = set()
    first = next(iter_rows := iter(rows), None)
    if first is None:
        raise Unreadable(EMPTY)
    for number, cells in chain([first], iter_rows):
        row_name = f"row {number}"
        try:
            document = _article(name, columns, cells)
        except Unreadable as unreadable:
            yield Refusal(name=row_name, reason=str(unreadable))
            continue
        if document.key in keys:
            reason = "The same question or id stands above already. Give each row its own."
            yield Refusal(name=row_name, reason=reason)
            continue
        keys.add(document.key)
        yield of_many(document, f"{row_name}: ")


def _article(name: str, columns: _Columns, cells: Sequence[str]) -> Document:
    question, answer = _cell(cells, columns.question), _cell(cells, columns.answer)
    if not question.strip() or not answer.strip():
        missing = "question" if not question.strip() else "answer"
        raise Unreadable(f"It has no {missing}. Write one into the row, or delete the row.")
    if len(answer) > MAX_CELL_CHARACTERS:
        raise Unreadable(f"Its answer has more than {MAX_CELL_CHARACTERS:,} characters. Split it.")
    title = one_line(question)
    if len(title) > MAX_TITLE_CHARACTERS:
        raise Unreadable(f"Its question is longer than {MAX_TITLE_CHARACTERS} characters. Shorten it.")
    outline = Outline()
    _write_answer(answer, outline)
    sections = outline.sections()
    if not sections:
        raise Unreadable("It has no answer that can be read. Write one into the row, or delete the row.")
    category = one_line(_cell(cells, columns.category))
    return Document(
        key=(one_line(_cell(cells, columns.id)) or f"{clean(name)}: {title}")[:MAX_KEY_CHARACTERS],
        title=title,
        sections=sections,
        language=language_of(_cell(cells, columns.language)),
        extra=(category,) if category else (),
        notes=left_out(outline.hidden),
    )


def _cell(cells: Sequence[str], column: int | None) -> str:
    return clean(cells[column]) if column is not None and column < len(cells) else ""


_HTML = re.compile(r"</(?:p|div|ul|ol|li|a|b|strong|em|span|table|h[1-6])>|<br\s*/?>", re.IGNORECASE)


def _write_answer(answer: str, outline: Outline) -> None:
    """Help desks export answers as HTML; anything else is text as it stands."""
    if _HTML.search(answer):
        root = parsed(answer).root
        if root is not None:
            write_html(root, outline)
        return
    for line in answer.split("\n"):
        outline.line(line) if line.strip() else outline.paragraph_break()
