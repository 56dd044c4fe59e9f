"""Sections of plain text as Markdown that reads back as those sections: what the editor shows of a read file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

# The title stands in a field of its own, so the outermost heading is of the second level.
FIRST_LEVEL = 2
DEEPEST_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section: the headings above it, and its text."""

    path: tuple[str, ...]
    text: str


def markdown_of(parts: Sequence[Part]) -> str:
    """One text for all `parts`; marks that would mean something in Markdown are escaped."""
    blocks: list[str] = []
    above: tuple[str, ...] = ()
    for part in parts:
        blocks.extend(_headings(part.path, above))
        blocks.extend(_block(block) for block in _blocks(part.text))
        above = part.path
    return "\n\n".join(blocks) + "\n"


def _headings(path: tuple[str, ...], above: tuple[str, ...]) -> Iterator[str]:
    """The headings that `path` has beyond those that are open; its last one at least, to begin the section."""
    pairs = zip(path, above, strict=False)
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    for depth in range(max(min(shared, len(path) - 1), 0), len(path)):
        level = min(FIRST_LEVEL + depth, DEEPEST_LEVEL)
        yield f"{'#' * level} {_escaped(path[depth])}"


def _blocks(text: str) -> Iterator[list[str]]:
    """Lines between blank lines."""
    block: list[str] = []
    for line in text.split("\n"):
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _block(lines: list[str]) -> str:
    if any(_is_code(line) for line in lines) and not any(_LIST.match(line.lstrip(" ")) for line in lines):
        return "\n".join(["```", *lines, "```"])
    return "\n".join(_lines(lines))


def _lines(lines: list[str]) -> Iterator[str]:
    """Indented by what stands before the text above: two spaces a level here are three below "1. "."""
    widths: list[int] = []
    goes_on = ""
    for line in lines:
        text = line.lstrip(" ")
        depth = (len(line) - len(text)) // 2
        mark = _LIST.match(text)
        if mark:
            yield from _ended(goes_on, "")
            goes_on = " " * sum(widths[:depth]) + mark[0] + _escaped(text[mark.end() :])
            widths = [*widths[:depth], mark.end()]
        else:
            # Back in an outer list it is a paragraph of its own, else it goes on in the line before.
            yield from _ended(goes_on, "\n" if len(widths) > depth else "\\")
            goes_on = " " * sum(widths[:depth]) + _escaped(text)
            widths = widths[:depth]
    yield goes_on


def _ended(line: str, ending: str) -> Iterator[str]:
    if line:
        yield line + ending


_LIST = re.compile(r"(- |\d{1,9}\. )")


def _is_code(line: str) -> bool:
    """Whether only a code block keeps the line's spaces."""
    return line.startswith(" ") or "  " in line.strip() or "\t" in line


def _escaped(line: str) -> str:
    return _NUMBER.sub(r"\1\\\2", _SIGN.sub(r"\\\g<0>", _ANYWHERE.sub(r"\\\g<0>", line)))


# Signs that begin emphasis, code, links, tags, entities or attributes.
_ANYWHERE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])|[*`\[\]]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|&(?=#?\w+;)|~(?=~)|\{(?=[.#])"
)
# Signs that begin a heading, quote, list, rule or table at the start of a line.
_SIGN = re.compile(r"^[#>+=|~-]")
_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
