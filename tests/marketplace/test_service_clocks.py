"""Three clocks over a ticket's whole life: started, met, paused, stopped, breached once."""

from datetime import UTC, timedelta

import pytest
from sqlalchemy import func, select, text

from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets import clocks
from marketplace.tickets.calendars import BusinessCalendar, Period
from marketplace.tickets.endings import confirm_escalation, escalate_ticket, resolve_ticket
from marketplace.tickets.models import Channel, EscalationReason, PoolTicket, ResolvedBy, Ticket
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.posting import hold_back, post_ticket
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.service_levels import (
    BadPromise,
    Promise,
    PromiseTooLong,
    promise_of,
    set_calendar,
    set_promise,
)
from marketplace.tickets.service_models import ClockKind, ClockState, TicketClock
from tests.builders import Clock, a_brand, a_new_ticket, a_worker, an_open_ticket, as_brand, as_worker

HOUR = timedelta(hours=1)
FIRST, NEXT, RESOLUTION = ClockKind.FIRST, ClockKind.NEXT, ClockKind.RESOLUTION


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        an_open_ticket(tx, noise)
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


def standing(background: Database, ticket: TicketId) -> dict[ClockKind, TicketClock]:
    with background.transaction() as tx:
        brand = tx.scalars(select(Ticket.brand_id).where(Ticket.id == ticket)).one()
        return {one.kind: one for one in clocks.clocks_of(tx, brand=brand, ticket=ticket)}


def states(background: Database, ticket: TicketId) -> dict[str, str]:
    return {kind.value: one.state.value for kind, one in standing(background, ticket).items()}


def posted(background: Database, brand: BrandId, **changes: object) -> TicketId:
    with background.transaction() as tx:
        return an_open_ticket(tx, brand, **changes)


def answer(db: Database, ticket: TicketId, worker: WorkerId) -> None:
    with db.transaction(as_worker(worker)) as tx:
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
        send_reply(tx, ticket=ticket, worker=worker, number=hold.number, body="Done.", now=app_now(tx))


def write(db: Database, brand: BrandId, ticket: TicketId, text: str = "And now?") -> None:
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text=text, external_id=None, now=app_now(tx))


def breaches(background: Database, ticket: TicketId) -> list[str]:
    with background.transaction() as tx:
        while clocks.record_breaches(tx, now=app_now(tx)):
            pass
    with background.transaction() as tx:
        said = select(Event.body).where(Event.kind == "sla_breached", Event.subject_id == ticket)
        return [body["clock"] for body in tx.scalars(said.order_by(Event.id))]


def test_a_posted_ticket_runs_to_its_first_reply_and_its_resolution(
    background: Database, brand: BrandId
) -> None:
    ticket = posted(background, brand)
    found = standing(background, ticket)
    assert states(background, ticket) == {"first": "running", "resolution": "running"}
    assert found[FIRST].due_at - found[FIRST].started_at == 24 * HOUR
    assert found[RESOLUTION].due_at - found[RESOLUTION].started_at == 72 * HOUR
    with background.transaction() as tx:
        row, pool = tx.get_one(Ticket, (brand, ticket)), tx.get_one(PoolTicket, ticket)
        assert row.due_at == pool.due_at == pool.rank_at == found[FIRST].due_at


def test_chat_is_promised_sooner(background: Database, brand: BrandId) -> None:
    found = standing(background, posted(background, brand, channel=Channel.CHAT))
    assert found[FIRST].due_at - found[FIRST].started_at == HOUR


def test_a_priority_brings_a_ticket_forward_by_its_bonus(background: Database, brand: BrandId) -> None:
    ticket = posted(background, brand, priority=2)
    with background.transaction() as tx:
        pool = tx.get_one(PoolTicket, ticket)
        assert pool.due_at - pool.rank_at == 8 * HOUR


def test_a_reply_meets_the_first_clock_and_pauses_the_resolution(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    clock.forward(10 * HOUR)
    answer(db, ticket, worker)
    found = standing(background, ticket)
    assert states(background, ticket) == {"first": "met", "resolution": "paused"}
    assert found[FIRST].met_at is not None
    assert found[RESOLUTION].left_seconds == pytest.approx(62 * 3600, abs=60)


def test_waiting_for_the_customer_costs_no_time(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    clock.forward(10 * HOUR)
    answer(db, ticket, worker)
    left = standing(background, ticket)[RESOLUTION].left_seconds
    clock.forward(500 * HOUR)
    assert breaches(background, ticket) == []
    write(db, brand, ticket)
    found = standing(background, ticket)
    assert states(background, ticket) == {"first": "met", "next": "running", "resolution": "running"}
    assert left is not None
    assert found[RESOLUTION].due_at - found[NEXT].started_at == timedelta(seconds=left)
    assert found[NEXT].due_at - found[NEXT].started_at == 24 * HOUR
    with background.transaction() as tx:
        row = tx.get_one(Ticket, (brand, ticket))
        assert row.due_at == found[NEXT].due_at


def test_a_second_message_does_not_move_the_clock_that_runs(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    before = standing(background, ticket)[FIRST].due_at
    write(db, brand, ticket, "Hello?")
    assert standing(background, ticket)[FIRST].due_at == before
    assert NEXT not in standing(background, ticket)
    answer(db, ticket, worker)
    write(db, brand, ticket)
    due = standing(background, ticket)[NEXT].due_at
    clock.forward(HOUR)
    write(db, brand, ticket, "Still there?")
    assert standing(background, ticket)[NEXT].due_at == due


def test_the_next_clock_runs_once_for_every_answer(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    for _ in range(2):
        answer(db, ticket, worker)
        clock.forward(HOUR)
        write(db, brand, ticket)
        assert standing(background, ticket)[NEXT].state is ClockState.RUNNING
    with db.transaction(as_worker(worker)) as tx:
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
        send_reply(tx, ticket=ticket, worker=worker, number=hold.number, body="There.", now=app_now(tx))
    assert states(background, ticket) == {"first": "met", "next": "met", "resolution": "paused"}


def test_a_reopened_ticket_goes_on_with_what_its_resolution_had_left(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    clock.forward(12 * HOUR)
    answer(db, ticket, worker)
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    assert states(background, ticket) == {"first": "met", "resolution": "met"}
    clock.forward(HOUR)
    write(db, brand, ticket)
    found = standing(background, ticket)
    assert states(background, ticket) == {"first": "met", "next": "running", "resolution": "running"}
    assert (found[RESOLUTION].due_at - found[NEXT].started_at).total_seconds() == pytest.approx(
        60 * 3600, abs=60
    )
    with background.transaction() as tx:
        row, pool = tx.get_one(Ticket, (brand, ticket)), tx.get_one(PoolTicket, ticket)
        assert row.due_at == pool.due_at == found[NEXT].due_at


def test_an_escalated_or_kept_ticket_has_no_clock_that_runs(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    escalated = posted(background, brand)
    with db.transaction(as_worker(worker)) as tx:
        hold = claim_ticket(tx, ticket=escalated, worker=worker)
        escalate_ticket(
            tx,
            ticket=escalated,
            worker=worker,
            number=hold.number,
            reason=EscalationReason.SENSITIVE,
            note="",
            now=app_now(tx),
        )
    with background.transaction() as tx:
        kept, _ = post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
        hold_back(tx, brand=brand, ticket=kept.id, reason="a test")
    clock.forward(100 * HOUR)
    write(db, brand, escalated)
    for ticket in (escalated, kept.id):
        assert states(background, ticket) == {"first": "stopped", "resolution": "stopped"}
        assert breaches(background, ticket) == []
    with db.transaction(as_brand(brand)) as tx:
        confirm_escalation(tx, brand=brand, ticket=escalated, by="Mo", now=app_now(tx))


def test_each_breach_is_said_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    assert breaches(background, ticket) == []
    clock.forward(25 * HOUR)
    assert breaches(background, ticket) == ["first"]
    assert breaches(background, ticket) == ["first"]
    clock.forward(50 * HOUR)
    answer(db, ticket, worker)  # before the sweep saw the resolution's
    assert breaches(background, ticket) == ["first", "resolution"]
    found = standing(background, ticket)
    assert found[FIRST].breached_at == found[FIRST].due_at
    assert found[RESOLUTION].breached_at == found[RESOLUTION].due_at
    assert found[RESOLUTION].left_seconds == 0


def test_a_breached_clock_is_met_late_and_stays_breached(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = posted(background, brand)
    clock.forward(30 * HOUR)
    answer(db, ticket, worker)
    found = standing(background, ticket)[FIRST]
    assert found.state is ClockState.MET
    assert found.breached_at is not None
    assert breaches(background, ticket) == ["first"]


def test_clocks_run_in_the_brands_opening_hours(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        now = app_now(tx)
        # One hour is open each day, and it begins in four hours.
        opens = (now + 4 * HOUR).replace(minute=0, second=0, microsecond=0)
        start = opens.hour * 60
        hours = tuple(Period(weekday=day, opens=start, closes=start + 60) for day in range(7))
        set_calendar(tx, brand=brand, calendar=BusinessCalendar(periods=hours), now=now)
        promise = Promise(first_minutes=30, next_minutes=30, resolution_minutes=90)
        set_promise(tx, brand=brand, channel=Channel.EMAIL, promise=promise, now=now)
    ticket = posted(background, brand)
    found = standing(background, ticket)
    assert found[FIRST].due_at == opens.astimezone(UTC) + timedelta(minutes=30)
    assert found[RESOLUTION].due_at == opens + timedelta(days=1, minutes=30)
    answer(db, ticket, worker)
    assert standing(background, ticket)[RESOLUTION].left_seconds == 90 * 60


def test_a_new_promise_holds_for_clocks_that_start_from_now_on(background: Database, brand: BrandId) -> None:
    before = posted(background, brand)
    with background.transaction() as tx:
        promise = Promise(first_minutes=60, next_minutes=60, resolution_minutes=120)
        set_promise(tx, brand=brand, channel=Channel.EMAIL, promise=promise, now=app_now(tx))
        assert promise_of(tx, brand, Channel.EMAIL) == promise
        assert promise_of(tx, brand, Channel.CHAT).first_minutes == 60
    after = posted(background, brand)
    assert standing(background, before)[FIRST].seconds == 24 * 3600
    assert standing(background, after)[FIRST].seconds == 3600


@pytest.mark.parametrize(
    "promise",
    [
        Promise(first_minutes=0, next_minutes=60, resolution_minutes=60),
        Promise(first_minutes=60, next_minutes=90 * 24 * 60 + 1, resolution_minutes=60),
        Promise(first_minutes=61, next_minutes=60, resolution_minutes=60),
    ],
)
def test_a_promise_nobody_can_mean_is_refused(background: Database, brand: BrandId, promise: Promise) -> None:
    with background.transaction() as tx, pytest.raises(BadPromise):
        set_promise(tx, brand=brand, channel=Channel.EMAIL, promise=promise, now=app_now(tx))


def test_hours_and_promise_together_may_not_reach_beyond_a_year(background: Database, brand: BrandId) -> None:
    mondays = BusinessCalendar(periods=(Period(weekday=0, opens=540, closes=600),))
    with background.transaction() as tx, pytest.raises(PromiseTooLong):
        set_calendar(tx, brand=brand, calendar=mondays, now=app_now(tx))
    with background.transaction() as tx:
        short = Promise(first_minutes=60, next_minutes=60, resolution_minutes=120)
        for channel in Channel:
            set_promise(tx, brand=brand, channel=channel, promise=short, now=app_now(tx))
        set_calendar(tx, brand=brand, calendar=mondays, now=app_now(tx))
    long = Promise(first_minutes=60, next_minutes=60, resolution_minutes=100 * 60)
    with background.transaction() as tx, pytest.raises(PromiseTooLong):
        set_promise(tx, brand=brand, channel=Channel.EMAIL, promise=long, now=app_now(tx))


def test_a_calendar_and_its_clocks_are_seen_by_their_brand_alone(
    db: Database, background: Database, brand: BrandId
) -> None:
    ticket = posted(background, brand)
    with db.transaction(as_brand(brand)) as tx:
        set_calendar(tx, brand=brand, calendar=BusinessCalendar(country="DE"), now=app_now(tx))
        assert len(clocks.clocks_of(tx, brand=brand, ticket=ticket)) == 2
    with background.transaction() as tx:
        stranger = a_brand(tx)
    with db.transaction(as_brand(stranger)) as tx:
        assert tx.scalar(select(func.count()).select_from(TicketClock)) == 0
        assert tx.scalar(text("SELECT count(*) FROM business_calendar")) == 0


def test_a_ticket_of_before_the_clocks_goes_on_without_them(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = posted(background, brand)
    with background.transaction() as tx:
        tx.execute(text("DELETE FROM ticket_clock WHERE ticket_id = :t"), {"t": ticket})
    answer(db, ticket, worker)
    write(db, brand, ticket)
    assert standing(background, ticket) == {}
