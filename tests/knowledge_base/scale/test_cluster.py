"""Three nodes of a Ray cluster keep what the ports of the index promise, and lose one without losing anything."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

pytest.importorskip("ray", reason="the extra `scale` is not installed")

from knowledge_base.import_files import start_import
from knowledge_base.import_queries import import_status
from knowledge_base.imports import read_import
from knowledge_base.index.building import build_index
from knowledge_base.index.bulk_work import BulkWork, LocalWork
from knowledge_base.index.embedder import OnnxEmbedder, Vectors, load_embedder, prepare_model
from knowledge_base.index.shelf import EncodedQuery, Findings, IndexShelf, LocalShelf, snapshots_folder
from knowledge_base.index.snapshot import open_snapshot
from knowledge_base.models import Embedding
from knowledge_base.queries import holdings
from knowledge_base.reading.apart import read_all_apart
from knowledge_base.reading.reader import LocalReader, NamedFile, Reader
from knowledge_base.reading.wire import Reading
from knowledge_base.scale.cluster_reader import ClusterReader, Read
from knowledge_base.scale.cluster_work import ClusterWork
from knowledge_base.scale.connection import Connection
from knowledge_base.scale.replicas import ShardPlan, open_replicas
from knowledge_base.scale.sending import Sender
from knowledge_base.scale.sharded_shelf import ShardedShelf
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import BrandId
from tests.fakes import Killed, WordHashEmbedder
from tests.knowledge_base.conftest import KnowledgeBase, document
from tests.knowledge_base.contracts.bulk_contract import BulkContract
from tests.knowledge_base.contracts.library import Library, Shelved, random_texts, random_turns
from tests.knowledge_base.contracts.reader_contract import ReaderContract
from tests.knowledge_base.contracts.shelf_contract import ShelfContract
from tests.knowledge_base.scale.three_nodes import ThreeNodes, three_nodes

# Ray warns of its own defaults, and of the only way there is to bound how often a block is tried.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
    pytest.mark.filterwarnings("ignore:`ray_remote_args` is deprecated:DeprecationWarning"),
]

SHARDS = 2
TOP = 8
PATIENCE_SECONDS = 60.0
NIGHTLY = bool(os.environ.get("HUMANCLOUD_NIGHTLY"))
LOSSES = 15
SECONDS_BETWEEN_LOSSES = 15.0
TEXTS_OF_A_NIGHT = 100_000


@pytest.fixture(scope="module")
def nodes() -> Iterator[ThreeNodes]:
    with three_nodes() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _whole(nodes: ThreeNodes) -> None:
    nodes.restore()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(folder=tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def connection(nodes: ThreeNodes, tmp_path_factory: pytest.TempPathFactory) -> Connection:
    plan = ShardPlan(shards=SHARDS, folder=tmp_path_factory.mktemp("shards"))
    opened = Connection(partial(open_replicas, plan))
    assert opened.wait(PATIENCE_SECONDS)
    return opened


@pytest.fixture(scope="module")
def sender(library: Library) -> Sender:
    return Sender(library.folder)


class CountingShelf:
    """This machine's shelf, and how often it had to help."""

    def __init__(self, shelf: IndexShelf) -> None:
        self._shelf = shelf
        self.asked = 0

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, *, weight: float, top: int
    ) -> Findings:
        self.asked += 1
        return self._shelf.find(brand, numbers, query, weight=weight, top=top)

    def forget(self, brand: BrandId) -> None:
        self._shelf.forget(brand)


@pytest.fixture
def local(library: Library) -> CountingShelf:
    return CountingShelf(LocalShelf(library.folder))


@pytest.fixture
def shelf(connection: Connection, sender: Sender, local: CountingShelf) -> ShardedShelf:
    return ShardedShelf(connection, sender, local=local)


class TestShardedShelf(ShelfContract):
    @pytest.fixture(autouse=True)
    def _sends(self, connection: Connection, sender: Sender) -> None:
        self._connection, self._sender = connection, sender

    def published(self, shelf: IndexShelf, shelved: Shelved) -> None:
        self._sender.send(self._connection.replicas(shelved.brand), shelved.brand, shelved.number)


class TestClusterWork(BulkContract):
    @pytest.fixture
    def bulk(self, cluster_work: ClusterWork) -> BulkWork:
        return cluster_work


class NeverReads(LocalReader):
    """This machine, where it must not be needed."""

    def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
        assert not files
        return super().read(files)


def read_slowly(files: Sequence[NamedFile]) -> Iterator[Reading]:
    """Slow enough that a node is lost in the middle."""
    for reading in read_all_apart(files):
        time.sleep(0.1)
        yield reading


def cluster_reader(connection: Connection, read: Read = read_all_apart) -> ClusterReader:
    """For which every file is worth the way."""
    return ClusterReader(connection, local=NeverReads(), read=read, worth_files=1, readers=2)


class TestClusterReader(ReaderContract):
    @pytest.fixture
    def reader(self, connection: Connection) -> Reader:
        return cluster_reader(connection)


@pytest.fixture
def cluster_work(connection: Connection, sender: Sender, embedder: WordHashEmbedder) -> ClusterWork:
    """Whose every text and passage is worth the way."""
    local = LocalWork(embedder)
    return ClusterWork(
        connection, sender, WordHashEmbedder, local=local, worth_encoding=1, worth_writing=0, encoders=2
    )


class SlowEmbedder(WordHashEmbedder):
    """Slow enough that a node is lost in the middle."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        time.sleep(0.2)
        return super().encode(texts)


class Watched:
    """A BulkWork that something happens to after its first batch."""

    def __init__(self, bulk: BulkWork) -> None:
        self._bulk = bulk
        self.model, self.dimensions = bulk.model, bulk.dimensions
        self.write_snapshot, self.hand_on = bulk.write_snapshot, bulk.hand_on
        self.asked = 0
        self.batches = 0

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[int], Vectors]]:
        self.asked += len(texts)
        for batch in self._bulk.encode(texts):
            yield batch
            self.batches += 1
            if self.batches == 1:
                self.after_the_first()

    def after_the_first(self) -> None:
        """What happens, if anything."""


class LosesANode(Watched):
    def __init__(self, bulk: BulkWork, nodes: ThreeNodes) -> None:
        super().__init__(bulk)
        self._nodes = nodes
        self.lost = ""

    def after_the_first(self) -> None:
        self.lost = self._nodes.kill_node(self._nodes.at_work("Encoder"))


class DiesAfterABatch(Watched):
    def after_the_first(self) -> None:
        raise Killed


def test_a_thousand_questions_have_the_same_eight_answers_as_on_one_machine(
    library: Library, connection: Connection, sender: Sender, shelf: ShardedShelf, local: CountingShelf
) -> None:
    brands = [library.write(random_texts(40 + 20 * seed, seed=seed)) for seed in range(10)]
    for shelved in brands:
        assert sender.send(connection.replicas(shelved.brand), shelved.brand, 1) == 2
    one_machine = LocalShelf(library.folder)
    chance = random.Random(8)

    for _ in range(1_000):
        asker, query = chance.choice(brands), library.query(*random_turns(chance))
        found = shelf.find(asker.brand, [1], query, weight=0.6, top=TOP)
        expected = one_machine.find(asker.brand, [1], query, weight=0.6, top=TOP)
        assert [hit.passage_id for hit in found.hits] == [hit.passage_id for hit in expected.hits]
        assert [hit.score for hit in found.hits] == pytest.approx(
            [hit.score for hit in expected.hits], abs=1e-5
        )
        assert found.refused == ()

    assert local.asked == 0


def test_no_search_fails_while_a_node_is_killed_and_its_shards_move(
    library: Library,
    connection: Connection,
    sender: Sender,
    nodes: ThreeNodes,
    shelf: ShardedShelf,
) -> None:
    brands = [library.write(random_texts(60, seed=20 + seed)) for seed in range(6)]
    for shelved in brands:
        sender.send(connection.replicas(shelved.brand), shelved.brand, 1)
    one_machine = LocalShelf(library.folder)
    stop, answered, wrong = threading.Event(), [0, 0], []

    def ask(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            asker, query = chance.choice(brands), library.query(*random_turns(chance))
            found = shelf.find(asker.brand, [1], query, weight=0.6, top=TOP)
            expected = one_machine.find(asker.brand, [1], query, weight=0.6, top=TOP)
            answered[seed] += 1
            if [hit.passage_id for hit in found.hits] != [hit.passage_id for hit in expected.hits]:
                wrong.append((expected, found))

    with ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(ask, seed) for seed in range(2)]
        try:
            until(lambda: min(answered) > 50)
            homes = nodes.homes(connection)
            lost = nodes.kill_node(next(iter(homes.keys() & nodes.expendable())))
            at_the_loss = list(answered)
            until(lambda: len(nodes.homes(connection).get(lost, ())) == 0 and nodes.all_serve(connection))
            until(lambda: all(now > then + 50 for now, then in zip(answered, at_the_loss, strict=True)))
        finally:
            stop.set()
        for one in asking:
            one.result()

    assert homes[lost]
    assert lost not in nodes.homes(connection)
    assert wrong == []


def test_replicas_of_a_shard_are_on_different_nodes(connection: Connection, nodes: ThreeNodes) -> None:
    until(lambda: nodes.all_serve(connection))

    homes = nodes.homes(connection)

    placed = [(shard, home) for home, shards in homes.items() for shard in shards]
    assert len(placed) == len(set(placed)) == 2 * SHARDS


def test_a_replica_that_moved_is_sent_what_it_lacks(
    library: Library, connection: Connection, sender: Sender, shelf: ShardedShelf, local: CountingShelf
) -> None:
    shelved = library.write(random_texts(20, seed=9))
    query = library.query("word1 word2")
    until(lambda: shelf.find(shelved.brand, [1], query, weight=0.5, top=TOP).number == 1 and sender.idle)
    helped = local.asked

    for _ in range(4):  # both replicas are asked in turn
        assert shelf.find(shelved.brand, [1], query, weight=0.5, top=TOP).number == 1

    assert helped >= 1
    assert local.asked == helped


def test_a_replica_is_sent_from_the_other_where_this_machine_has_no_files(
    library: Library, connection: Connection, sender: Sender, tmp_path: Path
) -> None:
    shelved = library.write(random_texts(20, seed=10))
    replicas = connection.replicas(shelved.brand)
    sender.send(replicas[:1], shelved.brand, 1)
    elsewhere = Sender(tmp_path)

    assert elsewhere.send(replicas, shelved.brand, 1) == 2

    nowhere = ShardedShelf(connection, elsewhere, local=LocalShelf(tmp_path))
    for _ in range(4):
        assert nowhere.find(shelved.brand, [1], library.query("word1"), weight=0.5, top=TOP).number == 1


def test_an_indexing_that_crashes_and_then_loses_a_node_keeps_every_row_once(
    nodes: ThreeNodes, connection: Connection, library: Library, base: KnowledgeBase, tmp_path: Path
) -> None:
    embedder = SlowEmbedder()
    work = ClusterWork(
        connection,
        Sender(base.folder),
        SlowEmbedder,
        local=LocalWork(embedder),
        worth_encoding=1,
        worth_writing=0,
        encoders=4,
    )
    brand = base.brand()
    text = " ".join(f"Sentence {number} speaks of topic{number}." for number in range(16_000))
    base.put(brand, document(text=text))
    with pytest.raises(Killed):
        build_index(base.database, brand, bulk=DiesAfterABatch(work), folder=base.folder)
    (kept, _), rest = rows_of(base, brand), LosesANode(work, nodes)

    published = build_index(base.database, brand, bulk=rest, folder=base.folder)

    snapshot = open_snapshot(snapshots_folder(base.folder, brand) / str(published))
    assert rows_of(base, brand) == (len(snapshot), len(snapshot))
    assert rest.asked == len(snapshot) - kept < len(snapshot)  # what was kept is not done again
    assert rest.batches >= 4
    assert rest.lost
    assert embedder.encoded == []  # nothing of it was done here
    assert published is not None
    elsewhere = ShardedShelf(connection, Sender(tmp_path / "no"), local=LocalShelf(tmp_path / "no"))
    found = elsewhere.find(brand, [published], library.query("topic77"), weight=0.5, top=TOP)
    assert (found.number, len(found.hits)) == (published, TOP)  # its shard was sent it


def test_an_import_that_loses_a_node_in_the_middle_has_every_article_once(
    nodes: ThreeNodes, connection: Connection, base: KnowledgeBase
) -> None:
    brand, lost = base.brand(), []
    files = [(f"a{n:04}.md", f"# Article {n}\n\nText of article {n}.".encode()) for n in range(120)]
    files[70:70] = [("bad.md", b"")]
    with base.database.transaction(Scope(brand=brand)) as tx:
        started = start_import(tx, brand=brand, files=files, author=None, now=app_now(tx))

    class LosesANodeReading(ClusterReader):
        def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
            for position, reading in enumerate(super().read(files)):
                if position == 5:
                    lost.append(nodes.kill_node(nodes.at_work("FileReader")))
                yield reading

    reader = LosesANodeReading(connection, local=NoReader(), read=read_slowly, worth_files=1, readers=4)
    read_import(base.database, brand, started, reader=reader)

    with base.database.transaction(Scope(brand=brand)) as tx:
        status = import_status(tx, brand=brand, import_id=started)
        articles = holdings(tx, brand=brand).articles
    assert len(lost) == 1
    assert (articles, status.articles, status.unchanged, status.files_read) == (120, 120, 0, 121)
    assert [refused.name for refused in status.refusals] == ["bad.md"]


class NoReader(LocalReader):
    """This machine, when it is not to help."""

    def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
        assert not files, f"{len(files)} files were left to this machine"
        return iter(())


def test_what_a_reader_on_a_node_does_not_read_is_read_here(connection: Connection) -> None:
    files = [(f"{n}.md", f"# Article {n}\n\nText.".encode()) for n in range(12)]
    reader = ClusterReader(connection, local=LocalReader(), read=read_until_a_fault, worth_files=1, readers=1)

    keys = [document.key for reading in reader.read(files) for document in reading.documents]

    assert keys == [name for name, _ in files]


def read_until_a_fault(files: Sequence[NamedFile]) -> Iterator[Reading]:
    """A reader that cannot read the seventh file."""
    for name, content in files:
        if name == "7.md":
            raise OSError("No more processes.")
        yield from read_all_apart([(name, content)])


def rows_of(base: KnowledgeBase, brand: BrandId) -> tuple[int, int]:
    """How many vectors are kept, and of how many texts."""
    counted = select(func.count(), func.count(Embedding.sha256.distinct())).where(Embedding.brand_id == brand)
    with base.database.transaction() as tx:
        rows, texts = tx.execute(counted).one()
    return rows, texts


def test_nodes_encode_with_the_real_model_as_this_machine_does(
    connection: Connection, sender: Sender, model_dir: Path
) -> None:
    folder = prepare_model(model_dir)
    embedder = OnnxEmbedder(folder)
    work = ClusterWork(
        connection,
        sender,
        partial(load_embedder, folder),
        local=LocalWork(embedder),
        worth_encoding=1,
        encoders=1,
    )
    texts = random_texts(150, seed=11)

    vectors = np.empty((len(texts), work.dimensions), dtype=np.float32)
    for positions, encoded in work.encode(texts):
        vectors[list(positions)] = encoded

    assert np.allclose(vectors, embedder.encode(texts), atol=1e-5)


def test_a_node_with_another_model_is_told_of_and_its_vectors_are_not_mixed_in(
    connection: Connection, sender: Sender, embedder: WordHashEmbedder
) -> None:
    other = partial(WordHashEmbedder, name="other")
    work = ClusterWork(connection, sender, other, local=LocalWork(embedder), worth_encoding=1, encoders=1)

    with capture_logs() as logs:
        ((positions, vectors),) = work.encode(["kettle"])

    assert (list(positions), vectors.tolist()) == ([0], embedder.encode(["kettle"]).tolist())
    (told,) = [line for line in logs if line["event"] == "cluster.encoding_stopped"]
    assert "other instead of word-hash" in told["reason"]


@pytest.mark.skipif(not NIGHTLY, reason="takes many minutes: HUMANCLOUD_NIGHTLY=1")
@pytest.mark.timeout(3_600)
def test_no_search_fails_while_a_node_is_killed_again_and_again(
    library: Library, connection: Connection, sender: Sender, nodes: ThreeNodes, shelf: ShardedShelf
) -> None:
    shelved = library.write(random_texts(500, seed=40))
    sender.send(connection.replicas(shelved.brand), shelved.brand, 1)
    stop, chance = threading.Event(), random.Random(41)

    def ask() -> int:
        answered = 0
        while not stop.wait(0.02):  # 50 a second
            found = shelf.find(shelved.brand, [1], library.query(*random_turns(chance)), weight=0.6, top=TOP)
            assert found.number == 1
            answered += 1
        return answered

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask)
        try:
            for _ in range(LOSSES):
                lost = nodes.kill_node()
                until(partial(nodes.have_replaced, lost, connection))
                nodes.restore()
                stop.wait(SECONDS_BETWEEN_LOSSES)
        finally:
            stop.set()

    assert asking.result() > LOSSES


@pytest.mark.skipif(not NIGHTLY, reason="takes many minutes: HUMANCLOUD_NIGHTLY=1")
@pytest.mark.timeout(3_600)
def test_a_hundred_thousand_texts_are_encoded_once_each_though_three_nodes_are_lost(
    connection: Connection, sender: Sender, nodes: ThreeNodes
) -> None:
    quick = WordHashEmbedder(dimensions=64)
    load = partial(WordHashEmbedder, dimensions=64)
    work = ClusterWork(connection, sender, load, local=LocalWork(quick), encoders=4)
    texts = random_texts(TEXTS_OF_A_NIGHT, seed=42)
    done = np.zeros(len(texts), dtype=np.int64)
    lost = 0

    for positions, _ in work.encode(texts):
        done[list(positions)] += 1
        if lost < 3 and done.sum() > (lost + 1) * len(texts) / 4:
            nodes.kill_node()
            nodes.restore()
            lost += 1

    assert lost == 3
    assert (done == 1).all()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "It did not come to hold."
        time.sleep(0.1)
