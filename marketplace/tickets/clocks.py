"""A ticket's three clocks: started, met, paused while the customer has the word, stopped, breached.

They run in business time. Their earliest due time is the ticket's own, and orders the pool.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_, update

from marketplace.events.commands import record
from marketplace.events.facts import (
    CustomerWrote,
    ReplyQueued,
    SlaBreached,
    TicketEscalated,
    TicketGivenBack,
    TicketHeldBack,
    TicketOpened,
    TicketResolved,
    TicketTakenBack,
    TicketWithdrawn,
)
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.calendars import BusinessCalendar
from marketplace.tickets.ladder_plan import ladder_of
from marketplace.tickets.models import Channel, PoolTicket, Ticket
from marketplace.tickets.ranks import rank_of
from marketplace.tickets.service_levels import Promise, calendar_of, promise_of
from marketplace.tickets.service_models import ClockKind, ClockState, TicketClock

SWEEP_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a ticket posted now is promised."""

    due: Mapping[ClockKind, datetime]
    promise: Promise

    @property
    def due_at(self) -> datetime:
        return min(self.due.values())


def promised(tx: Tx, *, brand: BrandId, channel: Channel, now: datetime) -> Start:
    """When a ticket of `channel` that is posted now is due, by the brand's promise and calendar."""
    calendar, promise = calendar_of(tx, brand), promise_of(tx, brand, channel)
    due = {
        kind: calendar.after(now, promise.seconds(kind)) for kind in (ClockKind.FIRST, ClockKind.RESOLUTION)
    }
    return Start(due=due, promise=promise)


def start_clocks(tx: Tx, ticket: Ticket, start: Start, *, now: datetime) -> None:
    """Two clocks start with a posted ticket: to its first reply, and to its resolution."""
    tx.add_all(
        TicketClock(
            brand_id=ticket.brand_id,
            ticket_id=ticket.id,
            kind=kind,
            state=ClockState.RUNNING,
            seconds=start.promise.seconds(kind),
            started_at=now,
            due_at=due_at,
        )
        for kind, due_at in start.due.items()
    )


def opened(tx: Tx, fact: TicketOpened) -> None:
    """From now on somebody may claim the ticket: the ladder looks at it when its first rung is due."""
    clock = tx.get(TicketClock, (fact.owner, fact.ticket, ClockKind.FIRST))
    if clock is None:
        return
    step = ladder_of(tx, fact.owner).next_step(after_seconds=-1, of_seconds=clock.seconds)
    if step is not None:
        calendar = calendar_of(tx, fact.owner)
        clock.ladder_at = calendar.after(clock.started_at, step.after_seconds(clock.seconds))


def answer_given(tx: Tx, fact: ReplyQueued) -> None:
    """A reply meets the clock that waited for it; the resolution's pauses while the customer has the word."""
    now, calendar = app_now(tx), calendar_of(tx, fact.owner)
    for clock in _clocks(tx, fact.owner, fact.ticket):
        if clock.state is ClockState.RUNNING:
            pauses = clock.kind is ClockKind.RESOLUTION
            _rest(tx, clock, calendar, ClockState.PAUSED if pauses else ClockState.MET, now)
    tx.flush()


def customer_wrote(tx: Tx, fact: CustomerWrote) -> None:
    """The brand's side has the word again: the next reply's clock starts, the resolution's goes on.

    A message while a reply is awaited already changes nothing: the older one's clock runs.
    """
    row = tx.get_one(Ticket, (fact.owner, fact.ticket))
    if go_on(tx, row, now=app_now(tx)):
        show_due(tx, row)


def go_on(tx: Tx, ticket: Ticket, *, now: datetime) -> bool:
    """Start the next reply's clock and let the resolution's run; whether anything changed."""
    clocks = {clock.kind: clock for clock in _clocks(tx, ticket.brand_id, ticket.id)}
    resolution = clocks.get(ClockKind.RESOLUTION)
    if resolution is None or resolution.state not in (ClockState.PAUSED, ClockState.MET):
        return False
    calendar = calendar_of(tx, ticket.brand_id)
    resolution.due_at = calendar.after(now, resolution.left_seconds or 0)
    resolution.state, resolution.left_seconds, resolution.met_at = ClockState.RUNNING, None, None
    seconds = promise_of(tx, ticket.brand_id, ticket.channel).seconds(ClockKind.NEXT)
    _start_next(tx, ticket, clocks.get(ClockKind.NEXT), seconds, calendar.after(now, seconds), now)
    tx.flush()
    return True


def resolved(tx: Tx, fact: TicketResolved) -> None:
    """The resolution's clock is met; what it had left is kept, should the ticket be reopened."""
    now, calendar = app_now(tx), calendar_of(tx, fact.owner)
    for clock in _clocks(tx, fact.owner, fact.ticket):
        if clock.kind is ClockKind.RESOLUTION and clock.state in (ClockState.RUNNING, ClockState.PAUSED):
            if clock.state is ClockState.PAUSED:
                clock.state, clock.met_at = ClockState.MET, now
            else:
                _rest(tx, clock, calendar, ClockState.MET, now)
        elif clock.state is ClockState.RUNNING:
            _rest(tx, clock, calendar, ClockState.STOPPED, now)
    tx.flush()


def left(
    tx: Tx, fact: TicketEscalated | TicketHeldBack | TicketGivenBack | TicketTakenBack | TicketWithdrawn
) -> None:
    """The ticket is its brand's to answer now: none of its clocks runs or pauses any more."""
    now, calendar = app_now(tx), calendar_of(tx, fact.owner)
    for clock in _clocks(tx, fact.owner, fact.ticket):
        if clock.state is ClockState.RUNNING:
            _rest(tx, clock, calendar, ClockState.STOPPED, now)
        elif clock.state is ClockState.PAUSED:
            clock.state = ClockState.STOPPED
    tx.flush()


def due_of(tx: Tx, ticket: Ticket) -> datetime:
    """The earliest due time of a running clock; the ticket's last one while none runs."""
    earliest = select(func.min(TicketClock.due_at)).where(
        TicketClock.brand_id == ticket.brand_id,
        TicketClock.ticket_id == ticket.id,
        TicketClock.state == ClockState.RUNNING,
    )
    return tx.scalar(earliest) or ticket.due_at


def show_due(tx: Tx, ticket: Ticket) -> None:
    """The ticket is due with its most urgent clock. Its place in the pool may come nearer, and is never lost."""
    ticket.due_at = due_of(tx, ticket)
    tx.flush()
    rank_at = rank_of(due_at=ticket.due_at, priority=ticket.priority)
    tx.execute(
        update(PoolTicket)
        .where(PoolTicket.ticket_id == ticket.id)
        .values(due_at=ticket.due_at, rank_at=func.least(PoolTicket.rank_at, rank_at))
        .execution_options(synchronize_session="fetch")
    )


def record_breaches(tx: Tx, *, now: datetime) -> int:
    """Say of up to 100 clocks that their time has run out, once each; how many."""
    due = (
        select(TicketClock.brand_id, TicketClock.ticket_id, TicketClock.kind)
        .where(
            TicketClock.state == ClockState.RUNNING,
            TicketClock.breached_at.is_(None),
            TicketClock.due_at <= now,
        )
        .order_by(TicketClock.due_at)
        .limit(SWEEP_LIMIT)
        .with_for_update(skip_locked=True)
    )
    key = (TicketClock.brand_id, TicketClock.ticket_id, TicketClock.kind)
    found = [(row.brand_id, row.ticket_id, row.kind) for row in tx.execute(due)]
    if found:
        tx.execute(update(TicketClock).where(tuple_(*key).in_(found)).values(breached_at=TicketClock.due_at))
    for brand, ticket, kind in found:
        record(tx, SlaBreached(brand=brand, ticket=ticket, clock=kind.value))
    return len(found)


def clocks_of(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Sequence[TicketClock]:
    """The ticket's clocks as they stand: first reply, next reply, resolution."""
    order = list(ClockKind)
    found = tx.scalars(
        select(TicketClock).where(TicketClock.brand_id == brand, TicketClock.ticket_id == ticket)
    )
    return sorted(found, key=lambda clock: order.index(clock.kind))


def _clocks(tx: Tx, brand: BrandId, ticket: TicketId) -> Sequence[TicketClock]:
    """The ticket's clocks, locked: whoever moves them holds the ticket's own row, this is the second wall."""
    return tx.scalars(
        select(TicketClock)
        .where(TicketClock.brand_id == brand, TicketClock.ticket_id == ticket)
        .order_by(TicketClock.kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _start_next(
    tx: Tx, ticket: Ticket, clock: TicketClock | None, seconds: int, due_at: datetime, now: datetime
) -> None:
    if clock is None:
        clock = TicketClock(brand_id=ticket.brand_id, ticket_id=ticket.id, kind=ClockKind.NEXT)
        tx.add(clock)
    clock.state, clock.seconds, clock.started_at, clock.due_at = ClockState.RUNNING, seconds, now, due_at
    clock.left_seconds, clock.met_at, clock.breached_at = None, None, None


def _rest(tx: Tx, clock: TicketClock, calendar: BusinessCalendar, state: ClockState, now: datetime) -> None:
    """Stop a running clock with what it has left; one that ran out before is breached, seen or not."""
    clock.left_seconds = calendar.between(now, clock.due_at)
    clock.state, clock.met_at = state, now if state is ClockState.MET else None
    if clock.due_at < now and clock.breached_at is None:
        clock.breached_at = clock.due_at
        record(tx, SlaBreached(brand=clock.brand_id, ticket=clock.ticket_id, clock=clock.kind.value))
