"""What two texts have in common, and what changed between two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.near_text import guessed_shares, share_in_common, signature, stacked, text_sha256
from knowledge_base.problems import told_apart
from knowledge_base.text_diff import CONTEXT_WORDS, GAP, Change, changes

WORDS = [f"word{number}" for number in range(400)]


def test_letter_case_punctuation_and_spacing_make_no_other_text() -> None:
    assert text_sha256("Send it  back, please!") == text_sha256("send it back\nplease")
    assert text_sha256("Send it back") != text_sha256("Send them back")


@pytest.mark.parametrize("changed", [0, 4, 20, 80, 400])
def test_a_guess_is_near_the_share_in_common(changed: int) -> None:
    step = len(WORDS) // changed if changed else len(WORDS) + 1
    other = [f"x{place}" if place % step == 0 and changed else word for place, word in enumerate(WORDS)]
    one, two = " ".join(WORDS), " ".join(other)

    (guess,) = guessed_shares(signature(one), stacked([signature(two)]))

    assert abs(guess - share_in_common(one, two)) < 0.15


def test_texts_without_words_share_nothing() -> None:
    assert share_in_common("", "…") == 0
    assert len(signature("")) == len(signature("word"))


def test_only_the_changed_words_are_marked_and_far_text_is_left_out() -> None:
    long = " ".join(WORDS)
    stretches = changes(f"{long}\nWithin 30 days.", f"{long}\nWithin 14 days.")

    marked = [(one.change, one.text.strip()) for one in stretches if one.change is not Change.SAME]
    assert marked == [(Change.GONE, "30"), (Change.NEW, "14")]
    assert GAP in stretches[0].text
    assert len(stretches[0].text.split()) <= 2 * CONTEXT_WORDS
    assert changes(long, long) == ()


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=60))
def test_what_is_new_and_what_stayed_make_the_new_text(before: str, after: str) -> None:
    stretches = changes(before, after)
    if not any(GAP in one.text for one in stretches) and stretches:
        assert "".join(one.text for one in stretches if one.change is not Change.GONE) == after
        assert "".join(one.text for one in stretches if one.change is not Change.NEW) == before


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        ("It is empty. Write the text into it.", "It is empty.", "Write the text into it."),
        ("Only .md, e.g. this, is read. Save it so.", "Only .md, e.g. this, is read.", "Save it so."),
        ("It is too large", "It is too large", ""),
    ],
)
def test_a_refusal_is_told_as_reason_and_remedy(said: str, reason: str, remedy: str) -> None:
    problem = told_apart(said)
    assert (problem.reason, problem.remedy) == (reason, remedy)
