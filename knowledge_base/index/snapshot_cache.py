"""Opened snapshots of many brands in memory, shared by all threads."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge_base.index.snapshot import Snapshot, open_of
from marketplace.kernel.ids import BrandId

OPENING_BYTES = 20_000
"""What an opened snapshot costs beyond its files' content: a thousand brands of nothing are not free."""


class SnapshotCache:
    """Limited by the memory that opened snapshots hold together; the least recently used one leaves first.

    A newer one of a brand replaces those before it, and shares their main part where it is the same.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[BrandId, int], Snapshot] = OrderedDict()
        self._opening: dict[BrandId, tuple[threading.Lock, int]] = {}
        self._forgotten = 0

    @property
    def nbytes(self) -> int:
        with self._lock:
            return self._nbytes()

    def snapshot(self, brand: BrandId, number: int, folder: Path) -> Snapshot:
        """Raises SnapshotDamaged or OSError when it must be opened and cannot be."""
        found = self._known(brand, number)
        if found is not None:
            return found
        # One thread opens a brand's, the others wait for it; other brands' searches go on.
        with self._sole_opener(brand):
            forgotten = self._forgotten
            found = self._known(brand, number)
            if found is None:
                found = open_of(brand, number, folder, beside=self._newest(brand))
                self._keep(brand, found, forgotten)
        return found

    def forget(self, brand: BrandId) -> None:
        """Let go of all there is of a brand, and keep nothing that is being opened just now."""
        with self._lock:
            self._forgotten += 1
            for key in [key for key in self._opened if key[0] == brand]:
                del self._opened[key]

    def _known(self, brand: BrandId, number: int) -> Snapshot | None:
        with self._lock:
            found = self._opened.get((brand, number))
            if found is not None:
                self._opened.move_to_end((brand, number))
            return found

    def _newest(self, brand: BrandId) -> Snapshot | None:
        with self._lock:
            held = [snapshot for (owner, _), snapshot in self._opened.items() if owner == brand]
        return max(held, key=lambda snapshot: snapshot.manifest.number, default=None)

    @contextmanager
    def _sole_opener(self, brand: BrandId) -> Iterator[None]:
        with self._lock:
            lock, waiting = self._opening.get(brand, (threading.Lock(), 0))
            self._opening[brand] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                waiting = self._opening[brand][1] - 1
                if waiting:
                    self._opening[brand] = lock, waiting
                else:
                    del self._opening[brand]

    def _keep(self, brand: BrandId, opened: Snapshot, forgotten: int) -> None:
        """Unless a brand was forgotten since: it may be this one."""
        with self._lock:
            if forgotten != self._forgotten:
                return
            number = opened.manifest.number
            for outdated in [key for key in self._opened if key[0] == brand and key[1] < number]:
                del self._opened[outdated]
            self._opened[brand, number] = opened
            while len(self._opened) > 1 and self._nbytes() > self._limit:
                self._opened.popitem(last=False)

    def _nbytes(self) -> int:
        return sum(snapshot.nbytes + OPENING_BYTES for snapshot in self._opened.values())
