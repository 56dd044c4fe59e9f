"""Statements that must always hold, as SQL that finds the rows which break them: asked while everything runs.

A query names up to OFFENDERS_TOLD rows and may take CHECK_MILLISECONDS; one that takes longer is told as not
looked at, never as fine.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.ids import new_id
from marketplace.kernel.models import InvariantBreach, InvariantCheck

OFFENDERS_TOLD = 20
CHECK_MILLISECONDS = 5_000
PAST_SHOWN = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """`sql` gives one text column: what breaks `sentence`, by ids alone. It may read `:now` and has `:limit`."""

    name: str
    sentence: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look found; `failed` says why it could not be looked at."""

    invariant: Invariant
    offenders: tuple[str, ...]
    took_ms: int
    failed: str = ""


def check_all(database: Database, invariants: Sequence[Invariant]) -> list[Found]:
    """Look at each in a transaction of its own and keep what was found; a new breach is logged as an error."""
    found = [_look(database, one) for one in invariants]
    with database.transaction(PLATFORM) as tx:
        for one in found:
            _keep(tx, one, app_now(tx))
    return found


def last_checks(tx: Tx) -> dict[str, InvariantCheck]:
    """The last look at each statement, by its name."""
    return {one.name: one for one in tx.scalars(select(InvariantCheck))}


def live_breaches(tx: Tx) -> dict[str, InvariantBreach]:
    """What does not hold now, by name."""
    return {
        one.name: one
        for one in tx.scalars(select(InvariantBreach).where(InvariantBreach.resolved_at.is_(None)))
    }


def past_breaches(tx: Tx) -> Sequence[InvariantBreach]:
    """What did not hold for a time, the newest first."""
    over = select(InvariantBreach).where(InvariantBreach.resolved_at.is_not(None))
    return tx.scalars(over.order_by(InvariantBreach.first_seen.desc()).limit(PAST_SHOWN)).all()


def _look(database: Database, invariant: Invariant) -> Found:
    began = time.monotonic()
    try:
        with database.transaction(PLATFORM) as tx:
            tx.execute(text(f"SET LOCAL statement_timeout = {CHECK_MILLISECONDS}"))
            rows = tx.execute(text(invariant.sql), {"now": app_now(tx), "limit": OFFENDERS_TOLD}).scalars()
            offenders = tuple(str(row) for row in rows)
    except SQLAlchemyError as error:
        return Found(invariant=invariant, offenders=(), took_ms=_since(began), failed=type(error).__name__)
    return Found(invariant=invariant, offenders=offenders, took_ms=_since(began))


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1_000)


def _keep(tx: Tx, found: Found, now: datetime) -> None:
    name = found.invariant.name
    looked = {"checked_at": now, "took_ms": found.took_ms, "failed": found.failed}
    kept = insert(InvariantCheck).values(name=name, **looked)
    tx.execute(kept.on_conflict_do_update(index_elements=[InvariantCheck.name], set_=looked))
    if found.failed:
        log.warning("invariant.not_looked_at", name=name, failed=found.failed)
        return
    live = (InvariantBreach.name == name) & InvariantBreach.resolved_at.is_(None)
    if not found.offenders:
        tx.execute(update(InvariantBreach).where(live).values(resolved_at=now))
        return
    seen = {"last_seen": now, "offenders": len(found.offenders), "sample": list(found.offenders)}
    if (
        tx.execute(update(InvariantBreach).where(live).values(**seen).returning(InvariantBreach.id)).first()
        is None
    ):
        tx.add(InvariantBreach(id=new_id(), name=name, first_seen=now, **seen))
        tx.flush()
        log.error("invariant.broken", name=name, offenders=len(found.offenders))
