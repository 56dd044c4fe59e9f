"""A folder of files that appears under its name complete and on disk, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUILDING_PREFIX = ".building-"


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Yields an empty folder to fill; on a clean exit it becomes `target`, else it is removed.

    A folder that stood there before is replaced. After a crash in the middle a `.building-…` folder may be
    left beside the target; nothing ever reads it, so it can be deleted at any time.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=BUILDING_PREFIX, dir=target.parent))
    try:
        # mkdtemp is for its owner alone, but set-up and service may be different users.
        building.chmod(0o755)
        yield building
        _sync(building)
        _put(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(building: Path, target: Path) -> None:
    # A folder cannot be renamed over a full one, so the old one leaves first.
    if target.exists():
        replaced = Path(tempfile.mkdtemp(prefix=BUILDING_PREFIX, dir=target.parent))
        target.rename(replaced / "replaced")
        building.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)
    else:
        building.rename(target)
    _sync_one(target.parent)
