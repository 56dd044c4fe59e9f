"""The files inside a ZIP, each read by its own reader; a bad one is refused by name, a bad archive as a whole."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from knowledge_base.reading.archives import Archive
from knowledge_base.reading.documents import Document, Refusal, Unreadable, clean, of_many
from knowledge_base.reading.formats import (
    MANY_ARTICLES_ENDINGS,
    MAX_UPLOAD_BYTES,
    NOT_ACCEPTED,
    Kind,
    ending_of,
    kind_of,
)

EMPTY = "There is no file in it that can be read. Pack the articles into it and upload it again."
NESTED = "An archive inside an archive is not read. Unpack it and put its files into the outer one."

ReadKind = Callable[[Kind, str, bytes], Iterable[Document | Refusal]]


def read_zip(content: bytes, read_kind: ReadKind) -> Iterator[Document | Refusal]:
    """Raises Unreadable for the archive as a whole."""
    archive = Archive(content)
    names = [name for name in archive.entries if not _is_furniture(name)]
    if not names:
        raise Unreadable(EMPTY)
    keys: set[str] = set()
    for name in names:
        for outcome in _entry(archive, name, read_kind):
            if isinstance(outcome, Document) and outcome.key in keys:
                reason = "The same id stands in this archive already. Give each article its own."
                yield Refusal(name=outcome.key, reason=reason)
                continue
            if isinstance(outcome, Document):
                keys.add(outcome.key)
            yield outcome


def _entry(archive: Archive, name: str, read_kind: ReadKind) -> Iterator[Document | Refusal]:
    kind, shown = kind_of(name), clean(name)
    if kind is None or kind is Kind.ZIP:
        yield Refusal(name=shown, reason=NOT_ACCEPTED if kind is None else NESTED)
        return
    try:
        content = archive.read(name, most=MAX_UPLOAD_BYTES)
    except Unreadable as unreadable:
        yield Refusal(name=shown, reason=str(unreadable))
        return
    for outcome in read_kind(kind, shown, content):
        yield _inside(outcome, shown)


def _inside(outcome: Document | Refusal, name: str) -> Document | Refusal:
    if isinstance(outcome, Document):
        return of_many(outcome, f"{name}, " if ending_of(name) in MANY_ARTICLES_ENDINGS else f"{name}: ")
    if outcome.name == name:
        return outcome
    return replace(outcome, name=name if outcome.name == "the file" else f"{name}, {outcome.name}")


def _is_furniture(name: str) -> bool:
    """What archivers add by themselves."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1:] in (
        ("Thumbs.db",),
        ("desktop.ini",),
    )
