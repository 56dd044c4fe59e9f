"""What holds of building an index: nothing encoded twice, one builder, a crash leaves the old one serving."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from knowledge_base.index.building import build_index
from knowledge_base.index.bulk_work import PASSAGES_PER_BATCH, LocalWork
from knowledge_base.index.commands import request_rebuild
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.models import Embedding
from knowledge_base.queries import IndexStatus, brands_behind, index_status, snapshot_numbers
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import BrandId
from tests.fakes import BrokenEmbedder, Killed, MortalDatabase, WordHashEmbedder
from tests.knowledge_base.conftest import KnowledgeBase, Open, document


def _status(base: KnowledgeBase, brand: BrandId) -> IndexStatus:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return index_status(tx, brand=brand)


def _numbers(base: KnowledgeBase, brand: BrandId) -> list[int]:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return snapshot_numbers(tx, brand=brand)


def _folders(base: KnowledgeBase, brand: BrandId) -> set[str]:
    return {path.name for path in snapshots_folder(base.folder, brand).iterdir()}


def _fill(base: KnowledgeBase, brand: BrandId, count: int) -> None:
    for number in range(count):
        base.put(brand, document(key=f"a{number}", text=f"Answer number {number} about topic{number}."))


def test_an_index_holds_every_change_so_far(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 3)
    assert _status(base, brand).behind

    number = base.index(brand)

    status = _status(base, brand)
    assert number == status.indexed == status.changed == 3
    assert status.passages == 3
    assert status.indexed_at is not None
    assert base.texts(brand, "topic2")[0] == "Answer number 2 about topic2."


def test_there_is_nothing_to_do_without_a_change(
    base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
) -> None:
    assert base.index(brand) is None
    _fill(base, brand, 1)
    base.index(brand)
    encoded = list(embedder.encoded)

    assert base.index(brand) is None
    assert embedder.encoded == encoded


def test_only_changed_passages_are_encoded(
    base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
) -> None:
    _fill(base, brand, 20)
    base.index(brand)
    embedder.encoded.clear()

    base.put(brand, document(key="a7", text="Something quite different."))
    base.delete(brand, "a8")
    base.index(brand)

    assert embedder.encoded == ["Returns\nSomething quite different."]


def test_equal_texts_of_one_brand_are_encoded_once_and_of_two_brands_twice(
    base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
) -> None:
    other = base.brand()
    for owner in (brand, other):
        base.put(owner, document(key="one"))
        base.put(owner, document(key="two"))

    base.index(brand)
    base.index(other)

    assert len(embedder.encoded) == 2
    assert len(base.search(brand, "kettle").passages) == 2


def test_another_model_encodes_everything_anew(open_base: Open, base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 3)
    base.index(brand)
    newer = WordHashEmbedder(name="newer", dimensions=64)
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert request_rebuild(tx, brand)

    renewed = open_base(newer)
    renewed.index(brand)

    assert len(newer.encoded) == 3
    assert renewed.texts(brand, "topic1")[0] == "Answer number 1 about topic1."
    with base.database.transaction() as tx:
        assert list(tx.scalars(select(Embedding.model).distinct())) == ["newer"]


def test_vectors_of_deleted_texts_are_forgotten(base: KnowledgeBase, brand: BrandId) -> None:
    other = base.brand()
    for owner in (brand, other):
        _fill(base, owner, 2)
        base.index(owner)

    base.delete(brand, "a0")
    base.index(brand)

    with base.database.transaction() as tx:
        kept = dict(tx.execute(select(Embedding.brand_id, func.count()).group_by(Embedding.brand_id)).all())
    assert kept == {brand: 1, other: 2}


def test_a_knowledge_base_that_became_empty_finds_nothing(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 1)
    base.index(brand)
    base.delete(brand, "a0")

    base.index(brand)

    assert base.texts(brand, "topic0") == []
    assert not _status(base, brand).behind


def test_the_newest_two_snapshots_are_kept(base: KnowledgeBase, brand: BrandId) -> None:
    leftover = snapshots_folder(base.folder, brand) / ".building-crashed"
    leftover.mkdir(parents=True)
    for number in range(4):
        base.put(brand, document(text=f"Version {number}."))
        base.index(brand)

    assert _numbers(base, brand) == [4, 3]
    assert _folders(base, brand) == {"4", "3"}


def test_a_crash_while_encoding_keeps_the_old_index_and_what_was_encoded(
    base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
) -> None:
    base.put(brand, document(key="old", text="Old and known."))
    base.index(brand)
    _fill(base, brand, 2 * PASSAGES_PER_BATCH)
    embedder.fails_after = 1

    with pytest.raises(BrokenEmbedder):
        base.index(brand)

    assert base.texts(brand, "known")[0] == "Old and known."
    assert _numbers(base, brand) == [1]
    embedder.fails_after = None
    base.index(brand)
    assert len(embedder.encoded) == len(set(embedder.encoded)) == 2 * PASSAGES_PER_BATCH + 1
    assert base.texts(brand, "topic99")[0] == "Answer number 99 about topic99."


@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after the commit"])
def test_a_build_killed_at_any_transaction_leaves_the_old_index_or_the_new_one_serving(
    base: KnowledgeBase, open_base: Open, mortal: MortalDatabase, after_commit: bool
) -> None:
    served = []
    for dies_at in range(1, 9):
        brand = base.brand()
        base.put(brand, document(key="old", text="Old and known."))
        base.index(brand)
        base.put(brand, document(key="new", text="New and unknown."))
        mortal.transactions, mortal.dies_at, mortal.dies_after_commit = 0, dies_at, after_commit

        with pytest.raises(Killed):
            build_index(mortal, brand, bulk=LocalWork(base.embedder), folder=base.folder)

        restarted = open_base()
        texts = restarted.texts(brand, "unknown")
        served.append(_status(base, brand).indexed)
        assert "Old and known." in texts
        assert ("New and unknown." in texts) is (served[-1] == 2)
        restarted.index(brand)
        assert restarted.texts(brand, "unknown")[0] == "New and unknown."
        assert _numbers(base, brand) == [2, 1]

    assert served == ([1] * 5 + [2] * 3 if after_commit else [1] * 6 + [2] * 2)


def test_a_crash_between_writing_and_publishing_leaves_the_old_index_serving(
    base: KnowledgeBase, open_base: Open, brand: BrandId, database_url: str
) -> None:
    base.put(brand, document(key="old", text="Old and known."))
    base.index(brand)
    base.put(brand, document(key="new", text="New and unknown."))
    owner = create_engine(database_url, poolclass=NullPool)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON index_snapshot FROM humancloud_background"))

    with pytest.raises(DBAPIError, match="permission denied"):
        base.index(brand)

    assert _folders(base, brand) == {"1", "2"}
    assert open_base().texts(brand, "unknown") == ["Old and known."]


def test_a_snapshot_half_written_by_a_crash_is_written_again(base: KnowledgeBase, brand: BrandId) -> None:
    _fill(base, brand, 2)
    torn = snapshots_folder(base.folder, brand) / "2"
    torn.mkdir(parents=True)
    (torn / "manifest.json").write_text("{")

    base.index(brand)

    assert base.texts(brand, "topic1")[0] == "Answer number 1 about topic1."


class _SlowEmbedder(WordHashEmbedder):
    """Stops in its first `encode` until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.begun.set()
        assert self.go_on.wait(20)
        return super().encode(texts)


def test_a_change_during_a_build_is_built_by_the_same_builder(open_base: Open) -> None:
    slow = _SlowEmbedder()
    base = open_base(slow)
    brand = base.brand()
    _fill(base, brand, 1)
    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(base.index, brand)
        assert slow.begun.wait(20)
        base.put(brand, document(key="later", text="Put while it was built."))

        turned_away = base.index(brand)
        slow.go_on.set()
        published = building.result(20)

    assert turned_away is None
    assert published == 2
    assert base.texts(brand, "built")[0] == "Put while it was built."


def test_no_transaction_is_open_while_texts_are_encoded(open_base: Open, base: KnowledgeBase) -> None:
    slow = _SlowEmbedder()
    patient = open_base(slow)
    brand = patient.brand()
    _fill(patient, brand, 1)
    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(patient.index, brand)
        assert slow.begun.wait(20)
        with base.database.engine.connect() as connection:
            open_elsewhere = connection.execute(_OPEN_TRANSACTIONS).scalar_one()
        slow.go_on.set()
        building.result(20)

    assert open_elsewhere == 0


_OPEN_TRANSACTIONS = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
)


def test_brands_are_built_independently_and_at_once(base: KnowledgeBase) -> None:
    brands = [base.brand() for _ in range(3)]
    for number, brand in enumerate(brands):
        _fill(base, brand, number + 1)

    with base.database.transaction() as tx:
        assert set(brands_behind(tx)) == set(brands)
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(base.index, brands)) == [1, 2, 3]
    with base.database.transaction() as tx:
        assert brands_behind(tx) == []


def test_stored_vectors_are_what_the_embedder_gave(
    base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
) -> None:
    base.put(brand, document())
    base.index(brand)

    with base.database.transaction(Scope(brand=brand)) as tx:
        stored = tx.scalars(select(Embedding.vector)).one()
    expected = embedder.encode_query("Returns\nSend the kettle back within thirty days.")
    assert np.array_equal(np.frombuffer(stored, dtype="<f4"), expected)
