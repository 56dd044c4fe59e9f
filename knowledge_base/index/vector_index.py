"""Nearest neighbours by inner product, every vector compared; the only door to faiss.

Half precision: half the memory of float32, recall@10 of 0.999 where eight bits have 0.98 to 0.99 without a second look
at float32, and on every processor measured as quick (docs/decisions). Below a million passages a brand, anything
cleverer than comparing all saves less than it costs to build.
"""

import faiss
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from knowledge_base.index.embedder import Vectors

# One question is too little work for two threads: they wait for each other at full speed, and a suggestion took twice
# the processor time (p95 of 10,000 passages 143 ms, 62 with one). What is many, passages, has threads of its own.
threadpool_limits(limits=1)

Found = tuple[list[int], list[float]]

VECTORS_PER_STEP = 10_000


class VectorIndex:
    """Unit vectors by position: the first one added is 0."""

    def __init__(self, dimensions: int) -> None:
        self._index: faiss.Index = faiss.IndexScalarQuantizer(
            dimensions, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        return int(self._index.d)

    @property
    def nbytes(self) -> int:
        return len(self) * int(self._index.sa_code_size())

    def add(self, vectors: Vectors) -> None:
        """Append `vectors` of shape (n, dimensions)."""
        for start in range(0, len(vectors), VECTORS_PER_STEP):
            step = np.ascontiguousarray(vectors[start : start + VECTORS_PER_STEP], dtype=np.float32)
            self._index.add(step)

    def search(self, query: Vectors, *, top: int) -> Found:
        """Positions and inner products of the `top` nearest, best first; fewer when there are fewer."""
        wanted = min(top, len(self))
        if wanted < 1:
            return [], []
        scores, positions = self._index.search(np.ascontiguousarray(query[None, :]), wanted)
        return positions[0].tolist(), scores[0].tolist()

    def similarities(self, query: Vectors, positions: list[int]) -> list[float]:
        """Inner products of `query` with the vectors at `positions`, in their order."""
        if not positions:
            return []
        products: list[float] = (self.at(np.asarray(positions, dtype=np.int64)) @ query).tolist()
        return products

    def at(self, positions: npt.NDArray[np.int64]) -> Vectors:
        """The vectors at `positions`, of shape (len(positions), dimensions)."""
        return np.asarray(self._index.reconstruct_batch(positions), dtype=np.float32)

    def to_bytes(self) -> bytes:
        return bytes(faiss.serialize_index(self._index).tobytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> "VectorIndex":
        """What `to_bytes` wrote. Check a checksum first: faiss trusts what it is given."""
        index = cls.__new__(cls)
        index._index = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        return index
