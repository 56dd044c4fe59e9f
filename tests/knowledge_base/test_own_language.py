"""Near passages in the asker's language go first; nothing else changes places."""

from uuid import UUID

import pytest

from knowledge_base.index.hybrid import Hit
from knowledge_base.index.own_language import LEAD, own_language_first
from marketplace.kernel.ids import ArticleId, PassageId


def found(*spoken: tuple[str | None, float]) -> tuple[list[Hit], dict[PassageId, str | None]]:
    """Hits, best first, each by its language and its score; the hit's place is its id."""
    hits = [
        Hit(
            passage_id=PassageId(UUID(int=at)),
            article_id=ArticleId(UUID(int=at)),
            score=score,
            dense=score,
            lexical=0.0,
            dense_rank=at + 1,
            lexical_rank=None,
        )
        for at, (_, score) in enumerate(spoken)
    ]
    return hits, {hit.passage_id: language for hit, (language, _) in zip(hits, spoken, strict=True)}


def order(*spoken: tuple[str | None, float], asked: str | None = "de") -> list[int]:
    hits, languages = found(*spoken)
    return [hit.passage_id.int for hit in own_language_first(hits, languages, asked)]


def test_a_near_passage_in_the_language_goes_first() -> None:
    assert order(("en", 1.0), ("de", 1.0 - LEAD / 2)) == [1, 0]


def test_a_far_passage_in_the_language_does_not() -> None:
    assert order(("en", 1.0), ("de", 0.99 - LEAD)) == [0, 1]


def test_a_passage_in_no_known_language_is_not_put_behind() -> None:
    assert order((None, 1.0), ("de", 0.99), ("en", 0.98), ("de", 0.97)) == [0, 1, 3, 2]


def test_within_a_language_the_order_stays() -> None:
    assert order(("en", 1.0), ("en", 1.0), ("de", 0.95), ("de", 0.95)) == [2, 3, 0, 1]


def test_scores_stay_with_their_places() -> None:
    hits, languages = found(("en", 1.0), ("de", 0.95), ("en", 0.3))
    assert [hit.score for hit in own_language_first(hits, languages, "de")] == [1.0, 0.95, 0.3]


@pytest.mark.parametrize("asked", ["de", "en", "fr", None])
@pytest.mark.parametrize("spoken", ["en", None])
def test_nothing_changes_where_all_is_of_one_language(asked: str | None, spoken: str | None) -> None:
    hits, languages = found((spoken, 1.0), (None, 0.99), (spoken, 0.98))
    assert own_language_first(hits, languages, asked) == hits


@pytest.mark.parametrize("asked", ["fr", None])
def test_nothing_changes_for_a_language_that_the_hits_lack(asked: str | None) -> None:
    hits, languages = found(("en", 1.0), ("de", 0.99), ("en", 0.98))
    assert own_language_first(hits, languages, asked) == hits
