"""Sets of documents and questions with known answers, read from JSON Lines, for `humancloud evaluate`."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from knowledge_base.reading.apart import read_apart
from knowledge_base.reading.documents import MAX_DOCUMENT_BYTES, Document, Refusal
from marketplace.kernel.errors import Invalid

Row = TypeVar("Row")

MAX_LINES = 500_000
MAX_LINE_BYTES = 4 * MAX_DOCUMENT_BYTES
DOCUMENTS_A_SLICE = 2_000
CHARACTERS_A_SLICE = 2_000_000
UNTITLED = "Untitled"


class UnusableLine(Invalid):
    """A file of the set cannot be used as it is."""

    def __init__(self, file: Path, number: int, problem: str) -> None:
        super().__init__(f"{file}, line {number}: {problem}")


class UnusableSet(Invalid):
    """The files do not make a set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`turns` are oldest first and end with what is asked; `grades` say how well a document answers, above 0 when it
    does."""

    id: str
    turns: tuple[str, ...]
    grades: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedTicket:
    """What a customer wrote, and the document that answered it."""

    text: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """The key of a document is its id; `unanswerable` are questions that no document answers."""

    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    tickets: tuple[ResolvedTicket, ...] = ()
    unanswerable: tuple[Question, ...] = ()


def read_question_set(
    documents: Path, questions: Path, *, tickets: Path | None = None, out_of_scope: Path | None = None
) -> QuestionSet:
    """Read and check the files of a set. Raises UnusableLine or UnusableSet."""
    known = _documents(documents)
    asked = tuple(_rows(questions, _question))
    unanswerable = tuple(_rows(out_of_scope, _stray)) if out_of_scope else ()
    found = QuestionSet(
        documents=known,
        questions=tuple(question for question in asked if _is_answerable(question)),
        tickets=tuple(_rows(tickets, _ticket)) if tickets else (),
        unanswerable=(*(question for question in asked if not _is_answerable(question)), *unanswerable),
    )
    if not known:
        raise UnusableSet(f"{documents} holds no document.")
    if not found.questions:
        raise UnusableSet(f"{questions} holds no question with a document in `rel`.")
    ids = {document.key for document in known}
    strange = next((ticket.document for ticket in found.tickets if ticket.document not in ids), None)
    if strange is not None:
        raise UnusableSet(f"{tickets}: the document {strange!r} of a ticket is not among the documents.")
    return found


def unknown_answers(asked: QuestionSet) -> int:
    """Answers named in `rel` that are no document of the set: they count as not found."""
    ids = {document.key for document in asked.documents}
    return sum(document not in ids for question in asked.questions for document in question.grades)


def _is_answerable(question: Question) -> bool:
    return any(grade > 0 for grade in question.grades.values())


def _documents(file: Path) -> tuple[Document, ...]:
    """Read as an import of the file reads it, so that its other fields and its Markdown mean the same."""
    documents: list[Document] = []
    everything = list(_rows(file, _document))
    _check_unique(file, [line["id"] for line in everything])
    for lines in _slices(everything):
        content = b"\n".join(json.dumps(line).encode() for line in lines)
        outcomes = read_apart("documents.jsonl", content).outcomes
        for line, read in zip(lines, outcomes, strict=True):
            if isinstance(read, Refusal):
                raise UnusableSet(f"{file}: the document {line['id']!r} cannot be read. {read.reason}")
            title = "" if line["title"] == UNTITLED else read.title
            documents.append(replace(read, key=line["id"], title=title))
    return tuple(documents)


def _slices(lines: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    taken: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        if taken and (len(taken) == DOCUMENTS_A_SLICE or size + len(line["text"]) > CHARACTERS_A_SLICE):
            yield taken
            taken, size = [], 0
        taken.append(line)
        size += len(line["text"])
    if taken:
        yield taken


def _check_unique(file: Path, ids: Sequence[str]) -> None:
    twice = next((one for one, times in Counter(ids).items() if times > 1), None)
    if twice is not None:
        raise UnusableSet(f"{file}: the id {twice!r} is there twice. Each document needs its own.")


def _rows(file: Path, row: Callable[[Any], Row]) -> Iterator[Row]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UnusableSet(f"{file} cannot be opened: {error.strerror}.") from error
    with stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES + 1), b""), start=1):
            if number > MAX_LINES:
                raise UnusableLine(file, number, f"a file has {MAX_LINES:,} lines at most.")
            if len(line) > MAX_LINE_BYTES:
                raise UnusableLine(file, number, f"it is longer than {MAX_LINE_BYTES:,} bytes.")
            if line.strip():
                yield _row(file, number, line, row)


def _row(file: Path, number: int, line: bytes, row: Callable[[Any], Row]) -> Row:
    try:
        return row(json.loads(line.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise UnusableLine(file, number, "it is not UTF-8. Save the file with that encoding.") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnusableLine(file, number, "it is not JSON. One object a line is expected.") from error
    except _Wrong as error:
        raise UnusableLine(file, number, str(error)) from error


class _Wrong(ValueError):
    """What is wrong with a line, in words for its writer."""


def _document(line: Any) -> dict[str, Any]:
    """The line with what an import needs: a text as its id, and a title, which a set may leave out."""
    checked = {"id": _id(line), "title": _text(line, "title", missing="").strip() or UNTITLED}
    return {**line, **checked, "text": _text(line, "text")}


def _question(line: Any) -> Question:
    name, asked = _id(line), _text(line, "text")
    return Question(id=name, turns=(*_context(line, asked), asked), grades=_grades(line))


def _stray(line: Any) -> Question:
    """An out-of-scope question needs no id, and may be a bare string."""
    if isinstance(line, str):
        return Question(id="", turns=(line,))
    asked = _text(line, "text")
    return Question(id="", turns=(*_context(line, asked), asked))


def _ticket(line: Any) -> ResolvedTicket:
    return ResolvedTicket(text=_text(line, "text"), document=_id(line, "doc"))


def _context(line: dict[str, Any], asked: str) -> tuple[str, ...]:
    """What was said before: a list of turns, or one text, which may end with the question itself."""
    context = line.get("context") or ""
    if isinstance(context, list) and all(isinstance(turn, str) for turn in context):
        turns = [turn.strip() for turn in context if turn.strip()]
    elif isinstance(context, str):
        turns = [context.strip()] if context.strip() else []
    else:
        raise _Wrong("`context` must be a text or a list of texts.")
    if turns and turns[-1].endswith(asked.strip()):
        rest = turns[-1].removesuffix(asked.strip()).strip()
        turns[-1:] = [rest] if rest else []
    return tuple(turns)


def _grades(line: dict[str, Any]) -> dict[str, float]:
    rel = line.get("rel", {})
    if not isinstance(rel, dict):
        raise _Wrong("`rel` must be an object of document ids and grades.")
    for grade in rel.values():
        if isinstance(grade, bool) or not isinstance(grade, int | float) or not 0 <= grade <= 100:
            raise _Wrong("a grade in `rel` must be a number from 0 to 100.")
    return {str(document): float(grade) for document, grade in rel.items()}


def _id(line: Any, name: str = "id") -> str:
    value = _field(line, name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise _Wrong(f"`{name}` must be a text or a whole number.")
    return str(value)


def _text(line: Any, name: str, *, missing: str | None = None) -> str:
    value = _field(line, name, missing=missing)
    if not isinstance(value, str) or (missing is None and not value.strip()):
        raise _Wrong(f"`{name}` must be a text that is not empty.")
    if len(value.encode()) > MAX_DOCUMENT_BYTES:
        raise _Wrong(f"`{name}` is longer than {MAX_DOCUMENT_BYTES // 1_000_000} MB.")
    return value


def _field(line: Any, name: str, *, missing: str | None = None) -> Any:
    if not isinstance(line, dict):
        raise _Wrong("an object is expected.")
    if line.get(name) is None:
        if missing is not None:
            return missing
        raise _Wrong(f"`{name}` is missing.")
    return line[name]
