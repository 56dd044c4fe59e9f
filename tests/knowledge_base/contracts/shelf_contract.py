"""What every IndexShelf promises, wherever its snapshots are searched."""

import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge_base.index.shelf import Findings, IndexShelf
from marketplace.kernel.ids import BrandId, new_id
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.contracts.library import (
    Library,
    Shelved,
    by_brute_force,
    random_texts,
    random_turns,
)

TOP = 8


class ShelfContract:
    """Subclasses give the fixtures `library` and `shelf`, and say in `published` that a snapshot was written."""

    def published(self, shelf: IndexShelf, shelved: Shelved) -> None:
        """A builder calls this before it names the number to anybody."""

    def put(self, shelf: IndexShelf, shelved: Shelved) -> Shelved:
        self.published(shelf, shelved)
        return shelved

    def test_it_finds_what_brute_force_finds(self, library: Library, shelf: IndexShelf) -> None:
        shelved = self.put(shelf, library.write(random_texts(90, seed=1)))
        chance = random.Random(2)
        for _ in range(60):
            query, weight = library.query(*random_turns(chance)), chance.choice((0.0, 0.3, 0.6, 1.0))

            found = shelf.find(shelved.brand, [1], query, weight=weight, top=TOP)

            expected = by_brute_force(shelved, query, library.embedder, weight=weight)
            scores = dict(expected)
            assert (found.number, found.refused) == (1, ())
            assert [hit.score for hit in found.hits] == pytest.approx(
                [score for _, score in expected[:TOP]], abs=1e-5
            )
            assert [hit.score for hit in found.hits] == pytest.approx(
                [scores[hit.passage_id] for hit in found.hits], abs=1e-5
            )

    def test_the_ranking_is_that_of_the_last_turn_alone(self, library: Library, shelf: IndexShelf) -> None:
        shelved = self.put(shelf, library.write(["copper kettle spout", "opening hours on sunday"]))

        found = shelf.find(
            shelved.brand, [1], library.query("my copper kettle", "hours"), weight=0.5, top=TOP
        )
        alone = shelf.find(shelved.brand, [1], library.query("hours"), weight=0.5, top=TOP)

        assert found.ranking.dense[0].passage_id == shelved.ids[1]
        assert list(found.ranking.dense) == list(alone.ranking.dense)
        assert list(found.ranking.lexical) == list(alone.ranking.lexical)

    def test_a_brand_is_never_given_anothers_passages(self, library: Library, shelf: IndexShelf) -> None:
        brands = [self.put(shelf, library.write(random_texts(30, seed=seed))) for seed in range(6)]
        chance = random.Random(3)
        for _ in range(200):
            asker = chance.choice(brands)

            found = shelf.find(asker.brand, [1], library.query(*random_turns(chance)), weight=0.6, top=200)

            near = {*found.ranking.dense, *found.ranking.lexical}
            assert found.hits
            assert {hit.passage_id for hit in found.hits} | {one.passage_id for one in near} <= set(asker.ids)
            assert {hit.article_id for hit in found.hits} <= set(asker.article_ids)

    def test_nobody_asked_for_gives_nothing(self, library: Library, shelf: IndexShelf) -> None:
        assert shelf.find(BrandId(new_id()), [], library.query("kettle"), weight=0.5, top=TOP) == Findings()

    def test_a_brand_that_is_not_there_is_refused_by_its_numbers(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        found = shelf.find(BrandId(new_id()), [2, 1], library.query("kettle"), weight=0.5, top=TOP)

        assert (found.number, found.hits) == (None, ())
        assert [refused.number for refused in found.refused] == [2, 1]
        assert all(refused.reason for refused in found.refused)

    def test_a_damaged_snapshot_is_told_and_the_one_before_it_serves(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        older = self.put(shelf, library.write(["the old kettle"]))
        newer = library.write(["the new kettle"], brand=older.brand, number=2)
        library.tear(newer.brand, 2)
        self.published(shelf, newer)

        found = shelf.find(older.brand, [2, 1], library.query("kettle"), weight=0.5, top=TOP)

        assert found.number == 1
        assert [hit.passage_id for hit in found.hits] == list(older.ids)
        assert [refused.number for refused in found.refused] == [2]
        assert "vectors.faiss" in found.refused[0].reason

    def test_a_missing_snapshot_is_told_and_the_one_before_it_serves(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        older = self.put(shelf, library.write(["the old kettle"]))

        found = shelf.find(older.brand, [2, 1], library.query("kettle"), weight=0.5, top=TOP)

        assert (found.number, [refused.number for refused in found.refused]) == (1, [2])

    def test_anothers_snapshot_under_a_brands_name_is_damage(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        owner = self.put(shelf, library.write(["the kettle"]))
        other = library.write(["their kettle"])
        shutil.rmtree(library.path(other.brand, 1))
        shutil.copytree(library.path(owner.brand, 1), library.path(other.brand, 1))
        self.published(shelf, other)

        found = shelf.find(other.brand, [1], library.query("kettle"), weight=0.5, top=TOP)

        assert (found.number, found.hits, [refused.number for refused in found.refused]) == (None, (), [1])

    def test_a_damaged_snapshot_serves_again_once_it_was_built_anew(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        torn = library.write(["the kettle"])
        library.tear(torn.brand, 1)
        self.published(shelf, torn)
        assert shelf.find(torn.brand, [1], library.query("kettle"), weight=0.5, top=TOP).number is None

        shutil.rmtree(library.path(torn.brand, 1))
        whole = self.put(shelf, library.write(["the kettle"], brand=torn.brand))

        found = shelf.find(torn.brand, [1], library.query("kettle"), weight=0.5, top=TOP)
        assert [hit.passage_id for hit in found.hits] == list(whole.ids)
        assert found.refused == ()

    def test_the_number_moves_on(self, library: Library, shelf: IndexShelf) -> None:
        brand = self.put(shelf, library.write(["kettle one"])).brand
        for number in (2, 3, 7):
            shelved = self.put(shelf, library.write([f"kettle {number}"], brand=brand, number=number))

            found = shelf.find(brand, [number, number - 1], library.query("kettle"), weight=0.5, top=TOP)

            assert (found.number, found.refused) == (number, ())
            assert [hit.passage_id for hit in found.hits] == list(shelved.ids)

    def test_an_index_of_another_model_is_told_and_never_compared_with(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        older = self.put(shelf, library.write(["the kettle"]))
        other = WordHashEmbedder(name="other", dimensions=64)
        self.put(shelf, library.write(["the kettle"], brand=older.brand, number=2, embedder=other))

        both = shelf.find(older.brand, [2, 1], library.query("kettle"), weight=0.5, top=TOP)
        newest = shelf.find(older.brand, [2], library.query("kettle"), weight=0.5, top=TOP)

        assert (both.number, [refused.number for refused in both.refused]) == (1, [2])
        assert (newest.number, newest.hits, [refused.number for refused in newest.refused]) == (None, (), [2])

    def test_an_empty_knowledge_base_is_searched_and_gives_nothing(
        self, library: Library, shelf: IndexShelf
    ) -> None:
        empty = self.put(shelf, library.write([]))

        found = shelf.find(empty.brand, [1], library.query("kettle"), weight=0.5, top=TOP)

        assert (found.number, found.hits, found.refused) == (1, (), ())
        assert found.ranking.passage_ids() == set()

    def test_a_question_without_a_word_is_no_error(self, library: Library, shelf: IndexShelf) -> None:
        shelved = self.put(shelf, library.write(["the kettle"]))

        for odd in ("", "???", "\0", "\ud800", "é" * 5_000):
            assert shelf.find(shelved.brand, [1], library.query(odd), weight=0.5, top=TOP).number == 1

    def test_many_threads_are_given_their_own_answers(self, library: Library, shelf: IndexShelf) -> None:
        shelved = self.put(shelf, library.write([f"kettle number{at}" for at in range(20)]))

        def best(at: int) -> int:
            query = library.query(f"number{at % 20}")
            found = shelf.find(shelved.brand, [1], query, weight=0.5, top=1)
            return shelved.ids.index(found.hits[0].passage_id)

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(best, range(80))) == [at % 20 for at in range(80)]
