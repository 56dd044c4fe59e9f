"""A draft answers several questions one by one, and says which it does not answer."""

from guidance.draft import AskedQuestion, Draft, QuestionCoverage, compose
from guidance.questions import questions_in
from tests.guidance.builders_text import a_passage, a_voice

POSTAGE = a_passage("Postage to Spain is free. Our office is in Leeds. Parcels take three days.", rank=1)
LIDS = a_passage("We sell lids one by one. They cost four dollars each. All are glass.", rank=2, title="Lids")
MESSAGE = "Do you sell lids? What is the postage to Spain? Do you paint portraits?"
SOLD, SENT, PAINTED = questions_in(MESSAGE)


def composed(*questions: AskedQuestion) -> Draft:
    draft = compose(question=MESSAGE, passages=[POSTAGE, LIDS], voice=a_voice(), questions=questions)
    assert draft is not None
    return draft


def asked_of_the_index() -> Draft:
    return composed(
        AskedQuestion(question=SOLD, ranks=(2,)),
        AskedQuestion(question=SENT, ranks=(1,)),
        AskedQuestion(question=PAINTED, ranks=()),
    )


def test_answers_stand_in_the_order_of_the_questions() -> None:
    text = asked_of_the_index().text
    assert text.index("We sell lids one by one.") < text.index("Postage to Spain is free.")
    assert "Leeds" not in text


def test_each_question_names_its_passages_and_one_without_an_answer_has_none() -> None:
    assert asked_of_the_index().coverage == (
        QuestionCoverage(question=SOLD.text, ranks=(2,)),
        QuestionCoverage(question=SENT.text, ranks=(1,)),
        QuestionCoverage(question=PAINTED.text, ranks=()),
    )


def test_every_sentence_of_the_body_comes_from_the_passage_it_names() -> None:
    texts = {1: POSTAGE.text, 2: LIDS.text}
    body = [one for one in asked_of_the_index().sentences if one.passage_rank is not None]
    assert body
    assert all(one.text in texts[one.passage_rank or 0] for one in body)


def test_one_sentence_answers_two_questions_once() -> None:
    again = AskedQuestion(question=SENT, ranks=(1,))
    draft = composed(again, again)
    assert draft.text.count("Postage to Spain is free.") == 1
    assert [one.ranks for one in draft.coverage] == [(1,), (1,)]


def test_without_a_search_of_its_own_a_question_needs_its_words_in_one_sentence() -> None:
    draft = composed(*(AskedQuestion(question=one) for one in (SOLD, SENT, PAINTED)))
    assert [one.ranks for one in draft.coverage] == [(2,), (1,), ()]


def test_a_passage_that_may_not_be_quoted_gives_way_to_the_next_trusted_one() -> None:
    banned = a_passage("We guarantee glass lids.", rank=1)
    draft = compose(
        question=MESSAGE,
        passages=[banned, LIDS],
        voice=a_voice(),
        questions=[AskedQuestion(question=SOLD, ranks=(1, 2)), AskedQuestion(question=SENT, ranks=(1,))],
    )
    assert draft is not None
    assert [one.ranks for one in draft.coverage] == [(2,), ()]


def test_when_none_is_answered_by_itself_the_whole_message_is() -> None:
    draft = composed(AskedQuestion(question=SOLD, ranks=()), AskedQuestion(question=SENT, ranks=()))
    assert draft.text
    assert [one.ranks for one in draft.coverage] == [(), ()]


def test_a_single_question_has_no_list() -> None:
    draft = compose(question=SENT.text, passages=[POSTAGE], voice=a_voice())
    assert draft is not None
    assert draft.coverage == ()
