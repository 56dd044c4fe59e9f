"""Sending a published snapshot to the replicas of its shard, from where it is."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
import structlog
from ray.exceptions import RayError

from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.scale.packing import pack
from knowledge_base.scale.replicas import Replica
from marketplace.kernel.ids import BrandId

log = structlog.get_logger()

Reference = ray.ObjectRef[Any]

SEND_SECONDS = 60.0
WAITING_BRANDS = 1_000
"""More that lack a snapshot at once are sent it when they are asked for again."""


class Sender:
    """Nothing depends on it: what could not be sent is searched where it is, and sent when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where this machine publishes; it may be empty when others do."""
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._lock = threading.Lock()
        self._waiting: set[tuple[BrandId, int]] = set()

    def send_soon(self, replicas: Sequence[Replica], brand: BrandId, number: int) -> None:
        with self._lock:
            if (brand, number) in self._waiting or len(self._waiting) >= WAITING_BRANDS:
                return
            self._waiting.add((brand, number))
        self._thread.submit(self._send_waiting, replicas, brand, number)

    def send(self, replicas: Sequence[Replica], brand: BrandId, number: int) -> int:
        """How many of the replicas have it now."""
        try:
            packed = self._packed(replicas, brand, number)
            taken: list[Reference] = (
                [replica.take.remote(brand, number, packed) for replica in replicas] if packed else []
            )
            return sum(bool(_value(answer)) for answer in taken)
        except RayError as fault:
            log.warning("shards.not_sent", brand=str(brand), number=number, fault=type(fault).__name__)
            return 0

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be sent."""
        with self._lock:
            return not self._waiting

    def _send_waiting(self, replicas: Sequence[Replica], brand: BrandId, number: int) -> None:
        try:
            sent = self.send(replicas, brand, number)
            log.info("shards.sent", brand=str(brand), number=number, replicas=sent)
        except Exception:  # the edge of the sending thread: it is sent when it is asked for again
            log.exception("shards.sending_broke", brand=str(brand), number=number)
        finally:
            with self._lock:
                self._waiting.discard((brand, number))

    def _packed(self, replicas: Sequence[Replica], brand: BrandId, number: int) -> Reference | None:
        """In the object store once for all replicas: from this machine, else from a replica that has it."""
        try:
            return ray.put(pack(snapshots_folder(self._folder, brand) / str(number)))
        except OSError:
            return self._from_replica(replicas, brand, number)

    def _from_replica(self, replicas: Sequence[Replica], brand: BrandId, number: int) -> Reference | None:
        for replica in replicas:
            given: Reference = replica.give.remote(brand, number)
            if _value(given):
                return given
        return None


def _value(given: Reference) -> object:
    """What a replica answered, None when it did not."""
    try:
        return ray.get(given, timeout=SEND_SECONDS)
    except RayError:
        return None
