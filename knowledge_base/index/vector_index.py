"""Exact nearest neighbours by inner product; the only door to faiss.

Flat float32 on purpose: below 100,000 passages a brand the search costs less than encoding the query.
"""

import faiss
import numpy as np

from knowledge_base.index.embedder import Vectors

Found = tuple[list[int], list[float]]


class VectorIndex:
    """Unit vectors by position: the first one added is 0."""

    def __init__(self, dimensions: int) -> None:
        self._index: faiss.Index = faiss.IndexFlatIP(dimensions)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        return int(self._index.d)

    def add(self, vectors: Vectors) -> None:
        """Append `vectors` of shape (n, dimensions)."""
        if len(vectors):
            self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

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
        vectors = self._index.reconstruct_batch(np.asarray(positions, dtype=np.int64))
        products: list[float] = (vectors @ query).tolist()
        return products

    def to_bytes(self) -> bytes:
        return bytes(faiss.serialize_index(self._index).tobytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> "VectorIndex":
        """What `to_bytes` wrote. Check a checksum first: faiss trusts what it is given."""
        index = cls.__new__(cls)
        index._index = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        return index
