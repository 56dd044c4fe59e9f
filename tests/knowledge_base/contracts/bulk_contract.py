"""What every BulkWork promises, wherever it is done."""

import random
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.index.bulk_work import BulkWork
from knowledge_base.index.embedder import Embedder
from knowledge_base.index.shelf import LocalShelf
from marketplace.kernel.ids import BrandId, new_id
from tests.knowledge_base.contracts.library import Library, random_texts, random_turns


class BulkContract:
    """Subclasses give the fixtures `library`, `embedder` and `bulk`, whose encoder is that embedder."""

    def test_every_text_is_encoded_once_and_as_the_embedder_does(
        self, bulk: BulkWork, embedder: Embedder
    ) -> None:
        texts = [*random_texts(700, seed=4), "same", "same", "", "\0", "é" * 3_000]
        vectors = np.full((len(texts), bulk.dimensions), np.nan, dtype=np.float32)

        done: list[int] = []
        for positions, encoded in bulk.encode(texts):
            done += positions
            vectors[list(positions)] = encoded

        assert sorted(done) == list(range(len(texts)))
        assert bulk.model == embedder.name
        assert np.allclose(vectors, embedder.encode(texts), atol=1e-5)

    def test_nothing_to_encode_is_done_at_once(self, bulk: BulkWork) -> None:
        assert list(bulk.encode([])) == []

    def test_a_written_snapshot_answers_as_one_that_was_built_here(
        self, bulk: BulkWork, library: Library, tmp_path: Path
    ) -> None:
        built = library.write(random_texts(80, seed=5))
        shelf, other = LocalShelf(library.folder), LocalShelf(tmp_path)

        bulk.write_snapshot(
            tmp_path / str(built.brand) / "1",
            brand=built.brand,
            number=1,
            ids=built.ids,
            article_ids=built.article_ids,
            texts=built.texts,
            vectors=library.embedder.encode(built.texts),
        )

        chance = random.Random(6)
        for _ in range(20):
            query = library.query(*random_turns(chance))
            expected = shelf.find(built.brand, [1], query, weight=0.6, top=20)
            assert other.find(built.brand, [1], query, weight=0.6, top=20) == expected
            assert expected.hits

    def test_a_snapshot_that_cannot_be_written_leaves_nothing(
        self, bulk: BulkWork, embedder: Embedder, tmp_path: Path
    ) -> None:
        brand = BrandId(new_id())

        with pytest.raises(ValueError, match="for every passage"):
            bulk.write_snapshot(
                tmp_path / "9",
                brand=brand,
                number=9,
                ids=[],
                article_ids=[],
                texts=["one too many"],
                vectors=embedder.encode([]),
            )

        assert list(tmp_path.iterdir()) == []
