"""What changed between two texts, word by word, with what stayed shortened to what is needed to find the place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

CONTEXT_WORDS = 12
MAX_WORDS_BY_WORD = 1_000
"""Longer stretches are compared by line: comparing words takes time that grows with their product."""
MAX_LINES = 1_000
"""What follows counts as one line more."""
GAP = " … "


class Change(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Stretch:
    change: Change
    text: str


def changes(before: str, after: str) -> tuple[Stretch, ...]:
    """The way from `before` to `after`; empty when they are the same."""
    if before == after:
        return ()
    return tuple(_shortened(_merged(_by_line(before, after))))


def _by_line(before: str, after: str) -> Iterator[Stretch]:
    mine, theirs = _lines(before), _lines(after)
    for tag, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        gone, new = "".join(mine[a:b]), "".join(theirs[c:d])
        if tag == "replace":
            yield from _by_word(gone, new)
        elif tag == "equal":
            yield Stretch(Change.SAME, gone)
        else:
            yield from _pair(gone, new)


def _lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    rest = "".join(lines[MAX_LINES:])
    return [*lines[:MAX_LINES], rest] if rest else lines


def _by_word(before: str, after: str) -> Iterator[Stretch]:
    mine, theirs = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(mine) > MAX_WORDS_BY_WORD or len(theirs) > MAX_WORDS_BY_WORD:
        yield from _pair(before, after)
        return
    for tag, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        gone, new = "".join(mine[a:b]), "".join(theirs[c:d])
        if tag == "equal":
            yield Stretch(Change.SAME, gone)
        else:
            yield from _pair(gone, new)


def _pair(gone: str, new: str) -> Iterator[Stretch]:
    if gone:
        yield Stretch(Change.GONE, gone)
    if new:
        yield Stretch(Change.NEW, new)


def _merged(stretches: Iterator[Stretch]) -> list[Stretch]:
    """Neighbours of one kind become one."""
    merged: list[Stretch] = []
    for stretch in stretches:
        if merged and merged[-1].change is stretch.change:
            merged[-1] = Stretch(stretch.change, merged[-1].text + stretch.text)
        else:
            merged.append(stretch)
    return merged


def _shortened(stretches: list[Stretch]) -> Iterator[Stretch]:
    last = len(stretches) - 1
    for place, stretch in enumerate(stretches):
        if stretch.change is not Change.SAME:
            yield stretch
            continue
        text = _ends(stretch.text, keep_head=place > 0, keep_tail=place < last)
        yield Stretch(Change.SAME, text)


def _ends(text: str, *, keep_head: bool, keep_tail: bool) -> str:
    tokens = _TOKEN.findall(text)
    kept = CONTEXT_WORDS * (keep_head + keep_tail)
    if len(tokens) <= kept + 1:
        return text
    head = "".join(tokens[:CONTEXT_WORDS]) if keep_head else ""
    tail = "".join(tokens[-CONTEXT_WORDS:]) if keep_tail else ""
    return f"{head.rstrip()}{GAP}{tail.lstrip()}"


_TOKEN = re.compile(r"\s*\S+\s*?(?=\S|\s+\S|$)|\s+")
