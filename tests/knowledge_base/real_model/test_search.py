"""Hybrid search ranks what a person would, and listens to the conversation as well as to its last turn."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.index.embedder import OnnxEmbedder, Vectors
from knowledge_base.index.hybrid import (
    MAX_QUERY_WORDS,
    Hit,
    ModelMismatch,
    Query,
    best_of_articles,
    hybrid,
)
from knowledge_base.index.snapshot import Snapshot
from tests.knowledge_base.real_model.conftest import SnapshotBuilder

HOUSES = ["Alpha Lodge", "Bridge Guest House", "Carolina Inn"]
TEXTS = [
    text
    for house in HOUSES
    for text in (
        f"Are pets allowed?\n{house}\nPets are welcome for a small fee.",
        f"Is there wifi?\n{house}\nWireless internet is free in every room.",
        f"What time is check-in?\n{house}\nThe desk opens at 3 pm.",
        f"Is there parking?\n{house}\nCars may be left behind the house. Error code E-4711 means it is full.",
    )
]


class OtherModel:
    """An encoder whose vectors live in another space."""

    name = "another-model"
    dimensions = 384

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.zeros((len(texts), 384), dtype=np.float32)

    def encode_query(self, text: str) -> Vectors:
        return np.zeros(384, dtype=np.float32)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, snapshots: SnapshotBuilder) -> Snapshot:
    return snapshots.build(tmp_path_factory.mktemp("search") / "1", TEXTS)


@pytest.fixture
def found(opened: Snapshot, embedder: OnnxEmbedder) -> Callable[..., list[str]]:
    def search(*turns: str) -> list[str]:
        return [text_of(hit) for hit in hybrid(opened, embedder, Query.of(turns))]

    return search


def text_of(hit: Hit) -> str:
    return TEXTS[hit.passage_id.int - 1000]


def test_meaning_finds_what_no_word_matches(found: Callable[..., list[str]]) -> None:
    assert all("pets" in text for text in found("Can I bring my dog?")[:3])


def test_words_find_what_meaning_does_not_know(found: Callable[..., list[str]]) -> None:
    assert all("E-4711" in text for text in found("E-4711")[:3])


def test_a_word_that_one_passage_alone_has_counts(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    texts = [*TEXTS, "Wireless internet is switched off from midnight on: plan Quokka."]
    opened = snapshots.build(tmp_path / "1", texts)
    best = hybrid(opened, embedder, Query.of(["Is there wifi with Quokka?"]), weight=0.5)[0]
    assert best.passage_id.int - 1000 == len(TEXTS)


def test_earlier_turns_say_which_house_and_the_last_what_is_asked(found: Callable[..., list[str]]) -> None:
    best = found(
        "I want to book the Bridge Guest House for Monday.",
        "Your booking at the Bridge Guest House is done. Anything else?",
        "Can I bring my cat?",
    )[0]
    assert best == TEXTS[4]


def test_a_topic_settled_before_does_not_drown_the_last_turn(found: Callable[..., list[str]]) -> None:
    best = found(
        "Do you have wireless internet at Carolina Inn?",
        "Yes, wifi is free in every room of Carolina Inn. Wireless internet everywhere. Anything else?",
        "And where may I park the car?",
    )[0]
    assert best == TEXTS[11]


def test_hits_carry_what_confidence_is_made_of(opened: Snapshot, embedder: OnnxEmbedder) -> None:
    hits = hybrid(opened, embedder, Query.of(["pets at Alpha Lodge"]), top=12)
    best = hits[0]
    vector = embedder.encode_query("pets at Alpha Lodge")
    assert best.dense == pytest.approx(float(vector @ embedder.encode([text_of(best)])[0]), abs=0.02)
    assert (best.dense_rank, best.lexical_rank) == (1, 1)
    assert best.lexical > 0
    assert best.score == pytest.approx(1.0)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    without_a_word = next(hit for hit in hits if "wifi" in text_of(hit) and "Alpha" not in text_of(hit))
    assert (without_a_word.lexical, without_a_word.lexical_rank) == (0.0, None)


def test_the_weight_moves_between_the_two_parents(opened: Snapshot, embedder: OnnxEmbedder) -> None:
    query = Query.of(["dog E-4711"])
    lexical, dense = (hybrid(opened, embedder, query, weight=weight)[0] for weight in (0.0, 1.0))
    assert lexical.lexical_rank == 1
    assert dense.dense_rank == 1


def test_as_many_as_asked_for_and_always_in_the_same_order(opened: Snapshot, embedder: OnnxEmbedder) -> None:
    first = hybrid(opened, embedder, Query.of(["check-in"]), top=5)
    assert len(first) == 5
    assert first == hybrid(opened, embedder, Query.of(["check-in"]), top=5)


@pytest.mark.parametrize("turns", [[], [""], ["  \n"], ["", " "]])
def test_nothing_asked_finds_nothing(opened: Snapshot, embedder: OnnxEmbedder, turns: list[str]) -> None:
    assert hybrid(opened, embedder, Query.of(turns)) == []


def test_an_empty_knowledge_base_finds_nothing(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    assert hybrid(snapshots.build(tmp_path / "1", []), embedder, Query.of(["pets"])) == []


def test_a_single_passage_can_be_found(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    (hit,) = hybrid(snapshots.build(tmp_path / "1", TEXTS[:1]), embedder, Query.of(["pets", "dogs?"]))
    assert hit.score == pytest.approx(1.0)


def test_an_index_of_another_model_is_refused(opened: Snapshot) -> None:
    with pytest.raises(ModelMismatch):
        hybrid(opened, OtherModel(), Query.of(["pets"]))


def test_an_article_counts_once_by_its_best_passage(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    opened = snapshots.build(tmp_path / "1", TEXTS, articles=[n // 4 for n in range(12)])
    hits = hybrid(opened, embedder, Query.of(["pets at Carolina Inn"]), top=12)
    best = best_of_articles(hits)
    assert best[0] == hits[0]
    assert sorted(hit.article_id.int for hit in best) == [0, 1, 2]


def test_a_query_keeps_the_last_turn_whole_and_the_end_of_what_came_before() -> None:
    query = Query.of(["too old", "old " * 100 + "newer", "b", "c", "what is asked"])
    assert query.last_turn == "what is asked"
    assert query.conversation.endswith("newer b c what is asked")
    assert "too" not in query.conversation
    long = Query.of(["earlier", "last " * 500])
    assert long.conversation == long.last_turn
    assert len(long.last_turn.split()) == MAX_QUERY_WORDS
