"""What a generator writes stands only where the passages hold every sentence of it."""

import re
from dataclasses import replace

import pytest

from guidance.draft import CitedPassage, Draft, QuestionCoverage, compose
from guidance.generator import NotGrounded, Quoted, worded
from guidance.slots import TicketFacts
from guidance.voice import Voice
from tests.guidance.builders_text import a_passage, a_voice
from tests.guidance.test_injections import EACH

RETURNS = a_passage(
    "You can return the kettle within 30 days if it is unused. Refunds reach your card in 5 days. "
    "We do not pay the postage. Quote {order_id} on the label."
)
STEPS = a_passage(
    "To reset the kettle:\n1. Pull the plug from the wall.\n2. Hold the button for ten seconds.\n"
    "3. Put the plug back into the wall."
)
WARRANTY = a_passage("The lamp has a warranty of two full years.", rank=2, title="Lamp warranty")


def quoted(*passages: CitedPassage, voice: Voice | None = None, question: str = "kettle return") -> Quoted:
    voice = voice or a_voice()
    draft = compose(question=question, passages=passages, voice=voice, customer_name="Ann")
    assert draft is not None
    return Quoted(
        draft=draft,
        passages=passages,
        voice=voice,
        customer_name="Ann",
        facts=TicketFacts(customer_name="Ann", order_id="88-1204"),
        customer=("My kettle, write to ann@example.com", "ann@example.com"),
    )


def refused(body: str, *passages: CitedPassage, voice: Voice | None = None) -> str:
    with pytest.raises(NotGrounded) as caught:
        worded(body, quoted(*(passages or (RETURNS,)), voice=voice))
    return str(caught.value)


def sourced(draft: Draft) -> list[tuple[str, int | None]]:
    return [(one.text, one.passage_rank) for one in draft.sentences]


def test_its_words_stand_between_the_voices_own_beginning_and_end() -> None:
    draft = worded("Refunds reach your card in 5 days.", quoted(RETURNS))
    assert draft.text == "Hi Ann,\n\nRefunds reach your card in 5 days.\n\nWarm regards,\nThe Fernway team"
    assert sourced(draft)[1] == ("Refunds reach your card in 5 days.", 1)


def test_other_words_for_the_same_rest_on_their_passage() -> None:
    draft = worded("Within 30 days the kettle can be returned if it is unused.", quoted(RETURNS))
    assert sourced(draft)[1] == ("Within 30 days the kettle can be returned if it is unused.", 1)


def test_its_slots_are_filled_by_us() -> None:
    draft = worded("Quote {order_id} on the label.", quoted(RETURNS))
    assert "Quote 88-1204 on the label." in draft.text
    assert [one.value for one in draft.filled] == ["88-1204"]
    assert draft.slots == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("You can return the kettle within 60 days if it is unused.", "60 days"),
        ("You can return the kettle within 30 days.", "condition"),
        ("We do pay the postage.", "rests on no passage|No passage shown says this"),
        ("Refunds reach your card in 5 days. Happy to help!", "rests on no passage"),
        ("Hi Ann,\n\nRefunds reach your card in 5 days.", "rests on no passage"),
        ("Refunds reach your card in 5 days. See https://elsewhere.test/refunds", "list of link domains"),
        ("Refunds reach your card in 5 days, we guarantee it.", "never says"),
        ("Quote {customer_secret} on the label.", "Fill in"),
        ("Refunds reach your card in 5 days, ann@example.com.", "wrote this themselves"),
        ("", "nothing"),
        ("Refunds reach your card in 5 days. " * 100, "characters"),
        ("Refunds reach your card in 5 days. " * 20, "sentences"),
    ],
)
def test_what_the_passages_do_not_say_does_not_stand(body: str, why: str) -> None:
    assert re.search(why, refused(body))


def test_a_brand_that_leaves_a_check_off_for_people_has_it_on_for_a_generator() -> None:
    """Nothing of the brand's levels is asked: there is no way to turn it off."""
    assert "60 days" in refused("Refunds reach your card in 60 days.")


def test_a_list_is_told_whole_and_in_its_order() -> None:
    whole = "1. Pull the plug from the wall.\n2. Hold the button for ten seconds.\n3. Put the plug back into the wall."
    assert "Hold the button" in worded(whole, quoted(STEPS, question="reset the kettle")).text
    for broken in (
        "1. Pull the plug from the wall.\n2. Put the plug back into the wall.",
        "1. Hold the button for ten seconds.\n2. Pull the plug from the wall.\n3. Put the plug back into the wall.",
    ):
        with pytest.raises(NotGrounded, match="steps"):
            worded(broken, quoted(STEPS, question="reset the kettle"))


def test_a_passage_that_the_quoted_draft_does_not_rest_on_is_not_there_for_it() -> None:
    asked = replace(quoted(RETURNS), passages=(RETURNS, WARRANTY))
    assert [one.rank for one in asked.sources] == [1]
    with pytest.raises(NotGrounded):
        worded(WARRANTY.text, asked)


def test_what_the_quoted_draft_answers_it_answers_too() -> None:
    both = quoted(RETURNS)
    draft = replace(
        both.draft,
        sentences=(
            *both.draft.sentences,
            replace(both.draft.sentences[1], text=WARRANTY.text, passage_rank=2),
        ),
        coverage=(
            QuestionCoverage(question="When is my refund here?", ranks=(1,)),
            QuestionCoverage(question="How long is the warranty?", ranks=(2,)),
            QuestionCoverage(question="Do you teach guitar?", ranks=()),
        ),
    )
    both = replace(both, draft=draft, passages=(RETURNS, WARRANTY))
    with pytest.raises(NotGrounded, match="How long is the warranty"):
        worded("Refunds reach your card in 5 days.", both)
    told = worded("Refunds reach your card in 5 days.\n\nThe lamp has a warranty of two full years.", both)
    assert [one.ranks for one in told.coverage] == [(1,), (2,), ()]


def test_it_is_held_to_the_voices_length() -> None:
    short = replace(a_voice(), most_sentences=2)
    body = "Refunds reach your card in 5 days. We do not pay the postage. Quote {order_id} on the label."
    assert "3 sentences" in refused(body, voice=short)


@EACH
def test_a_generator_that_obeys_an_instruction_is_not_heard(injected: str) -> None:
    body = f"Refunds reach your card in 5 days.\n\n{injected}"
    with pytest.raises(NotGrounded):
        worded(body, quoted(RETURNS))
