"""The backlog ladder: each rung once, only for tickets nobody holds, and its money to the cent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, text

from billing import backlog, earnings
from billing.accounts import pending, platform_fee, reserved, wallet
from billing.ledger import postings_of_ticket
from billing.spend import set_caps, spending
from marketplace.accounts.models import Mail, MemberRole
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Tx
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.kernel.settings import Settings
from marketplace.tickets import backlog_letters, ladder
from marketplace.tickets.endings import (
    confirm_escalation,
    escalate_ticket,
    reject_escalation,
    resolve_ticket,
)
from marketplace.tickets.ladder_plan import BadLadder, Ladder, set_ladder
from marketplace.tickets.models import (
    Claim,
    EscalationReason,
    PoolState,
    PoolTicket,
    ReleaseReason,
    ResolvedBy,
    Terms,
    Ticket,
    TicketState,
)
from marketplace.tickets.pool import AlreadyClaimed, GoneFromPool, claim_ticket, release_ticket
from marketplace.tickets.recalls import take_back, withdraw
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.service_models import ClockState, LadderStep, Rung, TicketClock
from marketplace.tickets.surge import surged_terms
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switches import lift_at_brand, throw_at_brand
from marketplace.tickets.terms import set_price, terms_in_force, terms_of
from tests.billing.paying import assert_proven, standing
from tests.builders import (
    Clock,
    a_brand,
    a_member,
    a_worker,
    an_open_ticket,
    answer,
    as_brand,
    as_worker,
    give_funds,
    usd,
)
from workers_ui import parts
from workers_ui.background import Background
from workers_ui.bootstrap import same_transaction_bus
from workers_ui.money_work import MoneyWork

HOUR = timedelta(hours=1)
HALF = 12 * HOUR + timedelta(minutes=1)
BASE_URL = "https://cloud.example"
RAISES = Ladder(
    notify_percent=None,
    widen_percent=None,
    raise_percent=50,
    raise_every_percent=10,
    raise_step_basis_points=2_000,
    raise_cap_basis_points=6_000,
    daily_budget_minor=10_000,
)
ROUNDS = 8


@pytest.fixture
def brand(background: Database) -> BrandId:
    """A brand with 100.00, whose tickets cost 2.50 and pay 2.00."""
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


@pytest.fixture
def second(database_url: str) -> Iterator[Database]:
    database = Database(
        database_url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


def a_ticket(background: Database, brand: BrandId, ladder_plan: Ladder | None = None) -> TicketId:
    with background.transaction() as tx:
        if ladder_plan is not None:
            set_ladder(tx, brand=brand, ladder=ladder_plan, now=app_now(tx))
        return an_open_ticket(tx, brand)


def climb(background: Database) -> int:
    """Everything that is due now; how many looks it took."""
    looks = 0
    while True:
        with background.transaction() as tx:
            looked = ladder.climb(tx, reserve_more=backlog.reserve_more, now=app_now(tx))
        if not looked:
            return looks
        looks += looked
        assert looks < 1_000, "the ladder has no end"


def steps(background: Database, brand: BrandId, ticket: TicketId) -> list[tuple[str, int]]:
    with background.transaction() as tx:
        return [(one.rung.value, one.level) for one in ladder.steps_of(tx, brand=brand, ticket=ticket)]


def facts(background: Database, ticket: TicketId, kind: str) -> list[dict[str, object]]:
    with background.transaction() as tx:
        said = select(Event.body).where(Event.kind == kind, Event.subject_id == ticket).order_by(Event.id)
        return list(tx.scalars(said))


def pool_row(background: Database, ticket: TicketId) -> PoolTicket | None:
    with background.transaction() as tx:
        return tx.get(PoolTicket, ticket)


def money(background: Database, brand: BrandId) -> tuple[Money, Money]:
    with background.transaction() as tx:
        return standing(tx, wallet(brand)), standing(tx, reserved(brand))


def terms_of_ticket(background: Database, brand: BrandId, ticket: TicketId) -> Terms:
    with background.transaction() as tx:
        row = tx.get_one(Ticket, (brand, ticket))
        assert row.terms_id is not None
        return terms_of(tx, brand=brand, terms=row.terms_id)


def in_force(tx: Tx, brand: BrandId) -> Terms | None:
    return terms_in_force(tx, brand=brand, category="general", language="en", now=app_now(tx))


def test_nothing_happens_to_a_ticket_that_has_waited_a_little(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand)
    clock.forward(11 * HOUR)
    assert climb(background) == 0
    assert steps(background, brand, ticket) == []


def test_a_brand_that_set_nothing_is_told_and_its_tickets_open_to_all(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand)
    with background.transaction() as tx:
        closed = tx.get_one(PoolTicket, ticket)
        closed.skill, closed.newcomers_first = "refunds", True
    clock.forward(HALF)
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0)]
    assert len(facts(background, ticket, "backlog_noticed")) == 1
    clock.forward(8 * HOUR)
    climb(background)
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0), ("widen", 0)]
    row = pool_row(background, ticket)
    assert row is not None
    assert (row.skill, row.newcomers_first) == ("general", False)
    assert len(facts(background, ticket, "ticket_widened")) == 1
    clock.forward(200 * HOUR)
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0), ("widen", 0)]
    assert money(background, brand) == (usd(9_750), usd(250))


def test_a_claimed_or_answered_ticket_does_not_climb(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    claimed, answered = a_ticket(background, brand, RAISES), a_ticket(background, brand)
    with db.transaction(as_worker(worker)) as tx:
        claim_ticket(tx, ticket=claimed, worker=worker)
    with background.transaction() as tx:
        answer(tx, answered, a_worker(tx))
    clock.forward(30 * HOUR)
    assert climb(background) == 0
    assert steps(background, brand, claimed) == steps(background, brand, answered) == []


def test_a_ticket_that_is_released_climbs_from_where_its_time_is(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    with db.transaction(as_worker(worker)) as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    climb(background)
    assert steps(background, brand, ticket) == []
    with db.transaction(as_worker(worker)) as tx:
        release_ticket(
            tx, ticket=ticket, worker=worker, number=number, reason=ReleaseReason.NO_TIME, now=app_now(tx)
        )
    climb(background)
    assert steps(background, brand, ticket) == [("raise", 2_000)]


def test_a_raise_reserves_its_difference_and_shows_it(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    row = pool_row(background, ticket)
    assert row is not None
    assert (row.pay_minor, row.surge_basis_points) == (240, 2_000)
    terms = terms_of_ticket(background, brand, ticket)
    assert (terms.total_minor, terms.fee_minor, terms.pay_minor) == (300, 60, 240)
    assert row.terms_id == terms.id
    assert money(background, brand) == (usd(9_700), usd(300))
    raised = {"ticket": str(ticket), "surge_basis_points": 2_000, "pay_minor": 240, "currency": "usd"}
    assert facts(background, ticket, "price_raised") == [raised]
    assert_proven(background)


def test_raises_go_on_to_the_cap_and_no_further(background: Database, brand: BrandId, clock: Clock) -> None:
    plan = replace(RAISES, raise_cap_basis_points=5_000)
    ticket = a_ticket(background, brand, plan)
    for _ in range(4):
        clock.forward(HALF)
        climb(background)
    assert steps(background, brand, ticket)[-1] == ("raise", 5_000)
    assert terms_of_ticket(background, brand, ticket).total_minor == 375
    assert money(background, brand) == (usd(9_625), usd(375))
    clock.forward(100 * HOUR)
    assert climb(background) == 0


def test_steps_that_fall_due_together_raise_once_to_the_highest(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(30 * HOUR)
    climb(background)
    assert steps(background, brand, ticket) == [("raise", 6_000)]
    with background.transaction() as tx:
        kinds = [one.kind for one in postings_of_ticket(tx, ticket) if one.side.value == "D"]
    assert kinds == ["reserve", "reserve_more"]
    assert money(background, brand) == (usd(9_600), usd(400))


def test_climbing_twice_is_climbing_once(
    background: Database, second: Database, brand: BrandId, clock: Clock
) -> None:
    tickets = [a_ticket(background, brand, RAISES) for _ in range(30)]
    clock.forward(HALF)
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(climb, (background, second)))
    assert all(steps(background, brand, ticket) == [("raise", 2_000)] for ticket in tickets)
    assert money(background, brand) == (usd(1_000), usd(9_000))
    assert_proven(background)


def test_the_days_budget_is_not_passed(background: Database, brand: BrandId, clock: Clock) -> None:
    plan = replace(RAISES, daily_budget_minor=120, raise_cap_basis_points=2_000)
    tickets = [a_ticket(background, brand, plan) for _ in range(4)]
    clock.forward(HALF)
    climb(background)
    raised = [ticket for ticket in tickets if facts(background, ticket, "price_raised")]
    refused = [ticket for ticket in tickets if facts(background, ticket, "price_not_raised")]
    assert (len(raised), len(refused)) == (2, 2)
    assert facts(background, refused[0], "price_not_raised")[0]["reason"] == "budget"
    assert money(background, brand) == (usd(8_900), usd(1_100))
    with background.transaction() as tx:
        assert ladder.surge_spent_today(tx, brand=brand, now=app_now(tx)) == 100


def test_an_empty_wallet_raises_nothing_and_uses_no_budget(background: Database, clock: Clock) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(280))
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    assert facts(background, ticket, "price_not_raised")[0]["reason"] == "wallet"
    assert money(background, brand) == (usd(30), usd(250))
    assert terms_of_ticket(background, brand, ticket).total_minor == 250
    with background.transaction() as tx:
        assert ladder.surge_spent_today(tx, brand=brand, now=app_now(tx)) == 0


def test_a_spend_cap_holds_against_raises_and_is_freed_when_tickets_go_back(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    tickets = [a_ticket(background, brand, replace(RAISES, give_back_percent=100)) for _ in range(2)]
    clock.forward(HALF)
    with background.transaction() as tx:
        # The day may have turned since the tickets opened: room for one raise, whatever was spent before.
        spent = spending(tx, brand=brand, now=app_now(tx)).day_minor
        set_caps(tx, brand=brand, per_day_minor=spent + 50, per_month_minor=None, now=app_now(tx))
    climb(background)
    kinds = ("price_raised", "price_not_raised")
    assert [sum(len(facts(background, one, kind)) for one in tickets) for kind in kinds] == [1, 1]
    assert money(background, brand) == (usd(9_450), usd(550))
    with background.transaction() as tx:
        assert spending(tx, brand=brand, now=app_now(tx)).day_minor == spent + 50
    clock.forward(12 * HOUR)
    climb(background)
    assert money(background, brand) == (usd(10_000), usd(0))
    with background.transaction() as tx:
        assert tx.scalar(text("SELECT count(*) FROM spend_commitment")) == 0


def test_a_surge_is_never_the_price_of_the_next_ticket(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    with background.transaction() as tx:
        current = in_force(tx, brand)
        assert current is not None
        assert (current.total_minor, current.base_terms_id) == (250, None)
        newer = set_price(tx, brand=brand, category="general", total=usd(400), author=None, now=app_now(tx))
        assert in_force(tx, brand) is newer


def test_tickets_that_surge_alike_share_one_version(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    for _ in range(3):
        a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    with background.transaction() as tx:
        surged = tx.scalars(select(Terms).where(Terms.brand_id == brand, Terms.surge_basis_points > 0)).all()
    assert [(one.total_minor, one.version) for one in surged] == [(300, 2)]


@pytest.mark.parametrize("total", [10, 11, 99, 251, 333, 99_999])
@pytest.mark.parametrize("surge", [100, 2_000, 3_333, 30_000])
def test_a_surged_price_is_still_the_sum_of_its_parts(background: Database, total: int, surge: int) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, price=usd(total))
        base = in_force(tx, brand)
        assert base is not None
        raised = surged_terms(tx, base=base, surge_basis_points=surge, now=app_now(tx))
    assert raised.total_minor == raised.pay_minor + raised.fee_minor
    assert raised.pay_minor >= base.pay_minor
    assert raised.total_minor == usd(total).share(10_000 + surge).amount_minor
    assert base.escalation_fee_minor <= raised.escalation_fee_minor <= raised.pay_minor


def test_the_whole_life_of_a_surged_ticket_is_proven_to_the_cent(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    """Raised, claimed, given back, raised again, claimed by another, answered, resolved, reopened, resolved."""
    with background.transaction() as tx:
        quitter = a_worker(tx)
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    with db.transaction(as_worker(quitter)) as tx:
        number = claim_ticket(tx, ticket=ticket, worker=quitter).number
    clock.forward(timedelta(minutes=2))
    climb(background)
    with db.transaction(as_worker(quitter)) as tx:
        release_ticket(
            tx, ticket=ticket, worker=quitter, number=number, reason=ReleaseReason.UNCLEAR, now=app_now(tx)
        )
    clock.forward(3 * HOUR)
    climb(background)
    assert steps(background, brand, ticket) == [("raise", 2_000), ("raise", 4_000)]
    assert money(background, brand) == (usd(9_650), usd(350))
    with db.transaction(as_worker(worker)) as tx:
        answer(tx, ticket, worker)
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(280)
        assert standing(tx, platform_fee(brand)) == usd(70)
        claims = tx.scalars(select(Claim.terms_id).where(Claim.ticket_id == ticket).order_by(Claim.number))
        prices = [terms_of(tx, brand=brand, terms=one).pay_minor for one in claims]
    assert prices == [240, 280]
    assert money(background, brand) == (usd(9_650), usd(0))
    clock.forward(HOUR)
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(
            tx, brand=brand, ticket=ticket, text="Still broken.", external_id=None, now=app_now(tx)
        )
    assert money(background, brand) == (usd(9_650), usd(350))
    row = pool_row(background, ticket)
    assert row is not None
    assert (row.pay_minor, row.surge_basis_points) == (280, 4_000)
    with db.transaction(as_worker(worker)) as tx:
        answer(tx, ticket, worker)
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(280)
    assert money(background, brand) == (usd(9_650), usd(0))
    assert_proven(background)


@pytest.mark.parametrize(
    ("decide", "left", "paid"),
    # Of 3.00: the fee is 30 % of 2.40 = 0.72, the platform's share of it 20 % = 0.14.
    [(confirm_escalation, 9_914, 72), (reject_escalation, 10_000, 0)],
)
def test_an_escalated_surged_ticket_returns_what_was_reserved_for_it(
    db: Database,
    background: Database,
    brand: BrandId,
    worker: WorkerId,
    clock: Clock,
    decide: Callable[..., object],
    left: int,
    paid: int,
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    with db.transaction(as_worker(worker)) as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.OTHER,
            note="",
            now=app_now(tx),
        )
    with db.transaction(as_brand(brand)) as tx:
        decide(tx, brand=brand, ticket=ticket, by="Mo", now=app_now(tx))
    assert money(background, brand) == (usd(left), usd(0))
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(paid)
    assert_proven(background)


def test_a_ticket_given_back_leaves_the_pool_with_its_money(
    background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, replace(RAISES, give_back_percent=100))
    clock.forward(HALF)
    climb(background)
    clock.forward(12 * HOUR)
    climb(background)
    assert steps(background, brand, ticket) == [("raise", 2_000), ("give_back", 0)]
    assert pool_row(background, ticket) is None
    assert money(background, brand) == (usd(10_000), usd(0))
    assert len(facts(background, ticket, "ticket_given_back")) == 1
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, ticket)).state is TicketState.HELD_BACK
        running = select(func.count()).where(
            TicketClock.ticket_id == ticket, TicketClock.state == ClockState.RUNNING
        )
        assert tx.scalar(running) == 0
    with background.transaction() as tx, pytest.raises(GoneFromPool):
        claim_ticket(tx, ticket=ticket, worker=worker)
    assert_proven(background)


def test_a_new_ladder_holds_for_tickets_that_wait_already(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand)
    clock.forward(HALF)
    climb(background)
    a_ticket(background, brand, replace(RAISES, raise_percent=25))
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0), ("raise", 6_000)]


@pytest.mark.parametrize("recall", [withdraw, take_back])
def test_a_surged_ticket_that_its_brand_recalls_frees_all_that_was_reserved(
    db: Database, background: Database, brand: BrandId, clock: Clock, recall: Callable[..., object]
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    assert money(background, brand) == (usd(9_700), usd(300))
    with db.transaction(as_brand(brand)) as tx:
        recall(tx, brand=brand, ticket=ticket, reason="We answer it.", by="Mo", now=app_now(tx))
    assert money(background, brand) == (usd(10_000), usd(0))
    with background.transaction() as tx:
        running = select(func.count()).where(
            TicketClock.ticket_id == ticket, TicketClock.state == ClockState.RUNNING
        )
        assert tx.scalar(running) == 0
    assert_proven(background)


def test_what_a_switch_keeps_from_everybody_is_not_made_dearer(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, replace(RAISES, notify_percent=50))
    with background.transaction() as tx:
        member = a_member(tx, brand)
        thrown = throw_at_brand(
            tx, brand=brand, kind=SwitchKind.BRAND, key=None, reason="A test", by=member, now=app_now(tx)
        ).id
    clock.forward(HALF)
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0)]
    with background.transaction() as tx:
        lift_at_brand(tx, brand=brand, switch=thrown, by=member, now=app_now(tx))
    clock.forward(timedelta(minutes=2))
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0), ("raise", 2_000)]


def test_a_ticket_nobody_can_see_yet_climbs_only_once_it_is_open(background: Database, clock: Clock) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(0))
    ticket = a_ticket(background, brand)
    clock.forward(HALF)
    assert climb(background) == 0
    with background.transaction() as tx:
        set_ladder(tx, brand=brand, ladder=Ladder(), now=app_now(tx))
    assert climb(background) == 0
    with background.transaction() as tx:
        give_funds(tx, brand, usd(1_000))
        assert earnings.open_awaiting(tx, brand=brand, now=app_now(tx)) == 1
    climb(background)
    assert steps(background, brand, ticket) == [("notify", 0)]


def test_the_background_process_climbs_tells_and_writes_by_itself(
    background: Database, settings: Settings, brand: BrandId, clock: Clock
) -> None:
    with background.transaction() as tx:
        a_member(tx, brand)
    ticket = a_ticket(background, brand)
    clock.forward(25 * HOUR)
    work = Background(
        settings=settings,
        database=background,
        money=MoneyWork(database=background, gateway=None),
        retriever=parts.retriever(settings, background),
    )
    for measure in work.measures():
        measure()
    assert steps(background, brand, ticket) == [("notify", 0), ("widen", 0)]
    assert facts(background, ticket, "sla_breached")[0]["clock"] == "first"
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Mail)) == 1


def test_a_claim_and_a_raise_at_once_never_leave_a_claim_below_its_ticket(
    db: Database, background: Database, second: Database, brand: BrandId, clock: Clock
) -> None:
    with background.transaction() as tx:
        set_ladder(tx, brand=brand, ladder=RAISES, now=app_now(tx))
        tickets = [an_open_ticket(tx, brand) for _ in range(ROUNDS)]
        workers = [a_worker(tx) for _ in range(ROUNDS)]
    clock.forward(HALF)
    for ticket, worker in zip(tickets, workers, strict=True):
        start = Barrier(2)

        def claim(ticket: TicketId = ticket, worker: WorkerId = worker, start: Barrier = start) -> None:
            start.wait()
            with db.transaction(as_worker(worker)) as tx:
                claim_ticket(tx, ticket=ticket, worker=worker)

        def raise_it(start: Barrier = start) -> None:
            start.wait()
            climb(second)

        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in [pool.submit(claim), pool.submit(raise_it)]:
                done.result()
    with background.transaction() as tx:
        held = 0
        for ticket in tickets:
            row, pool_ticket = tx.get_one(Ticket, (brand, ticket)), tx.get_one(PoolTicket, ticket)
            frozen = tx.scalars(select(Claim.terms_id).where(Claim.ticket_id == ticket)).one()
            assert pool_ticket.state is PoolState.CLAIMED
            assert frozen == pool_ticket.terms_id == row.terms_id
            terms = terms_of(tx, brand=brand, terms=frozen)
            assert pool_ticket.pay_minor == terms.pay_minor
            held += terms.total_minor
        assert standing(tx, reserved(brand)) == usd(held)
    assert_proven(background)


def test_a_claim_that_waits_for_a_raise_gets_the_raised_price(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)

    def claim() -> None:
        with db.transaction(as_worker(worker)) as tx:
            claim_ticket(tx, ticket=ticket, worker=worker)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with background.transaction() as tx:
            ladder.climb(tx, reserve_more=backlog.reserve_more, now=app_now(tx))
            claiming = pool.submit(claim)
            with pytest.raises(TimeoutError):
                claiming.result(timeout=0.3)
        claiming.result(timeout=10)
    with background.transaction() as tx:
        frozen = tx.scalars(select(Claim.terms_id).where(Claim.ticket_id == ticket)).one()
        assert terms_of(tx, brand=brand, terms=frozen).pay_minor == 240


def test_the_ladder_passes_by_a_ticket_that_is_being_claimed(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    with db.transaction(as_worker(worker)) as tx:
        claim_ticket(tx, ticket=ticket, worker=worker)
        assert climb(background) == 0
    assert terms_of_ticket(background, brand, ticket).total_minor == 250
    assert money(background, brand) == (usd(9_750), usd(250))
    with db.transaction(as_worker(worker)) as tx, pytest.raises(AlreadyClaimed):
        claim_ticket(tx, ticket=ticket, worker=a_stranger(background))


def a_stranger(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


def letters(background: Database) -> list[tuple[str, str]]:
    with background.transaction() as tx:
        backlog_letters.write_due(tx, base_url=BASE_URL, now=app_now(tx))
    with background.transaction() as tx:
        found = tx.scalars(select(Mail).order_by(Mail.created_at, Mail.recipient)).all()
        return [(one.subject, one.body) for one in found]


def test_people_in_charge_are_written_to_once_an_hour_at_most(
    background: Database, brand: BrandId, clock: Clock
) -> None:
    with background.transaction() as tx:
        a_member(tx, brand, role=MemberRole.OWNER)
        a_member(tx, brand, role=MemberRole.AGENT)
        a_member(tx, a_brand(tx), role=MemberRole.OWNER)
    assert letters(background) == []
    for _ in range(3):
        a_ticket(background, brand)
    clock.forward(HALF)
    climb(background)
    (first,) = letters(background)
    assert first[0] == "3 tickets wait for a first reply at Fern & Kettle"
    assert f"{BASE_URL}/b/" in first[1]
    with background.transaction() as tx:
        tx.execute(
            text(
                "UPDATE ladder_step SET said_at = NULL WHERE ticket_id = "
                "(SELECT min(ticket_id::text)::uuid FROM ladder_step)"
            )
        )
    assert len(letters(background)) == 1
    clock.forward(HOUR + timedelta(minutes=1))
    assert [subject for subject, _ in letters(background)][1:] == [
        "1 ticket waits for a first reply at Fern & Kettle"
    ]


@pytest.mark.parametrize(
    "plan",
    [
        Ladder(notify_percent=0),
        Ladder(widen_percent=301),
        replace(RAISES, daily_budget_minor=0),
        replace(RAISES, daily_budget_minor=-1),
        replace(RAISES, raise_step_basis_points=50),
        replace(RAISES, raise_step_basis_points=7_000),
        replace(RAISES, raise_cap_basis_points=30_001),
        replace(RAISES, raise_every_percent=0),
        replace(RAISES, give_back_percent=40),
    ],
)
def test_a_ladder_nobody_can_climb_is_refused(background: Database, brand: BrandId, plan: Ladder) -> None:
    with background.transaction() as tx, pytest.raises(BadLadder):
        set_ladder(tx, brand=brand, ladder=plan, now=app_now(tx))


def test_a_step_is_written_down_once(background: Database, brand: BrandId) -> None:
    ticket = a_ticket(background, brand)
    with background.transaction() as tx:
        for level in (0, 1):
            tx.add(
                LadderStep(
                    brand_id=brand,
                    ticket_id=ticket,
                    rung=Rung.NOTIFY,
                    level=level,
                    climbed_at=app_now(tx),
                    detail="",
                )
            )
        tx.flush()
        assert len(ladder.steps_of(tx, brand=brand, ticket=ticket)) == 2


def test_a_second_reply_of_a_surged_ticket_pays_the_surged_price_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = a_ticket(background, brand, RAISES)
    clock.forward(HALF)
    climb(background)
    with db.transaction(as_worker(worker)) as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        for body in ("One.", "Two."):
            send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(240)
