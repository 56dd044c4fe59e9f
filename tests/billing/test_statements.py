"""A worker's statement says what the money did: opening + movements = closing, paid = transfers."""

from datetime import UTC, timedelta

import pytest
from sqlalchemy import select

from billing.accounts import in_flight, payable, pending
from billing.models import LedgerTxn
from billing.statements import Statement, statement, statement_months
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.replies import customer_writes
from tests.billing.paying import FUNDS, PAY, PRICE, Till, WatchedGateway, pass_review, standing
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_brand, a_resolved_ticket, a_worker, as_brand, as_worker, usd

ZERO = usd(0)


@pytest.fixture
def till(background: Database, fake_stripe: StripeServer) -> Till:
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    return Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))


def of_month(database: Database, worker: WorkerId, month: str) -> Statement:
    with database.transaction(as_worker(worker)) as tx:
        return statement(tx, worker=worker, month=month, currency="usd")


def months(database: Database, worker: WorkerId) -> list[str]:
    with database.transaction(as_worker(worker)) as tx:
        return [month for month, _ in statement_months(tx, worker=worker)]


def test_a_month_tells_what_was_earned_taken_back_and_paid(till: Till, db: Database) -> None:
    worker, noise = till.worker(), till.worker()
    to_the_second_of_next_month(till.database)
    with till.database.transaction() as tx:
        brand = a_brand(tx, name="Fern & Kettle", price=PRICE, funds=usd(FUNDS))
        month = f"{app_now(tx):%Y-%m}"
        for one in (worker, worker, noise):
            ticket = a_resolved_ticket(tx, brand, one)
        taken_back = a_resolved_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=taken_back, text="No", external_id=None, now=app_now(tx))
    pass_review(till.database)
    till.released()
    till.send()

    found = of_month(db, worker, month)
    kinds = [(line.kind, line.amount) for line in found.movements]
    assert kinds == [
        ("accrue", PAY),
        ("accrue", PAY),
        ("accrue", PAY),
        ("reopen", ZERO - PAY),
        ("sent", ZERO - PAY - PAY),
    ]
    assert {line.brand for line in found.movements} == {"Fern & Kettle", None}
    assert [line.ticket_number for line in found.movements] == [1, 2, 4, 4, None]
    assert (found.opening, found.closing) == (ZERO, ZERO)
    assert found.paid == PAY + PAY
    assert found.earned == PAY + PAY
    mine = [one for one in till.transfers() if one["destination"] == till.account(worker)]
    assert [line.transfer for line in found.movements if line.transfer] == [one["id"] for one in mine]
    assert sum(one["amount"] for one in mine) == found.paid.amount_minor
    assert ticket


def to_the_second_of_next_month(background: Database) -> None:
    """A few days of review then stay within one month."""
    with background.transaction() as tx:
        now = app_now(tx)
    following = (now.replace(day=1) + timedelta(days=32)).replace(day=2, hour=0, minute=0)
    Clock(database=background).forward(following - now)


def test_month_by_month_opening_plus_movements_is_closing_and_the_next_opening(
    till: Till, db: Database
) -> None:
    worker = till.worker()
    with till.database.transaction() as tx:
        brand = a_brand(tx, price=PRICE, funds=usd(FUNDS))
    for tickets in (1, 0, 2, 1):
        with till.database.transaction() as tx:
            for _ in range(tickets):
                a_resolved_ticket(tx, brand, worker)
        till.later(days=21)
        pass_review(till.database)
        if tickets == 2:
            till.released()
            till.send()

    chain = [of_month(db, worker, month) for month in reversed(months(db, worker))]
    assert len(chain) >= 3
    opening = ZERO
    for found in chain:
        assert found.opening == opening
        moved = sum(line.amount.amount_minor for line in found.movements)
        assert found.closing == found.opening + usd(moved)
        opening = found.closing
    assert opening == owed(till.database, brand, worker) == PAY
    assert sum(found.paid.amount_minor for found in chain) == sum(one["amount"] for one in till.transfers())
    assert sum(found.earned.amount_minor for found in chain) == 4 * PAY.amount_minor


def owed(background: Database, brand: BrandId, worker: WorkerId) -> Money:
    with background.transaction() as tx:
        accounts = (pending(brand, worker), payable(brand, worker), in_flight(worker))
        return usd(sum(standing(tx, account).amount_minor for account in accounts))


def test_a_transfer_under_way_is_still_owed(till: Till, db: Database) -> None:
    worker, _ = till.a_payout()
    [*_, newest] = sorted(months(db, worker))
    found = of_month(db, worker, newest)
    assert found.closing == PAY
    assert found.paid == ZERO


def test_a_refused_transfer_changes_nothing_that_is_owed(till: Till, db: Database) -> None:
    worker, _ = till.a_payout()
    till.server.turn(f"accounts/{till.account(worker)}/capability", transfers="inactive")
    till.send()
    [*_, newest] = sorted(months(db, worker))
    found = of_month(db, worker, newest)
    assert found.closing == PAY
    assert found.paid == ZERO
    assert {line.kind for line in found.movements} <= {"accrue"}


def test_a_worker_reads_no_other_workers_statement(db: Database, background: Database) -> None:
    with background.transaction() as tx:
        brand, mine, other = a_brand(tx), a_worker(tx), a_worker(tx)
        a_resolved_ticket(tx, brand, other)
        month = f"{app_now(tx):%Y-%m}"
    with db.transaction(as_worker(mine)) as tx:
        found = statement(tx, worker=other, month=month, currency="usd")
        assert (found.movements, found.closing) == ((), ZERO)
        assert statement_months(tx, worker=other) == []


def test_currencies_have_statements_of_their_own(db: Database, background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        a_resolved_ticket(tx, brand, worker)
        month = f"{app_now(tx):%Y-%m}"
    with db.transaction(as_worker(worker)) as tx:
        found = statement(tx, worker=worker, month=month, currency="eur")
        assert found.movements == ()
        assert statement_months(tx, worker=worker) == [(month, "usd")]


def test_a_movement_belongs_to_the_utc_month_it_counts_in(db: Database, background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        a_resolved_ticket(tx, brand, worker)
    with background.transaction() as tx:
        posted = tx.scalars(select(LedgerTxn.effective_at).where(LedgerTxn.kind == "accrue")).one()
    before, month, after = (
        f"{posted.astimezone(UTC).replace(day=1) + timedelta(days=days):%Y-%m}" for days in (-1, 0, 32)
    )
    assert of_month(db, worker, before).closing == ZERO
    assert of_month(db, worker, month).closing == usd(200)
    assert (of_month(db, worker, after).opening, of_month(db, worker, after).movements) == (usd(200), ())
