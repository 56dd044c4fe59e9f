"""A rejection takes a pay back with a reason and a reply that shows it; the brand's own answer is never rejected."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing import holds, rejections
from billing.accounts import held, in_flight, owed_by_worker, payable, pending, platform_fee, wallet
from billing.judgement_models import (
    EarningRejection,
    Judge,
    RejectionReason,
    RejectionState,
)
from billing.models import Earning, EarningState
from billing.spend import set_caps, spending
from billing.statements import statement, statement_months
from marketplace.events.facts import EarningRejected, kind_of
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import ReplyId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import Message, Reply, ReplyState, ResolvedBy, Ticket, TicketState
from marketplace.tickets.pool import expire_leases
from marketplace.tickets.replies import customer_writes
from tests.billing.judging import NOTE, Judged, a_judged, judged
from tests.billing.paying import FUNDS, Till, WatchedGateway, as_owner, assert_proven, pass_review, standing
from tests.billing.stripe_server import StripeServer
from tests.builders import (
    Clock,
    a_brand,
    a_resolved_ticket,
    a_worker,
    an_answered_ticket,
    answer,
    as_brand,
    as_worker,
    usd,
)


@pytest.fixture
def one(db: Database, background: Database) -> Judged:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        a_resolved_ticket(tx, noise, a_worker(tx))
    return a_judged(db, background)


def test_case_23_a_fail_inside_the_window_refunds_the_brand_with_the_fee_and_pays_nothing(
    background: Database, one: Judged
) -> None:
    rejection = one.rejected()
    assert one.state() is EarningState.REJECTED
    with background.transaction() as tx:
        assert standing(tx, wallet(one.brand)) == usd(10_000)
        assert standing(tx, platform_fee(one.brand)) == usd(0)
        assert standing(tx, held(one.brand, one.worker)) == usd(0)
        assert standing(tx, pending(one.brand, one.worker)) == usd(0)
        told = tx.scalars(select(Event).where(Event.kind == kind_of(EarningRejected))).one()
        assert (told.brand_id, told.worker_id, told.body["rejection"]) == (
            one.brand,
            one.worker,
            str(rejection),
        )
    pass_review(background)
    rejections.settle_rejections(background)
    assert one.state() is EarningState.REJECTED
    assert_proven(background)


def test_case_23_a_fail_after_the_payout_is_owed_the_next_batch_nets_it_and_the_statement_shows_both(
    db: Database, background: Database, fake_stripe: StripeServer
) -> None:
    till = Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    worker = till.worker()
    till.earn(worker)
    till.released()
    till.send()
    with background.transaction() as tx:
        row = tx.scalars(select(Earning)).one()
    one = judged(db, background, row.brand_id, row.ticket_id)
    with pytest.raises(rejections.ReviewIsOver):
        one.reject()
    one.rejected(judge=Judge.PLATFORM, person=one.a_colleague())
    assert one.state() is EarningState.CLAWED_BACK
    with background.transaction() as tx:
        assert standing(tx, owed_by_worker(worker)) == usd(1_600)
        assert standing(tx, wallet(one.brand)) == usd(100_000), "the fee came back, too"
        assert standing(tx, in_flight(worker)) == usd(0)
    till.earn(worker, worker)
    till.released()
    till.send()
    assert [one["amount"] for one in till.transfers()] == [1_600, 1_600], "of the next 32.00, half is kept"
    with background.transaction() as tx:
        assert standing(tx, owed_by_worker(worker)) == usd(0)
        months = sorted({month for month, _ in statement_months(tx, worker=worker)})
        found = [statement(tx, worker=worker, month=month, currency="usd") for month in months]
    moved = Counter((line.kind, line.amount.amount_minor) for month in found for line in month.movements)
    assert moved == Counter({("accrue", 1_600): 3, ("sent", -1_600): 2, ("clawback", -1_600): 1}), (
        "paid twice, and once taken back"
    )
    assert found[-1].closing == usd(0)
    assert_proven(background)


def test_a_rejection_is_undone_before_it_counts_and_not_after(background: Database, one: Judged) -> None:
    rejection = one.reject()
    assert one.state() is EarningState.DISPUTED
    one.undo(rejection)
    assert one.state() is EarningState.IN_WINDOW
    one.settle()
    assert one.state() is EarningState.IN_WINDOW
    assert one.rejection(rejection).state is RejectionState.UNDONE
    counted = one.rejected()
    with pytest.raises(rejections.TooLateToUndo):
        one.undo(counted)
    assert one.state() is EarningState.REJECTED
    assert_proven(background)


def test_a_rejection_does_not_count_before_its_time(background: Database, one: Judged, clock: Clock) -> None:
    one.reject()
    clock.forward(rejections.UNDO_WITHIN - timedelta(seconds=1))
    assert rejections.settle_rejections(background) == 0
    assert one.state() is EarningState.DISPUTED


def test_after_the_window_a_brand_rejects_what_it_disputed_in_it_and_nothing_else(
    db: Database, background: Database, one: Judged
) -> None:
    late = a_judged(db, background, brand=one.brand)
    one.dispute()
    pass_review(background)
    late.dispute()
    with pytest.raises(rejections.ReviewIsOver):
        late.reject()
    one.rejected()
    assert one.state() is EarningState.REJECTED
    late.rejected(judge=Judge.PLATFORM, person=late.a_colleague())
    assert late.state() is EarningState.REJECTED
    with background.transaction() as tx:
        assert standing(tx, payable(late.brand, late.worker)) == usd(0)
        assert standing(tx, wallet(one.brand)) == usd(10_000)
    assert_proven(background)


def test_the_brands_own_answer_is_not_rejected_and_its_pay_stays(
    database_url: str, background: Database, one: Judged
) -> None:
    with background.transaction() as tx:
        tx.get_one(Reply, (one.brand, one.reply)).as_shown = True
    with pytest.raises(rejections.YourOwnAnswer, match="the pay stays"):
        one.reject()
    assert one.state() is EarningState.IN_WINDOW
    with pytest.raises(rejections.YourOwnAnswer):
        one.reject(judge=Judge.PLATFORM, person=one.a_colleague())
    pass_review(background)
    assert one.state() is EarningState.PAYABLE
    with background.transaction() as tx:
        assert standing(tx, payable(one.brand, one.worker)) == usd(200)
    assert_proven(background)


@pytest.mark.parametrize("which", ["another ticket's", "another worker's", "none", "one that never left"])
def test_a_rejection_names_a_reply_of_this_worker_on_this_ticket(
    db: Database, background: Database, one: Judged, which: str
) -> None:
    other = a_judged(db, background, brand=one.brand, worker=one.worker)
    with background.transaction() as tx:
        mine = tx.get_one(Reply, (one.brand, one.reply))
        if which == "another worker's":
            mine.worker_id = a_worker(tx)
        if which == "one that never left":
            mine.state = ReplyState.RECALLED
    named = {"another ticket's": other.reply, "none": ReplyId(one.brand)}.get(which, one.reply)
    with db.transaction(as_brand(one.brand)) as tx, pytest.raises(rejections.NotThisReply):
        rejections.reject(
            tx,
            brand=one.brand,
            earning=one.earning,
            reply=named,
            reason=RejectionReason.RUDE,
            note=NOTE,
            judge=Judge.BRAND,
            person=None,
            now=app_now(tx),
        )
    assert one.state() is EarningState.IN_WINDOW


def test_a_pay_is_rejected_once(one: Judged) -> None:
    one.reject()
    with pytest.raises(rejections.RejectedAlready):
        one.reject()
    one.settle()
    with pytest.raises(rejections.RejectedAlready):
        one.reject()
    with pytest.raises(holds.PayIsOver):
        one.dispute()


def test_what_the_customer_writes_after_a_rejection_opens_a_ticket_of_its_own(
    db: Database, background: Database, one: Judged
) -> None:
    one.rejected()
    with db.transaction(as_brand(one.brand)) as tx:
        message = customer_writes(
            tx, brand=one.brand, ticket=one.ticket, text="And now?", external_id=None, now=app_now(tx)
        )
    assert message.ticket_id != one.ticket
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (one.brand, one.ticket)).state is TicketState.RESOLVED
        assert tx.scalars(select(Message.id).where(Message.ticket_id == message.ticket_id)).all()
    assert one.state() is EarningState.REJECTED


def test_a_ticket_reopened_before_a_rejection_counts_calls_it_off(
    db: Database, background: Database, one: Judged
) -> None:
    rejection = one.reject()
    with db.transaction(as_brand(one.brand)) as tx:
        customer_writes(tx, brand=one.brand, ticket=one.ticket, text="No", external_id=None, now=app_now(tx))
    one.settle()
    assert one.state() is EarningState.REVERSED
    assert one.rejection(rejection).state is RejectionState.CALLED_OFF
    with background.transaction() as tx:
        assert standing(tx, wallet(one.brand)) == usd(9_750)
    assert_proven(background)


def test_two_workers_shares_are_rejected_apart_each_with_its_part_of_the_fee(
    db: Database, background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brand, first, last = a_brand(tx, price=usd(251)), a_worker(tx), a_worker(tx)
        ticket = an_answered_ticket(tx, brand, first)
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="And?", external_id=None, now=app_now(tx))
    clock.forward(timedelta(hours=25))
    with background.transaction() as tx:
        expire_leases(tx, now=app_now(tx))
        answer(tx, ticket, last)
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    with background.transaction() as tx:
        rows = {row.worker_id: row for row in tx.scalars(select(Earning).where(Earning.ticket_id == ticket))}
        replies = dict(tx.execute(select(Reply.worker_id, Reply.id).where(Reply.ticket_id == ticket)).all())
    assert {(row.amount_minor, row.fee_minor) for row in rows.values()} == {(141, 35), (60, 15)}
    one = Judged(
        db=db,
        background=background,
        brand=brand,
        worker=first,
        ticket=ticket,
        earning=rows[first].id,
        reply=replies[first],
    )
    one.rejected()
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(10_000 - 251 + 75)
        assert standing(tx, pending(brand, last)) == usd(141)
        assert standing(tx, platform_fee(brand)) == usd(35)
    assert_proven(background)


def test_the_room_under_the_spend_cap_comes_back_with_the_money(background: Database, one: Judged) -> None:
    with background.transaction() as tx:
        set_caps(tx, brand=one.brand, per_day_minor=10_000, per_month_minor=None, now=app_now(tx))
        assert spending(tx, brand=one.brand, now=app_now(tx)).month_minor == 250
    one.rejected()
    with background.transaction() as tx:
        assert spending(tx, brand=one.brand, now=app_now(tx)).month_minor == 0


def test_a_worker_reads_his_own_rejection_and_nobody_elses(
    db: Database, background: Database, one: Judged
) -> None:
    one.reject()
    other = a_judged(db, background, brand=one.brand)
    other.reject()
    with db.transaction(as_worker(one.worker)) as tx:
        assert tx.scalars(select(EarningRejection.earning_id)).all() == [one.earning]
    with background.transaction() as tx:
        stranger = a_brand(tx)
    with db.transaction(as_brand(stranger)) as tx:
        assert tx.scalars(select(EarningRejection.id)).all() == []


def test_a_rejection_that_counts_stays_as_it_was_written(database_url: str, one: Judged) -> None:
    waiting = one.reject()
    for change in (
        "UPDATE earning_rejection SET note = 'other' WHERE id = :id",
        "UPDATE earning_rejection SET reason = 'rude' WHERE id = :id",
    ):
        with pytest.raises(DBAPIError), as_owner(database_url) as connection:
            connection.execute(text(change), {"id": waiting})
    one.settle()
    with pytest.raises(DBAPIError), as_owner(database_url) as connection:
        connection.execute(
            text("UPDATE earning_rejection SET state = 'undone' WHERE id = :id"), {"id": waiting}
        )
