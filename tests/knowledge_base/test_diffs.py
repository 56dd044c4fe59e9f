"""What a diff shows: every line of both texts once, the words that differ, far equal lines counted only."""

from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.diffs import MAX_LINES, Change, DiffLine, diff


def _text(line: DiffLine) -> str:
    return "".join(stretch.text for stretch in line.stretches)


def _changed(line: DiffLine) -> list[str]:
    return [stretch.text for stretch in line.stretches if stretch.changed]


def test_the_words_that_differ_are_marked_in_both_lines() -> None:
    found = diff("Send it within thirty days.", "Send it within ninety days.")

    assert [(line.change, _text(line), _changed(line)) for line in found.lines] == [
        (Change.REMOVED, "Send it within thirty days.", ["thirty"]),
        (Change.ADDED, "Send it within ninety days.", ["ninety"]),
    ]


def test_equal_lines_far_from_a_change_are_counted() -> None:
    lines = [f"line {number}" for number in range(20)]

    found = diff("\n".join(lines), "\n".join([*lines[:10], "new", *lines[10:]]))

    assert [(line.change, line.count) for line in found.lines if line.change is Change.SKIPPED] == [
        (Change.SKIPPED, 7),
        (Change.SKIPPED, 7),
    ]
    assert (found.added, found.removed, found.cut) == (1, 0, False)


def test_a_very_long_text_is_compared_up_to_a_limit_and_says_so() -> None:
    found = diff("a\n" * (MAX_LINES + 1), "a\n" * (MAX_LINES + 1) + "b")

    assert (found.cut, found.added) == (True, 0)


_LINES = st.lists(st.text(alphabet="ab ", max_size=6).map(str.strip), max_size=8)


@given(_LINES, _LINES)
def test_the_lines_of_both_texts_stand_in_the_diff_in_order(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old), "\n".join(new)

    shown = [line for line in diff(before, after).lines if line.change is not Change.SKIPPED]

    removed = [_text(line) for line in shown if line.change is Change.REMOVED]
    added = [_text(line) for line in shown if line.change is Change.ADDED]
    same = [_text(line) for line in shown if line.change is Change.SAME]
    assert _is_part(removed, before.splitlines())
    assert _is_part(added, after.splitlines())
    assert _is_part(same, before.splitlines())
    assert (not removed and not added) == (before.splitlines() == after.splitlines())


def _is_part(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(line in rest for line in part)
