"""Uploaded files to documents. Bad content is never an exception: it is a Refusal that says what to do."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import assert_never

from knowledge_base.reading.documents import (
    MAX_KEY_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    NOT_TEXT,
    Document,
    Outline,
    Refusal,
    Unreadable,
    clean,
    decoded,
    hidden_characters,
    language_of,
    of_many,
    one_line,
)
from knowledge_base.reading.docx_reader import write_docx
from knowledge_base.reading.faq_reader import read_csv_faq, read_xlsx_faq
from knowledge_base.reading.formats import NOT_ACCEPTED, Kind, contradiction, kind_of
from knowledge_base.reading.html_reader import article_of, parsed, write_html
from knowledge_base.reading.markdown_reader import write_markdown, write_markdown_file
from knowledge_base.reading.pdf_reader import write_pdf
from knowledge_base.reading.text_reader import write_text
from knowledge_base.reading.zip_reader import read_zip

MAX_JSONL_BYTES = 25_000_000
MAX_JSONL_DOCUMENTS = 50_000
MAX_EXTRA_FIELDS = 4
MAX_EXTRA_CHARACTERS = 120

Reading = Iterator[Document | Refusal]


def read_any(filename: str, content: bytes) -> Reading:
    """One uploaded file, by the ending of its name."""
    kind = kind_of(filename)
    if kind is None:
        return iter([Refusal(name=filename, reason=NOT_ACCEPTED)])
    return read_kind(kind, filename, content)


def read_kind(kind: Kind, name: str, content: bytes) -> Reading:
    """A file or text whose kind is known."""
    wrong = contradiction(kind, content)
    if wrong:
        yield Refusal(name=name, reason=wrong)
        return
    match kind:
        case Kind.MARKDOWN:
            yield read_markdown(name, content)
        case Kind.HTML:
            yield read_html(name, content)
        case Kind.TEXT:
            yield _read(name, partial(_plain_text, name, content))
        case Kind.PDF:
            yield _read(name, partial(_pdf, name, content))
        case Kind.DOCX:
            yield _read(name, partial(_docx, name, content))
        case Kind.CSV:
            yield from _read_each(name, read_csv_faq(name, content))
        case Kind.XLSX:
            yield from _read_each(name, read_xlsx_faq(name, content))
        case Kind.JSONL:
            yield from read_jsonl(content)
        case Kind.ZIP:
            yield from _read_each(name, read_zip(content, read_kind))
        case _:
            assert_never(kind)


def read_markdown(name: str, content: bytes) -> Document | Refusal:
    """A Markdown file; `name` is its path and its key, unless the front matter has a `key` or `id`."""
    return _read(name, partial(_markdown, name, content))


def read_html(name: str, content: bytes) -> Document | Refusal:
    """An HTML file; `name` is its path and its key."""
    return _read(name, partial(_html, name, content))


def read_jsonl(content: bytes) -> Reading:
    """One document a line: `id`, `title`, `text` (Markdown or plain), optional `language`.

    Other short text fields, like `entity` or `section`, say where the article belongs.
    """
    if len(content) > MAX_JSONL_BYTES:
        yield Refusal(
            name="the file",
            reason=f"It is larger than {MAX_JSONL_BYTES // 1_000_000} MB. Split it into several files.",
        )
        return
    if b"\0" in content:
        yield Refusal(name="the file", reason=NOT_TEXT)
        return
    yield from _without_repeats(_jsonl_lines(content))


def _read(name: str, read: Callable[[], Document]) -> Document | Refusal:
    try:
        return _within_limits(read())
    except Unreadable as unreadable:
        return Refusal(name=name, reason=str(unreadable))


def _read_each(name: str, reading: Reading) -> Reading:
    try:
        yield from reading
    except Unreadable as unreadable:
        yield Refusal(name=name, reason=str(unreadable))


def _within_limits(document: Document) -> Document:
    if not document.sections:
        raise Unreadable("It has no text. Write the article's text under its title.")
    if len(document.key) > MAX_KEY_CHARACTERS:
        raise Unreadable(f"Its id is longer than {MAX_KEY_CHARACTERS} characters. Give it a shorter one.")
    if len(document.title) > MAX_TITLE_CHARACTERS:
        raise Unreadable(f"Its title is longer than {MAX_TITLE_CHARACTERS} characters. Shorten it.")
    return document


def _markdown(name: str, content: bytes) -> Document:
    outline = _outline_of(content)
    front_matter = write_markdown_file(decoded(content), outline)
    return Document(
        key=front_matter.get("key") or front_matter.get("id") or clean(name),
        title=front_matter.get("title") or outline.title or _spoken(name),
        sections=outline.sections(),
        language=language_of(front_matter.get("language") or front_matter.get("lang")),
        notes=outline.notes,
    )


def _html(name: str, content: bytes) -> Document:
    outline = _outline_of(content)
    page = parsed(decoded(content))
    root = article_of(page)
    if root is not None:
        write_html(root, outline)
    title = page.css_first("title")
    language = page.root.attributes.get("lang") if page.root is not None else None
    return Document(
        key=clean(name),
        title=outline.title or (one_line(title.text()) if title else "") or _spoken(name),
        sections=outline.sections(),
        language=language_of(language),
        notes=outline.notes,
    )


def _outline_of(content: bytes) -> Outline:
    outline = Outline()
    outline.invisible = hidden_characters(content.decode("utf-8", "ignore"))
    return outline


def _plain_text(name: str, content: bytes) -> Document:
    outline = Outline()
    write_text(content, outline)
    return _titled(name, outline)


def _pdf(name: str, content: bytes) -> Document:
    outline = Outline()
    notes = write_pdf(content, outline)
    return replace(_titled(name, outline), notes=(*notes, *outline.notes))


def _docx(name: str, content: bytes) -> Document:
    outline = Outline()
    write_docx(content, outline)
    return _titled(name, outline)


def _titled(name: str, outline: Outline) -> Document:
    return Document(
        key=clean(name),
        title=outline.title or _spoken(name),
        sections=outline.sections(),
        notes=outline.notes,
    )


def _spoken(name: str) -> str:
    """`How-to-return.md` as "How to return"."""
    return one_line(re.sub(r"[-_]+", " ", PurePosixPath(clean(name)).stem))


def _jsonl_lines(content: bytes) -> Reading:
    documents = 0
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip(b" \t\r\xef\xbb\xbf"):
            continue
        documents += 1
        if documents > MAX_JSONL_DOCUMENTS:
            yield Refusal(
                name=f"line {number}",
                reason=f"A file may hold {MAX_JSONL_DOCUMENTS:,} articles. Put the rest into another file.",
            )
            return
        yield _read(f"line {number}", partial(_json_document, line, f"line {number}"))
    if not documents:
        yield Refusal(name="the file", reason="It is empty. Write one JSON object a line into it.")


def _json_document(line: bytes, name: str) -> Document:
    fields = _json_object(decoded(line))
    outline = _outline_of(line)
    write_markdown(_required(fields, "text"), outline)
    document = Document(
        key=one_line(_required(fields, "id")),
        title=one_line(_required(fields, "title")),
        sections=outline.sections(),
        language=language_of(_string(fields.get("language") or fields.get("lang"))),
        extra=_extra(fields),
        notes=outline.notes,
    )
    return of_many(document, f"{name}: ")


def _json_object(line: str) -> dict[str, object]:
    try:
        fields = json.loads(line, strict=False)  # `clean` may have put a line break into a string
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            'It is not valid JSON. Write one object a line, like {"id": "1", "title": "…", "text": "…"}.'
        ) from error
    if not isinstance(fields, dict):
        raise Unreadable('It is not a JSON object. Write {"id": …, "title": …, "text": …} on the line.')
    return fields


def _required(fields: dict[str, object], name: str) -> str:
    value = clean(_string(fields.get(name)))
    if not value.strip():
        raise Unreadable(f'Its "{name}" is missing or empty. Every line needs id, title and text.')
    return value


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    # Ids are often numbers; true is not an id.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


_OWN_FIELDS = frozenset({"id", "key", "title", "text", "language", "lang"})


def _extra(fields: dict[str, object]) -> tuple[str, ...]:
    values = [
        one_line(clean(value))
        for name, value in fields.items()
        if name not in _OWN_FIELDS and isinstance(value, str) and _names_a_place(value)
    ]
    return tuple(value for value in values if value)[:MAX_EXTRA_FIELDS]


def _names_a_place(value: str) -> bool:
    return len(value) <= MAX_EXTRA_CHARACTERS and "://" not in value


def _without_repeats(reading: Iterable[Document | Refusal]) -> Reading:
    keys: set[str] = set()
    for document in reading:
        if isinstance(document, Refusal) or document.key not in keys:
            yield document
        else:
            yield Refusal(name=document.key, reason="The same id stands above already. Give each its own.")
        if isinstance(document, Document):
            keys.add(document.key)
