"""What a reader makes of a file: a document in sections of plain text, or a refusal with a way out."""

import re
import unicodedata
from dataclasses import dataclass, replace

from knowledge_base.reading.formats import ACCEPTED

MAX_DOCUMENT_BYTES = 2_000_000
MAX_TITLE_CHARACTERS = 300
MAX_KEY_CHARACTERS = 500
NOT_TEXT = f"It is not a text file. Save it as {ACCEPTED} and upload it again."
TOO_LARGE = f"It is larger than {MAX_DOCUMENT_BYTES // 1_000_000} MB. Split it into several articles."


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Text under one heading; `path` are the headings above it, outermost first, without the title.

    `page` is where it begins in a paged file, from 1.
    """

    path: tuple[str, ...]
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One article as uploaded. `key` is the brand's own name for it: the same key again is a new revision."""

    key: str
    title: str
    sections: tuple[Section, ...]
    language: str | None = None
    extra: tuple[str, ...] = ()
    """Where the article belongs (entity, product, department): stands before every section's path."""
    notes: tuple[str, ...] = ()
    """What the reader left out and the brand should know: hidden text, pages that are pictures. They are kept with the
    file, so where it holds many articles each note begins with the name of its own."""
    source: str | None = None
    """The Markdown it was written in, when somebody wrote it here and will want to go on writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A file or line that was not taken: its name, and a sentence saying why and what to do."""

    name: str
    reason: str


class Unreadable(Exception):
    """Raised inside the readers alone; they hand it on as a Refusal."""


def decoded(content: bytes) -> str:
    """Bytes as clean text. Raises Unreadable for what is too large, empty, binary or not UTF-8."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise Unreadable(TOO_LARGE)
    if b"\0" in content:
        raise Unreadable(NOT_TEXT)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unreadable(
            f"Line {line} is not UTF-8. Save the file with the encoding UTF-8 and upload it again."
        ) from error
    text = clean(text)
    if not text.strip():
        raise Unreadable("It is empty. Write the article's text into it, or leave it out.")
    return text


def clean(text: str) -> str:
    """NFC without what the eye cannot see: control and bidi characters, zero-width marks, lone surrogates.

    Such characters hide instructions from the person who approves an article. Line breaks and tabs stay.
    """
    lines = _LINE_BREAKS.sub("\n", text)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", lines))


def hidden_characters(text: str) -> int:
    """How many characters `text` has that hide or turn words around: bidi marks, zero-width and tag characters."""
    return len(_HIDING.findall(text))


def left_out(hidden: int, characters: int = 0) -> tuple[str, ...]:
    """Notes on what a reader of the file would not have seen."""
    notes = []
    if hidden:
        notes.append(f"{counted(hidden, 'piece')} of hidden text {was(hidden)} left out.")
    if characters:
        notes.append(f"{counted(characters, 'invisible character')} {was(characters)} left out.")
    return tuple(notes)


def of_many(document: Document, place: str) -> Document:
    """One of a file's many; its notes begin with its place there, written as “row 3: ”."""
    return replace(document, notes=tuple(f"{place}{note}" for note in document.notes))


def counted(number: int, thing: str) -> str:
    return f"1 {thing}" if number == 1 else f"{number:,} {thing}s"


def was(number: int) -> str:
    return "was" if number == 1 else "were"


def language_of(tag: str | None) -> str | None:
    """A language tag, or None for what is none."""
    tag = (tag or "").strip()
    return tag if _LANGUAGE_TAG.fullmatch(tag) else None


_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def one_line(text: str) -> str:
    return " ".join(text.split())


_LINE_BREAKS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
# The joiners U+200C and U+200D stay: Persian and emoji are written with them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)

_HIDING = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\U000e0000-\U000e0fff]")


class Outline:
    """Collects headings and lines in reading order and cuts them into sections."""

    def __init__(self) -> None:
        self.title: str | None = None
        self.hidden = 0
        """Pieces of text that a reader of the file would not have seen."""
        self.invisible = 0
        """Characters that nobody sees."""
        self.page: int | None = None
        """The page that is being read, in a paged file."""
        self._sections: list[Section] = []
        self._headings: list[tuple[int, str]] = []
        self._lines: list[str] = []
        self._heading_is_bare = False
        self._page: int | None = None

    def heading(self, level: int, text: str) -> None:
        """Begin a section. The first heading of level 1, before any other, is the title."""
        heading = one_line(text)
        if not heading:
            return
        if level == 1 and self.title is None and not self._headings:
            self.title = heading
            return
        self._close(next_level=level)
        while self._headings and self._headings[-1][0] >= level:
            self._headings.pop()
        self._headings.append((level, heading))
        self._heading_is_bare = True

    def begin_page(self, page: int) -> None:
        """What follows stands on `page`; a section that goes on there is cut, so that each names its page."""
        if self._lines:
            self._close(next_level=_NO_HEADING)
        self.page = page

    def line(self, text: str) -> None:
        if not self._lines:
            self._page = self.page
        self._lines.append(text.rstrip())

    def continue_line(self, text: str) -> None:
        """Add to the line before, of which this is the rest."""
        if self._lines and self._lines[-1]:
            self._lines[-1] += f" {text.strip()}"
        else:
            self.line(text)

    def paragraph_break(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append("")

    @property
    def notes(self) -> tuple[str, ...]:
        return left_out(self.hidden, self.invisible)

    def sections(self) -> tuple[Section, ...]:
        self._close(next_level=0)
        return tuple(self._sections)

    def _close(self, *, next_level: int) -> None:
        path = tuple(heading for _, heading in self._headings)
        text = "\n".join(self._lines).strip("\n")
        self._lines = []
        # A heading that nothing stands under is itself the text, else its words would be lost.
        if not text.strip() and self._heading_is_bare and self._headings[-1][0] >= next_level:
            text, self._page = path[-1], self.page
        if text.strip():
            self._sections.append(Section(path=path, text=text, page=self._page))
        self._heading_is_bare = False


_NO_HEADING = 99
