"""What holds while there is no cluster: this machine searches, and says what is missing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

pytest.importorskip("ray", reason="the extra `scale` is not installed")

from ray.exceptions import RayError

from knowledge_base.index.bulk_work import PASSAGES_PER_BATCH, LocalWork
from knowledge_base.index.shelf import LocalShelf
from knowledge_base.index.snapshot import open_of
from knowledge_base.scale import cluster_work
from knowledge_base.scale.cluster import ClusterAway, ClusterUnprotected, join
from knowledge_base.scale.cluster_work import ClusterWork
from knowledge_base.scale.connection import RETRY_SECONDS, Connection, Replicas
from knowledge_base.scale.packing import Packed, pack, unpack
from knowledge_base.scale.rendezvous import shard_of
from knowledge_base.scale.sending import Sender
from knowledge_base.scale.shard import Shard
from knowledge_base.scale.sharded_shelf import ShardedShelf
from marketplace.kernel.ids import BrandId, new_id
from tests.knowledge_base.contracts.library import Library, random_texts

ROOT = Path(__file__).parents[3]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(folder=tmp_path / "index")


def test_without_a_cluster_this_machine_searches_and_looks_again_later(library: Library) -> None:
    now, tries = [0.0], []

    def away() -> Replicas:
        tries.append(now[0])
        raise ClusterAway

    connection = Connection(away, clock=lambda: now[0])
    shelf = ShardedShelf(connection, Sender(library.folder), local=LocalShelf(library.folder))
    shelved = library.write(["the kettle"])

    for _ in range(3):
        found = shelf.find(shelved.brand, [1], library.query("kettle"), weight=0.5, top=8)
        assert [hit.passage_id for hit in found.hits] == list(shelved.ids)
        assert not connection.wait(10)
    now[0] = RETRY_SECONDS
    assert not connection.wait(10)

    assert tries == [0.0, RETRY_SECONDS]


def test_a_cluster_that_takes_commands_from_anybody_is_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")

    with pytest.raises(ClusterUnprotected):
        join("127.0.0.1:6379")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "127.0.0.1:port"])
def test_a_cluster_that_is_not_there_is_said_to_be_away(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    with pytest.raises(ClusterAway):
        join(address)


def test_one_shard_more_moves_only_the_brands_it_wins() -> None:
    brands = [BrandId(new_id()) for _ in range(2_000)]
    before = [shard_of(brand, 7) for brand in brands]
    after = [shard_of(brand, 8) for brand in brands]

    moved = [now for then, now in zip(before, after, strict=True) if then != now]

    assert set(moved) == {7}
    assert 100 < len(moved) < 400
    assert min(before.count(shard) for shard in range(7)) > 150


def test_a_shard_keeps_the_newest_two_snapshots_and_forgets_a_brand(library: Library, tmp_path: Path) -> None:
    shard = Shard(tmp_path / "shard")
    brand = BrandId(new_id())
    for number in (1, 2, 3):
        library.write([f"kettle {number}"], brand=brand, number=number)
        assert shard.take(brand, number, pack(library.path(brand, number)))

    query = library.query("kettle")
    assert [shard.find(brand, [number], query, 0.5, 8).number for number in (3, 2)] == [3, 2]
    assert shard.give(brand, 1) is None

    shard.forget(brand)
    assert shard.find(brand, [3, 2], query, 0.5, 8).number is None
    assert not list((tmp_path / "shard").iterdir())


def test_taking_one_brands_snapshot_leaves_the_others_open(library: Library, tmp_path: Path) -> None:
    shard = Shard(tmp_path / "shard")
    first, second = library.write(["the kettle"]), library.write(["the teapot"])
    shard.take(first.brand, 1, pack(library.path(first.brand, 1)))
    shard.find(first.brand, [1], library.query("kettle"), 0.5, 8)
    held = shard._shelf._cache.nbytes
    assert held > 0

    shard.take(second.brand, 1, pack(library.path(second.brand, 1)))
    assert shard._shelf._cache.nbytes == held


class BrokenReplica:
    """Breaks in a way that is none of Ray's."""

    @property
    def give(self) -> object:
        raise ZeroDivisionError


def test_what_breaks_while_a_snapshot_is_sent_is_logged_and_the_next_one_is_sent(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "nothing published")
    brands = [BrandId(new_id()), BrandId(new_id())]

    with capture_logs() as logs:
        for brand in brands:
            sender.send_soon([BrokenReplica()], brand, 1)
        sender._thread.shutdown()

    assert [(log["event"], log["brand"]) for log in logs] == [
        ("shards.sending_broke", str(brand)) for brand in brands
    ]
    assert sender.idle


def losing_work(library: Library, monkeypatch: pytest.MonkeyPatch) -> ClusterWork:
    """Work on a cluster that gives one batch back, and then nothing more."""

    def first_batch(rows: list[dict[str, Any]], *_more: object) -> Iterator[tuple[int, bytes]]:
        vectors = library.embedder.encode(rows[1]["texts"])
        yield rows[1]["batch"], vectors.astype("<f4").tobytes()
        raise RayError("the cluster is gone")

    def nothing(*_asked: object) -> Packed:
        raise RayError("the cluster is gone")

    monkeypatch.setattr(cluster_work, "_encoded", first_batch)
    monkeypatch.setattr(cluster_work, "_written", nothing)
    connection = Connection(lambda: [[object()]])
    return ClusterWork(
        connection,
        Sender(library.folder),
        lambda: library.embedder,
        local=LocalWork(library.embedder),
        worth_encoding=1,
        worth_writing=0,
    )


def test_texts_that_do_not_come_back_from_a_cluster_are_encoded_here(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = random_texts(3 * PASSAGES_PER_BATCH, seed=1)
    vectors = np.zeros((len(texts), library.embedder.dimensions), dtype=np.float32)

    done: list[int] = []
    for positions, encoded in losing_work(library, monkeypatch).encode(texts):
        done += positions
        vectors[list(positions)] = encoded

    assert sorted(done) == list(range(len(texts)))
    assert np.allclose(vectors, library.embedder.encode(texts), atol=1e-6)


def test_a_snapshot_that_no_cluster_writes_is_written_here(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = library.write(["the kettle", "the teapot"])
    losing_work(library, monkeypatch).write_snapshot(
        tmp_path / "1",
        brand=built.brand,
        number=1,
        ids=built.ids,
        article_ids=built.article_ids,
        texts=built.texts,
        vectors=library.embedder.encode(built.texts),
    )
    assert len(open_of(built.brand, 1, tmp_path / "1")) == 2


def test_a_shard_that_begins_anew_has_nothing_of_before(library: Library, tmp_path: Path) -> None:
    shelved = library.write(["the kettle"])
    Shard(tmp_path / "shard").take(shelved.brand, 1, pack(library.path(shelved.brand, 1)))

    begun = Shard(tmp_path / "shard")

    assert begun.find(shelved.brand, [1], library.query("kettle"), 0.5, 8).number is None


def test_a_damaged_snapshot_is_not_taken(library: Library, tmp_path: Path) -> None:
    shelved = library.write(["the kettle"])
    library.tear(shelved.brand, 1)

    assert not Shard(tmp_path / "shard").take(shelved.brand, 1, pack(library.path(shelved.brand, 1)))
    assert not list((tmp_path / "shard" / str(shelved.brand)).iterdir())


@pytest.mark.parametrize("name", ["../outside", "/outside", "lexical/../../outside"])
def test_nothing_is_unpacked_outside_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        unpack({name: b""}, tmp_path / "snapshot")

    assert list(tmp_path.iterdir()) == []


def _python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


def test_ray_is_imported_only_where_a_cluster_is_named() -> None:
    program = """
import sys
from marketplace.kernel.settings import Settings
from workers_ui import background, importing, parts
assert type(parts.shelf(Settings(ray_address=None))).__name__ == "LocalShelf"
assert "ray" not in sys.modules
assert type(parts.shelf(Settings(ray_address="127.0.0.1:1"))).__name__ == "ShardedShelf"
assert "ray" in sys.modules
print("as said")
"""
    assert _python(program).strip().endswith("as said")


def test_a_cluster_without_the_extra_says_what_to_install() -> None:
    program = """
import sys
sys.modules["ray"] = None
from marketplace.kernel.settings import Settings
from workers_ui import parts
parts.shelf(Settings(ray_address="127.0.0.1:1"))
"""
    assert "pip install 'humancloud[scale]'" in _python(program)
