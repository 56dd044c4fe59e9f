"""Opened snapshots of many brands in memory, shared by all threads."""

import threading
from collections import OrderedDict
from pathlib import Path

from knowledge_base.index.snapshot import Snapshot, open_of
from marketplace.kernel.ids import BrandId


class SnapshotCache:
    """Limited by the passages held together; the least recently used snapshot leaves first."""

    def __init__(self, passages: int) -> None:
        self._limit = passages
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[BrandId, int], Snapshot] = OrderedDict()

    def snapshot(self, brand: BrandId, number: int, folder: Path) -> Snapshot:
        """Raises SnapshotDamaged or OSError when it must be opened and cannot be."""
        with self._lock:
            known = self._opened.get((brand, number))
            if known is not None:
                self._opened.move_to_end((brand, number))
                return known
        # Opened outside the lock, so that other brands' searches go on; two threads may do it once each.
        opened = open_of(brand, number, folder)
        with self._lock:
            self._keep(brand, number, opened)
        return opened

    def _keep(self, brand: BrandId, number: int, opened: Snapshot) -> None:
        for outdated in [key for key in self._opened if key[0] == brand and key[1] < number]:
            del self._opened[outdated]
        self._opened[brand, number] = opened
        self._opened.move_to_end((brand, number))
        while len(self._opened) > 1 and sum(map(len, self._opened.values())) > self._limit:
            self._opened.popitem(last=False)
