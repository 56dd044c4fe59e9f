"""Holding many earnings at once: fixed when asked for, begun seconds later, so that it can be undone until then.

Each earning is a transaction of its own: none waits for another, one that was paid meanwhile is told of and keeps
nobody back, and a killed process goes on where it stopped.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from billing.earning_queue import EarningFilter, earnings_of
from billing.holds import REASON_LIMIT, HoldReasonNeeded, hold_earning
from billing.judgement_models import HoldCause
from billing.models import Earning, EarningState
from billing.queue_models import BulkHold
from marketplace.accounts.fields import words_within
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import AppError, Conflict, NotFound
from marketplace.kernel.ids import BulkHoldId, EarningId, PersonId, new_id

AT_ONCE = 1_000
UNDO_FOR = timedelta(seconds=10)
MAY_BE_HELD = (EarningState.IN_WINDOW, EarningState.PAYABLE, EarningState.BATCHED)

log = structlog.get_logger()


class NothingToHold(Conflict):
    """Choose at least one earning that is not sent and not held."""


class TooManyToHold(Conflict):
    """More than 1,000 earnings match. Narrow the filter, and hold them in parts."""


class NoSuchBulkHold(NotFound):
    """There is no such hold."""


class TooLateToUndo(Conflict):
    """It has begun: release what should not be held on its own page."""


def ask_to_hold(
    tx: Tx,
    *,
    chosen: Sequence[EarningId] | EarningFilter,
    reason: str,
    person: PersonId,
    now: datetime,
) -> BulkHold:
    """Have these earnings, or all that match, held once UNDO_FOR is over; those that cannot be held are left out.

    Raises NothingToHold, TooManyToHold, HoldReasonNeeded.
    """
    said = words_within(reason, REASON_LIMIT, HoldReasonNeeded)
    if isinstance(chosen, EarningFilter):
        found = earnings_of(tx, chosen, among=MAY_BE_HELD, limit=AT_ONCE + 1)
    else:
        named = select(Earning.id).where(Earning.id.in_(chosen), Earning.state.in_(MAY_BE_HELD))
        found = list(tx.scalars(named.order_by(Earning.accrued_at, Earning.id).limit(AT_ONCE + 1)))
    if not found:
        raise NothingToHold
    if len(found) > AT_ONCE:
        raise TooManyToHold
    bulk = BulkHold(
        id=BulkHoldId(new_id()),
        earnings=list(found),
        reason=said,
        asked_by=person,
        asked_at=now,
        begins_at=now + UNDO_FOR,
        held=0,
        refusals=[],
    )
    tx.add(bulk)
    tx.flush()
    return bulk


def undo_hold(tx: Tx, *, bulk: BulkHoldId, now: datetime) -> None:
    """Call it off before it begins. Raises NoSuchBulkHold, TooLateToUndo."""
    in_time = (BulkHold.id == bulk, BulkHold.begins_at > now, BulkHold.undone_at.is_(None))
    if tx.execute(update(BulkHold).where(*in_time).values(undone_at=now).returning(BulkHold.id)).first():
        return
    if find_bulk_hold(tx, bulk).undone_at is None:
        raise TooLateToUndo


def find_bulk_hold(tx: Tx, bulk: BulkHoldId) -> BulkHold:
    """Raises NoSuchBulkHold."""
    row = tx.get(BulkHold, bulk)
    if row is None:
        raise NoSuchBulkHold
    return row


def work_off_holds(database: Database) -> None:
    """Hold what is due, earning by earning, until nothing is."""
    while True:
        with database.transaction() as tx:
            if not hold_next(tx, now=app_now(tx)):
                return


def hold_next(tx: Tx, *, now: datetime) -> bool:
    """Deal with one more earning of the oldest hold that has begun; False when there is none."""
    row = tx.scalars(
        select(BulkHold)
        .where(BulkHold.begins_at <= now, BulkHold.finished_at.is_(None), BulkHold.undone_at.is_(None))
        .order_by(BulkHold.begins_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return False
    earning = EarningId(row.earnings[row.held + len(row.refusals)])
    why = _held_or_why(tx, row, earning, now)
    if why is None:
        row.held += 1
    else:
        row.refusals = [*row.refusals, {"earning": str(earning), "why": why}]
    if row.held + len(row.refusals) == len(row.earnings):
        row.finished_at = now
        log.info("bulk_hold.finished", bulk=str(row.id), held=row.held, refused=len(row.refusals))
    return True


def _held_or_why(tx: Tx, row: BulkHold, earning: EarningId, now: datetime) -> str | None:
    brand = tx.scalars(select(Earning.brand_id).where(Earning.id == earning)).one()
    try:
        with tx.begin_nested():
            hold_earning(
                tx,
                brand=brand,
                earning=earning,
                cause=HoldCause.QA,
                reason=row.reason,
                person=row.asked_by,
                now=now,
            )
    except AppError as refusal:
        return refusal.detail
    return None
