"""Plain text: its first short line is the title, blank lines part its paragraphs, whatever its encoding."""

import re

from charset_normalizer import from_bytes

from knowledge_base.reading.documents import (
    MAX_DOCUMENT_BYTES,
    NOT_TEXT,
    TOO_LARGE,
    Outline,
    Unreadable,
    clean,
    hidden_characters,
    one_line,
)

MAX_LINES = 50_000
TITLE_CHARACTERS = 100
SNIFFED_BYTES = 65_536
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_OLD_ENCODINGS = ["cp1252", "cp1250", "cp1251", "shift_jis", "gb18030", "euc_kr"]
_UNDERLINE = re.compile(r"^(={3,}|-{3,}|~{3,})$")


def write_text(content: bytes, outline: Outline) -> None:
    """Add the text to `outline`; an underlined line is a heading. Raises Unreadable."""
    lines = _text(content, outline).split("\n")
    if len(lines) > MAX_LINES:
        raise Unreadable(f"It has more than {MAX_LINES:,} lines. Split it into several articles.")
    at = next(number for number, line in enumerate(lines) if line.strip())
    if _is_title(lines, at):
        outline.title = one_line(lines[at])
        at += 2
    while at < len(lines):
        if at + 1 < len(lines) and lines[at].strip() and _UNDERLINE.match(lines[at + 1].strip()):
            outline.heading(2, lines[at])
            at += 2
            continue
        outline.line(lines[at]) if lines[at].strip() else outline.paragraph_break()
        at += 1


def _is_title(lines: list[str], at: int) -> bool:
    """A short line with a blank or a rule below it, and text after that."""
    if len(lines[at].strip()) > TITLE_CHARACTERS or at + 2 >= len(lines):
        return False
    below = lines[at + 1].strip()
    return (not below or bool(_UNDERLINE.match(below))) and any(line.strip() for line in lines[at + 2 :])


def _text(content: bytes, outline: Outline) -> str:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise Unreadable(TOO_LARGE)
    raw = _decoded(content)
    outline.invisible += hidden_characters(raw)
    text = clean(raw)
    if not text.strip():
        raise Unreadable("It is empty. Write the article's text into it, or leave it out.")
    return text


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\0" in content:
        raise Unreadable(NOT_TEXT)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        found = from_bytes(content[:SNIFFED_BYTES], cp_isolation=_OLD_ENCODINGS).best()
    if found is None:
        raise Unreadable(NOT_TEXT)
    return content.decode(found.encoding, "replace")
