"""Keeping an earning where it is while somebody looks at it: the platform's hold, the brand's dispute.

The money moves to `worker_held` and goes back to where it was. Whoever moves an earning locks its ticket first, then
the batch it is in, then the earning, then accounts: the order of reopening and of sending.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, text

from billing.accounts import held, payable, pending
from billing.judgement_models import (
    EarningHold,
    EarningRejection,
    HeldFrom,
    HoldCause,
    HoldEnd,
    RejectionFreeze,
    RejectionState,
)
from billing.ledger import Account, credit, debit, post
from billing.models import Earning, EarningKind, EarningState
from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import BatchSentBack, EarningHeld, EarningReleased
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BatchId, BrandId, EarningHoldId, EarningId, PersonId, ResolutionId, new_id
from marketplace.kernel.sweeps import sweep_each
from marketplace.tickets.posting import ticket_of

REASON_LIMIT = 1_000
DISPUTES_LAPSE_AFTER = timedelta(days=7)
SWEEP_LIMIT = 100
KEPT = (EarningState.HELD, EarningState.DISPUTED)


class HoldReasonNeeded(Invalid):
    """Say what is wrong, in 1 to 1,000 characters: the worker reads it."""


class NoSuchEarning(NotFound):
    """There is no such earning."""


class NotDisputable(Conflict):
    """Only pay for a resolved ticket can be disputed. What you confirmed, took back or gave yourself stands."""


class HeldAlready(Conflict):
    """This pay is held already."""


class NotHeld(Conflict):
    """This pay is not held any more."""


class NotYourHold(Conflict):
    """The platform holds this pay; one of its people releases it."""


class PayMoves(Conflict):
    """This pay is on its way just now. Try again in a few minutes."""


class PayIsOver(Conflict):
    """This pay is sent or taken back already, so there is nothing to hold."""


def hold_earning(
    tx: Tx,
    *,
    brand: BrandId,
    earning: EarningId,
    cause: HoldCause,
    reason: str,
    person: PersonId | None,
    now: datetime,
) -> EarningHold:
    """Keep a pay that is not sent. One in a batch that was not released leaves it, and the batch is signed anew.

    Raises HeldAlready, PayMoves, PayIsOver, NotDisputable, HoldReasonNeeded.
    """
    said = words_within(reason, REASON_LIMIT, HoldReasonNeeded)
    row = lock_earning(tx, brand=brand, earning=earning)
    if cause is HoldCause.DISPUTE and row.kind is not EarningKind.RESOLUTION:
        raise NotDisputable
    return keep(tx, row, cause=cause, reason=said, person=person, now=now)


def keep(
    tx: Tx, row: Earning, *, cause: HoldCause, reason: str, person: PersonId | None, now: datetime
) -> EarningHold:
    """Like `hold_earning`, for an earning that `lock_earning` gave."""
    match row.state:
        case EarningState.IN_WINDOW:
            held_from = HeldFrom.IN_WINDOW
        case EarningState.PAYABLE:
            held_from = HeldFrom.PAYABLE
        case EarningState.HELD | EarningState.DISPUTED:
            raise HeldAlready
        case EarningState.BATCHED | EarningState.SENDING:
            raise PayMoves
        case _:
            raise PayIsOver
    hold = EarningHold(
        brand_id=row.brand_id,
        id=EarningHoldId(new_id()),
        earning_id=row.id,
        worker_id=row.worker_id,
        cause=cause,
        held_from=held_from,
        reason=reason,
        opened_at=now,
        opened_by=person,
        lapses_at=now + DISPUTES_LAPSE_AFTER if cause is HoldCause.DISPUTE else None,
    )
    tx.add(hold)
    tx.flush()
    row.state = EarningState.DISPUTED if cause is HoldCause.DISPUTE else EarningState.HELD
    _move(tx, row, hold, key=f"hold:{hold.id}", kind="hold", now=now)
    record(
        tx,
        EarningHeld(
            brand=row.brand_id,
            worker=row.worker_id,
            hold=hold.id,
            earning=row.id,
            ticket=row.ticket_id,
            cause=cause.value,
        ),
    )
    return hold


def release_hold(
    tx: Tx, *, brand: BrandId, earning: EarningId, person: PersonId | None, is_brand: bool, now: datetime
) -> EarningHold:
    """Put a held pay back. A brand ends its own disputes alone. Raises NotHeld, NotYourHold."""
    row = lock_earning(tx, brand=brand, earning=earning)
    hold = open_hold(tx, row)
    if is_brand and hold.cause is not HoldCause.DISPUTE:
        raise NotYourHold
    put_back(tx, row, hold, ended_as=HoldEnd.RELEASED, person=person, now=now)
    return hold


def put_back(
    tx: Tx, row: Earning, hold: EarningHold, *, ended_as: HoldEnd, person: PersonId | None, now: datetime
) -> None:
    """Move a held pay to where it was; `row` is locked."""
    close(hold, ended_as=ended_as, person=person, now=now)
    row.state = EarningState(hold.held_from.value)
    _move(tx, row, hold, key=f"unhold:{hold.id}", kind="unhold", now=now)
    record(
        tx,
        EarningReleased(
            brand=row.brand_id, worker=row.worker_id, hold=hold.id, earning=row.id, ticket=row.ticket_id
        ),
    )


def close(hold: EarningHold, *, ended_as: HoldEnd, person: PersonId | None, now: datetime) -> None:
    hold.closed_at, hold.closed_by, hold.ended_as = now, person, ended_as


def lock_earning(tx: Tx, *, brand: BrandId, earning: EarningId) -> Earning:
    """The earning, locked, out of any batch that was not released. Raises NoSuchEarning."""
    ticket = tx.scalar(select(Earning.ticket_id).where(Earning.brand_id == brand, Earning.id == earning))
    if ticket is None:
        raise NoSuchEarning
    ticket_of(tx, brand=brand, ticket=ticket)
    pulled = tx.execute(_PULL, {"brand": brand, "earning": earning}).scalar_one()
    row = tx.get_one(Earning, (brand, earning), with_for_update=True, populate_existing=True)
    if pulled is not None:
        record(tx, BatchSentBack(batch=BatchId(pulled), earning=earning))
    return row


def open_hold(tx: Tx, row: Earning) -> EarningHold:
    """The hold that keeps a locked earning. Raises NotHeld."""
    hold = tx.scalars(
        select(EarningHold).where(
            EarningHold.brand_id == row.brand_id,
            EarningHold.earning_id == row.id,
            EarningHold.closed_at.is_(None),
        )
    ).one_or_none()
    if hold is None or row.state not in KEPT:
        raise NotHeld
    return hold


def end_holds_of_window(
    tx: Tx, *, brand: BrandId, resolution: ResolutionId, now: datetime
) -> frozenset[EarningId]:
    """Close what keeps a reopened resolution's pay since its window; the earnings that are still in `worker_held`."""
    kept = tx.execute(
        select(EarningHold)
        .join(Earning, and_(Earning.brand_id == EarningHold.brand_id, Earning.id == EarningHold.earning_id))
        .where(
            Earning.brand_id == brand,
            Earning.resolution_id == resolution,
            EarningHold.held_from == HeldFrom.IN_WINDOW,
            EarningHold.closed_at.is_(None),
        )
    )
    holds = list(kept.scalars())
    for hold in holds:
        close(hold, ended_as=HoldEnd.REOPENED, person=None, now=now)
    tx.flush()
    return frozenset(hold.earning_id for hold in holds)


def end_disputes(database: Database) -> int:
    """Let go what nobody decided in time, and what a brand disputed that may not reject now; how many."""
    return sweep_each(database, "end_disputes", due=_over, act=_let_go)


def _over(tx: Tx, now: datetime) -> Sequence[tuple[BrandId, EarningId]]:
    """Disputes that no rejection goes on from."""
    frozen = select(RejectionFreeze.brand_id).where(RejectionFreeze.lifted_at.is_(None))
    waiting = select(EarningRejection.earning_id).where(EarningRejection.state == RejectionState.WAITING)
    rows = tx.execute(
        select(EarningHold.brand_id, EarningHold.earning_id)
        .where(
            EarningHold.closed_at.is_(None),
            EarningHold.cause == HoldCause.DISPUTE,
            or_(EarningHold.lapses_at <= now, EarningHold.brand_id.in_(frozen)),
            EarningHold.earning_id.not_in(waiting),
        )
        .order_by(EarningHold.lapses_at)
        .limit(SWEEP_LIMIT)
    )
    return [(brand, earning) for brand, earning in rows]


def _let_go(tx: Tx, brand: BrandId, earning: EarningId, now: datetime) -> None:
    row = lock_earning(tx, brand=brand, earning=earning)
    if row.state is not EarningState.DISPUTED:
        return  # somebody decided between our look and our lock
    hold = open_hold(tx, row)
    lapsed = hold.lapses_at is not None and hold.lapses_at <= now
    put_back(tx, row, hold, ended_as=HoldEnd.LAPSED if lapsed else HoldEnd.FROZEN, person=None, now=now)


def _move(tx: Tx, row: Earning, hold: EarningHold, *, key: str, kind: str, now: datetime) -> None:
    """Between where it stood and `worker_held`: in for a hold, out for its end."""
    kept = held(row.brand_id, row.worker_id)
    origin = stood_at(row, hold.held_from)
    source, target = (origin, kept) if kind == "hold" else (kept, origin)
    post(
        tx,
        kind=kind,
        key=key,
        currency=row.currency,
        legs=[debit(source, row.amount_minor), credit(target, row.amount_minor)],
        now=now,
        ticket=row.ticket_id,
    )


def stood_at(row: Earning, held_from: HeldFrom) -> Account:
    account = pending if held_from is HeldFrom.IN_WINDOW else payable
    return account(row.brand_id, row.worker_id)


_PULL = text("SELECT pull_from_batch(:brand, :earning)")
