"""What changed between two texts: lines, and the words inside a changed line. Pure, and bounded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

MAX_LINES = 1_500
MAX_LINE_WORDS = 400
CONTEXT_LINES = 3


class Change(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Words of a line; `changed` are those the other text's line has not."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """A line of either text; a skipped one stands for `count` equal lines."""

    change: Change
    stretches: tuple[Stretch, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """`cut` says that the texts are longer than what is compared."""

    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    cut: bool


def diff(before: str, after: str) -> Diff:
    """The two texts in one, far equal stretches left out."""
    old, new = before.splitlines(), after.splitlines()
    cut = len(old) > MAX_LINES or len(new) > MAX_LINES
    lines = list(_lines(old[:MAX_LINES], new[:MAX_LINES]))
    return Diff(
        lines=tuple(_with_context(lines)),
        added=sum(line.change is Change.ADDED for line in lines),
        removed=sum(line.change is Change.REMOVED for line in lines),
        cut=cut,
    )


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    for tag, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (_line(Change.SAME, text) for text in old[i:i_end])
        elif i_end - i == j_end - j:
            yield from _changed_lines(old[i:i_end], new[j:j_end])
        else:
            yield from (_line(Change.REMOVED, text) for text in old[i:i_end])
            yield from (_line(Change.ADDED, text) for text in new[j:j_end])


def _line(change: Change, text: str) -> DiffLine:
    return DiffLine(change=change, stretches=(Stretch(text=text, changed=change is not Change.SAME),))


def _changed_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    for before, after in zip(old, new, strict=True):
        gone, come = _words(before, after)
        yield DiffLine(change=Change.REMOVED, stretches=gone)
        yield DiffLine(change=Change.ADDED, stretches=come)


def _words(before: str, after: str) -> tuple[tuple[Stretch, ...], tuple[Stretch, ...]]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > MAX_LINE_WORDS:
        return (Stretch(text=before, changed=True),), (Stretch(text=after, changed=True),)
    gone: list[Stretch] = []
    come: list[Stretch] = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if i_end > i:
            gone.append(Stretch(text="".join(old[i:i_end]), changed=tag != "equal"))
        if j_end > j:
            come.append(Stretch(text="".join(new[j:j_end]), changed=tag != "equal"))
    return tuple(gone), tuple(come)


_WORD = re.compile(r"\s+|[^\s]+")


def _with_context(lines: Sequence[DiffLine]) -> Iterator[DiffLine]:
    near = _near_changes(lines)
    skipped = 0
    for line, is_near in zip(lines, near, strict=True):
        if not is_near:
            skipped += 1
            continue
        if skipped:
            yield DiffLine(change=Change.SKIPPED, count=skipped)
            skipped = 0
        yield line
    if skipped:
        yield DiffLine(change=Change.SKIPPED, count=skipped)


def _near_changes(lines: Sequence[DiffLine]) -> list[bool]:
    near = [False] * len(lines)
    for at, line in enumerate(lines):
        if line.change is not Change.SAME:
            begin, end = max(at - CONTEXT_LINES, 0), min(at + CONTEXT_LINES + 1, len(lines))
            near[begin:end] = [True] * (end - begin)
    return near
