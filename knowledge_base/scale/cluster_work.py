"""Bulk work on the cluster: parsing and encoding as Ray Data, writing an index as a task.

The nodes have no way into the database. What they make comes back here and is kept here, batch by batch,
under its content's hash: a batch that was done twice because a node was lost is one row, and after a crash of
this process only what was not kept is asked for again.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.data
from numpy.typing import NDArray

from knowledge_base.index import snapshot
from knowledge_base.index.bulk_work import PASSAGES_PER_BATCH, BulkWork
from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.scale.connection import Connection
from knowledge_base.scale.packing import Packed, pack, unpack
from knowledge_base.scale.sending import Sender
from marketplace.kernel.ids import ArticleId, BrandId, PassageId

WORTH_ENCODING = 2_000
"""Fewer texts are encoded here before a cluster has begun."""

WORTH_WRITING = 20_000
"""Fewer passages are written here before they have travelled."""

TEXTS_PER_RUN = 50_000
WRITE_RETRIES = 3
WRITE_SECONDS = 1_800.0
JOIN_SECONDS = 60.0
BLOCKS_PER_ENCODER = 8
SHARE_OF_CPUS = 0.75
"""The rest makes lost blocks anew; a pool that held every CPU did not end after the loss of a node."""


class OtherModel(Exception):
    """A node of the cluster has another embedding model. Run `humancloud prepare-model` of this version there."""


class ClusterWork:
    """BulkWork on a cluster; what is small, and everything while there is no cluster, is done here."""

    def __init__(
        self,
        connection: Connection,
        sender: Sender,
        load_embedder: Callable[[], Embedder],
        *,
        local: BulkWork,
        worth_encoding: int = WORTH_ENCODING,
        worth_writing: int = WORTH_WRITING,
    ) -> None:
        """`load_embedder` is called in every encoder, so it must be there too."""
        self._connection = connection
        self._sender = sender
        self._load_embedder = load_embedder
        self._local = local
        self._worth_encoding = worth_encoding
        self._worth_writing = worth_writing

    @property
    def model(self) -> str:
        return self._local.model

    @property
    def dimensions(self) -> int:
        return self._local.dimensions

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[int], Vectors]]:
        if len(texts) < self._worth_encoding or not self._connection.wait(JOIN_SECONDS):
            yield from self._local.encode(texts)
            return
        # Texts of like length share a batch: padding is paid for like words.
        by_length = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        for start in range(0, len(by_length), TEXTS_PER_RUN):
            yield from self._encode_run(texts, by_length[start : start + TEXTS_PER_RUN])

    def write_snapshot(
        self,
        folder: Path,
        *,
        brand: BrandId,
        number: int,
        ids: Sequence[PassageId],
        article_ids: Sequence[ArticleId],
        texts: Sequence[str],
        vectors: Vectors,
    ) -> None:
        """The shard has it too before its number is published, so no search is without it."""
        if len(ids) < self._worth_writing or not self._connection.wait(JOIN_SECONDS):
            self._local.write_snapshot(
                folder,
                brand=brand,
                number=number,
                ids=ids,
                article_ids=article_ids,
                texts=texts,
                vectors=vectors,
            )
        else:
            written = _write.remote(
                self.model, brand, number, list(ids), list(article_ids), list(texts), vectors
            )
            unpack(ray.get(written, timeout=WRITE_SECONDS), folder)
        self._sender.send(self._connection.replicas(brand), brand, number)

    def _encode_run(
        self, texts: Sequence[str], positions: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Vectors]]:
        left = set(positions)
        rows = [{"position": position, "text": texts[position]} for position in positions]
        for batch in _encoded(rows, self._load_embedder, self.model):
            # A block that was lost and made anew may come twice.
            fresh = [row for row, position in enumerate(batch["position"]) if position in left]
            left.difference_update(batch["position"].tolist())
            yield batch["position"][fresh].tolist(), np.asarray(batch["vector"], dtype=np.float32)[fresh]
        if left:
            raise RuntimeError(f"{len(left)} texts did not come back from the cluster.")


Batch = dict[str, NDArray[Any]]


def _encoded(rows: list[dict[str, Any]], load: Callable[[], Embedder], model: str) -> Iterator[Batch]:
    encoders = _encoders()
    # Not `repartition`, which needs every block at once.
    blocks = max(encoders, min(encoders * BLOCKS_PER_ENCODER, len(rows) // PASSAGES_PER_BATCH))
    encoded = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
        _Encoder,
        fn_constructor_args=(load, model),
        batch_size=PASSAGES_PER_BATCH,
        batch_format="numpy",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=encoders),
    )
    yield from encoded.iter_batches(batch_size=None, batch_format="numpy")


def _encoders() -> int:
    resources = ray.cluster_resources()
    return max(1, int(resources.get("CPU", 1) * SHARE_OF_CPUS))


class _Encoder:
    """One process with a model."""

    def __init__(self, load: Callable[[], Embedder], model: str) -> None:
        self._embedder = load()
        if self._embedder.name != model:
            raise OtherModel(f"{self._embedder.name} instead of {model}")

    def __call__(self, batch: Batch) -> Batch:
        vectors = self._embedder.encode(batch["text"].tolist())
        return {"position": batch["position"], "vector": vectors}


@ray.remote(max_retries=WRITE_RETRIES)
def _write(
    model: str,
    brand: BrandId,
    number: int,
    ids: list[PassageId],
    article_ids: list[ArticleId],
    texts: list[str],
    vectors: Vectors,
) -> Packed:
    """On a node: the snapshot's files."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / str(number)
        snapshot.build(
            written,
            brand=brand,
            number=number,
            model=model,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
        )
        return pack(written)
