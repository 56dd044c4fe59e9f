"""A spend cap holds however many tickets arrive at once, and what is freed is given back where it was taken."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from billing import earnings, spend
from billing.accounts import reserved, wallet
from billing.ledger import balance
from billing.spend_models import BrandSpend, SpendCommitment
from marketplace.accounts.models import Brand
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.endings import confirm_escalation, escalate_ticket, reject_escalation
from marketplace.tickets.holding_queries import holdings_of_ticket
from marketplace.tickets.models import EscalationReason, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.posting import admit, post_ticket
from marketplace.tickets.sharing import set_share_rule
from tests.billing.paying import assert_proven
from tests.builders import (
    Clock,
    a_brand,
    a_new_ticket,
    a_resolved_ticket,
    a_worker,
    an_open_ticket,
    as_brand,
    usd,
)
from workers_ui.bootstrap import same_transaction_bus

PRICE = 250


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        spend.set_caps(tx, brand=noise, per_day_minor=0, per_month_minor=0, now=app_now(tx))
        return a_brand(tx)


@pytest.fixture
def many(database_url: str) -> Iterator[Database]:
    database = Database(
        database_url, role=Role.BACKGROUND, connections=16, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


def cap(db: Database, brand: BrandId, *, day: int | None = None, month: int | None = None) -> None:
    with db.transaction(as_brand(brand)) as tx:
        spend.set_caps(tx, brand=brand, per_day_minor=day, per_month_minor=month, now=app_now(tx))


def used(db: Database, brand: BrandId) -> tuple[int, int]:
    with db.transaction(as_brand(brand)) as tx:
        told = spend.spending(tx, brand=brand, now=app_now(tx))
        return told.day_minor, told.month_minor


def state(db: Database, brand: BrandId, ticket: TicketId) -> TicketState:
    with db.transaction(as_brand(brand)) as tx:
        return tx.get_one(Ticket, (brand, ticket)).state


def post_one(db: Database, brand: BrandId) -> TicketId:
    with db.transaction(as_brand(brand)) as tx:
        return an_open_ticket(tx, brand)


def to_next_day(background: Database, brand: BrandId) -> None:
    """A minute past the brand's next midnight."""
    with background.transaction() as tx:
        zone = ZoneInfo(tx.get_one(Brand, brand).time_zone)
        local = app_now(tx).astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, 0, 1, tzinfo=zone) + timedelta(days=1)
    Clock(database=background).forward(midnight - local)


def to_next_month(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        start = app_now(tx).month
    while True:
        to_next_day(background, brand)
        with background.transaction() as tx:
            if app_now(tx).month != start:
                return


def test_a_ticket_over_the_days_cap_waits_and_says_why(
    db: Database, background: Database, brand: BrandId
) -> None:
    cap(db, brand, day=2 * PRICE)
    tickets = [post_one(db, brand) for _ in range(3)]
    assert [state(db, brand, one) for one in tickets] == [
        TicketState.OPEN,
        TicketState.OPEN,
        TicketState.AWAITING_FUNDS,
    ]
    assert used(db, brand) == (2 * PRICE, 2 * PRICE)
    with db.transaction(as_brand(brand)) as tx:
        told = tx.scalars(
            select(Event.body).where(Event.kind == "ticket_awaits_funds", Event.subject_id == tickets[2])
        ).one()
        assert told["reason"] == "spend cap"
        assert balance(tx, reserved(brand), currency="usd") == usd(2 * PRICE)
        assert balance(tx, wallet(brand), currency="usd") == usd(10_000 - 2 * PRICE)
    assert_proven(background)


def test_many_at_once_never_pass_the_cap(many: Database, brand: BrandId) -> None:
    cap(many, brand, day=5 * PRICE, month=7 * PRICE)
    with many.transaction() as tx:
        posted = [
            post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))[0].id for _ in range(16)
        ]
    start = Barrier(16)

    def act(ticket: TicketId) -> None:
        with many.transaction() as tx:
            start.wait()
            admit(tx, brand=brand, ticket=ticket)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(act, posted))
    states = [state(many, brand, one) for one in posted]
    assert states.count(TicketState.OPEN) == 5
    assert states.count(TicketState.AWAITING_FUNDS) == 11
    assert used(many, brand) == (5 * PRICE, 5 * PRICE)
    assert_proven(many)


def test_a_raised_cap_lets_waiting_tickets_open(db: Database, background: Database, brand: BrandId) -> None:
    cap(db, brand, day=PRICE)
    first, second = post_one(db, brand), post_one(db, brand)
    cap(db, brand, day=2 * PRICE)
    with background.transaction() as tx:
        assert earnings.open_awaiting(tx, brand=brand, now=app_now(tx)) == 1
    assert (state(db, brand, first), state(db, brand, second)) == (TicketState.OPEN, TicketState.OPEN)


def test_a_waiting_ticket_that_the_dial_no_longer_shares_goes_to_the_brand(
    db: Database, background: Database, brand: BrandId
) -> None:
    cap(db, brand, day=0)
    waiting = [post_one(db, brand) for _ in range(2)]
    with db.transaction(as_brand(brand)) as tx:
        set_share_rule(tx, brand=brand, percent=0, author=None, now=app_now(tx))
    cap(db, brand)
    with background.transaction() as tx:
        assert earnings.open_awaiting(tx, brand=brand, now=app_now(tx)) == 2
    assert {state(db, brand, one) for one in waiting} == {TicketState.HELD_BACK}
    with db.transaction(as_brand(brand)) as tx:
        told = holdings_of_ticket(tx, brand=brand, ticket=waiting[0])
    assert [(one.kept, one.reason) for one in told] == [(False, "spend cap"), (True, "share dial")]


def test_a_lowered_cap_stops_the_next_ticket_and_takes_nothing_back(db: Database, brand: BrandId) -> None:
    first = post_one(db, brand)
    cap(db, brand, day=0)
    assert state(db, brand, post_one(db, brand)) is TicketState.AWAITING_FUNDS
    assert state(db, brand, first) is TicketState.OPEN
    assert used(db, brand) == (PRICE, PRICE)


def test_a_new_day_opens_what_waited_but_the_month_goes_on(
    db: Database, background: Database, brand: BrandId
) -> None:
    to_next_month(background, brand)
    cap(db, brand, day=PRICE, month=2 * PRICE)
    tickets = [post_one(db, brand) for _ in range(4)]
    with background.transaction() as tx:
        assert earnings.open_after_midnight(tx, now=app_now(tx)) == 0
    to_next_day(background, brand)
    with background.transaction() as tx:
        assert earnings.open_after_midnight(tx, now=app_now(tx)) == 1
    assert used(db, brand) == (PRICE, 2 * PRICE)
    to_next_day(background, brand)
    with background.transaction() as tx:
        assert earnings.open_after_midnight(tx, now=app_now(tx)) == 0
    assert state(db, brand, tickets[2]) is TicketState.AWAITING_FUNDS
    to_next_month(background, brand)
    with background.transaction() as tx:
        assert earnings.open_after_midnight(tx, now=app_now(tx)) == 1
    assert used(db, brand) == (PRICE, PRICE)


def test_the_day_is_the_brands_own(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        tx.get_one(Brand, brand).time_zone = "Pacific/Auckland"
    post_one(db, brand)
    with db.transaction(as_brand(brand)) as tx:
        kept = tx.scalars(select(BrandSpend).where(BrandSpend.brand_id == brand)).one()
        assert kept.day == app_now(tx).astimezone(ZoneInfo("Pacific/Auckland")).date()


def test_a_rejected_escalation_gives_all_its_room_back_and_a_confirmed_one_the_rest(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx)
    for decide, left in ((reject_escalation, 0), (confirm_escalation, 60 + 12)):
        ticket = post_one(db, brand)
        with background.transaction() as tx:
            hold = claim_ticket(tx, ticket=ticket, worker=worker)
            escalate_ticket(
                tx,
                ticket=ticket,
                worker=worker,
                number=hold.number,
                reason=EscalationReason.OTHER,
                note="",
                now=app_now(tx),
            )
        with background.transaction() as tx:
            decide(tx, brand=brand, ticket=ticket, by="Mo", now=app_now(tx))
        assert used(db, brand) == (left, left)


def test_what_a_past_day_took_is_not_given_back_to_today(
    db: Database, background: Database, brand: BrandId
) -> None:
    to_next_month(background, brand)
    ticket = post_one(db, brand)
    to_next_day(background, brand)
    post_one(db, brand)
    with background.transaction() as tx:
        spend.give_back(tx, brand=brand, ticket=ticket, amount_minor=PRICE)
        spend.give_back(tx, brand=brand, ticket=ticket, amount_minor=PRICE)  # no more than it took
    assert used(db, brand) == (PRICE, PRICE)


def test_a_resolved_ticket_keeps_its_room(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        a_resolved_ticket(tx, brand, a_worker(tx))
    assert used(db, brand) == (PRICE, PRICE)


def test_caps_that_make_no_sense_are_refused(db: Database, brand: BrandId) -> None:
    for day, month in ((-1, None), (None, -1), (500, 400), (None, 10**18)):
        with pytest.raises(spend.BadCap):
            cap(db, brand, day=day, month=month)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["take", "give", "day"]), st.integers(1, 400)), max_size=12))
def test_the_counters_are_always_the_sum_of_what_is_held(
    background: Database, steps: list[tuple[str, int]]
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        tickets = [
            post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))[0].id for _ in range(3)
        ]
        spend.set_caps(tx, brand=brand, per_day_minor=500, per_month_minor=900, now=app_now(tx))
        now = app_now(tx)
        for number, (act, amount) in enumerate(steps):
            ticket = tickets[number % 3]
            if act == "day":
                now += timedelta(days=amount % 9)
            elif act == "give":
                spend.give_back(tx, brand=brand, ticket=ticket, amount_minor=amount)
            else:
                try:
                    spend.commit_spend(tx, brand=brand, ticket=ticket, amount_minor=amount, now=now)
                except spend.CapReached:
                    continue
            told = spend.spending(tx, brand=brand, now=now)
            today = spend.today(tx, brand, now)
            held = tx.scalars(
                select(SpendCommitment)
                .where(SpendCommitment.brand_id == brand)
                .execution_options(populate_existing=True)
            ).all()
            assert told.day_minor == sum(one.amount_minor for one in held if one.day == today) <= 500
            month = [one.amount_minor for one in held if one.day.replace(day=1) == today.replace(day=1)]
            assert told.month_minor == sum(month) <= 900
