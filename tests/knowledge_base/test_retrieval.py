"""What holds of search: only live texts, only one's own, and damage is healed instead of hidden."""

import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath
from threading import Barrier

import pytest
from sqlalchemy import func, select

from knowledge_base.index.embedder import OnnxEmbedder, prepare_model
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import IndexUnavailable, Retriever
from knowledge_base.index.shelf import LocalShelf, snapshots_folder
from knowledge_base.index.snapshot import Snapshot, open_snapshot
from knowledge_base.index.snapshot_cache import OPENING_BYTES, SnapshotCache
from knowledge_base.models import Passage
from knowledge_base.queries import index_status
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import BrandId
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.conftest import KnowledgeBase, Open, document

WORDS = [f"word{number}" for number in range(60)]


def _fill(base: KnowledgeBase, brand: BrandId, count: int, *, seed: int = 0) -> None:
    chance = random.Random(seed)
    for number in range(count):
        words = " ".join(chance.choices(WORDS, k=12))
        base.put(brand, document(key=f"a{number}", title=f"Title {number}", text=f"{words} unique{number}."))


def _behind(base: KnowledgeBase, brand: BrandId) -> bool:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return index_status(tx, brand=brand).behind


def _newest(base: KnowledgeBase, brand: BrandId) -> Path:
    folders = snapshots_folder(base.folder, brand).iterdir()
    return max(folders, key=lambda folder: int(folder.name))


def _tear(snapshot: Path) -> None:
    vectors = snapshot / "main" / "vectors.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-7])


def test_a_found_passage_names_its_source(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 5)
    put = base.put(brand, document())
    base.index(brand)

    found = base.search(brand, "send a kettle back")

    best = found.passages[0]
    assert best.article_id == put.article_id
    assert (best.article_key, best.title, best.revision_number) == ("returns", "Returns", 1)
    assert best.text == "Send the kettle back within thirty days."
    assert best.score == max(passage.score for passage in found.passages)
    assert (best.dense_rank, best.lexical_rank) == (1, 1)
    assert best.dense > 0.3
    assert best.lexical > 0
    assert found.snapshot == 6


def test_a_deletion_holds_before_the_index_is_built_again(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 5)
    base.put(brand, document())
    base.index(brand)
    assert base.texts(brand, "kettle")[0] == "Send the kettle back within thirty days."

    base.delete(brand, "returns")

    assert _behind(base, brand)
    found = base.search(brand, "kettle")
    assert len(found.passages) == 3
    assert all("kettle" not in passage.text for passage in found.passages)
    assert found.evidence.lexical_top == 0


def test_a_replacement_holds_before_the_index_is_built_again(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 5)
    base.put(brand, document())
    base.index(brand)

    base.put(brand, document(text="Send the kettle back within sixty days."))

    assert all("thirty" not in text for text in base.texts(brand, "kettle thirty days", top=10))
    base.index(brand)
    assert base.texts(brand, "kettle")[0] == "Send the kettle back within sixty days."


def test_the_best_stay_full_when_the_front_of_the_ranking_was_deleted(
    base: KnowledgeBase, brand: BrandId
) -> None:
    for number in range(60):
        base.put(brand, document(key=f"near{number}", text=f"kettle kettle {number}", title="Kettle"))
    _fill(base, brand, 10)
    base.put(brand, document(key="far", text="A kettle among many other words in a long sentence."))
    base.index(brand)
    for number in range(60):
        base.delete(brand, f"near{number}")

    found = base.search(brand, "kettle")

    assert found.passages[0].article_key == "far"
    assert len(found.passages) == 3
    assert 0.1 < found.evidence.top_cosine < 0.9  # a deleted one is nearer than that
    assert found.evidence.agreement


def test_an_article_is_found_once_by_its_best_passage(base: KnowledgeBase, brand: BrandId) -> None:
    long = " ".join(f"The kettle sentence number {number} says something." for number in range(80))
    base.put(brand, document(key="long", text=f"{long} The kettle spout is made of copper."))
    base.put(brand, document(key="short", text="No kettle here."))
    base.index(brand)

    found = base.search(brand, "copper spout of the kettle")

    assert [passage.article_key for passage in found.passages] == ["long", "short"]
    assert "copper" in found.passages[0].text


def test_another_brands_passages_never_come_back(base: KnowledgeBase, db: Database) -> None:
    brands = [base.brand() for _ in range(5)]
    for seed, owner in enumerate(brands):
        _fill(base, owner, 12, seed=seed)
        base.index(owner)
        base.put(owner, document(key="a3", text="word1 word2 word3 replaced."))
        base.delete(owner, "a4")
    with base.database.transaction() as tx:
        owners = {row.id: row.brand_id for row in tx.execute(select(Passage.id, Passage.brand_id))}
    chance = random.Random(7)

    answered = 0
    for _ in range(1_000):
        asker = chance.choice(brands)
        query = Query.of([" ".join(chance.choices(WORDS, k=chance.randint(1, 6)))])
        with db.transaction(Scope(brand=asker)) as tx:
            found = base.retriever.search(tx, brand=asker, query=query, weight=chance.random(), top=3)
        answered += bool(found.passages)
        assert {owners[passage.passage_id] for passage in found.passages} <= {asker}
        assert all(passage.article_key != "a4" for passage in found.passages)

    assert answered == 1_000


def test_a_brand_asked_about_from_another_brands_transaction_gives_nothing(
    base: KnowledgeBase, brand: BrandId, db: Database
) -> None:
    other = base.brand()
    base.put(brand, document())
    base.index(brand)
    base.search(brand, "kettle")  # its snapshot is in memory now

    with db.transaction(Scope(brand=other)) as tx:
        found = base.retriever.search(tx, brand=brand, query=Query.of(["kettle"]), weight=0.5)

    assert found.passages == ()


def test_a_brand_without_knowledge_finds_nothing(base: KnowledgeBase, brand: BrandId) -> None:
    found = base.search(brand, "kettle")

    assert found.passages == ()
    assert found.snapshot is None
    assert (found.evidence.top_cosine, found.evidence.query_words) == (0, 1)


def test_knowledge_that_was_never_indexed_is_said_to_be_unavailable(
    base: KnowledgeBase, brand: BrandId
) -> None:
    base.put(brand, document())

    with pytest.raises(IndexUnavailable):
        base.search(brand, "kettle")


def test_odd_questions_are_no_errors(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(brand, document())
    base.index(brand)

    for question in ("", " \n", "???", "the of and", "\0", "\ud800", "é" * 5_000, "x " * 5_000):
        assert len(base.search(brand, question).passages) <= 1


def test_a_torn_snapshot_falls_back_to_the_one_before_and_is_built_again(
    base: KnowledgeBase, open_base: Open, brand: BrandId
) -> None:
    base.put(brand, document())
    base.index(brand)
    base.put(brand, document(key="new", text="New text."))
    base.index(brand)
    _tear(_newest(base, brand))
    restarted = open_base()

    assert restarted.search(brand, "kettle").snapshot == 1
    assert _behind(base, brand)
    restarted.index(brand)

    found = restarted.search(brand, "new text")
    assert found.snapshot == 3
    assert found.passages[0].text == "New text."


def test_without_any_whole_snapshot_search_says_so_and_a_rebuild_heals_it(
    base: KnowledgeBase, open_base: Open, brand: BrandId
) -> None:
    base.put(brand, document())
    base.index(brand)
    shutil.rmtree(snapshots_folder(base.folder, brand))
    restarted = open_base()

    for _ in range(3):
        with pytest.raises(IndexUnavailable):
            restarted.search(brand, "kettle")
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert index_status(tx, brand=brand).changed == 2  # asked for once, though found three times

    restarted.index(brand)
    assert restarted.texts(brand, "kettle") == ["Send the kettle back within thirty days."]


def test_an_index_of_another_model_is_not_compared_with(open_base: Open, base: KnowledgeBase) -> None:
    brand = base.brand()
    base.put(brand, document())
    base.index(brand)
    newer = open_base(WordHashEmbedder(name="newer"))

    with pytest.raises(IndexUnavailable):
        newer.search(brand, "kettle")

    newer.index(brand)
    assert len(newer.search(brand, "kettle").passages) == 1


def test_evidence_tells_a_clear_answer_from_a_doubtful_one(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(brand, document(key="one", title="One", text="copper kettle spout"))
    base.put(brand, document(key="two", title="Two", text="copper kettle lid"))
    _fill(base, brand, 10)
    base.index(brand)

    clear = base.search(brand, "spout").evidence
    doubtful = base.search(brand, "copper kettle").evidence
    strange = base.search(brand, "purple elephants").evidence

    assert clear.agreement
    assert clear.margin > 0.2
    assert doubtful.margin < 0.01
    assert doubtful.top_cosine > strange.top_cosine
    assert (strange.lexical_top, strange.agreement) == (0, False)
    assert (clear.query_words, doubtful.query_words) == (1, 2)


def test_evidence_is_about_the_last_turn_and_ranking_about_the_conversation(
    base: KnowledgeBase, brand: BrandId
) -> None:
    base.put(brand, document(key="one", title="One", text="copper kettle spout"))
    base.put(brand, document(key="two", title="Two", text="opening hours"))
    base.index(brand)
    query = Query.of(["I have a copper kettle.", "hours"])

    with base.database.transaction(Scope(brand=brand)) as tx:
        found = base.retriever.search(tx, brand=brand, query=query, weight=0.5)
    alone = base.search(brand, "hours")

    assert {passage.article_key for passage in found.passages} == {"one", "two"}
    assert found.evidence == alone.evidence


def test_many_threads_may_search_while_the_index_is_replaced(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 10)
    base.index(brand)

    def ask(number: int) -> int:
        if number % 20 == 0:
            base.put(brand, document(text=f"Version {number}."))
            base.index(brand)
        return len(base.search(brand, f"unique{number % 10}").passages)

    with ThreadPoolExecutor(3) as threads:
        assert set(threads.map(ask, range(120))) == {3}


def test_the_cache_lets_the_least_recently_used_go(base: KnowledgeBase) -> None:
    brands = [base.brand() for _ in range(3)]
    for owner in brands:
        _fill(base, owner, 4)
        base.index(owner)
    folders = {owner: _newest(base, owner) for owner in brands}
    sizes = [open_snapshot(folder).nbytes + OPENING_BYTES for folder in folders.values()]
    cache = SnapshotCache(limit_bytes=sum(sizes) - 1)
    first, second, third = (cache.snapshot(owner, 4, folders[owner]) for owner in brands)

    assert cache.nbytes <= sum(sizes) - 1
    assert cache.snapshot(brands[2], 4, folders[brands[2]]) is third
    assert cache.snapshot(brands[1], 4, folders[brands[1]]) is second
    assert cache.snapshot(brands[0], 4, folders[brands[0]]) is not first
    assert cache.snapshot(brands[1], 4, folders[brands[1]]) is second
    assert cache.snapshot(brands[2], 4, folders[brands[2]]) is not third


def test_a_snapshot_that_many_threads_ask_for_is_opened_once(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 4)
    base.index(brand)
    cache, folder = SnapshotCache(limit_bytes=1), _newest(base, brand)
    together = Barrier(8)

    def ask(_: int) -> Snapshot:
        together.wait(20)
        return cache.snapshot(brand, 4, folder)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(ask, range(8))))) == 1


class ActingFolder(PosixPath):
    """A folder at whose reading something happens, as when another thread is faster."""

    act: Callable[[], None]

    def __truediv__(self, name: str) -> Path:  # type: ignore[override]
        self.act()
        return Path(self) / name


def test_what_is_opened_while_its_brand_is_forgotten_is_not_kept(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 4)
    base.index(brand)
    cache, folder = SnapshotCache(limit_bytes=10**9), ActingFolder(_newest(base, brand))
    folder.act = lambda: cache.forget(brand)

    assert len(cache.snapshot(brand, 4, folder)) == 4
    assert cache.nbytes == 0
    cache.snapshot(brand, 4, _newest(base, brand))
    assert cache.nbytes > 0


def test_the_embedder_is_loaded_by_the_first_search_and_once(
    base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
) -> None:
    base.put(brand, document())
    base.index(brand)
    loaded = []

    def load() -> WordHashEmbedder:
        loaded.append(embedder)
        return embedder

    retriever = Retriever(shelf=LocalShelf(base.folder), load_embedder=load, report_damage=lambda *_: None)
    assert loaded == []
    for _ in range(3):
        with base.database.transaction(Scope(brand=brand)) as tx:
            retriever.search(tx, brand=brand, query=Query.of(["kettle"]), weight=0.5)

    assert len(loaded) == 1


@pytest.fixture(scope="module")
def onnx_embedder(model_dir: Path) -> OnnxEmbedder:
    return OnnxEmbedder(prepare_model(model_dir))


def test_the_real_encoder_finds_what_is_meant_without_a_shared_word(
    open_base: Open, onnx_embedder: OnnxEmbedder
) -> None:
    base = open_base(onnx_embedder)
    brand = base.brand()
    base.put(brand, document(key="returns", title="Returning an item", text="Ship it to us within 30 days."))
    base.put(brand, document(key="hours", title="Opening hours", text="We are open on weekdays from nine."))
    base.put(
        brand, document(key="care", title="Cleaning", text="Wipe with a damp cloth, never a dishwasher.")
    )
    base.index(brand)

    found = base.search(brand, "can I send my purchase back and get a refund?")

    assert found.passages[0].article_key == "returns"
    assert found.evidence.top_cosine > 0.3
    assert found.evidence.margin > 0.1
    with base.database.transaction() as tx:
        assert tx.scalar(select(func.count(Passage.id))) == 3
