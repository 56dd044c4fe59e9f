"""Tips, the hourly floor and store credit: lines of their own beside the price, none of them with a fee."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from billing import batches, bonuses, earnings, tips
from billing.accounts import INCENTIVES, payable, pending, platform_fee, store_credit, wallet
from billing.batches import NothingToPay
from billing.bonus_models import Bonus
from billing.models import Earning, EarningKind, EarningState, Payout, PayoutLine
from billing.pay_floor import LONGEST_ANSWER, Span, active_seconds, missing_minor
from billing.pay_parts import split_pay
from billing.reservations import reserve
from billing.spend import CapReached, set_caps, spending
from billing.statements import statement
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, TipId, WorkerId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import PoolTicket, ResolvedBy, Ticket
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from marketplace.tickets.surge import base_of, show_price, surged_terms
from marketplace.tickets.terms import set_price, terms_of
from tests.billing.judging import a_judged, judged
from tests.billing.paying import assert_proven, pass_review, standing
from tests.builders import (
    Clock,
    a_brand,
    a_resolved_ticket,
    a_worker,
    an_open_ticket,
    as_brand,
    as_worker,
    usd,
)

FLOORS = {"usd": 6_000}
A_WEEK_LATER = timedelta(days=8, hours=1)
SOMEBODY = "01a21ed1-c0ea-718f-95cd-4c95794e9fa5"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        a_resolved_ticket(tx, noise, a_worker(tx))
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx, payable=True)


def tip(db: Database, brand: BrandId, ticket: TicketId, worker: WorkerId, minor: int) -> TipId:
    with db.transaction(as_brand(brand)) as tx:
        return tips.give_tip(
            tx, brand=brand, ticket=ticket, worker=worker, amount_minor=minor, person=None, now=app_now(tx)
        ).id


def test_case_46_a_price_changed_after_the_claim_and_a_surge_that_ended_pay_what_was_claimed(
    background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        row, held = tx.get_one(PoolTicket, ticket), tx.get_one(Ticket, (brand, ticket))
        base = terms_of(tx, brand=brand, terms=row.terms_id)
        surged = surged_terms(tx, base=base, surge_basis_points=1_000, now=app_now(tx))
        reserve(
            tx,
            kind="reserve",
            key=f"reserve:{ticket}:surge",
            brand=brand,
            ticket=ticket,
            amount=usd(surged.total_minor - base.total_minor),
            now=app_now(tx),
        )
        assert show_price(tx, row, held, terms=surged)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    with background.transaction() as tx:
        set_price(tx, brand=brand, category="general", total=usd(100), author=None, now=app_now(tx))
        row, held = tx.get_one(PoolTicket, ticket), tx.get_one(Ticket, (brand, ticket))
        assert not show_price(tx, row, held, terms=base_of(tx, surged)), "a claimed ticket keeps its price"
        send_reply(tx, ticket=ticket, worker=worker, number=number, body="Today.", now=app_now(tx))
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))
    with background.transaction() as tx:
        paid = tx.scalars(select(Earning).where(Earning.ticket_id == ticket)).one()
        assert (paid.terms_id, paid.amount_minor, paid.surge_minor) == (surged.id, 220, 20)
        assert standing(tx, pending(brand, worker)) == usd(220)
        assert standing(tx, platform_fee(brand)) == usd(55)
    assert_proven(background)


def test_case_47_a_tip_after_the_payout_is_its_own_item_without_a_fee_and_is_refunded_in_its_window(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        rich = a_brand(tx, price=usd(2_000), funds=usd(10_000))
        ticket = a_resolved_ticket(tx, rich, worker)
    pass_review(background)
    with background.transaction() as tx:
        first = batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx)).id
    kept = tip(db, rich, ticket, worker, 1_200)
    with background.transaction() as tx:
        assert standing(tx, pending(rich, worker)) == usd(1_200)
        assert standing(tx, wallet(rich)) == usd(6_800)
        assert standing(tx, platform_fee(rich)) == usd(400), "a tip has no fee"
    pass_review(background)
    with background.transaction() as tx:
        second = batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx)).id
        assert second != first
        paid = tx.execute(
            select(Earning.kind, Earning.tip_id, PayoutLine.amount_minor)
            .join(PayoutLine, PayoutLine.earning_id == Earning.id)
            .join(Payout, Payout.id == PayoutLine.payout_id)
            .where(Payout.batch_id == second)
        ).all()
        assert [tuple(row) for row in paid] == [(EarningKind.TIP, kept, 1_200)]
    back = tip(db, rich, ticket, worker, 300)
    with db.transaction(as_brand(rich)) as tx:
        tips.refund_tip(tx, brand=rich, tip=back, now=app_now(tx))
    for gone in (back, kept):
        with db.transaction(as_brand(rich)) as tx, pytest.raises(tips.TipIsKept):
            tips.refund_tip(tx, brand=rich, tip=gone, now=app_now(tx))
    with background.transaction() as tx:
        assert standing(tx, wallet(rich)) == usd(6_800)
        assert standing(tx, pending(rich, worker)) == usd(0)
    assert_proven(background)


def test_a_tip_is_for_who_was_paid_on_the_ticket_and_needs_money_and_room(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket, stranger, broke = (
            a_resolved_ticket(tx, brand, worker),
            a_worker(tx),
            a_brand(tx, funds=usd(250)),
        )
        poor = a_resolved_ticket(tx, broke, worker)
    with pytest.raises(tips.NobodyToTip):
        tip(db, brand, ticket, stranger, 100)
    with pytest.raises(tips.NotEnoughForTip):
        tip(db, broke, poor, worker, 100)
    for minor in (0, -5, tips.HIGHEST_TIP_MINOR + 1):
        with pytest.raises(tips.TipOutOfRange):
            tip(db, brand, ticket, worker, minor)
    with background.transaction() as tx:
        set_caps(tx, brand=brand, per_day_minor=300, per_month_minor=None, now=app_now(tx))
    with pytest.raises(CapReached):
        tip(db, brand, ticket, worker, 51)
    tip(db, brand, ticket, worker, 50)
    with background.transaction() as tx:
        assert spending(tx, brand=brand, now=app_now(tx)).day_minor == 300
        assert tx.scalars(select(Earning.amount_minor).where(Earning.kind == EarningKind.TIP)).all() == [50]
    refused = a_judged(db, background, brand=a_fresh_brand(background), worker=worker)
    refused.rejected()
    with pytest.raises(tips.NobodyToTip):
        tip(db, refused.brand, refused.ticket, worker, 100)
    assert_proven(background)


def a_fresh_brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


def a_day_of_work(background: Database, brand: BrandId, worker: WorkerId) -> None:
    """One ticket of 2.00, claimed at noon of a day to come and answered after four minutes."""
    clock = Clock(database=background)
    with background.transaction() as tx:
        now = app_now(tx)
    noon = datetime.combine(now.date() + timedelta(days=1), time(12), tzinfo=UTC)
    clock.forward(noon - now)
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    clock.forward(timedelta(minutes=4))
    with background.transaction() as tx:
        send_reply(tx, ticket=ticket, worker=worker, number=number, body="Today.", now=app_now(tx))
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))


def test_a_day_below_the_floor_is_topped_up_once_by_the_platform(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    a_day_of_work(background, brand, worker)
    assert bonuses.top_up_days(background, FLOORS) == 0, "its tickets have not ended yet"
    clock.forward(A_WEEK_LATER)
    assert bonuses.top_up_days(background, {}) == 0
    assert bonuses.top_up_days(background, {"eur": 90_000}) == 0
    assert bonuses.top_up_days(background, FLOORS) == 1
    assert bonuses.top_up_days(background, FLOORS) == 0
    with background.transaction() as tx:
        bonus = tx.scalars(select(Bonus).where(Bonus.worker_id == worker)).one()
        assert 240 <= bonus.active_seconds <= 250
        assert bonus.earned_minor == 200
        assert bonus.amount_minor == missing_minor(
            seconds=bonus.active_seconds, earned_minor=200, per_hour_minor=6_000
        )
        assert standing(tx, INCENTIVES) == usd(bonus.amount_minor)
        earnings.mature(tx, now=app_now(tx))
        given = tx.scalars(select(Earning).where(Earning.kind == EarningKind.BONUS)).one()
        assert (given.state, given.fee_minor) == (EarningState.PAYABLE, 0)
    with db.transaction(as_brand(brand)) as tx:
        kinds = tx.scalars(select(Earning.kind)).all()
        assert kinds == [EarningKind.RESOLUTION], "no brand sees what the platform adds"
    with db.transaction(as_worker(worker)) as tx:
        assert set(tx.scalars(select(Earning.kind))) == {EarningKind.RESOLUTION, EarningKind.BONUS}
    assert_proven(background)


def test_a_rejected_pay_counts_as_earned_so_that_the_floor_is_no_way_around_it(
    background: Database, db: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        set_price(tx, brand=brand, category="general", total=usd(5_000), author=None, now=app_now(tx))
    a_day_of_work(background, brand, worker)
    with background.transaction() as tx:
        ticket = tx.scalars(select(Earning.ticket_id).where(Earning.worker_id == worker)).one()
    judged(db, background, brand, ticket).rejected()
    clock.forward(A_WEEK_LATER)
    assert bonuses.top_up_days(background, FLOORS) == 0


def test_case_48_store_credit_pays_no_base_pay_is_never_withdrawn_and_expires(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with db.transaction(as_worker(worker)) as tx:
        bonuses.choose_credit(tx, worker=worker, as_credit=True, now=app_now(tx))
    a_day_of_work(background, brand, worker)
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(200), "base pay is money, whatever was chosen"
        assert standing(tx, store_credit(worker)) == usd(0)
    clock.forward(A_WEEK_LATER)
    assert bonuses.top_up_days(background, FLOORS) == 1
    with background.transaction() as tx:
        bonus = tx.scalars(select(Bonus)).one()
        assert standing(tx, store_credit(worker)) == usd(bonus.amount_minor)
        assert tx.scalars(select(Earning.kind).where(Earning.worker_id == worker)).all() == [
            EarningKind.RESOLUTION
        ]
        month = f"{app_now(tx):%Y-%m}"
        told = statement(tx, worker=worker, month=month, currency="usd")
        assert "store_credit" not in [line.kind for line in told.movements]
    pass_review(background)
    with background.transaction() as tx:
        assert standing(tx, payable(brand, worker)) == usd(200)
        with pytest.raises(NothingToPay):
            batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx))
    assert bonuses.expire_credit(background) == 0
    clock.forward(bonuses.CREDIT_LIVES)
    assert bonuses.expire_credit(background) == 1
    assert bonuses.expire_credit(background) == 0
    with background.transaction() as tx:
        assert standing(tx, store_credit(worker)) == usd(0)
        assert standing(tx, INCENTIVES) == usd(0)
    with db.transaction(as_worker(worker)) as tx:
        bonuses.choose_credit(tx, worker=worker, as_credit=False, now=app_now(tx))
    assert_proven(background)


def spans() -> st.SearchStrategy[list[Span]]:
    minutes = st.tuples(st.integers(0, 600), st.integers(0, 200))
    return st.lists(minutes, max_size=8).map(
        lambda pairs: [
            (NOON + timedelta(minutes=start), NOON + timedelta(minutes=start + length))
            for start, length in pairs
        ]
    )


@given(spans())
def test_active_time_is_each_minute_once_and_no_answer_is_longer_than_an_hour(found: list[Span]) -> None:
    minutes = {
        minute
        for began, ended in found
        for minute in range(
            int((max(began, ended - LONGEST_ANSWER) - NOON).total_seconds() // 60),
            int((ended - NOON).total_seconds() // 60),
        )
    }
    assert active_seconds(found) == 60 * len(minutes)


@pytest.mark.parametrize(
    ("seconds", "earned", "missing"),
    [(3_600, 0, 2_000), (3_600, 2_000, 0), (1, 0, 1), (0, 0, 0), (1_800, 999, 1)],
)
def test_what_is_missing_is_rounded_for_the_worker(seconds: int, earned: int, missing: int) -> None:
    assert missing_minor(seconds=seconds, earned_minor=earned, per_hour_minor=2_000) == missing


@given(
    weights=st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any),
    base=st.integers(1, 100_000),
    surge=st.integers(0, 50_000),
    fee=st.integers(0, 20_000),
)
def test_the_parts_of_a_pay_sum_to_it_and_no_line_is_negative(
    weights: list[int], base: int, surge: int, fee: int
) -> None:
    credits = [{"worker": SOMEBODY, "weight": one} for one in weights]
    parts = split_pay(credits, pay=usd(base + surge), base_pay=usd(base), fee=usd(fee))
    assert sum(part.amount_minor for part in parts) == base + surge
    assert sum(part.fee_minor for part in parts) == fee
    assert all(0 <= part.surge_minor <= part.amount_minor for part in parts)
