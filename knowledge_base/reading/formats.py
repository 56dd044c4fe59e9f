"""The kinds of file that are read, and how they are told apart. Knows no parser, so anyone may ask."""

from enum import StrEnum
from pathlib import PurePosixPath

MAX_UPLOAD_BYTES = 25_000_000


class Kind(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    JSONL = "jsonl"


ENDINGS = {
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".jsonl": Kind.JSONL,
}
ACCEPTED = "Markdown, HTML or JSONL"
"""The accepted formats as a person names them."""

ACCEPTED_ENDINGS = tuple(ENDINGS)
NOT_ACCEPTED = f"This kind of file is not read. Save it as {ACCEPTED} and upload it again."


def ending_of(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def kind_of(name: str) -> Kind | None:
    """What a file is by the ending of its name; None for what is not read."""
    return ENDINGS.get(ending_of(name))
