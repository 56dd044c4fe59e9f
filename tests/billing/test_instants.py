"""Windows close and months turn at UTC instants, whatever clocks on walls do meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from billing.earnings import mature
from billing.models import Earning, EarningState
from billing.months import month_bounds
from billing.statements import months_moved, statement
from marketplace.accounts.models import Brand, Person, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, answer

WINDOW = timedelta(hours=72)
LAST = timedelta(microseconds=1)
INSTANTS = {
    "summer time begins in New York meanwhile": datetime(2027, 3, 13, 1, tzinfo=UTC),
    "an hour that Berlin skips": datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
    "the last instant of March, April in Berlin, still March in New York": datetime(2027, 4, 1, tzinfo=UTC)
    - LAST,
    "the first instant of April": datetime(2027, 4, 1, tzinfo=UTC) + timedelta(days=30),
    "an hour that Berlin has twice": datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
    "summer time ends in New York meanwhile": datetime(2027, 11, 6, 12, tzinfo=UTC),
    "the last instant of a year": datetime(2028, 1, 1, tzinfo=UTC) - LAST,
    "a leap day in between": datetime(2028, 2, 28, 12, tzinfo=UTC),
    "the last instant of a leap day": datetime(2028, 3, 1, tzinfo=UTC) - LAST,
}


def test_case_57_a_review_window_closes_and_a_month_turns_at_a_utc_instant(
    background: Database, subtests: pytest.Subtests
) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        tx.execute(update(Brand).where(Brand.id == brand).values(time_zone="Europe/Berlin"))
        person = tx.get_one(Worker, worker).person_id
        tx.execute(update(Person).where(Person.id == person).values(time_zone="America/New_York"))
    for what, instant in INSTANTS.items():
        with background.transaction() as tx:
            now = app_now(tx)
        Clock(database=background).forward(instant - now - timedelta(seconds=30))
        with background.transaction() as tx:
            ticket = an_open_ticket(tx, brand, customer_email=f"{instant:%Y%m%d}@example.com")
            answer(tx, ticket, worker)
            resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=instant)
        with subtests.test(what=what), background.transaction() as tx:
            tx.execute(text("SET LOCAL TIME ZONE 'Pacific/Kiritimati'"))  # 14 hours ahead of UTC
            earning = tx.scalars(select(Earning).where(Earning.ticket_id == ticket)).one()
            assert earning.accrued_at == instant
            assert earning.window_ends_at == instant + WINDOW
            assert mature(tx, now=instant + WINDOW - LAST) == 0
            assert mature(tx, now=instant + WINDOW) == 1
            assert (earning.state, earning.payable_at) == (EarningState.PAYABLE, instant + WINDOW)
            month = f"{instant:%Y-%m}"
            moved = statement(tx, month=month, currency="usd", worker=worker).movements
            assert instant in {line.at for line in moved}
            assert instant.date().replace(day=1) in {one.month for one in months_moved(tx, worker=worker)}
            start, end = month_bounds(month)
            for other in (f"{start - LAST:%Y-%m}", f"{end:%Y-%m}"):
                elsewhere = statement(tx, month=other, currency="usd", worker=worker).movements
                assert instant not in {line.at for line in elsewhere}


def test_a_leap_second_is_the_first_instant_of_the_next_month(background: Database) -> None:
    with background.transaction() as tx:
        counted = tx.scalar(text("SELECT timestamptz '2016-12-31 23:59:60Z'"))
    assert counted == month_bounds("2017-01")[0] == month_bounds("2016-12")[1]
