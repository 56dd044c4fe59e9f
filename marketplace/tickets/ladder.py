"""The backlog ladder: what happens, by itself and once each, to a ticket that nobody claims in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import (
    BacklogNoticed,
    PriceNotRaised,
    PriceRaised,
    TicketGivenBack,
    TicketWidened,
)
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.ladder_plan import Ladder, Step, ladder_of
from marketplace.tickets.lanes import GENERAL
from marketplace.tickets.models import PoolState, PoolTicket, Ticket, TicketState
from marketplace.tickets.service_levels import calendar_of
from marketplace.tickets.service_models import (
    ClockKind,
    ClockState,
    LadderStep,
    Rung,
    SurgeDay,
    TicketClock,
)
from marketplace.tickets.surge import base_of, show_price, surged_terms
from marketplace.tickets.terms import PriceChangedMeanwhile, terms_of

TICKETS_A_STEP = 20
"""Their rows are locked while they climb, and a ticket has five rungs or so: a step is short, and under 100 rungs."""
TRY_AGAIN = timedelta(minutes=1)


class ReserveMore(Protocol):
    """Takes the difference of a raised price out of the brand's wallet, in this transaction."""

    def __call__(
        self,
        tx: Tx,
        *,
        brand: BrandId,
        ticket: TicketId,
        extra: Money,
        surge_basis_points: int,
        now: datetime,
    ) -> bool:
        """False when the wallet does not hold it; nothing is changed then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """An unclaimed ticket whose next rung may be due; all three rows are locked."""

    clock: TicketClock
    row: PoolTicket
    ticket: Ticket


def climb(tx: Tx, *, reserve_more: ReserveMore, now: datetime) -> int:
    """Take the next unclaimed tickets up the rungs that are due; how many tickets were looked at."""
    waiting = _waiting(tx, now)
    for one in waiting:
        _climb(tx, one, reserve_more, now)
    tx.flush()
    return len(waiting)


def steps_of(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Sequence[LadderStep]:
    """The rungs a ticket has climbed, in order."""
    return tx.scalars(
        select(LadderStep)
        .where(LadderStep.brand_id == brand, LadderStep.ticket_id == ticket)
        .order_by(LadderStep.climbed_at, LadderStep.rung, LadderStep.level)
    ).all()


def surge_spent_today(tx: Tx, *, brand: BrandId, now: datetime) -> int:
    """Minor units that raises have reserved since midnight in the brand's zone."""
    row = tx.get(SurgeDay, (brand, _today(tx, brand, now)), populate_existing=True)
    return row.spent_minor if row else 0


def _waiting(tx: Tx, now: datetime) -> list[_Waiting]:
    found = tx.execute(
        select(TicketClock, PoolTicket, Ticket)
        .join(PoolTicket, PoolTicket.ticket_id == TicketClock.ticket_id)
        .join(Ticket, (Ticket.brand_id == TicketClock.brand_id) & (Ticket.id == TicketClock.ticket_id))
        .where(
            TicketClock.kind == ClockKind.FIRST,
            TicketClock.state == ClockState.RUNNING,
            TicketClock.ladder_at <= now,
            PoolTicket.state == PoolState.OPEN,
        )
        .order_by(TicketClock.ladder_at)
        .limit(TICKETS_A_STEP)
        .with_for_update(of=[TicketClock, PoolTicket, Ticket], skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [_Waiting(clock=clock, row=row, ticket=ticket) for clock, row, ticket in found]


def _climb(tx: Tx, one: _Waiting, reserve_more: ReserveMore, now: datetime) -> None:
    ladder, calendar = ladder_of(tx, one.row.brand_id), calendar_of(tx, one.row.brand_id)
    used = calendar.between(one.clock.started_at, now)
    next_step = ladder.next_step(after_seconds=used, of_seconds=one.clock.seconds)
    one.clock.ladder_at = (
        calendar.after(one.clock.started_at, next_step.after_seconds(one.clock.seconds))
        if next_step
        else None
    )
    due = _due(tx, one, ladder, used)
    if _is_stopped(tx, one.row):
        due = [step for step in due if step.rung in (Rung.NOTIFY, Rung.GIVE_BACK)]
        one.clock.ladder_at = now + TRY_AGAIN
    for step in due:
        match step.rung:
            case Rung.NOTIFY:
                _climbed(tx, one, step, "the brand is told", now)
                record(tx, BacklogNoticed(brand=one.row.brand_id, ticket=one.row.ticket_id))
            case Rung.RAISE:
                _raise(tx, one, step, ladder, reserve_more, now)
            case Rung.WIDEN:
                _widen(tx, one, step, now)
            case Rung.GIVE_BACK:
                _give_back(tx, one, step, now)
            case _:
                assert_never(step.rung)


def _due(tx: Tx, one: _Waiting, ladder: Ladder, used: int) -> list[Step]:
    """The steps that are due and not climbed yet.

    Of several raises the highest one does, and a ticket that is given back needs neither a price nor more workers.
    """
    done = {
        (step.rung, step.level) for step in steps_of(tx, brand=one.row.brand_id, ticket=one.row.ticket_id)
    }
    due = [step for step in ladder.steps() if step.after_seconds(one.clock.seconds) <= used]
    due = [step for step in due if (step.rung, step.level) not in done]
    raises = [step for step in due if step.rung is Rung.RAISE and step.level > one.row.surge_basis_points]
    leaves = any(step.rung is Rung.GIVE_BACK for step in due)
    useless = {Rung.RAISE, Rung.WIDEN} if leaves else set()
    return [
        step
        for step in due
        if step.rung not in useless and (step.rung is not Rung.RAISE or step in raises[-1:])
    ]


def _is_stopped(tx: Tx, row: PoolTicket) -> bool:
    """Whether a kill switch keeps everybody from the ticket: then no price and no skill is what it waits for."""
    return bool(tx.scalar(select(func.is_stopped(row.brand_id, row.category, row.channel.value))))


def _raise(
    tx: Tx,
    one: _Waiting,
    step: Step,
    ladder: Ladder,
    reserve_more: ReserveMore,
    now: datetime,
) -> None:
    """A better price, if the day's budget and the wallet hold the difference; all of it, or nothing."""
    brand, ticket = one.row.brand_id, one.row.ticket_id
    current = terms_of(tx, brand=brand, terms=one.row.terms_id)
    try:
        raised = surged_terms(tx, base=base_of(tx, current), surge_basis_points=step.level, now=now)
    except PriceChangedMeanwhile:
        one.clock.ladder_at = now + TRY_AGAIN
        return
    extra = raised.total_minor - current.total_minor
    if extra <= 0:
        return
    day = _today(tx, brand, now)
    if not _take_from_budget(tx, brand, day, extra, budget=ladder.daily_budget_minor):
        _not_raised(tx, one, step, "budget", now)
        return
    money = Money(amount_minor=extra, currency=raised.currency)
    if not reserve_more(tx, brand=brand, ticket=ticket, extra=money, surge_basis_points=step.level, now=now):
        _return_to_budget(tx, brand, day, extra)
        _not_raised(tx, one, step, "wallet", now)
        return
    if not show_price(tx, one.row, one.ticket, terms=raised):
        raise RuntimeError(f"ticket {ticket} moved although its row was locked")
    _climbed(tx, one, step, f"{extra} {raised.currency} reserved", now)
    record(
        tx,
        PriceRaised(
            brand=brand,
            ticket=ticket,
            surge_basis_points=step.level,
            pay_minor=raised.pay_minor,
            currency=raised.currency,
        ),
    )


def _widen(tx: Tx, one: _Waiting, step: Step, now: datetime) -> None:
    if one.row.skill == GENERAL and not one.row.newcomers_first:
        _climbed(tx, one, step, "open to all already", now)
        return
    one.row.skill, one.row.newcomers_first = GENERAL, False
    _climbed(tx, one, step, "open to every worker of its language", now)
    record(tx, TicketWidened(brand=one.row.brand_id, ticket=one.row.ticket_id))


def _give_back(tx: Tx, one: _Waiting, step: Step, now: datetime) -> None:
    """Out of the pool; a subscriber returns the reservation in this transaction, another stops the clocks."""
    one.ticket.state = TicketState.HELD_BACK
    _climbed(tx, one, step, "given back to the brand", now)
    tx.delete(one.row)
    record(tx, TicketGivenBack(brand=one.ticket.brand_id, ticket=one.ticket.id))


def _not_raised(tx: Tx, one: _Waiting, step: Step, reason: str, now: datetime) -> None:
    _climbed(tx, one, step, f"not raised: {reason}", now)
    record(
        tx,
        PriceNotRaised(
            brand=one.row.brand_id,
            ticket=one.row.ticket_id,
            surge_basis_points=step.level,
            reason=reason,
        ),
    )


def _climbed(tx: Tx, one: _Waiting, step: Step, detail: str, now: datetime) -> None:
    tx.add(
        LadderStep(
            brand_id=one.row.brand_id,
            ticket_id=one.row.ticket_id,
            rung=step.rung,
            level=step.level,
            climbed_at=now,
            detail=detail,
        )
    )
    tx.flush()


def _take_from_budget(tx: Tx, brand: BrandId, day: date, extra: int, *, budget: int) -> bool:
    """Count `extra` against the day, unless the budget does not hold it: one conditional write decides."""
    tx.execute(insert(SurgeDay).values(brand_id=brand, day=day, spent_minor=0).on_conflict_do_nothing())
    within = update(SurgeDay).where(
        SurgeDay.brand_id == brand, SurgeDay.day == day, SurgeDay.spent_minor + extra <= budget
    )
    taken = within.values(spent_minor=SurgeDay.spent_minor + extra).returning(SurgeDay.day)
    return tx.execute(taken, execution_options={"synchronize_session": False}).first() is not None


def _return_to_budget(tx: Tx, brand: BrandId, day: date, extra: int) -> None:
    tx.execute(
        update(SurgeDay)
        .where(SurgeDay.brand_id == brand, SurgeDay.day == day)
        .values(spent_minor=SurgeDay.spent_minor - extra)
        .execution_options(synchronize_session=False)
    )


def _today(tx: Tx, brand: BrandId, now: datetime) -> date:
    return now.astimezone(ZoneInfo(tx.get_one(Brand, brand).time_zone)).date()
