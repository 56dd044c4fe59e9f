"""What runs on a node: snapshots of a shard's brands, searched as on any machine. Knows neither ray nor database."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from knowledge_base.index.shelf import CACHED_BYTES, EncodedQuery, Findings, LocalShelf, snapshots_folder
from knowledge_base.index.snapshot import SnapshotDamaged, open_of
from knowledge_base.scale.packing import Packed, pack, unpack
from marketplace.kernel.ids import BrandId

SNAPSHOTS_KEPT = 2
MANIFEST_FILE = "manifest.json"


class Shard:
    """One replica of one shard.

    It begins empty, wherever it begins: what an earlier one left in `folder` may be of a brand that was
    erased since. What it lacks is sent by those who ask (`take`).
    """

    def __init__(self, folder: Path, *, cached_bytes: int = CACHED_BYTES) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._shelf = LocalShelf(folder, cached_bytes=cached_bytes)

    def ping(self) -> None:
        """Answers when it serves."""

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, weight: float, top: int
    ) -> Findings:
        return self._shelf.find(brand, numbers, query, weight=weight, top=top)

    def take(self, brand: BrandId, number: int, packed: Packed) -> bool:
        """Keep a snapshot, unless it is here already; false when what came is damaged."""
        folder = snapshots_folder(self._folder, brand) / str(number)
        if _manifest(folder) == packed.get(MANIFEST_FILE) and _is_whole(brand, number, folder):
            return True
        unpack(packed, folder)
        self._shelf.forget(brand)
        if not _is_whole(brand, number, folder):
            shutil.rmtree(folder, ignore_errors=True)
            return False
        _drop_older(snapshots_folder(self._folder, brand))
        return True

    def give(self, brand: BrandId, number: int) -> Packed | None:
        """A snapshot for the other replica, None when it is not here."""
        try:
            return pack(snapshots_folder(self._folder, brand) / str(number))
        except OSError:
            return None

    def forget(self, brand: BrandId) -> None:
        """Drop all there is of a brand, in memory and on disk."""
        shutil.rmtree(snapshots_folder(self._folder, brand), ignore_errors=True)
        self._shelf.forget(brand)


def _manifest(folder: Path) -> bytes | None:
    try:
        return (folder / MANIFEST_FILE).read_bytes()
    except OSError:
        return None


def _is_whole(brand: BrandId, number: int, folder: Path) -> bool:
    try:
        open_of(brand, number, folder)
    except (SnapshotDamaged, OSError):
        return False
    return True


def _drop_older(folder: Path) -> None:
    numbers = sorted((int(path.name) for path in folder.iterdir() if path.name.isdecimal()), reverse=True)
    for number in numbers[SNAPSHOTS_KEPT:]:
        shutil.rmtree(folder / str(number), ignore_errors=True)
