"""Bulk work on the cluster: encoding as Ray Data, writing an index as a task.

The nodes have no way into the database. What they make comes back here and is kept here, batch by batch,
under its content's hash: a batch that was done twice because a node was lost is one row, and after a crash of
this process only what was not kept is asked for again.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
import ray.data
import structlog
from ray.exceptions import RayError

from knowledge_base.index import snapshot
from knowledge_base.index.bulk_work import BulkWork, batches
from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.scale.connection import JOIN_SECONDS, Connection
from knowledge_base.scale.packing import Packed, pack, unpack
from knowledge_base.scale.pool import Pool
from knowledge_base.scale.sending import Sender
from marketplace.kernel.ids import ArticleId, BrandId, PassageId

log = structlog.get_logger()

WORTH_ENCODING = 2_000
"""Fewer texts are encoded here before a cluster has begun."""

WORTH_WRITING = 20_000
"""Fewer passages are written here before they have travelled."""

BATCHES_PER_RUN = 400
MAX_ENCODERS = 64
WRITE_RETRIES = 3
WRITE_SECONDS = 1_800.0


class OtherModel(Exception):
    """A node of the cluster has another embedding model. Run `humancloud prepare-model` of this version there."""


class ClusterWork:
    """BulkWork on a cluster; what is small, whatever does not come back, and all while there is none, is done here."""

    def __init__(
        self,
        connection: Connection,
        sender: Sender,
        load_embedder: Callable[[], Embedder],
        *,
        local: BulkWork,
        worth_encoding: int = WORTH_ENCODING,
        worth_writing: int = WORTH_WRITING,
        encoders: int = MAX_ENCODERS,
    ) -> None:
        """`load_embedder` is called in each of at most `encoders` processes, so the model must be on every node."""
        self._connection = connection
        self._sender = sender
        self._load_embedder = load_embedder
        self._local = local
        self._worth_encoding = worth_encoding
        self._worth_writing = worth_writing
        self._encoders = encoders

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
        waiting = batches(texts)
        for start in range(0, len(waiting), BATCHES_PER_RUN):
            yield from self._encode_run(texts, waiting[start : start + BATCHES_PER_RUN])

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
        if len(ids) >= self._worth_writing and self._connection.wait(JOIN_SECONDS):
            try:
                unpack(_written(self.model, brand, number, ids, article_ids, texts, vectors), folder)
                return
            except RayError as fault:
                log.warning("cluster.writing_stopped", reason=str(fault), consequence="this machine writes")
        self._local.write_snapshot(
            folder,
            brand=brand,
            number=number,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
        )

    def hand_on(self, folder: Path, *, brand: BrandId, number: int) -> None:
        """Its shard has it before its number is published, so no search is without it."""
        if self._connection.wait(JOIN_SECONDS):
            self._sender.send(self._connection.replicas(brand), brand, number)

    def _encode_run(
        self, texts: Sequence[str], waiting: Sequence[Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], Vectors]]:
        left = dict(enumerate(waiting))
        rows = [
            {"batch": batch, "texts": [texts[position] for position in positions]}
            for batch, positions in left.items()
        ]
        try:
            for batch, vectors in _encoded(rows, self._load_embedder, self.model, self._encoders):
                # One that was lost and made anew may come twice.
                positions = left.pop(batch, None)
                if positions is not None:
                    shape = len(positions), self.dimensions
                    yield positions, np.frombuffer(vectors, dtype="<f4").reshape(shape)
        except RayError as fault:
            log.warning("cluster.encoding_stopped", reason=str(fault), consequence="this machine encodes")
        for positions in left.values():
            for places, encoded in self._local.encode([texts[position] for position in positions]):
                yield [positions[place] for place in places], encoded


def _encoded(
    rows: list[dict[str, Any]], load: Callable[[], Embedder], model: str, most: int
) -> Iterator[tuple[int, bytes]]:
    pool = Pool.for_rows(len(rows), most)
    encoded = ray.data.from_items(rows, override_num_blocks=pool.blocks).map(
        cast(Any, _Encoder), fn_constructor_args=(load, model), num_cpus=1, compute=pool.strategy
    )
    for row in encoded.iter_rows():
        yield row["batch"], row["vectors"]


class _Encoder:
    """One process with a model."""

    def __init__(self, load: Callable[[], Embedder], model: str) -> None:
        self._embedder = load()
        if self._embedder.name != model:
            raise OtherModel(f"{self._embedder.name} instead of {model}")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        vectors = self._embedder.encode(list(row["texts"]))
        return {"batch": row["batch"], "vectors": vectors.astype("<f4").tobytes()}


def _written(
    model: str,
    brand: BrandId,
    number: int,
    ids: Sequence[PassageId],
    article_ids: Sequence[ArticleId],
    texts: Sequence[str],
    vectors: Vectors,
) -> Packed:
    """Raises RayError."""
    written = _write.remote(model, brand, number, list(ids), list(article_ids), list(texts), vectors)
    packed: Packed = ray.get(written, timeout=WRITE_SECONDS)
    return packed


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
