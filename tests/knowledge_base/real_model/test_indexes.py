"""Both indexes find the right positions, and find the same after a round trip through the disk."""

import random
from pathlib import Path

import numpy as np
import pytest
from bm25s import BM25

from knowledge_base.index.lexical_index import LexicalIndex
from knowledge_base.index.vector_index import VectorIndex

TEXTS = [
    "Returning an item: print the label and send the parcel back.",
    "Refunds reach your bank after five days.",
    "Pets are welcome in the guest house.",
    "The parcel, the parcel, the parcel: where is it?",
]


def unit_vectors(count: int, *, seed: int = 3) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    vectors = np.random.default_rng(seed).normal(size=(count, 384)).astype(np.float32)
    scaled: np.ndarray[tuple[int, int], np.dtype[np.float32]] = vectors / np.linalg.norm(
        vectors, axis=1, keepdims=True
    )
    return scaled


class TestVectors:
    def test_every_vector_is_compared(self) -> None:
        vectors = unit_vectors(500)
        index = VectorIndex(384)
        index.add(vectors[:200])
        index.add(vectors[200:])
        query = unit_vectors(1, seed=9)[0]
        positions, scores = index.search(query, top=20)
        products = vectors @ query
        assert positions == np.argsort(-products)[:20].tolist()
        assert scores == pytest.approx(sorted(products, reverse=True)[:20], abs=1e-4)
        assert index.similarities(query, [7, 3]) == pytest.approx([products[7], products[3]], abs=1e-4)

    def test_a_round_trip_changes_nothing(self) -> None:
        index = VectorIndex(384)
        index.add(unit_vectors(50))
        again = VectorIndex.from_bytes(index.to_bytes())
        query = unit_vectors(1, seed=9)[0]
        assert again.search(query, top=9) == index.search(query, top=9)
        assert (len(again), again.dimensions) == (50, 384)

    def test_fewer_than_asked_are_returned_when_there_are_fewer(self) -> None:
        index = VectorIndex(384)
        query = unit_vectors(1)[0]
        assert index.search(query, top=5) == ([], [])
        assert index.similarities(query, []) == []
        index.add(unit_vectors(2))
        assert len(index.search(query, top=5)[0]) == 2


class TestWords:
    def test_stems_match_and_stop_words_do_not(self) -> None:
        index = LexicalIndex.build(TEXTS)
        assert index.search("how do I return items", top=5)[0] == [0]
        assert index.search("the and is it", top=5) == ([], [])

    def test_scores_are_those_of_bm25s(self) -> None:
        chance = random.Random(4)
        words = [f"word{number}" for number in range(80)]
        texts = [" ".join(chance.choices(words, k=chance.randint(1, 40))) for _ in range(300)]
        reference = BM25(method="lucene", k1=1.5, b=0.75)
        reference.index([text.split() for text in texts], show_progress=False)
        index = LexicalIndex.build(texts)
        for _ in range(50):
            query = " ".join(chance.choices([*words, "unknown"], k=6))
            positions, scores = index.search(query, top=300)
            expected = reference.get_scores(query.split())
            assert sorted(positions) == np.flatnonzero(expected).tolist()
            assert scores == pytest.approx(expected[positions].tolist(), abs=1e-5)

    def test_the_best_come_first_and_only_what_matches_comes_at_all(self) -> None:
        positions, scores = LexicalIndex.build(TEXTS).search("parcels", top=5)
        assert positions == [3, 0]
        assert scores[0] > scores[1] > 0

    def test_a_round_trip_changes_nothing(self, tmp_path: Path) -> None:
        index = LexicalIndex.build(TEXTS)
        index.save(tmp_path / "words.npz")
        again = LexicalIndex.load(tmp_path / "words.npz")
        for query in ("parcel label", "bank", "dogs and pets", "nothing known"):
            assert again.search(query, top=3) == index.search(query, top=3)

    @pytest.mark.parametrize("texts", [[], ["", "!?"], ["the and of"]])
    def test_texts_without_a_word_make_an_index_that_finds_nothing(
        self, texts: list[str], tmp_path: Path
    ) -> None:
        LexicalIndex.build(texts).save(tmp_path / "words.npz")
        assert LexicalIndex.load(tmp_path / "words.npz").search("parcel", top=3) == ([], [])

    def test_unknown_and_endless_queries_are_answered(self) -> None:
        index = LexicalIndex.build(TEXTS)
        assert index.search("zyzzyva", top=3) == ([], [])
        assert index.search("parcel " * 100_000, top=3)[0] == [3, 0]
