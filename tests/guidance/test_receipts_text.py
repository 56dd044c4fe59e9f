"""What became of a suggestion: how much was edited and what the passages still support."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.receipts import MAX_CHARS, edit_distance, edited_share, supported_sentences
from tests.guidance.builders_text import a_passage

RETURNS = a_passage(
    "You can return any plant within 30 days of delivery. Gift cards cannot be returned. "
    "To return it:\n1. Print the label.\n2. Hand the parcel in."
)
SHIPPING = a_passage("We ship every weekday before noon. Orders over $50 ship free.", rank=2)


def ranks(sent: str) -> list[int | None]:
    return [support.passage_rank for support in supported_sentences(sent, [SHIPPING, RETURNS])]


def test_an_unedited_reply_has_no_distance() -> None:
    assert edit_distance("Hi,\nReturns are free.", "Hi,\r\nReturns are free.\r\n") == 0
    assert edited_share("Hi", "Hi") == 0
    assert edited_share("", "") == 0


def test_the_distance_counts_characters() -> None:
    assert edit_distance("30 days", "60 days") == 1
    assert edited_share("30 days", "60 days") == pytest.approx(1 / 7)
    assert edited_share("abcd", "wxyz") == 1
    assert edited_share("", "written by hand") == 1


def test_endless_text_is_refused() -> None:
    with pytest.raises(ValueError, match="receipts compare"):
        edit_distance("", "x" * (MAX_CHARS + 1))


@given(shown=st.text(max_size=60), sent=st.text(max_size=60))
def test_the_share_is_a_share_and_the_distance_is_even_handed(shown: str, sent: str) -> None:
    assert 0 <= edited_share(shown, sent) <= 1
    assert edit_distance(shown, sent) == edit_distance(sent, shown)


def test_each_sentence_finds_the_passage_that_holds_it() -> None:
    sent = (
        "Hi Ann,\n\nYou can return any plant within 30 days of delivery. We ship every weekday before noon."
        "\n\nBye,\nFernway"
    )
    supports = supported_sentences(sent, [SHIPPING, RETURNS])
    assert [(support.sentence, support.passage_rank) for support in supports] == [
        ("Hi Ann,", None),
        ("You can return any plant within 30 days of delivery.", 1),
        ("We ship every weekday before noon.", 2),
        ("Bye, Fernway", None),
    ]


def test_a_lightly_edited_sentence_is_still_supported() -> None:
    assert ranks("You can return any plants within 30 days of the delivery!") == [1]


def test_steps_are_supported_whatever_their_marks() -> None:
    assert ranks("- Print the label.\n- Hand the parcel in.") == [1, 1]


def test_a_changed_figure_is_not_supported() -> None:
    assert ranks("You can return any plant within 60 days of delivery.") == [None]
    assert ranks("Orders over $5 ship free.") == [None]


def test_a_turned_statement_is_not_supported() -> None:
    assert ranks("You can not return any plant within 30 days of delivery.") == [None]
    assert ranks("Gift cards can be returned.") == [None]


def test_a_sentence_that_swallows_a_passage_is_not_supported() -> None:
    short = [a_passage("Returns are free.")]
    sent = "Returns are free and we also give you a second plant and a voucher on top."
    assert [support.passage_rank for support in supported_sentences(sent, short)] == [None]


def test_other_sentences_are_not_supported() -> None:
    assert ranks("Our greenhouse is the largest one in Leeds.") == [None]
    assert ranks("Thank you. Goodbye.") == [None, None]


def test_nothing_is_supported_by_no_passages() -> None:
    assert [support.passage_rank for support in supported_sentences("Returns are free here.", [])] == [None]
    assert supported_sentences("", [RETURNS]) == ()
