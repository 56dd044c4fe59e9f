"""A passage is as like a question as it is itself and as its whole article is, half and half."""

from pathlib import Path

import numpy as np
import pytest

from knowledge_base.index.article_members import MAX_MEMBERS, ArticleMembers
from knowledge_base.index.embedder import OnnxEmbedder
from knowledge_base.index.hybrid import Query, hybrid
from tests.knowledge_base.real_model.conftest import SnapshotBuilder

TEXTS = ["Blue kettle", "Green kettle and a lid", "Blue lid", "Opening hours"]
ARTICLES = [7, 3, 7, 5]


def articles(*numbers: int) -> ArticleMembers:
    return ArticleMembers(np.frombuffer(b"".join(n.to_bytes(16, "big") for n in numbers), dtype="V16"))


def test_the_members_of_an_article_may_lie_apart() -> None:
    passages, starts, article_of = articles(*ARTICLES).of(np.array([0, 1, 2]))
    assert passages.tolist() == [1, 0, 2]
    assert starts.tolist() == [0, 1]
    assert article_of.tolist() == [1, 0, 1]


def test_a_book_is_known_by_its_first_passages() -> None:
    found = articles(*([1] * (MAX_MEMBERS + 9)), 2).of(np.array([MAX_MEMBERS + 5, MAX_MEMBERS + 9]))
    assert found.passages.tolist() == [*range(MAX_MEMBERS), MAX_MEMBERS + 9]
    assert found.starts.tolist() == [0, MAX_MEMBERS]


def test_the_cosine_is_half_that_with_the_articles_mean(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    opened = snapshots.build(tmp_path / "1", TEXTS, articles=ARTICLES)
    vectors, query = embedder.encode(TEXTS), embedder.encode_query("a lid")
    mean = vectors[0] + vectors[2]
    mean /= np.linalg.norm(mean)
    found = opened.dense_likeness(query, np.array([0, 1, 2]))
    assert found[0] == pytest.approx((vectors[0] @ query + mean @ query) / 2, abs=2e-3)
    assert found[1] == pytest.approx(vectors[1] @ query, abs=2e-3)


def test_a_word_counts_where_the_article_has_it_best(tmp_path: Path, snapshots: SnapshotBuilder) -> None:
    opened = snapshots.build(tmp_path / "1", TEXTS, articles=ARTICLES)
    blue, lid, both = (
        dict(zip(*opened.lexical_scores(words), strict=True)) for words in ("blue", "lid", "blue lid")
    )
    found = opened.lexical_likeness("blue lid", np.array([0, 1, 3]))
    whole = max(blue.values()) + lid[2]
    assert found.tolist() == pytest.approx([(both[0] + whole) / 2, both[1], 0.0], abs=1e-5)


def test_of_like_passages_that_of_the_article_about_the_question_is_first(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    texts = [
        "Press the button for ten seconds.",
        "The opening hours of our shop in spring.",
        "Press the button for ten seconds.",
        "How to reset the blender to its first state.",
    ]
    opened = snapshots.build(tmp_path / "1", texts, articles=[1, 1, 2, 2])
    hits = hybrid(opened, embedder, Query.of(["How long do I press the button to reset the blender?"]))
    same = [hit.article_id.int for hit in hits if texts[hit.passage_id.int - 1000] == texts[0]]
    assert same == [2, 1]
