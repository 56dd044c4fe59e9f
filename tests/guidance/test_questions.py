"""A message is taken apart into what it asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.questions import MAX_QUESTION_CHARS, MAX_QUESTIONS, questions_in


def asked(message: str) -> list[str]:
    return [one.text for one in questions_in(message)]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (
            "Can I return it? Also, do you ship to France?",
            ["Can I return it?", "Also, do you ship to France?"],
        ),
        (
            "hi, where is my order and when will it arrive? also can you change the address",
            ["hi, where is my order", "when will it arrive?", "also can you change the address"],
        ),
        ("What does it cost and who pays the postage?", ["What does it cost", "who pays the postage?"]),
        ("I like it. Please cancel my plan.", ["Please cancel my plan."]),
        ("1) Is it oven proof? 2) Is the lid sold apart?", ["Is it oven proof?", "Is the lid sold apart?"]),
        (
            "My questions:\n1. delivery time to Spain\n2. warranty of the grinder\n\nThank you for the help.",
            ["delivery time to Spain", "warranty of the grinder"],
        ),
        (
            "Please tell me:\n- how to reset the kettle\n- whether the filter fits",
            ["how to reset the kettle", "whether the filter fits"],
        ),
        (
            "Wie lange dauert der Versand? Und was kostet er nach Wien?",
            ["Wie lange dauert der Versand?", "Und was kostet er nach Wien?"],
        ),
        ("¿Hacen envíos a Chile? ¿Cuánto cuesta?", ["¿Hacen envíos a Chile?", "¿Cuánto cuesta?"]),
    ],
)
def test_each_thing_asked_is_found_in_its_order(message: str, found: list[str]) -> None:
    assert asked(message) == found


@pytest.mark.parametrize(
    "message",
    [
        "Hello! How are you? Can you help me?",
        "My parcel never came.",
        "When I opened the box it was broken. Which is sad.",
        "> Do you ship to France?\n> Can I return it?",
        "I bought:\n1. a kettle\n2. a lamp",
        "",
    ],
)
def test_courtesies_statements_and_quoted_mail_ask_nothing(message: str) -> None:
    assert asked(message) == []


def test_what_leads_to_a_question_goes_along_with_it() -> None:
    lid, plug = questions_in("The lid of my kettle broke. Can I buy a new one? Does the plug fit in Canada?")
    assert lid.asked == "The lid of my kettle broke. Can I buy a new one?"
    assert plug.asked == "Does the plug fit in Canada?"


def test_a_question_that_points_back_is_asked_with_what_it_points_to() -> None:
    _, second = questions_in("Do you repair kettles? How long does it take?")
    assert second.asked == "Do you repair kettles? How long does it take?"


def test_a_wish_and_the_question_about_it_are_one() -> None:
    assert asked("I want to return my plant. How long do I have?") == [
        "I want to return my plant. How long do I have?"
    ]


def test_what_says_the_same_or_less_is_not_asked_twice() -> None:
    assert asked("Return? Can I return the kettle? How can I return a broken kettle?") == [
        "How can I return a broken kettle?"
    ]


def test_of_too_many_the_last_holds_all_the_rest() -> None:
    things = ("pots", "pans", "cups", "lids", "jugs", "bowls", "forks", "spoons")
    found = asked(" ".join(f"Do you sell {thing}?" for thing in things))
    assert len(found) == MAX_QUESTIONS
    assert all(thing in found[-1] for thing in things[MAX_QUESTIONS - 1 :])


@given(
    st.text(max_size=600)
    | st.lists(st.sampled_from(["Can I ", "it", "?", "\n1. ", " and do you ", ":"])).map("".join)
)
def test_any_text_gives_few_and_short_questions(message: str) -> None:
    found = questions_in(message)
    assert len(found) <= MAX_QUESTIONS
    assert all(0 < len(one.text) <= MAX_QUESTION_CHARS for one in found)
    assert all(len(one.asked) <= 2 * MAX_QUESTION_CHARS for one in found)
