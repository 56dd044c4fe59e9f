"""The ports of the index on one cluster, put together; this is what the application asks for."""

from collections.abc import Callable
from pathlib import Path

from knowledge_base.index.bulk_work import BulkWork
from knowledge_base.index.embedder import Embedder
from knowledge_base.index.shelf import IndexShelf
from knowledge_base.reading.reader import Reader
from knowledge_base.scale.cluster import join
from knowledge_base.scale.cluster_reader import ClusterReader
from knowledge_base.scale.cluster_work import ClusterWork
from knowledge_base.scale.connection import Connection, Replicas
from knowledge_base.scale.replicas import ShardPlan, open_replicas
from knowledge_base.scale.sending import Sender
from knowledge_base.scale.sharded_shelf import ShardedShelf


class Scale:
    """One process's part in a cluster. Nothing is joined before it is used, and nobody waits for it."""

    def __init__(self, address: str, plan: ShardPlan, *, published: Path) -> None:
        """`published` is the folder of this machine's snapshots."""

        def opened() -> Replicas:
            join(address)
            return open_replicas(plan)

        self._connection = Connection(opened)
        self._sender = Sender(published)

    def shelf(self, local: IndexShelf) -> IndexShelf:
        return ShardedShelf(self._connection, self._sender, local=local)

    def bulk(self, local: BulkWork, load_embedder: Callable[[], Embedder]) -> BulkWork:
        return ClusterWork(self._connection, self._sender, load_embedder, local=local)

    def reader(self, local: Reader) -> Reader:
        return ClusterReader(self._connection, local=local)
