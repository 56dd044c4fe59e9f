"""The switch that stops all payouts at once: nothing new leaves until somebody lifts it.

It is a row, read in the transaction that lets a call leave, and by the database itself (0031_payouts.sql). What was
under way when it was thrown is looked up at Stripe, never sent again, until payouts run.
"""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from billing.payout_models import PayoutsStop
from marketplace.accounts.fields import words_within
from marketplace.accounts.models import Person
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import PayoutsStopId, PersonId, new_id

REASON_LIMIT = 300

log = structlog.get_logger()


class StopReasonNeeded(Invalid):
    """Say why payouts stop, in 1 to 300 characters: finance and workers read it."""


class NothingStopped(Conflict):
    """Payouts are not stopped; somebody let them run again already."""


def stop_payouts(tx: Tx, *, reason: str, by: PersonId | None, now: datetime) -> PayoutsStop:
    """From the next call on nothing leaves. Thrown again, the standing stop is the answer."""
    said = words_within(reason, REASON_LIMIT, StopReasonNeeded)
    tx.execute(
        insert(PayoutsStop)
        .values(id=PayoutsStopId(new_id()), reason=said, thrown_by=by, thrown_at=now)
        .on_conflict_do_nothing()
    )
    standing = standing_stop(tx)
    assert standing is not None, "one was written, or stood before"
    log.warning("payouts.stopped", reason=standing.reason, by=str(standing.thrown_by))
    return standing


def resume_payouts(tx: Tx, *, by: PersonId, now: datetime) -> PayoutsStop:
    """What waits goes on where it stood. Raises NothingStopped."""
    standing = tx.scalars(
        select(PayoutsStop).where(PayoutsStop.lifted_at.is_(None)).with_for_update()
    ).one_or_none()
    if standing is None:
        raise NothingStopped
    standing.lifted_by, standing.lifted_at = by, now
    tx.flush()
    log.info("payouts.resumed", by=str(by))
    return standing


def standing_stop(tx: Tx) -> PayoutsStop | None:
    """The stop that holds now."""
    return tx.scalars(select(PayoutsStop).where(PayoutsStop.lifted_at.is_(None))).one_or_none()


def thrower_name(tx: Tx, stop: PayoutsStop | None) -> str:
    """Who threw it; empty for a check of ours, and where nothing is stopped."""
    if stop is None or stop.thrown_by is None:
        return ""
    return tx.get_one(Person, stop.thrown_by).name
