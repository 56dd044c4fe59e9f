"""The replicas of all shards, as soon as there is a cluster; nobody waits for it."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog
from ray.exceptions import RayError

from knowledge_base.scale.cluster import ClusterAway, ClusterUnprotected
from knowledge_base.scale.rendezvous import shard_of
from knowledge_base.scale.replicas import Replica
from marketplace.kernel.ids import BrandId

log = structlog.get_logger()

RETRY_SECONDS = 10.0

JOIN_SECONDS = 60.0
"""How long bulk work waits for a cluster that is being opened before it is done here."""

Replicas = Sequence[Sequence[Replica]]


class Connection:
    """Opens in a thread of its own at the first question, and again some time after it failed."""

    def __init__(
        self, open_replicas: Callable[[], Replicas], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_replicas = open_replicas
        self._clock = clock
        self._lock = threading.Lock()
        self._opening: threading.Thread | None = None
        self._next_try = 0.0
        self._replicas: Replicas = ()

    def replicas(self, brand: BrandId) -> Sequence[Replica]:
        """Those of the brand's shard; none while there is no cluster."""
        if not self._replicas:
            self._open_soon()
            return ()
        return self._replicas[shard_of(brand, len(self._replicas))]

    @property
    def shards(self) -> Replicas:
        """All there are; none while there is no cluster."""
        return self._replicas

    def wait(self, seconds: float) -> bool:
        """Whether there is a cluster, once the opening under way has ended."""
        self._open_soon()
        if self._opening is not None:
            self._opening.join(seconds)
        return bool(self._replicas)

    def _open_soon(self) -> None:
        with self._lock:
            if self._replicas or self._clock() < self._next_try:
                return
            self._next_try = float("inf")
            self._opening = threading.Thread(target=self._open, name="shards", daemon=True)
            self._opening.start()

    def _open(self) -> None:
        try:
            self._replicas = self._open_replicas()
        except (ClusterAway, ClusterUnprotected, RayError) as fault:
            log.warning(
                "cluster.away", reason=str(fault) or fault.__doc__, consequence="this machine searches"
            )
        finally:
            self._next_try = self._clock() + RETRY_SECONDS
