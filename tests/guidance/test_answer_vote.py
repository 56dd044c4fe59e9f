"""The vote of resolved questions: what it answers, what it leaves alone, and when it is not heard."""

import numpy as np
import pytest

from guidance.answer_vote import USUAL, AnswerVote, Examples, in_their_places, spread
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
        scores = vote.hear(question, EMBEDDER.encode_query(question)).scores
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
        scores = without.hear(QUESTIONS.texts[left_out], QUESTIONS.vectors[left_out]).scores
        right += max(scores, key=lambda one: scores[one]) == QUESTIONS.articles[left_out]

    assert whole.right_share == pytest.approx(right / len(QUESTIONS.texts), abs=0.12)


def test_what_is_heard_with_an_article_hidden_is_what_a_vote_without_it_says() -> None:
    """The closed form against fitting anew; only the rarity of words, which all texts share, may differ."""
    hidden = AnswerVote(QUESTIONS, NAMED, USUAL).left_out().hidden
    kept = [at for at, article in enumerate(QUESTIONS.articles) if article != "parcels"]
    without = AnswerVote(
        examples([(QUESTIONS.texts[at], QUESTIONS.articles[at]) for at in kept]),
        examples([(title, article) for article, title in TITLES.items() if article != "parcels"]),
        USUAL,
    )

    for place in (at for at, article in enumerate(QUESTIONS.articles) if article == "parcels"):
        heard = without.hear(QUESTIONS.texts[place], QUESTIONS.vectors[place])
        assert set(hidden[place].scores) == {"refunds", "accounts"}
        assert hidden[place].highest == pytest.approx(heard.highest, abs=0.05)
        assert hidden[place].nearest == pytest.approx(heard.nearest, abs=1e-5)


def test_a_question_unlike_all_before_is_heard_less() -> None:
    vote = AnswerVote(QUESTIONS, NAMED)

    known, strange = (
        vote.hear(text, EMBEDDER.encode_query(text)) for text in ("my parcel is late", "sing a song of frogs")
    )

    assert known.highest > 2 * strange.highest
    assert known.nearest > strange.nearest


def test_a_ticket_that_lost_its_voice_is_not_heard() -> None:
    vote = AnswerVote(QUESTIONS, examples([("Refunds", "refunds")]))
    parcels = [at for at, article in enumerate(QUESTIONS.articles) if article == "parcels"]
    text = "my parcel is late"

    heard = vote.without(parcels).hear(text, EMBEDDER.encode_query(text))

    assert heard.scores["parcels"] <= 0
    assert vote.hear(text, EMBEDDER.encode_query(text)).scores["parcels"] > 0.3


def test_rows_are_taken_from_all_articles_alike_and_keep_their_order() -> None:
    rows = [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("a", 6), ("b", 7)]

    assert spread(rows, 4) == [1, 2, 4, 5]
    assert spread(rows, 99) == [1, 2, 3, 4, 5, 6, 7]


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
