"""A held pay stays where it is, whoever holds it, and goes back to where it was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing import batches, holds
from billing.accounts import held, payable, pending, platform_fee, reserved
from billing.judgement_models import EarningHold, HoldEnd
from billing.models import BatchState, Earning, EarningState, Payout, PayoutBatch, PayoutLine, PayoutState
from marketplace.events.facts import BatchSentBack, kind_of
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BatchId, BrandId
from marketplace.tickets.replies import customer_writes
from tests.billing.judging import Judged, a_judged, judged
from tests.billing.paying import (
    FUNDS,
    Till,
    WatchedGateway,
    an_approved_batch,
    as_owner,
    assert_proven,
    pass_review,
    standing,
)
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_brand, a_person, a_resolved_ticket, a_worker, as_brand, usd

BIG = usd(2_000)


@pytest.fixture
def one(db: Database, background: Database) -> Judged:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        a_resolved_ticket(tx, noise, a_worker(tx))
    return a_judged(db, background)


def test_a_disputed_pay_waits_past_its_window_and_goes_back_to_where_it_was(
    background: Database, one: Judged
) -> None:
    one.dispute()
    with background.transaction() as tx:
        assert standing(tx, held(one.brand, one.worker)) == usd(200)
        assert standing(tx, pending(one.brand, one.worker)) == usd(0)
    pass_review(background)
    assert one.state() is EarningState.DISPUTED
    one.release()
    assert one.state() is EarningState.IN_WINDOW
    pass_review(background)
    assert one.state() is EarningState.PAYABLE
    with background.transaction() as tx:
        assert standing(tx, payable(one.brand, one.worker)) == usd(200)
        assert standing(tx, held(one.brand, one.worker)) == usd(0)
    assert_proven(background)


def test_a_payable_pay_that_the_platform_holds_goes_back_to_payable(
    background: Database, one: Judged
) -> None:
    pass_review(background)
    one.hold(one.a_colleague())
    assert one.state() is EarningState.HELD
    with pytest.raises(holds.NotYourHold):
        one.release()
    one.release(is_brand=False, person=one.a_colleague())
    assert one.state() is EarningState.PAYABLE
    with background.transaction() as tx:
        assert standing(tx, payable(one.brand, one.worker)) == usd(200)
    assert_proven(background)


def test_two_who_hold_at_once_hold_once(background: Database, one: Judged) -> None:
    start = Barrier(2)

    def dispute(_: int) -> str:
        start.wait()
        try:
            one.dispute()
        except holds.HeldAlready:
            return "late"
        return "held"

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sorted(pool.map(dispute, range(2))) == ["held", "late"]
    with background.transaction() as tx:
        assert standing(tx, held(one.brand, one.worker)) == usd(200)
    assert_proven(background)


def test_a_dispute_that_nobody_decides_lapses_and_the_worker_is_paid(
    background: Database, one: Judged, clock: Clock
) -> None:
    one.dispute()
    clock.forward(holds.DISPUTES_LAPSE_AFTER - timedelta(minutes=1))
    assert holds.end_disputes(background) == 0
    clock.forward(timedelta(minutes=2))
    assert holds.end_disputes(background) == 1
    pass_review(background)
    assert one.state() is EarningState.PAYABLE
    with background.transaction() as tx:
        assert tx.scalars(select(EarningHold.ended_as)).one() is HoldEnd.LAPSED
    assert_proven(background)


def test_a_ticket_reopened_while_its_pay_is_disputed_takes_the_pay_back(
    db: Database, background: Database, one: Judged
) -> None:
    one.dispute()
    with db.transaction(as_brand(one.brand)) as tx:
        customer_writes(tx, brand=one.brand, ticket=one.ticket, text="No", external_id=None, now=app_now(tx))
    assert one.state() is EarningState.REVERSED
    with background.transaction() as tx:
        assert standing(tx, held(one.brand, one.worker)) == usd(0)
        assert standing(tx, reserved(one.brand)) == usd(250)
        assert standing(tx, platform_fee(one.brand)) == usd(0)
        assert tx.scalars(select(EarningHold.ended_as)).one() is HoldEnd.REOPENED
    with pytest.raises(holds.NotHeld):
        one.release()
    assert_proven(background)


def test_case_26_a_dispute_after_approval_pulls_the_item_and_voids_the_signatures(
    db: Database, background: Database
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, price=BIG, funds=usd(100_000))
        worker, other = a_worker(tx, payable=True), a_worker(tx, payable=True)
        tickets = [a_resolved_ticket(tx, brand, worker) for _ in range(2)]
        a_resolved_ticket(tx, brand, other)
    pass_review(background)
    with background.transaction() as tx:
        batch = an_approved_batch(tx)
        signed = tx.get_one(PayoutBatch, batch).content_hash
    one = judged(db, background, brand, tickets[0])
    one.dispute()
    assert one.state() is EarningState.DISPUTED
    with background.transaction() as tx:
        row = tx.get_one(PayoutBatch, batch)
        assert row.state is BatchState.DRAFT
        assert (row.submitted_by, row.approved_by, row.approved_hash) == (None, None, None)
        assert row.content_hash != signed
        assert row.content_hash == batches.content_hash(tx, batch)
        amounts = tx.scalars(select(Payout.amount_minor).where(Payout.batch_id == batch)).all()
        assert sorted(amounts) == [1_600, 1_600], "the item alone is gone"
        live = tx.scalars(select(PayoutLine.earning_id).where(~PayoutLine.dropped)).all()
        assert len(live) == 2
        assert one.earning not in live
        told = tx.scalars(select(Event.body).where(Event.kind == kind_of(BatchSentBack))).one()
        assert told == {"batch": str(batch), "earning": str(one.earning)}
    with background.transaction() as tx, pytest.raises(batches.WrongState):
        release(background, batch)
    with background.transaction() as tx:
        assert standing(tx, held(brand, worker)) == usd(1_600)
        assert standing(tx, payable(brand, worker)) == usd(1_600)
        batches.submit_batch(tx, batch=batch, person=a_person(tx), now=app_now(tx))
        batches.approve_batch(tx, batch=batch, person=a_person(tx), now=app_now(tx))
    release(background, batch)
    with background.transaction() as tx:
        assert standing(tx, payable(brand, worker)) == usd(0)
        assert standing(tx, held(brand, worker)) == usd(1_600)
    one.release()
    assert one.state() is EarningState.PAYABLE
    assert_proven(background)


def release(background: Database, batch: BatchId) -> None:
    with background.transaction() as tx:
        batches.release_batch(tx, batch=batch, person=a_person(tx), environment="tests", now=app_now(tx))


def test_a_batch_that_loses_all_it_pays_is_void(db: Database, background: Database) -> None:
    brand, batch, one = a_batched(db, background)
    one.dispute()
    with background.transaction() as tx:
        assert tx.get_one(PayoutBatch, batch).state is BatchState.VOID
        assert tx.scalars(select(Payout.state)).all() == [PayoutState.VOID]
        assert standing(tx, held(brand, one.worker)) == usd(1_600)
    assert_proven(background)


def a_batched(db: Database, background: Database) -> tuple[BrandId, BatchId, Judged]:
    """An approved batch of one earning."""
    with background.transaction() as tx:
        brand = a_brand(tx, price=BIG, funds=usd(100_000))
        ticket = a_resolved_ticket(tx, brand, a_worker(tx, payable=True))
    pass_review(background)
    with background.transaction() as tx:
        batch = an_approved_batch(tx)
    return brand, batch, judged(db, background, brand, ticket)


def test_a_dispute_and_a_release_at_once_never_both_have_the_pay(db: Database, background: Database) -> None:
    for _ in range(5):
        brand, batch, one = a_batched(db, background)
        start = Barrier(2)

        def act(name: str, one: Judged, batch: BatchId, start: Barrier) -> str:
            start.wait()
            try:
                one.dispute() if name == "dispute" else release(one.background, batch)
            except Conflict:
                return "late"
            return name

        with ThreadPoolExecutor(max_workers=2) as pool:
            done = set(pool.map(act, ["dispute", "release"], [one] * 2, [batch] * 2, [start] * 2))
        assert "late" in done
        assert len(done) == 2
        assert one.state() is (EarningState.DISPUTED if "dispute" in done else EarningState.SENDING)
        with background.transaction() as tx:
            kept = standing(tx, held(brand, one.worker))
        assert kept == (usd(1_600) if "dispute" in done else usd(0))
    assert_proven(background)


def test_a_pay_that_is_on_its_way_or_sent_is_not_held(
    db: Database, background: Database, fake_stripe: StripeServer
) -> None:
    till = Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    worker = till.worker()
    till.earn(worker)
    with background.transaction() as tx:
        row = tx.scalars(select(Earning)).one()
    one = judged(db, background, row.brand_id, row.ticket_id)
    till.released()
    with pytest.raises(holds.PayMoves):
        one.dispute()
    till.send()
    with pytest.raises(holds.PayIsOver):
        one.dispute()
    assert one.state() is EarningState.SENT


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        ("in_window", "rejected"),
        ("payable", "rejected"),
        ("in_window", "clawed_back"),
        ("batched", "disputed"),
        ("sending", "held"),
        ("disputed", "rejected"),
        ("disputed", "payable"),
        ("disputed", "batched"),
    ],
)
def test_the_database_refuses_a_judgement_out_of_turn(
    database_url: str, one: Judged, found: str, asked: str
) -> None:
    if found == "disputed":
        one.dispute()
    with as_owner(database_url) as connection:
        connection.execute(text("ALTER TABLE earning DISABLE TRIGGER earning_is_judged_in_turn"))
        connection.execute(
            text("UPDATE earning SET state = :found WHERE id = :id"), {"found": found, "id": one.earning}
        )
        connection.execute(text("ALTER TABLE earning ENABLE TRIGGER earning_is_judged_in_turn"))
    with pytest.raises(DBAPIError) as refused, as_owner(database_url) as connection:
        connection.execute(
            text("UPDATE earning SET state = :to WHERE id = :id"), {"to": asked, "id": one.earning}
        )
    assert getattr(refused.value.orig, "sqlstate", None) == "HC010"


def test_a_signed_batch_goes_back_for_another_content_alone(
    database_url: str, db: Database, background: Database
) -> None:
    _, batch, _ = a_batched(db, background)
    unsigned = (
        "UPDATE payout_batch SET state = 'draft', submitted_at = NULL, submitted_by = NULL, approved_at = NULL, "
        "approved_by = NULL, approved_hash = NULL WHERE id = :batch"
    )
    for statement in (
        unsigned,
        "UPDATE payout_batch SET state = 'draft', content_hash = 'x' WHERE id = :batch",
    ):
        with pytest.raises(DBAPIError) as refused, as_owner(database_url) as connection:
            connection.execute(text(statement), {"batch": batch})
        assert getattr(refused.value.orig, "sqlstate", None) == "HC002"
