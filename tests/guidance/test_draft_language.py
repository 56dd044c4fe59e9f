"""A draft is in one language: what another language alone answers is told as not answered."""

from dataclasses import replace

from guidance.draft import AskedQuestion, CitedPassage, Draft, compose
from guidance.questions import questions_in
from tests.guidance.builders_text import a_passage, a_voice

MESSAGE = "Do you sell lids? What is the postage to Spain?"
SOLD, SENT = questions_in(MESSAGE)
LIDS = "We sell lids one by one. They cost four dollars each."
POSTAGE = "Postage to Spain is free. Parcels take three days."
DECKEL = "Wir verkaufen Deckel einzeln. Sie kosten vier Dollar."


def spoken(text: str, rank: int, language: str | None, *, score: float = 1.0) -> CitedPassage:
    return replace(a_passage(text, rank=rank, title=f"Article {rank}", score=score), language=language)


def drafted(*passages: CitedPassage, questions: tuple[AskedQuestion, ...] = ()) -> Draft:
    draft = compose(question=MESSAGE, passages=passages, voice=a_voice(), questions=questions)
    assert draft is not None
    return draft


def ranks(draft: Draft) -> set[int]:
    return {one.passage_rank for one in draft.sentences if one.passage_rank is not None}


def test_one_question_is_answered_in_the_language_of_the_best_passage() -> None:
    postage = spoken("Postage to Spain, lids and what you sell is free.", 2, "en")
    assert ranks(drafted(spoken(DECKEL, 1, "de"), postage)) == {1}


def test_a_passage_in_no_known_language_may_be_quoted_beside_any() -> None:
    german, english = spoken(DECKEL, 2, "de", score=0.1), spoken(POSTAGE, 3, "en", score=0.1)
    assert ranks(drafted(spoken(LIDS, 1, None), german, english)) == {1}


def test_what_may_not_be_quoted_leaves_the_draft_to_another_language() -> None:
    assert ranks(drafted(spoken("Das ist kein Problem, no problem.", 1, "de"), spoken(LIDS, 2, "en"))) == {2}


def test_of_several_questions_one_in_another_language_is_not_answered() -> None:
    questions = (AskedQuestion(question=SOLD, ranks=(1,)), AskedQuestion(question=SENT, ranks=(2, 1)))
    draft = drafted(spoken(DECKEL, 1, "de"), spoken(POSTAGE, 2, "en"), questions=questions)
    assert [one.ranks for one in draft.coverage] == [(1,), ()]
    assert "Postage" not in draft.text


def test_the_language_that_answers_most_questions_is_taken() -> None:
    questions = (AskedQuestion(question=SOLD, ranks=(2,)), AskedQuestion(question=SENT, ranks=(3,)))
    passages = (spoken(DECKEL, 1, "de"), spoken(LIDS, 2, "en"), spoken(POSTAGE, 3, "en"))
    draft = drafted(*passages, questions=questions)
    assert [one.ranks for one in draft.coverage] == [(2,), (3,)]
    assert ranks(draft) == {2, 3}


def test_a_question_that_was_not_searched_for_is_answered_in_the_same_language() -> None:
    questions = (AskedQuestion(question=SOLD, ranks=(1,)), AskedQuestion(question=SENT))
    in_english = drafted(spoken(LIDS, 1, "en"), spoken(POSTAGE, 2, "en"), questions=questions)
    in_german = drafted(spoken(DECKEL, 1, "de"), spoken(POSTAGE, 2, "en"), questions=questions)
    assert [one.ranks for one in in_english.coverage] == [(1,), (2,)]
    assert [one.ranks for one in in_german.coverage] == [(1,), ()]
