"""Three nodes of a Ray cluster keep what the ports of the index promise, and lose one without losing anything."""

from collections.abc import Iterator, Sequence
from functools import partial

import pytest

pytest.importorskip("ray", reason="the extra `scale` is not installed")

from knowledge_base.index.shelf import EncodedQuery, Findings, IndexShelf, LocalShelf
from knowledge_base.scale.connection import Connection
from knowledge_base.scale.replicas import ShardPlan, open_replicas
from knowledge_base.scale.sending import Sender
from knowledge_base.scale.sharded_shelf import ShardedShelf
from marketplace.kernel.ids import BrandId
from tests.knowledge_base.contracts.library import Library, Shelved
from tests.knowledge_base.contracts.shelf_contract import ShelfContract
from tests.knowledge_base.scale.three_nodes import ThreeNodes, three_nodes

SHARDS = 2
TOP = 8
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[ThreeNodes]:
    with three_nodes() as cluster:
        yield cluster


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
