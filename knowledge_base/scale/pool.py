"""How many processes of the cluster one run of Ray Data takes, and how many blocks it is cut into."""

from dataclasses import dataclass
from typing import Self

import ray
import ray.data

BLOCKS_PER_WORKER = 8
SHARE_OF_CPUS = 0.75
"""The rest makes lost blocks anew; a pool that held every CPU did not end after the loss of a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """For one run. `blocks` is for `override_num_blocks`, not `repartition`, which needs every block at once."""

    workers: int
    blocks: int

    @classmethod
    def for_rows(cls, rows: int, most: int) -> Self:
        workers = min(most, _room())
        return cls(workers=min(workers, rows), blocks=min(rows, workers * BLOCKS_PER_WORKER))

    @property
    def strategy(self) -> ray.data.ActorPoolStrategy:
        return ray.data.ActorPoolStrategy(min_size=1, max_size=self.workers, initial_size=self.workers)


def _room() -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1) * SHARE_OF_CPUS))
