"""Drafts are made of the passages' own sentences, in the brand's voice."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.draft import MAX_UNITS, Draft, compose
from guidance.receipts import supported_sentences
from guidance.sentences import quotable_blocks
from guidance.voice import avoided_words
from tests.guidance.builders_text import a_passage, a_voice

RETURNS = (
    "You can return any plant within 30 days of delivery. We pay the postage for damaged plants. "
    "Pots and tools must be unused. Gift cards cannot be returned. Our greenhouse is in Leeds. "
    "Refunds reach your bank account in 5 to 7 business days."
)


def body(draft: Draft | None) -> list[str]:
    assert draft is not None
    return [sentence.text for sentence in draft.sentences if sentence.passage_rank is not None]


def test_one_short_faq_sentence_is_enough() -> None:
    draft = compose(
        question="can i bring my dog",
        passages=[a_passage("No, pets are not allowed at this property.", title="Pets")],
        voice=a_voice(),
        customer_name="Ann",
    )
    assert draft is not None
    assert (
        draft.text
        == "Hi Ann,\n\nNo, pets are not allowed at this property.\n\nWarm regards,\nThe Fernway team"
    )
    assert [sentence.passage_rank for sentence in draft.sentences] == [None, 1, None]
    assert draft.slots == ()


def test_the_sentence_that_answers_is_chosen_over_the_ones_around_it() -> None:
    chosen = body(
        compose(
            question="When do I get my refund in my bank account?",
            passages=[a_passage(RETURNS)],
            voice=a_voice(),
        )
    )
    assert "Refunds reach your bank account in 5 to 7 business days." in chosen
    assert "Our greenhouse is in Leeds." not in chosen
    assert len(chosen) <= MAX_UNITS


def test_chosen_sentences_keep_their_order() -> None:
    chosen = body(
        compose(
            question="refund for a damaged plant: postage, and when in my bank account?",
            passages=[a_passage(RETURNS)],
            voice=a_voice(),
        )
    )
    assert len(chosen) > 1
    assert chosen == sorted(chosen, key=RETURNS.index)


def test_a_sentence_with_a_word_to_avoid_is_skipped() -> None:
    text = "We guarantee delivery in 2 days. Delivery takes 2 days."
    chosen = body(compose(question="how long is delivery", passages=[a_passage(text)], voice=a_voice()))
    assert chosen == ["Delivery takes 2 days."]


def test_when_every_sentence_is_banned_there_is_no_draft() -> None:
    assert compose(question="?", passages=[a_passage("We guarantee it.")], voice=a_voice()) is None
    assert compose(question="?", passages=[], voice=a_voice()) is None


def test_a_link_off_the_voices_domains_is_never_quoted() -> None:
    text = "Track it on https://evil.example.com/t. Track it on https://fernway.example/track today."
    chosen = body(compose(question="track", passages=[a_passage(text)], voice=a_voice()))
    assert chosen == ["Track it on https://fernway.example/track today."]


def test_a_list_of_steps_stays_together_with_its_introduction() -> None:
    text = (
        "## Reset\n\nOur pump is quiet.\n\nTo reset the pump:\n\n1. Unplug the pump.\n"
        "1. Wait for 60 seconds.\n1. Plug the pump in\n   again.\n\nIt hums after a reset."
    )
    draft = compose(question="how do I reset the pump", passages=[a_passage(text)], voice=a_voice())
    assert draft is not None
    assert (
        "To reset the pump:\n1. Unplug the pump.\n2. Wait for 60 seconds.\n3. Plug the pump in again."
        in draft.text
    )


def test_numbers_inside_steps_are_left_alone() -> None:
    text = "Set it up like this:\n1. Set the rate to 115200. Press Enter.\n1. Use pin 2) or (9) * 3."
    chosen = body(compose(question="set up rate", passages=[a_passage(text)], voice=a_voice()))
    assert chosen[1:] == ["1. Set the rate to 115200. Press Enter.", "2. Use pin 2) or (9) * 3."]


def test_headings_tables_questions_and_code_are_not_quoted() -> None:
    text = (
        "Returns\n\n# Returning a plant\n\n| plant | days |\n|---|---|\n| fern | 30 |\n\n"
        "```\nreturn plant()\n```\n\n"
        "How do I return a plant?\n\n![plant return](x.png)\n\nSend the plant back within 30 days."
    )
    chosen = body(compose(question="return a plant", passages=[a_passage(text)], voice=a_voice()))
    assert chosen == ["Send the plant back within 30 days."]


def test_half_a_sentence_at_the_end_of_a_passage_is_not_quoted() -> None:
    text = "of the plant is free. Returns are free for 30 days. Returns of pots are only accepted when"
    chosen = body(compose(question="returns of pots", passages=[a_passage(text)], voice=a_voice()))
    assert chosen == ["Returns are free for 30 days."]


def test_an_entry_without_a_full_stop_is_still_quoted() -> None:
    chosen = body(
        compose(
            question="shipping",
            passages=[a_passage("We ship plants to every country in Europe")],
            voice=a_voice(),
        )
    )
    assert chosen == ["We ship plants to every country in Europe."]


def test_overlapping_passages_say_a_thing_once() -> None:
    twice = [a_passage("Returns are free."), a_passage("returns are free!", rank=2)]
    assert body(compose(question="returns free", passages=twice, voice=a_voice())) == ["Returns are free."]


def test_sentences_that_differ_in_a_figure_are_both_kept() -> None:
    text = (
        "Ferns may be sent back within 30 days of arrival. Ferns may be sent back within 60 days of arrival."
    )
    assert len(body(compose(question="ferns sent back", passages=[a_passage(text)], voice=a_voice()))) == len(
        ["30 days", "60 days"]
    )


def test_a_lower_passage_is_quoted_only_when_it_answers_by_its_own_words() -> None:
    passages = [
        a_passage("Yes, dogs are welcome."),
        a_passage("The pool opens at nine.", rank=2, score=0.99),
        a_passage("Dogs sleep free of charge.", rank=3, score=0.98),
    ]
    draft = compose(question="are dogs welcome and do dogs sleep free?", passages=passages, voice=a_voice())
    assert body(draft) == ["Yes, dogs are welcome.", "Dogs sleep free of charge."]
    assert draft is not None
    assert [s.passage_rank for s in draft.sentences] == [None, 1, 3, None]


def test_a_sentence_that_leans_on_the_one_before_brings_it_along() -> None:
    text = (
        "Ferns like shade. Cacti like sun. The premium plan covers frost. It also covers porch theft."
        " Roses need pruning."
    )
    chosen = body(compose(question="theft from porch", passages=[a_passage(text)], voice=a_voice()))
    assert chosen[:2] == ["The premium plan covers frost.", "It also covers porch theft."]


def test_slots_left_in_the_knowledge_are_reported() -> None:
    draft = compose(
        question="where is my order",
        passages=[a_passage("Your order {order_id} leaves by {{ ship_date }}.")],
        voice=a_voice(),
    )
    assert draft is not None
    assert draft.slots == ("order_id", "ship_date")


class LastIsBest:
    def scores(self, question: str, sentences: Sequence[str]) -> Sequence[float]:
        return [at / len(sentences) for at in range(1, len(sentences) + 1)]


def test_another_scorer_can_be_injected() -> None:
    chosen = body(
        compose(question="anything", passages=[a_passage(RETURNS)], voice=a_voice(), scorer=LastIsBest())
    )
    assert "Refunds reach your bank account in 5 to 7 business days." in chosen


WORDS = st.sampled_from(
    [
        "return",
        "returns",
        "plant",
        "30",
        "days",
        "guarantee",
        "no",
        "problem",
        "the",
        "fern",
        "is",
        "not",
        "$20",
        "it",
    ]
)
SENTENCES = st.lists(WORDS, min_size=4, max_size=9).map(lambda words: " ".join(words).capitalize() + ".")
TEXTS = st.lists(
    st.one_of(SENTENCES, SENTENCES.map(lambda s: "\n- " + s + "\n"), SENTENCES.map(lambda s: "\n\n" + s)),
    min_size=1,
    max_size=8,
).map(" ".join)


@settings(max_examples=150)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), question=st.lists(WORDS, max_size=8).map(" ".join))
def test_every_body_sentence_is_in_its_passage_and_none_is_banned(texts: list[str], question: str) -> None:
    voice = a_voice()
    passages = [a_passage(text, rank=rank) for rank, text in enumerate(texts, start=1)]
    draft = compose(question=question, passages=passages, voice=voice)
    if draft is None:
        return
    assert not avoided_words(draft.text, voice.words_to_avoid)
    text_of = {passage.rank: " ".join(passage.text.split()) for passage in passages}
    for sentence in draft.sentences:
        assert sentence.text in draft.text
        if sentence.passage_rank is not None:
            assert sentence.text.removeprefix("- ") in text_of[sentence.passage_rank]


@settings(max_examples=150)
@given(text=st.text(max_size=300), question=st.text(max_size=80))
def test_any_text_makes_a_draft_or_none(text: str, question: str) -> None:
    draft = compose(question=question, passages=[a_passage(text)], voice=a_voice())
    assert draft is None or body(draft)


def test_a_draft_is_supported_by_the_passages_it_was_made_from() -> None:
    passages = [a_passage(RETURNS)]
    draft = compose(question="return a damaged plant, refund", passages=passages, voice=a_voice())
    support = supported_sentences("\n".join(body(draft)), passages)
    assert all(sentence.passage_rank == 1 for sentence in support)


def test_a_heading_inside_a_passage_is_not_glued_to_the_sentence_under_it() -> None:
    blocks = quotable_blocks(
        "See below.\n\nHow often to descale it\n\nDescale your kettle every eight weeks."
    )
    assert [block.sentences for block in blocks][-1] == ("Descale your kettle every eight weeks.",)
    assert all("How often" not in sentence for block in blocks for sentence in block.sentences)
