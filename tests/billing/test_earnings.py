"""Each resolution pays once, and what is taken back was never paid."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from billing import earnings
from billing.accounts import payable, pending, platform_fee, reserved, wallet
from billing.earnings import AlreadyPayable
from billing.models import Earning, EarningKind, EarningState, LedgerTxn
from marketplace.events.facts import TicketResolved
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.endings import (
    NothingToDecide,
    confirm_escalation,
    escalate_ticket,
    reject_escalation,
    resolve_ticket,
    standing_resolution,
)
from marketplace.tickets.models import EscalationReason, PoolTicket, ResolvedBy, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket, expire_leases
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.terms import NotTheBrandsCurrency, set_price
from tests.billing.paying import REVIEW_IS_OVER, assert_proven, standing
from tests.builders import (
    Clock,
    a_brand,
    a_resolved_ticket,
    a_worker,
    an_answered_ticket,
    an_open_ticket,
    answer,
    as_brand,
    usd,
)

THREADS = 8


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        a_resolved_ticket(tx, noise, a_worker(tx))
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


def states(background: Database, brand: BrandId) -> list[EarningState]:
    with background.transaction() as tx:
        wanted = select(Earning.state).where(Earning.brand_id == brand).order_by(Earning.id)
        return list(tx.scalars(wanted))


def postings(background: Database, kind: str, ticket: TicketId) -> int:
    with background.transaction() as tx:
        counted = select(func.count()).where(LedgerTxn.kind == kind, LedgerTxn.ticket_id == ticket)
        return tx.scalar(counted) or 0


def test_case_22_a_resolve_sent_twice_pays_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    resolutions = set()
    for by in (ResolvedBy.CUSTOMER, ResolvedBy.BRAND):
        with db.transaction(as_brand(brand)) as tx:
            resolutions.add(resolve_ticket(tx, brand=brand, ticket=ticket, by=by, now=app_now(tx)).id)
    assert len(resolutions) == 1
    assert states(background, brand) == [EarningState.IN_WINDOW]
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(200)


def test_eight_who_resolve_at_once_pay_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    start = Barrier(THREADS)

    def resolve(_: int) -> object:
        with db.transaction(as_brand(brand)) as tx:
            start.wait()
            return resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx)).id

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        assert len(set(pool.map(resolve, range(THREADS)))) == 1
    assert states(background, brand) == [EarningState.IN_WINDOW]
    assert postings(background, "accrue", ticket) == 1
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(200)
        assert standing(tx, platform_fee(brand)) == usd(50)
        assert standing(tx, reserved(brand)) == usd(0)
    assert_proven(background)


def test_case_21_a_claim_race_makes_one_claim_and_one_accrual(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        workers = [a_worker(tx) for _ in range(THREADS)]
    start = Barrier(THREADS)

    def claim(worker: WorkerId) -> WorkerId | None:
        with db.transaction() as tx:
            start.wait()
            try:
                claim_ticket(tx, ticket=ticket, worker=worker)
            except Conflict:
                return None
            return worker

    def end(_: int) -> None:
        with db.transaction(as_brand(brand)) as tx:
            start.wait()
            resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        winners = [one for one in pool.map(claim, workers) if one is not None]
        assert len(winners) == 1
        with background.transaction() as tx:
            held = tx.get_one(PoolTicket, ticket)
            assert held.worker_id == winners[0]
            send_reply(
                tx, ticket=ticket, worker=winners[0], number=held.claim_number, body="Today.", now=app_now(tx)
            )
        list(pool.map(end, range(THREADS)))
    assert postings(background, "accrue", ticket) == 1
    with background.transaction() as tx:
        paid = tx.execute(select(Earning.worker_id, Earning.amount_minor).where(Earning.ticket_id == ticket))
        assert paid.all() == [(winners[0], 200)]
        assert standing(tx, pending(brand, winners[0])) == usd(200)
    assert_proven(background)


def test_a_resolution_told_of_again_pays_nothing_more(
    background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker)
    with background.transaction() as tx:
        resolution = standing_resolution(tx, tx.get_one(Ticket, (brand, ticket))).id
        earnings.accrue(tx, TicketResolved(brand=brand, ticket=ticket, resolution=resolution, by="customer"))
    assert states(background, brand) == [EarningState.IN_WINDOW]
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(200)


def test_case_22_resolved_reopened_and_resolved_again_pays_the_second_resolution_only(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker)
    write(db, brand, ticket)
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(0)
        assert standing(tx, platform_fee(brand)) == usd(0)
        assert standing(tx, reserved(brand)) == usd(250), "back behind the ticket, not in the wallet"
        answer(tx, ticket, worker)
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))
    assert states(background, brand) == [EarningState.REVERSED, EarningState.IN_WINDOW]
    assert postings(background, "accrue", ticket) == 2
    assert postings(background, "reopen", ticket) == 1
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(200)
        assert standing(tx, wallet(brand)) == usd(9_750)
    assert_proven(background)


def write(database: Database, brand: BrandId, ticket: TicketId) -> None:
    with database.transaction(as_brand(brand)) as tx:
        customer_writes(
            tx, brand=brand, ticket=ticket, text="Still broken", external_id=None, now=app_now(tx)
        )


def test_two_repliers_share_seventy_thirty_by_largest_remainder(
    db: Database, background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, price=usd(251))  # the pay is 201: 140.7 and 60.3
        first, last = a_worker(tx), a_worker(tx)
        ticket = an_answered_ticket(tx, brand, first)
    write(db, brand, ticket)
    clock.forward(timedelta(hours=25))
    with background.transaction() as tx:
        assert expire_leases(tx, now=app_now(tx)) == 1
        answer(tx, ticket, last)
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    with background.transaction() as tx:
        assert standing(tx, pending(brand, last)) == usd(141)
        assert standing(tx, pending(brand, first)) == usd(60)
        assert standing(tx, platform_fee(brand)) == usd(50)
    write(db, brand, ticket)
    with background.transaction() as tx:
        assert standing(tx, pending(brand, last)) == standing(tx, pending(brand, first)) == usd(0)
        assert standing(tx, reserved(brand)) == usd(251)
    assert_proven(background)


def test_an_escalation_confirmed_and_rejected_at_once_is_decided_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    for _ in range(5):
        ticket = an_escalated_ticket(background, brand, worker)
        start = Barrier(2)

        def decide(decision: Callable[..., object], ticket: TicketId, start: Barrier) -> str:
            with db.transaction(as_brand(brand)) as tx:
                start.wait()
                try:
                    decision(tx, brand=brand, ticket=ticket, by="Mo", now=app_now(tx))
                except NothingToDecide:
                    return "late"
            return decision.__name__

        with ThreadPoolExecutor(max_workers=2) as pool:
            decisions = [confirm_escalation, reject_escalation]
            answers = {*pool.map(decide, decisions, [ticket] * 2, [start] * 2)}
        paid, freed = postings(background, "escalate", ticket), postings(background, "release", ticket)
        assert "late" in answers
        assert (paid, freed) == ((1, 0) if "confirm_escalation" in answers else (0, 1))
    with background.transaction() as tx:
        fees = tx.scalars(select(Earning).where(Earning.kind == EarningKind.ESCALATION)).all()
        assert standing(tx, pending(brand, worker)) == usd(60 * len(fees))
        assert standing(tx, wallet(brand)) == usd(10_000 - 72 * len(fees))
        assert standing(tx, reserved(brand)) == usd(0)
    assert_proven(background)


def an_escalated_ticket(background: Database, brand: BrandId, worker: WorkerId) -> TicketId:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=hold.number,
            reason=EscalationReason.NEEDS_BRAND_ACTION,
            note="",
            now=app_now(tx),
        )
    return ticket


def test_two_sweeps_at_once_make_each_earning_payable_once(
    background: Database, second_background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brands = [a_brand(tx) for _ in range(2)]
        workers = [a_worker(tx) for _ in range(5)]
        for worker in workers:
            for brand in brands:
                a_resolved_ticket(tx, brand, worker)
                a_resolved_ticket(tx, brand, worker)
    clock.forward(REVIEW_IS_OVER)
    start = Barrier(2)

    def sweep(database: Database) -> int:
        with database.transaction() as tx:
            start.wait()
            return earnings.mature(tx, now=app_now(tx))

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sum(pool.map(sweep, [background, second_background])) == 20
    with background.transaction() as tx:
        for brand in brands:
            for worker in workers:
                assert standing(tx, payable(brand, worker)) == usd(400)
                assert standing(tx, pending(brand, worker)) == usd(0)
        assert tx.scalar(select(func.count()).where(LedgerTxn.kind == "mature")) == 20
    assert_proven(background)


def test_an_earning_matures_when_its_window_ends_and_not_before(
    background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        a_resolved_ticket(tx, brand, worker)
        ends = tx.scalars(select(Earning.window_ends_at).where(Earning.brand_id == brand)).one()
        assert ends - app_now(tx) == timedelta(hours=72)
    with background.transaction() as tx:
        earnings.mature(tx, now=ends - timedelta(microseconds=1))
    assert states(background, brand) == [EarningState.IN_WINDOW]
    with background.transaction() as tx:
        earnings.mature(tx, now=ends)
    assert states(background, brand) == [EarningState.PAYABLE]


def test_a_ticket_reopened_while_a_sweep_runs_is_not_paid(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="No", external_id=None, now=app_now(tx))
        clock.forward(REVIEW_IS_OVER)
        with background.transaction() as sweep:
            earnings.mature(sweep, now=app_now(sweep))
    with background.transaction() as tx:
        earnings.mature(tx, now=app_now(tx))
    assert states(background, brand) == [EarningState.REVERSED]
    with background.transaction() as tx:
        assert standing(tx, payable(brand, worker)) == usd(0)
        assert standing(tx, reserved(brand)) == usd(250)
    assert_proven(background)


def test_a_ticket_that_matured_while_it_was_being_reopened_stays_paid(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        before_the_end = app_now(tx)
        clock.forward(REVIEW_IS_OVER)
        with background.transaction() as sweep:
            earnings.mature(sweep, now=app_now(sweep))
        with pytest.raises(AlreadyPayable):
            customer_writes(tx, brand=brand, ticket=ticket, text="No", external_id=None, now=before_the_end)
        tx.rollback()
    assert states(background, brand) == [EarningState.PAYABLE]
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, ticket)).state is TicketState.RESOLVED
        assert standing(tx, payable(brand, worker)) == usd(200)
    assert_proven(background)


def test_a_price_in_another_currency_than_the_wallet_is_refused(background: Database, brand: BrandId) -> None:
    euros = Money(amount_minor=250, currency="eur")
    with background.transaction() as tx, pytest.raises(NotTheBrandsCurrency):
        set_price(tx, brand=brand, category="general", total=euros, author=None, now=app_now(tx))


def test_case_20_twenty_tickets_at_once_on_money_for_ten_open_exactly_ten(
    db: Database, background: Database
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(2_500))

    def post(_: int) -> TicketState:
        with db.transaction(as_brand(brand)) as tx:
            ticket = an_open_ticket(tx, brand)
            return tx.get_one(Ticket, (brand, ticket)).state

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        found = list(pool.map(post, range(20)))
    assert found.count(TicketState.OPEN) == 10
    assert found.count(TicketState.AWAITING_FUNDS) == 10
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(0)
        assert standing(tx, reserved(brand)) == usd(2_500)
    assert_proven(background)
