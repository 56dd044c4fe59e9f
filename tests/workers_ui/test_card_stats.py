"""What a card says of a category and a brand before a claim, to the exact number, as the sweep keeps it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from billing import earnings
from billing.pay_record import pay_record
from marketplace.accounts.sessions import seen
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.kernel.settings import Settings
from marketplace.tickets import stages
from marketplace.tickets.card_stats import PayRecord, measure_categories, next_to_measure
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import PoolTicket, ReleaseReason, ResolvedBy
from marketplace.tickets.pool import claim_ticket, confirm_category, release_ticket
from marketplace.tickets.quality_inputs import TicketRecords
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.terms import CategoryPlan, add_category, set_price
from tests.builders import Clock, a_brand, a_member, a_resolved_ticket, a_worker, an_open_ticket, usd
from tests.marketplace.quality import a_decided_escalation
from workers_ui import parts
from workers_ui.background import Background, measure_card
from workers_ui.money_work import MoneyWork

FUNDS = usd(1_000_000)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx, email_cap=50)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=FUNDS)
        add_category(tx, brand=brand, plan=CategoryPlan(key="returns", name="Returns"))
        set_price(tx, brand=brand, category="returns", total=usd(250), author=None, now=app_now(tx))
        return brand


class Desk:
    """A worker who takes a chosen time over a ticket."""

    def __init__(self, background: Database, brand: BrandId, worker: WorkerId) -> None:
        self.background, self.brand, self.worker = background, brand, worker
        self.clock = Clock(database=background)

    def claimed(self, **changes: object) -> TicketId:
        with self.background.transaction() as tx:
            ticket = an_open_ticket(tx, self.brand, **changes)
        self.claim(ticket)
        return ticket

    def claim(self, ticket: TicketId) -> None:
        with self.background.transaction() as tx:
            self.number = claim_ticket(tx, ticket=ticket, worker=self.worker).number
            category = tx.get_one(PoolTicket, ticket).category
            confirm_category(
                tx,
                ticket=ticket,
                worker=self.worker,
                number=self.number,
                category=category,
                now=app_now(tx),
            )

    def replies(self, ticket: TicketId, *, after: float) -> None:
        self.clock.forward(timedelta(minutes=after))
        with self.background.transaction() as tx:
            send_reply(
                tx, ticket=ticket, worker=self.worker, number=self.number, body="Done.", now=app_now(tx)
            )

    def customer_writes(self, ticket: TicketId, *, after: float) -> None:
        self.clock.forward(timedelta(minutes=after))
        with self.background.transaction() as tx:
            seen(tx, self.worker, app_now(tx))  # he is around, so it comes back to him
            customer_writes(
                tx, brand=self.brand, ticket=ticket, text="And?", external_id=None, now=app_now(tx)
            )

    def resolve(self, ticket: TicketId) -> None:
        with self.background.transaction() as tx:
            resolve_ticket(tx, brand=self.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))

    def took(self, minutes: Sequence[float], **changes: object) -> None:
        for each in minutes:
            ticket = self.claimed(**changes)
            self.replies(ticket, after=each)
            self.resolve(ticket)


@pytest.fixture
def desk(background: Database, brand: BrandId, worker: WorkerId) -> Desk:
    return Desk(background, brand, worker)


def measured(background: Database, brand: BrandId) -> dict[str, tuple[int, int]]:
    """Category → median minutes, tickets they were measured on."""
    with background.transaction() as tx:
        measure_categories(tx, brand=brand, now=app_now(tx))
        rows = tx.execute(
            text("SELECT category, median_minutes, resolved FROM category_stat WHERE brand_id = :b"),
            {"b": brand},
        ).all()
    return {row.category: (row.median_minutes, row.resolved) for row in rows}


# Minutes


def test_the_median_of_a_category_is_of_its_own_resolved_tickets(
    background: Database, brand: BrandId, desk: Desk
) -> None:
    desk.took([2, 4, 7, 30, 9])
    desk.took([20, 20, 20, 20, 20, 21], category="returns")
    assert measured(background, brand) == {"general": (7, 5), "returns": (20, 6)}


def test_between_two_middle_tickets_stands_their_mean_rounded(
    background: Database, brand: BrandId, desk: Desk
) -> None:
    desk.took([2, 3, 4, 5, 8, 9])
    assert measured(background, brand)["general"] == (5, 6)  # 4.5


def test_time_spent_waiting_for_the_customer_is_no_work(
    background: Database, brand: BrandId, desk: Desk
) -> None:
    for _ in range(5):
        ticket = desk.claimed()
        desk.replies(ticket, after=3)
        desk.customer_writes(ticket, after=600)
        desk.replies(ticket, after=2)
        desk.customer_writes(ticket, after=60)
        desk.customer_writes(ticket, after=1)  # while the worker writes: his minutes run on
        desk.replies(ticket, after=3)
        desk.resolve(ticket)
    assert measured(background, brand)["general"] == (9, 5)


def test_a_hold_that_ended_without_a_reply_is_not_counted(
    background: Database, brand: BrandId, desk: Desk, clock: Clock
) -> None:
    with background.transaction() as tx:
        other = Desk(background, brand, a_worker(tx))
    for _ in range(5):
        ticket = other.claimed()
        clock.forward(timedelta(minutes=4))
        with background.transaction() as tx:
            release_ticket(
                tx,
                ticket=ticket,
                worker=other.worker,
                number=other.number,
                reason=ReleaseReason.NO_TIME,
                now=app_now(tx),
            )
        clock.forward(timedelta(minutes=50))
        desk.claim(ticket)
        desk.replies(ticket, after=2)
        desk.resolve(ticket)
    assert measured(background, brand)["general"] == (2, 5)


def test_reopened_and_old_tickets_do_not_count(
    background: Database, brand: BrandId, desk: Desk, clock: Clock
) -> None:
    desk.took([50] * 5)
    clock.forward(timedelta(days=91))
    desk.took([6] * 5)
    ticket = desk.claimed()
    desk.replies(ticket, after=40)
    desk.resolve(ticket)
    desk.customer_writes(ticket, after=1)
    assert measured(background, brand)["general"] == (6, 5)


def test_fewer_than_five_take_the_brands_median_then_the_platforms_then_five(
    background: Database, brand: BrandId, desk: Desk
) -> None:
    assert measured(background, brand) == {"general": (5, 0), "returns": (5, 0)}
    desk.took([10] * 4)
    assert measured(background, brand) == {"general": (5, 4), "returns": (5, 0)}
    desk.took([12] * 1)
    desk.took([30] * 4, category="returns")
    assert measured(background, brand) == {"general": (10, 5), "returns": (12, 4)}
    with background.transaction() as tx:
        newcomer = a_brand(tx)
    assert measured(background, newcomer) == {"general": (10, 0)}


def test_a_ticket_opens_with_what_its_category_was_measured_at(
    background: Database, brand: BrandId, desk: Desk
) -> None:
    desk.took([11] * 5)
    measured(background, brand)
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        assert tx.get_one(PoolTicket, ticket).expected_minutes == 11


# Pay


def record_of(background: Database, brand: BrandId) -> PayRecord:
    with background.transaction() as tx:
        return pay_record(tx, brand=brand, now=app_now(tx))


def mature(background: Database) -> None:
    with background.transaction() as tx:
        while earnings.mature(tx, now=app_now(tx)):
            pass


def test_a_brand_that_decided_nothing_has_no_record(
    background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        a_resolved_ticket(tx, brand, worker)  # still in its review window
    assert record_of(background, brand) == PayRecord(decided=0, paid=0, days_to_pay=None)


def test_of_decided_work_what_was_taken_back_or_rejected_was_not_paid(
    background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        reopened = a_resolved_ticket(tx, brand, worker)
        for _ in range(7):
            a_resolved_ticket(tx, brand, worker)
        a_decided_escalation(tx, brand, worker, good=True)
        a_decided_escalation(tx, brand, worker, good=False)
        noise = a_brand(tx, funds=FUNDS)
        a_decided_escalation(tx, noise, worker, good=False)
    with background.transaction() as tx:
        customer_writes(tx, brand=brand, ticket=reopened, text="No.", external_id=None, now=app_now(tx))
    clock.forward(timedelta(days=4))
    mature(background)
    assert record_of(background, brand) == PayRecord(decided=10, paid=8, days_to_pay=4)


def test_days_to_pay_run_to_the_transfer_once_there_was_one(
    background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        a_resolved_ticket(tx, brand, worker)
    clock.forward(timedelta(days=3))
    mature(background)
    assert record_of(background, brand).days_to_pay == 3
    clock.forward(timedelta(days=6))
    with background.transaction() as tx:
        tx.execute(text(_PAID), {"brand": brand})
    assert record_of(background, brand).days_to_pay == 9


_PAID = """
WITH b AS (
    INSERT INTO payout_batch (id, currency, state, content_hash, created_at)
    VALUES (gen_random_uuid(), 'usd', 'draft', '', app_now()) RETURNING id
), o AS (
    INSERT INTO payout (id, batch_id, worker_id, currency, amount_minor, destination, state, stripe_transfer,
        created_at, paid_at)
    SELECT gen_random_uuid(), b.id, e.worker_id, 'usd', e.amount_minor, 'acct_1', 'accepted', 'tr_1', app_now(),
        app_now() FROM b, earning e WHERE e.brand_id = :brand
    RETURNING id, amount_minor
)
INSERT INTO payout_line (payout_id, earning_id, brand_id, amount_minor)
SELECT o.id, e.id, e.brand_id, o.amount_minor FROM o, earning e WHERE e.brand_id = :brand
"""


# The sweep


def test_the_sweep_measures_every_brand_once_in_ten_minutes(
    background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        other = a_brand(tx)
        a_resolved_ticket(tx, brand, worker)
    clock.forward(timedelta(days=4))
    mature(background)

    def rounds() -> int:
        done = 0
        while True:
            with background.transaction() as tx:
                if measure_card(tx) == 0:
                    return done
            done += 1

    assert rounds() == 2
    assert rounds() == 0
    clock.forward(timedelta(minutes=10))
    assert rounds() == 2
    with background.transaction() as tx:
        assert next_to_measure(tx, now=app_now(tx)) is None
        kept = tx.execute(
            text("SELECT brand_id, approval_basis_points, days_to_pay, decided FROM brand_stat")
        ).all()
        measured_brands = set(tx.scalars(text("SELECT brand_id FROM category_stat")))
    assert [tuple(row) for row in kept] == [(brand, 10_000, 4, 1)]
    assert measured_brands == {brand, other}


def test_the_background_process_measures_and_judges_by_itself(
    background: Database, settings: Settings, brand: BrandId, clock: Clock
) -> None:
    with background.transaction() as tx:
        stages.enable(tx, brand=brand, person=a_member(tx, brand), now=app_now(tx))
    clock.forward(timedelta(minutes=2))
    work = Background(
        settings=settings,
        database=background,
        money=MoneyWork(database=background, gateway=None),
        retriever=parts.retriever(settings, background),
    )
    for measure in work.measures():
        measure()
    with background.transaction() as tx:
        assert next_to_measure(tx, now=app_now(tx)) is None
        assert stages.judge_next(tx, TicketRecords(), now=app_now(tx)) == 0  # judged within this minute
