"""How sweeps go: slice by slice until nothing is due, or row by row, where none holds the locks of another and none
waits behind one that fails."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId

Key = TypeVar("Key", bound=UUID)

log = structlog.get_logger()


def sweep_each(
    database: Database,
    name: str,
    *,
    due: Callable[[Tx, datetime], Sequence[tuple[BrandId, Key]]],
    act: Callable[[Tx, BrandId, Key, datetime], object],
) -> int:
    """Act once on each that is `due`, page after page, in a transaction each; how many went well.

    One that fails is logged, and tried again by the next sweep.
    """
    seen: set[tuple[BrandId, Key]] = set()
    done = 0
    while True:
        with database.transaction() as tx:
            fresh = [one for one in due(tx, app_now(tx)) if one not in seen]
        if not fresh:
            return done
        for brand, key in fresh:
            try:
                with database.transaction() as tx:
                    act(tx, brand, key, app_now(tx))
                done += 1
            except Exception:  # the edge of one row's work
                log.exception("sweep.left_one", sweep=name, brand=str(brand), key=str(key))
        seen.update(fresh)


def until_none(database: Database, step: Callable[[Tx], int]) -> None:
    """Repeat `step`, in a transaction each, until it finds nothing to do."""
    while True:
        with database.transaction() as tx:
            if step(tx) == 0:
                return
