"""Gathering questions by meaning, one after another: each joins the nearest cluster or begins its own.

A cluster is the sum of its questions' unit vectors; its direction moves with each of them. Leader clustering with
a moving mean was taken because it is what a list that people work through needs: a question never changes its
cluster later, so a name, a draft or a dismissal stays true; memory is one vector a cluster, however many questions
there are; and the same questions in the same order give the same clusters. HDBSCAN and agglomeration need all
vectors at once and hand out new labels every time; on the same questions HDBSCAN was far behind, average linkage
a little ahead (`python -m benchmarks.gaps` shows both).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from knowledge_base.index.embedder import Vectors

JOIN_COSINE = 0.65
"""From this likeness on two questions are one gap. Chosen on banking77 by the adjusted Rand index, which punishes
splitting and mixing alike: .387 at 0.60, .431 at 0.65, .426 at 0.70."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Where a question went: `cluster` counts from 0, `likeness` is its cosine with the cluster before it came."""

    cluster: int
    likeness: float
    is_new: bool


@dataclass(slots=True)
class Clusters:
    """Sums of unit vectors, one a cluster, in the order in which they began."""

    sums: list[Vectors] = field(default_factory=list)
    _directions: Vectors | None = None
    _used: int = 0

    @classmethod
    def of(cls, sums: Sequence[Vectors]) -> "Clusters":
        clusters = cls()
        for vector in sums:
            clusters._begin(vector)
        return clusters

    def add(self, vector: Vectors, *, join_cosine: float = JOIN_COSINE) -> Joined:
        """Put a question of unit length where it belongs; of equally near clusters into the older one."""
        near = self.nearest(vector)
        if near is None or near[1] < join_cosine:
            self._begin(vector)
            return Joined(cluster=len(self.sums) - 1, likeness=1.0, is_new=True)
        at, likeness = near
        self.sums[at] = self.sums[at] + vector
        self._rows()[at] = _direction(self.sums[at])
        return Joined(cluster=at, likeness=likeness, is_new=False)

    def nearest(self, vector: Vectors) -> tuple[int, float] | None:
        """The nearest cluster and its cosine; None while there is none."""
        if not self._used:
            return None
        cosines = self._rows()[: self._used] @ vector
        at = int(cosines.argmax())
        return at, float(cosines[at])

    def _begin(self, vector: Vectors) -> None:
        if self._directions is None:
            self._directions = np.empty((16, len(vector)), dtype=np.float32)
        if self._used == len(self._directions):
            self._directions = np.concatenate([self._directions, np.empty_like(self._directions)])
        self._directions[self._used] = _direction(vector)
        self.sums.append(np.asarray(vector, dtype=np.float32))
        self._used += 1

    def _rows(self) -> Vectors:
        assert self._directions is not None
        return self._directions


def _direction(vector: Vectors) -> Vectors:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)
