"""Payouts that must wait, are looked at first, netted, stopped, cancelled, taken back or never claimed."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from billing import batches, payout_holds, payouts_stop, reversing, unclaimed
from billing.accounts import BAD_DEBT_WORKER, STRIPE_AVAILABLE, UNCLAIMED, in_flight, owed_by_worker, payable
from billing.batches import DecidedBefore, NothingToPay, NotLookedAt, SecondApproverNeeded
from billing.gateway import Transfer
from billing.ledger import credit, debit, post
from billing.models import (
    BatchState,
    CallState,
    Earning,
    EarningState,
    Payout,
    PayoutState,
    ReviewCause,
    StripeAccount,
)
from billing.next_payout import Waits, next_payouts
from billing.onboarding import ask_final_payout, refresh_account
from billing.payout_models import HoldCause, ReversalState, TransferReversal
from billing.payout_rules import DORMANT
from billing.reversing import MoreThanIsOwed, MoreThanWasSent
from billing.sending import TooLateToCancel, cancel_payout, send_due
from marketplace.accounts.models import Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BatchId, BrandId, PayoutId, PersonId, WorkerId, new_id
from tests.billing.conftest import gateway_to
from tests.billing.paying import (
    ENVIRONMENT,
    FUNDS,
    PAY,
    PRICE,
    Till,
    WatchedGateway,
    an_approved_batch,
    as_owner,
    assert_proven,
    pass_review,
    release,
    submit,
)
from tests.billing.stripe_server import StripeServer
from tests.builders import a_brand, a_person, a_resolved_ticket, usd

SOON = {"seconds": 11}


@pytest.fixture
def till(background: Database, fake_stripe: StripeServer) -> Till:
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    return Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))


def in_transaction(till: Till, act: Callable[[Tx], object]) -> None:
    with till.database.transaction() as tx:
        act(tx)


def person(till: Till) -> PersonId:
    with till.database.transaction() as tx:
        return a_person(tx)


def owes(till: Till, worker: WorkerId, amount_minor: int) -> None:
    """Taken back after it was paid: what a clawback posts."""
    with till.database.transaction() as tx:
        post(
            tx,
            kind="clawback",
            key=f"clawback:{new_id()}",
            currency="usd",
            legs=[debit(owed_by_worker(worker), amount_minor), credit(STRIPE_AVAILABLE, amount_minor)],
            now=app_now(tx),
        )


def writes_off(till: Till, worker: WorkerId, amount_minor: int) -> None:
    in_transaction(till, lambda tx: write_off(tx, worker, amount_minor))


def write_off(tx: Tx, worker: WorkerId, amount_minor: int) -> None:
    """What the platform gives up of a debt."""
    post(
        tx,
        kind="write_off",
        key=f"wo:{new_id()}",
        currency="usd",
        legs=[debit(BAD_DEBT_WORKER, amount_minor), credit(owed_by_worker(worker), amount_minor)],
        now=app_now(tx),
    )


def read_account(till: Till, worker: WorkerId) -> None:
    refresh_account(till.database, till.gateway, worker=worker)


def drafted(till: Till) -> list[Payout]:
    with till.database.transaction() as tx:
        batch = batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx)).id
    return till.payouts(batch)


# The worker's account


def test_case_17_a_bank_changed_after_the_approval_voids_it_for_that_worker_and_is_looked_at(
    till: Till,
) -> None:
    mover, stayer = till.worker(), till.worker()
    for worker in (mover, stayer):
        read_account(till, worker)
    brand = till.earn(mover, stayer)
    batch = till.released()
    till.server.turn(f"accounts/{till.account(mover)}/bank")

    till.send()

    by_worker = {payout.worker_id: payout for payout in till.payouts(batch)}
    assert by_worker[mover].state is PayoutState.REJECTED
    assert "changed after this was approved" in (by_worker[mover].failure or "")
    assert till.standing(payable(brand, mover)) == PAY
    assert [one["destination"] for one in till.transfers()] == [till.account(stayer)]
    till.assert_paid_once(by_worker[stayer].id)

    [again] = drafted(till)
    assert (again.worker_id, again.review, again.reviewed_by) == (mover, ReviewCause.FIRST_PAYOUT, None)
    with pytest.raises(NotLookedAt), till.database.transaction() as tx:
        batches.submit_batch(tx, batch=again.batch_id, person=a_person(tx), now=app_now(tx))


def test_a_new_bank_of_somebody_paid_before_is_looked_at_for_a_week(till: Till) -> None:
    worker, _ = till.a_payout()
    till.send()
    read_account(till, worker)
    till.server.turn(f"accounts/{till.account(worker)}/bank")
    read_account(till, worker)
    till.earn(worker)
    [new] = drafted(till)
    assert new.review is ReviewCause.BANK_CHANGED
    in_transaction(till, lambda tx: batches.void_batch(tx, batch=new.batch_id, now=app_now(tx)))
    till.later(days=7, seconds=1)
    [old] = drafted(till)
    assert old.review is None


def test_who_confirms_a_payout_or_lifts_a_hold_does_not_approve_its_batch(till: Till) -> None:
    worker = till.worker()
    till.earn(worker)
    fay, finn, flora = person(till), person(till), person(till)
    hold_by_hand(till, worker, by=fay)
    with pytest.raises(NothingToPay):
        drafted(till)
    with till.database.transaction() as tx:
        [held] = payout_holds.live_holds(tx)
        payout_holds.lift_hold(tx, hold=held.hold, by=finn, now=app_now(tx))
    [payout] = drafted(till)
    with till.database.transaction() as tx:
        submit(tx, payout.batch_id, person=fay)
    with pytest.raises(DecidedBefore), till.database.transaction() as tx:
        batches.approve_batch(tx, batch=payout.batch_id, person=finn, now=app_now(tx))
    in_transaction(
        till,
        lambda tx: batches.approve_batch(tx, batch=payout.batch_id, person=flora, now=app_now(tx)),
    )


def hold_by_hand(till: Till, worker: WorkerId, *, by: PersonId) -> None:
    in_transaction(
        till,
        lambda tx: payout_holds.hold_worker(
            tx, worker=worker, cause=HoldCause.PERSON, reason="Two tickets.", by=by, now=app_now(tx)
        ),
    )


def test_nothing_is_sent_to_a_worker_who_is_held_after_the_release(till: Till, database_url: str) -> None:
    worker, payout = till.a_payout()
    hold_by_hand(till, worker, by=person(till))
    with pytest.raises(DBAPIError, match="the worker is held"), as_owner(database_url) as sql:
        sql.execute(text("UPDATE stripe_call SET state = 'in_doubt'"))
    till.send()
    assert till.payout(payout).state is PayoutState.REJECTED
    assert "Two tickets." in (till.payout(payout).failure or "")
    assert till.keys() == []
    assert till.states_of(worker) == [EarningState.PAYABLE]


@pytest.mark.parametrize("how", ["deauthorized", "rejected"])
def test_case_18_a_closed_account_holds_its_worker_keeps_the_pay_and_starts_the_clock(
    till: Till, how: str
) -> None:
    worker = till.worker()
    brand = till.earn(worker)
    till.later(days=30)
    account = till.account(worker)
    if how == "deauthorized":
        till.server.turn(f"accounts/{account}/deauthorize")
    else:
        till.server.turn(
            f"accounts/{account}/capability", transfers="inactive", disabled_reason="rejected.fraud"
        )
    closed_at = till.now()
    read_account(till, worker)

    with till.database.transaction() as tx:
        [held] = payout_holds.live_holds(tx)
        [clock] = unclaimed.waiting_for(tx, worker=worker)
    assert (held.worker, held.cause) == (worker, HoldCause.ACCOUNT_CLOSED)
    assert till.standing(payable(brand, worker)) == PAY
    assert till.states_of(worker) == [EarningState.PAYABLE]
    assert clock.amount == PAY
    assert abs(clock.since - closed_at) < timedelta(minutes=1)
    assert clock.goes_at == clock.since + DORMANT
    with pytest.raises(NothingToPay):
        drafted(till)

    if how == "rejected":
        till.server.turn(f"accounts/{account}/onboard")
        read_account(till, worker)
        with till.database.transaction() as tx:
            assert payout_holds.live_holds(tx) == []
        assert [payout.worker_id for payout in drafted(till)] == [worker]


# Netting and taking back


def test_case_24_a_debt_above_the_pay_is_netted_without_a_transfer_and_the_rest_is_carried(
    till: Till,
) -> None:
    worker, other = till.worker(), till.worker()
    brand = till.earn(worker, other)
    owes(till, worker, 2_000)
    batch = till.released()
    till.send()

    by_worker = {payout.worker_id: payout for payout in till.payouts(batch)}
    netted = by_worker[worker]
    assert (netted.state, netted.amount_minor, netted.netted_minor) == (PayoutState.NETTED, 0, 1_600)
    assert len(till.transfers()) == len(till.keys()) == 1, "nothing was asked of Stripe for nothing"
    assert till.standing(owed_by_worker(worker)) == usd(400)
    assert till.standing(payable(brand, worker)) == usd(0)
    assert till.batch(batch).state is BatchState.DONE
    till.assert_paid_once(by_worker[other].id)

    till.earn(worker)
    [rest] = till.payouts(till.released())
    assert (rest.amount_minor, rest.netted_minor) == (1_200, 400)
    till.send()
    till.assert_paid_once(rest.id)
    assert till.standing(owed_by_worker(worker)) == usd(0)
    assert till.postings("net") == 2


def test_a_refused_transfer_gives_back_what_was_netted_too(till: Till) -> None:
    worker = till.worker()
    brand = till.earn(worker)
    owes(till, worker, 500)
    [payout] = till.payouts(till.released())
    assert till.standing(owed_by_worker(worker)) == usd(0)
    till.server.turn(f"accounts/{till.account(worker)}/capability", transfers="inactive")
    till.send()
    assert till.payout(payout.id).state is PayoutState.REJECTED
    assert till.standing(payable(brand, worker)) == PAY
    assert till.standing(owed_by_worker(worker)) == usd(500)
    assert till.standing(in_flight(worker)) == usd(0)
    assert_proven(till.database)


def test_a_debt_that_shrank_since_the_draft_leaves_that_payout_out(till: Till) -> None:
    worker, other = till.worker(), till.worker()
    brand = till.earn(worker, other)
    owes(till, worker, 500)
    with till.database.transaction() as tx:
        batch = an_approved_batch(tx)
        write_off(tx, worker, 100)
        release(tx, batch)
    states = {payout.worker_id: payout.state for payout in till.payouts(batch)}
    assert states == {worker: PayoutState.REJECTED, other: PayoutState.SENDING}
    assert till.standing(payable(brand, worker)) == PAY
    assert till.standing(owed_by_worker(worker)) == usd(400)


def ask(till: Till, payout: PayoutId, amount_minor: int) -> TransferReversal:
    with till.database.transaction() as tx:
        return reversing.ask_back(
            tx,
            payout=payout,
            amount_minor=amount_minor,
            reason="Paid for a ticket that failed review.",
            by=None,
            environment=ENVIRONMENT,
            now=app_now(tx),
        )


def reversals(till: Till, payout: PayoutId) -> list[TransferReversal]:
    with till.database.transaction() as tx:
        return reversing.reversals_of(tx, payout)


def test_case_25_a_reversal_refused_changes_nothing_a_partial_one_posts_its_part_and_none_goes_further(
    till: Till,
) -> None:
    worker, payout = till.a_payout()
    till.send()
    owes(till, worker, 1_600)
    account = till.account(worker)

    till.server.turn(f"accounts/{account}/payout")
    ask(till, payout, 1_600)
    till.send()
    [refused] = reversals(till, payout)
    assert refused.state is ReversalState.REFUSED
    assert "insufficient" in (refused.failure or "")
    assert till.standing(owed_by_worker(worker)) == PAY
    assert till.postings("reversed") == 0
    till.later(hours=1)
    assert till.send() == 0, "it is not asked for again"

    [out] = till.server.look("objects/payout")
    till.server.turn(f"payouts/{out['id']}", status="failed")
    before = till.standing(STRIPE_AVAILABLE)
    part = ask(till, payout, 600)
    till.send()
    assert till.standing(owed_by_worker(worker)) == usd(1_000)
    assert till.standing(STRIPE_AVAILABLE) == before + usd(600)
    assert till.payout(payout).reversed_minor == 600
    [done] = till.server.look("objects/transfer_reversal")
    assert (done["amount"], done["metadata"]["reversal_id"]) == (600, str(part.id))

    asked = len(till.server.look("requests"))
    with pytest.raises(MoreThanWasSent):
        ask(till, payout, 1_001)
    writes_off(till, worker, 900)
    with pytest.raises(MoreThanIsOwed):
        ask(till, payout, 101)
    assert len(till.server.look("requests")) == asked, "refused here, not there"
    assert_proven(till.database)


def test_a_reversal_whose_answer_was_lost_is_asked_for_under_the_same_key_and_posted_once(till: Till) -> None:
    worker, payout = till.a_payout()
    till.send()
    owes(till, worker, 1_600)
    reversal = ask(till, payout, 1_000)
    till.server.fault("after_lost_reply", path="/v1/transfers/*/reversals")
    till.send()
    assert [one.state for one in reversals(till, payout)] == [ReversalState.UNKNOWN]
    till.later(hours=25)
    till.send()
    assert [one.state for one in reversals(till, payout)] == [ReversalState.ACCEPTED]
    assert len(till.server.look("objects/transfer_reversal")) == till.postings("reversed") == 1
    assert till.standing(owed_by_worker(worker)) == usd(600)
    keys = [
        one["idempotency_key"]
        for one in till.server.look("requests")
        if one["method"] == "POST" and one["path"].endswith("/reversals")
    ]
    assert keys == [f"reversal:{reversal.id}:1"]


def test_what_is_being_asked_back_is_not_netted_as_well(till: Till) -> None:
    worker, payout = till.a_payout()
    till.send()
    owes(till, worker, 1_600)
    ask(till, payout, 1_600)
    till.earn(worker)
    [planned] = drafted(till)
    assert (planned.amount_minor, planned.netted_minor) == (1_600, 0)


# Cancelling and stopping


def test_case_30_a_payout_is_either_cancelled_or_sent_and_never_both(
    till: Till, second_background: Database
) -> None:
    workers = [till.worker() for _ in range(4)]
    brand = till.earn(*workers)
    batch = till.released()
    later_first = till.payouts(batch)[::-1]
    start = Barrier(2)

    def cancel() -> set[PayoutId]:
        start.wait()
        cancelled = set()
        for payout in later_first:
            try:
                with second_background.transaction() as tx:
                    cancel_payout(tx, payout=payout.id, now=app_now(tx))
            except TooLateToCancel:
                continue
            cancelled.add(payout.id)
        return cancelled

    def send() -> None:
        start.wait()
        send_due(till.database, gateway_to(till.server))

    with ThreadPoolExecutor(max_workers=2) as pool:
        sending, cancelling = pool.submit(send), pool.submit(cancel)
        sending.result()
        cancelled = cancelling.result()

    sent = {PayoutId(payout.id) for payout in till.payouts(batch) if payout.state is PayoutState.ACCEPTED}
    assert sent | cancelled == {payout.id for payout in till.payouts(batch)}
    assert not sent & cancelled
    assert cancelled, "the last one was cancelled before the sender came to it"
    asked = {one["metadata"]["payout_id"] for one in till.transfers()}
    assert asked == {str(payout) for payout in sent}
    for payout in till.payouts(batch):
        if payout.id in cancelled:
            assert till.standing(payable(brand, payout.worker_id)) == PAY
            assert till.states_of(payout.worker_id) == [EarningState.PAYABLE]
            with pytest.raises(TooLateToCancel):
                cancel_now(till, payout.id)
    assert till.batch(batch).finished_at is not None
    assert_proven(till.database)


def test_case_55_stopped_in_the_middle_nothing_new_leaves_what_is_in_doubt_is_found_and_all_goes_on(
    till: Till, database_url: str
) -> None:
    till.earn(till.worker(), till.worker(), till.worker())
    batch = till.released()
    till.server.fault("after_lost_reply")
    stopping = StoppedAfterOne(till.server, till.database)
    send_due(till.database, stopping)

    states = sorted(payout.state.value for payout in till.payouts(batch))
    assert states == ["sending", "sending", "unknown"]
    assert len(till.keys()) == 1
    with pytest.raises(DBAPIError, match="payouts are stopped"), as_owner(database_url) as sql:
        sql.execute(text("UPDATE stripe_call SET state = 'in_doubt' WHERE state = 'ready'"))

    till.later(**SOON)
    till.send()
    till.later(minutes=11)
    till.send()
    states = sorted(payout.state.value for payout in till.payouts(batch))
    assert states == ["accepted", "sending", "sending"], "looked up, and found"
    assert len(till.keys()) == len(till.transfers()) == 1

    in_transaction(till, lambda tx: payouts_stop.resume_payouts(tx, by=a_person(tx), now=app_now(tx)))
    till.send()
    assert till.batch(batch).state is BatchState.DONE
    for payout in till.payouts(batch):
        till.assert_paid_once(payout.id)


def cancel_now(till: Till, payout: PayoutId) -> None:
    in_transaction(till, lambda tx: cancel_payout(tx, payout=payout, now=app_now(tx)))


class StoppedAfterOne(WatchedGateway):
    """Somebody throws the switch while the first transfer is on its way."""

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        with self._database.transaction() as tx:
            payouts_stop.stop_payouts(tx, reason="A wrong file.", by=a_person(tx), now=app_now(tx))
        return super().execute_transfer(params, key=key)


def test_a_call_in_doubt_that_never_reached_stripe_waits_for_the_stop_to_end(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("before")
    till.send()
    in_transaction(till, lambda tx: payouts_stop.stop_payouts(tx, reason="A look.", by=None, now=app_now(tx)))
    for _ in range(3):
        till.later(minutes=11)
        till.send()
    assert [(call.state, call.lookups_empty) for call in till.calls(payout)] == [(CallState.IN_DOUBT, 0)]
    assert till.transfers() == []
    in_transaction(till, lambda tx: payouts_stop.resume_payouts(tx, by=a_person(tx), now=app_now(tx)))
    till.later(minutes=11)
    till.send()
    till.assert_paid_once(payout)
    assert till.keys() == [f"payout:{payout}:1"] * 2


# Funds


def test_case_33_a_batch_larger_than_what_is_available_waits_whole_and_finance_sees_what_is_missing(
    till: Till,
) -> None:
    till.earn(till.worker(), till.worker())
    batch = till.released()
    till.server.turn("balance/drain", leave_minor=2 * PAY.amount_minor - 1)
    for _ in range(3):
        till.send()
        till.later(**SOON)
    assert till.keys() == [], "not even the one that the balance would cover"
    waiting = till.batch(batch)
    assert (waiting.state, waiting.shortfall_minor) == (BatchState.RELEASING, 1)
    assert waiting.shortfall_note == "The platform's available balance is too low; sending waits for it."

    till.server.turn("balance/fund", amount_minor=1)
    till.send()
    assert till.batch(batch).state is BatchState.DONE
    assert till.batch(batch).shortfall_minor is None
    assert len(till.transfers()) == 2


def test_case_34_a_balance_drained_by_the_platforms_own_schedule_waits_and_names_the_schedule(
    till: Till,
) -> None:
    till.earn(till.worker())
    batch = till.released()
    till.server.turn("settings", payout_interval="daily")
    till.server.turn("balance/drain")
    with capture_logs() as said:
        till.send()
    assert till.keys() == []
    waiting = till.batch(batch)
    assert waiting.shortfall_minor == PAY.amount_minor
    assert "Set the platform's payout schedule to manual" in (waiting.shortfall_note or "")
    [alarm] = [one for one in said if one["event"] == "payouts.short_of_funds"]
    assert (alarm["log_level"], alarm["schedule"]) == ("error", "daily")


# Small sums, and nobody


def test_case_32_a_small_sum_is_carried_a_leaving_worker_gets_it_and_a_dormant_one_loses_it_in_time(
    till: Till,
) -> None:
    carried, leaving = till.worker(), till.worker()
    brand = earn_little(till, carried, leaving)
    with pytest.raises(NothingToPay):
        drafted(till)
    with till.database.transaction() as tx:
        [next_one] = next_payouts(tx, worker=carried)
    assert (next_one.payable, next_one.minimum, next_one.waits) == (usd(800), usd(1_000), Waits.SMALL)

    in_transaction(till, lambda tx: ask_final_payout(tx, worker=leaving, now=app_now(tx)))
    [payout] = till.payouts(till.released())
    assert (payout.worker_id, payout.amount_minor) == (leaving, 800)
    till.send()
    till.assert_paid_once(payout.id)
    with till.database.transaction() as tx:
        assert tx.get_one(StripeAccount, leaving).leaving_at is None

    till.later(days=DORMANT.days - 1)
    in_transaction(till, lambda tx: unclaimed.escheat_due(tx, now=app_now(tx)))
    assert till.standing(payable(brand, carried)) == usd(800)
    till.later(days=2)
    for _ in range(2):
        in_transaction(till, lambda tx: unclaimed.escheat_due(tx, now=app_now(tx)))
    assert till.standing(payable(brand, carried)) == usd(0)
    assert till.standing(UNCLAIMED) == usd(800)
    assert till.postings("escheat") == 1
    assert till.states_of(carried) == [EarningState.UNCLAIMED]
    assert_proven(till.database)


def test_a_worker_who_is_heard_of_starts_the_clock_anew(till: Till) -> None:
    worker = till.worker()
    brand = earn_little(till, worker)
    till.later(days=DORMANT.days + 1)
    in_transaction(till, lambda tx: tx.execute(update(Worker).values(seen_at=app_now(tx))))
    in_transaction(till, lambda tx: unclaimed.escheat_due(tx, now=app_now(tx)))
    assert till.standing(payable(brand, worker)) == usd(800)


def earn_little(till: Till, *workers: WorkerId) -> BrandId:
    """A payable 8.00 for each."""
    with till.database.transaction() as tx:
        brand = a_brand(tx, price=usd(PRICE.amount_minor // 2), funds=usd(FUNDS))
        for worker in workers:
            a_resolved_ticket(tx, brand, worker)
    pass_review(till.database)
    return brand


# Large batches


def test_a_batch_over_the_threshold_takes_a_second_approver(till: Till, database_url: str) -> None:
    till.earn(till.worker())
    with till.database.transaction() as tx:
        batch = batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx))
        batch.second_over_minor = PAY.amount_minor - 1
        fay, finn, flora = (a_person(tx) for _ in range(3))
        submit(tx, batch.id, person=fay)
        batches.approve_batch(tx, batch=batch.id, person=finn, now=app_now(tx))
    with pytest.raises(SecondApproverNeeded), till.database.transaction() as tx:
        release(tx, BatchId(batch.id))
    for signed in (fay, finn):
        with pytest.raises(batches.SamePerson), till.database.transaction() as tx:
            batches.second_batch(tx, batch=batch.id, person=signed, now=app_now(tx))
    with pytest.raises(DBAPIError, match="a signature is not changed"), as_owner(database_url) as sql:
        sql.execute(text("UPDATE payout_batch SET second_over_minor = NULL"))
    with till.database.transaction() as tx:
        batches.second_batch(tx, batch=batch.id, person=flora, now=app_now(tx))
    with till.database.transaction() as tx:
        release(tx, BatchId(batch.id))
    till.send()
    assert len(till.transfers()) == 1


def test_a_batch_larger_than_one_release_takes_at_once_goes_on_in_the_background(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAYOUTS_PER_START", 2)
    till.earn(*(till.worker() for _ in range(5)))
    batch = till.released()
    till.send()
    assert len(till.transfers()) == 2
    assert till.batch(batch).state is BatchState.RELEASING
    started: list[int] = []
    while not started or started[-1]:
        with till.database.transaction() as tx:
            started.append(batches.start_released(tx, environment=ENVIRONMENT, now=app_now(tx)))
    assert started == [2, 1, 0]
    till.send()
    assert till.batch(batch).state is BatchState.DONE
    assert len(till.transfers()) == 5
    with till.database.transaction() as tx:
        assert set(tx.scalars(select(Earning.state))) == {EarningState.SENT}
