"""The vote of resolved questions: what it answers, what it leaves alone, and when it is not heard."""

import numpy as np
import pytest

from guidance.answer_vote import AnswerVote, Examples, in_their_places
from tests.fakes import WordHashEmbedder

EMBEDDER = WordHashEmbedder()
ASKED = {
    "refunds": ("when is my money back", "no money on my card yet", "still waiting for the money"),
    "parcels": ("where is my parcel", "the parcel never came", "parcel is late again"),
    "accounts": ("cannot log in", "log in fails on my phone", "password for log in lost"),
}
TITLES = {"refunds": "Refunds", "parcels": "Delivery", "accounts": "Accounts"}


def examples(pairs: list[tuple[str, str]]) -> Examples:
    texts = [text for text, _ in pairs]
    return Examples(texts=texts, vectors=EMBEDDER.encode(texts), articles=[article for _, article in pairs])


QUESTIONS = examples([(text, article) for article, texts in ASKED.items() for text in texts])
NAMED = examples([(title, article) for article, title in TITLES.items()])


def test_a_question_is_answered_as_those_like_it_were() -> None:
    vote = AnswerVote(QUESTIONS, NAMED)

    for question, article in (("the money on my card", "refunds"), ("my parcel is late", "parcels")):
        scores = vote.scores(question, EMBEDDER.encode_query(question))
        assert max(scores, key=lambda one: scores[one]) == article


def test_each_question_is_judged_by_the_others_as_if_it_had_not_been_fitted() -> None:
    """The closed form gives what fitting without the question gives."""
    whole = AnswerVote(QUESTIONS, NAMED)
    right = 0
    for left_out in range(len(QUESTIONS.texts)):
        rest = [at for at in range(len(QUESTIONS.texts)) if at != left_out]
        without = AnswerVote(
            examples([(QUESTIONS.texts[at], QUESTIONS.articles[at]) for at in rest]), NAMED, whole.setting
        )
        scores = without.scores(QUESTIONS.texts[left_out], QUESTIONS.vectors[left_out])
        right += max(scores, key=lambda one: scores[one]) == QUESTIONS.articles[left_out]

    assert whole.right_share == pytest.approx(right / len(QUESTIONS.texts), abs=0.12)


def test_tickets_that_say_nothing_are_not_heard() -> None:
    assert AnswerVote(QUESTIONS, NAMED).is_worth_hearing
    scattered = examples([(f"word{at} thing{at}", f"article{at % 5}") for at in range(10)])
    titles = examples([(f"word{at} thing{at}", f"article{at}") for at in range(5)])
    assert not AnswerVote(scattered, titles).is_worth_hearing


def test_an_article_without_tickets_keeps_its_place() -> None:
    ranked = ["new", "a", "untold", "b", "c"]
    votes = {"a": 0.1, "b": 0.3, "c": 0.9}

    placed = in_their_places(ranked, votes, {"a", "b", "c"})

    assert placed == ["new", "c", "untold", "b", "a"]
    assert in_their_places(ranked, votes, set()) == ranked


def test_a_vote_without_questions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        AnswerVote(Examples(texts=[], vectors=np.empty((0, 4), dtype=np.float32), articles=[]), NAMED)
