"""The kinds of file that are read, and how they are told apart. Knows no parser, so anyone may ask."""

from enum import StrEnum
from pathlib import PurePosixPath

MAX_UPLOAD_BYTES = 25_000_000


class Kind(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    TEXT = "text"
    PDF = "pdf"
    DOCX = "docx"
    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    ZIP = "zip"


ENDINGS = {
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".txt": Kind.TEXT,
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".xlsx": Kind.XLSX,
    ".jsonl": Kind.JSONL,
    ".zip": Kind.ZIP,
}
ACCEPTED = "Markdown, HTML, plain text, PDF, Word (.docx), CSV, Excel (.xlsx), JSON Lines or a ZIP of these"
"""The accepted formats as a person names them."""

ACCEPTED_ENDINGS = tuple(ENDINGS)
_HOLD_MANY = frozenset({Kind.CSV, Kind.XLSX, Kind.JSONL, Kind.ZIP})
ONE_ARTICLE = "Markdown, HTML, plain text, PDF or Word (.docx)"
"""The accepted formats that hold one article each."""

ONE_ARTICLE_ENDINGS = tuple(ending for ending, kind in ENDINGS.items() if kind not in _HOLD_MANY)
MANY_ARTICLES_ENDINGS = frozenset(ENDINGS) - frozenset(ONE_ARTICLE_ENDINGS)
NOT_ACCEPTED = f"This kind of file is not read. Save it as {ACCEPTED} and upload it again."

TEXTS = frozenset({Kind.MARKDOWN, Kind.HTML, Kind.TEXT, Kind.CSV, Kind.JSONL})
_BEGINNINGS = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP or Office file",
    b"PK\x05\x06": "a ZIP file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old or password-protected Office file",
    b"{\\rtf": "a rich-text file (.rtf)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"RIFF": "a picture, sound or film",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive",
    b"\x7fELF": "a program",
    b"MZ\x90\x00": "a program",
    b"SQLite format 3\x00": "a database",
}
_EXPECTED = {
    Kind.PDF: (b"%PDF-",),
    Kind.DOCX: (b"PK\x03\x04",),
    Kind.XLSX: (b"PK\x03\x04",),
    Kind.ZIP: (b"PK\x03\x04", b"PK\x05\x06"),
}


def ending_of(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def kind_of(name: str) -> Kind | None:
    """What a file is by the ending of its name; None for what is not read."""
    return ENDINGS.get(ending_of(name))


def contradiction(kind: Kind, content: bytes) -> str | None:
    """A sentence when the first bytes are not what `kind` begins with; None when they may be."""
    expected = _EXPECTED.get(kind)
    found = next((what for beginning, what in _BEGINNINGS.items() if content.startswith(beginning)), None)
    if expected is None:
        if found is None:
            return None
        return f"It is not a text file. It looks like {found}: save it as {ACCEPTED} and upload it again."
    if content.startswith(expected):
        return None
    what = f"it is {found}" if found else "it does not begin like one"
    return (
        f"Its name says {_NAMES[kind]}, but {what}. Open it in its own program, save it as {_NAMES[kind]} "
        "and upload that."
    )


_NAMES = {Kind.PDF: "PDF", Kind.DOCX: "Word (.docx)", Kind.XLSX: "Excel (.xlsx)", Kind.ZIP: "ZIP"}
