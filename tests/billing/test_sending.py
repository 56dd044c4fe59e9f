"""Money leaves once: through crashes, lost replies, refusals, dead keys and two senders at a time."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from billing.accounts import STRIPE_AVAILABLE, in_flight, payable
from billing.gateway import Transfer, transfer_params
from billing.models import (
    BatchState,
    CallState,
    EarningState,
    PayoutState,
    StripeAccount,
)
from billing.onboarding import accounts_to_check, refresh_account
from billing.sending import send_due, work_on
from billing.stored_calls import LEASE, take_due
from marketplace.events.commands import Bus
from marketplace.events.facts import PayoutSent
from marketplace.kernel.db import Database, Role, Tx
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
    release,
)
from tests.billing.stripe_server import StripeServer
from tests.builders import usd
from workers_ui.bootstrap import same_transaction_bus

AFTER_A_LEASE = LEASE.total_seconds() + 1
SOON = {"seconds": 11}
SENDER_SECONDS = 60


@pytest.fixture
def till(background: Database, fake_stripe: StripeServer) -> Till:
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    return Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))


@pytest.fixture
def second_database(database_url: str) -> Iterator[Database]:
    """Another background process's connections."""
    database = Database(
        database_url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


class PowerCut(Exception):
    """The process is gone, as far as the database can tell."""


def power_cut(_tx: Tx, _fact: PayoutSent) -> None:
    raise PowerCut


def test_a_released_batch_is_sent_and_the_ledger_says_so(till: Till) -> None:
    worker, noise = till.worker(), till.worker()
    brand = till.earn(worker, noise)
    batch = till.released()
    before = till.standing(STRIPE_AVAILABLE)

    assert till.send() == 2

    assert till.batch(batch).state is BatchState.DONE
    for payout in till.payouts(batch):
        assert payout.state is PayoutState.ACCEPTED
        till.assert_paid_once(payout.id)
    assert till.standing(payable(brand, worker)) == usd(0)
    assert till.standing(in_flight(worker)) == usd(0)
    assert till.standing(STRIPE_AVAILABLE) == before - PAY - PAY
    assert till.states_of(worker) == [EarningState.SENT]
    assert till.send() == 0


def test_every_request_that_changes_something_carries_our_key_and_a_version(till: Till) -> None:
    _, payout = till.a_payout()
    till.send()
    asked = till.server.look("requests")
    changing = [one for one in asked if one["method"] == "POST"]
    assert all(one["idempotency_key"].startswith(("payout:", "account:")) for one in changing)
    assert till.keys() == [f"payout:{payout}:1"]


def test_case_01_a_crash_after_stripe_accepted_is_recovered_under_the_same_key(
    till: Till, database_url: str
) -> None:
    worker, payout = till.a_payout()
    dying = Database(
        database_url, role=Role.BACKGROUND, connections=2, shared={"bus": Bus({PayoutSent: [power_cut]})}
    )
    with pytest.raises(PowerCut):
        send_due(dying, till.gateway)
    dying.dispose()
    assert len(till.transfers()) == 1
    assert till.postings("sent") == 0
    assert till.standing(in_flight(worker)) == PAY

    assert till.send() == 0, "a lease protects the call from a second sender"
    till.later(seconds=AFTER_A_LEASE)
    assert till.send() == 1

    till.assert_paid_once(payout)
    assert till.postings("sent") == 1
    assert till.keys() == [f"payout:{payout}:1"] * 2


def test_a_sender_killed_right_after_stripe_accepted_costs_nobody_anything(
    till: Till, database_url: str
) -> None:
    _, payout = till.a_payout()
    ended = subprocess.run(
        [sys.executable, "-m", "tests.billing.dying_sender", database_url, till.server.url],
        timeout=SENDER_SECONDS,
        check=False,
    )
    assert ended.returncode == -9
    assert len(till.transfers()) == 1
    till.later(seconds=AFTER_A_LEASE)
    till.send()
    till.assert_paid_once(payout)


def test_a_lost_reply_is_asked_for_again_under_the_same_key(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("after_lost_reply")
    till.send()
    assert till.payout(payout).state is PayoutState.UNKNOWN
    till.later(**SOON)
    till.send()
    till.assert_paid_once(payout)
    assert set(till.keys()) == {f"payout:{payout}:1"}


def test_case_03_a_timeout_before_stripe_acted_ends_in_exactly_one_transfer(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("before")
    till.send()
    assert till.transfers() == []
    till.later(**SOON)
    till.send()
    till.assert_paid_once(payout)
    assert till.keys() == [f"payout:{payout}:1"] * 2


def test_case_05_of_two_senders_with_one_key_one_wins_and_the_other_reads_its_result(
    till: Till, second_database: Database
) -> None:
    worker, payout = till.a_payout()
    till.server.fault("delay", seconds=1.0)

    with ThreadPoolExecutor(max_workers=1) as pool:
        slow = pool.submit(till.send)
        till.wait_until(lambda: not till.server.look("faults"))
        till.later(seconds=AFTER_A_LEASE)
        assert send_due(second_database, WatchedGateway(till.server, second_database)) == 1
        assert slow.result() == 1

    asked = [one["status"] for one in till.server.look("requests") if one["path"] == "/v1/transfers"]
    assert sorted(asked) == [200, 409]
    till.later(**SOON)
    till.send()
    till.assert_paid_once(payout)
    assert till.postings("sent") == 1
    assert set(till.keys()) == {f"payout:{payout}:1"}
    assert till.states_of(worker) == [EarningState.SENT]


def test_case_06_a_rate_limit_is_waited_for_without_a_new_key_or_a_failure(till: Till) -> None:
    worker, payout = till.a_payout()
    till.server.fault("429", times=5)
    pauses = []
    for _ in range(5):
        till.send()
        waiting = till.payout(payout)
        assert (waiting.state, waiting.failure) == (PayoutState.SENDING, None)
        assert till.states_of(worker) == [EarningState.SENDING]
        [call] = till.calls(payout)
        pauses.append((call.due_at - till.now()).total_seconds())
        till.later(minutes=11)
    till.send()
    assert pauses == sorted(set(pauses)), "each pause is longer than the one before"
    till.assert_paid_once(payout)
    assert till.keys() == [f"payout:{payout}:1"] * 6


def test_a_rate_limit_pauses_the_whole_sender(till: Till) -> None:
    till.earn(till.worker(), till.worker())
    till.released()
    till.server.fault("429")
    assert till.send() == 0
    assert len(till.keys()) == 1, "the second payout was not tried against the limit"


def test_a_conflict_leaves_the_result_unknown_and_the_key_as_it_is(till: Till) -> None:
    worker, payout = till.a_payout()
    till.server.fault("409", times=5)
    for _ in range(5):
        till.send()
        assert till.payout(payout).state is PayoutState.UNKNOWN
        assert till.states_of(worker) == [EarningState.SENDING]
        till.later(minutes=11)
    till.send()
    till.assert_paid_once(payout)
    assert set(till.keys()) == {f"payout:{payout}:1"}


def test_case_02_a_key_that_died_with_its_reply_lost_is_looked_up_and_found(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("after_lost_reply")
    till.send()
    till.later(hours=25)
    till.send()
    till.assert_paid_once(payout)
    assert till.keys() == [f"payout:{payout}:1"], "a pruned key would have paid a second time"


@pytest.mark.parametrize("kind", ["before", "500"])
def test_a_dead_key_is_replaced_only_after_two_empty_look_ups(till: Till, kind: str) -> None:
    worker, payout = till.a_payout()
    till.server.fault(kind)
    till.send()
    till.later(hours=25)

    till.send()
    assert [call.lookups_empty for call in till.calls(payout)] == [1]
    till.later(minutes=5)
    assert till.send() == 0, "look-ups are ten minutes apart"
    assert till.states_of(worker) == [EarningState.SENDING]

    till.later(minutes=6)
    assert till.send() == 2, "the second empty look-up, then the new attempt"
    assert [call.state for call in till.calls(payout)] == [CallState.RETIRED, CallState.ACCEPTED]
    assert till.keys() == [f"payout:{payout}:1", f"payout:{payout}:2"]
    assert till.postings("send") == 1, "the money was in flight all the time"
    till.assert_paid_once(payout)


def test_case_04_a_500_stored_at_stripe_is_replayed_then_looked_up_then_tried_anew(till: Till) -> None:
    worker, payout = till.a_payout()
    till.server.fault("500")
    for _ in range(4):
        till.send()
        assert till.payout(payout).state is PayoutState.UNKNOWN
        assert till.standing(in_flight(worker)) == PAY
        till.later(minutes=11)
        assert till.states_of(worker) == [EarningState.SENDING]
    assert till.keys() == [f"payout:{payout}:1"] * 4, "the stored 500 was replayed"
    till.later(hours=20)
    till.send()
    assert till.payout(payout).state is PayoutState.UNKNOWN
    till.later(minutes=11)
    till.send()
    assert [call.lookups_empty for call in till.calls(payout)] == [2, 0]
    assert till.keys()[-1] == f"payout:{payout}:2"
    assert till.postings("rejected") == 0
    till.assert_paid_once(payout)


def test_a_500_that_hid_an_accepted_transfer_is_found_by_look_up(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("500_after")
    till.send()
    till.later(**SOON)
    till.send()
    assert till.payout(payout).state is PayoutState.UNKNOWN
    till.later(hours=21)
    till.send()
    till.assert_paid_once(payout)


def test_a_failing_look_up_counts_as_none(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("after_lost_reply")
    till.send()
    till.later(hours=25)
    till.server.fault("before", method="GET", times=2)
    till.send()
    till.later(minutes=11)
    till.send()
    assert [call.lookups_empty for call in till.calls(payout)] == [0]
    till.later(minutes=11)
    till.send()
    till.assert_paid_once(payout)


class DrainedGateway(WatchedGateway):
    """The balance is enough when it is looked at, and gone when the transfer comes."""

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        self.server.turn("balance/drain")
        return super().execute_transfer(params, key=key)


def test_case_07_a_definite_refusal_makes_the_money_payable_and_the_next_batch_pays_under_a_new_key(
    till: Till,
) -> None:
    worker = till.worker()
    brand = till.earn(worker)
    batch = till.released()
    [first] = till.payouts(batch)

    send_due(till.database, DrainedGateway(till.server, till.database))

    refused = till.payout(first.id)
    assert refused.state is PayoutState.REJECTED
    assert refused.failure is not None
    assert "insufficient" in refused.failure
    assert till.batch(batch).state is BatchState.DONE_WITH_FAILURES
    assert till.standing(payable(brand, worker)) == PAY
    assert till.standing(in_flight(worker)) == usd(0)
    assert till.states_of(worker) == [EarningState.PAYABLE]

    till.server.turn("balance/fund", amount_minor=FUNDS)
    till.later(hours=1)
    assert till.send() == 0, "a refused call is never made again"
    [second] = till.payouts(till.released())
    till.send()
    till.assert_paid_once(second.id)
    assert till.keys() == [f"payout:{first.id}:1", f"payout:{second.id}:1"]
    assert len(till.transfers()) == 1


def test_a_refusal_of_an_unanswered_try_is_final_when_a_look_finds_nothing(till: Till) -> None:
    worker, payout = till.a_payout()
    till.server.fault("before")
    till.send()
    till.server.turn("balance/drain")
    till.later(**SOON)
    till.send()
    assert till.payout(payout).state is PayoutState.REJECTED
    assert till.states_of(worker) == [EarningState.PAYABLE]
    assert till.transfers() == []


def test_too_little_available_waits_and_asks_for_no_transfer(till: Till) -> None:
    worker, payout = till.a_payout()
    till.server.turn("balance/drain", leave_minor=PAY.amount_minor - 1)
    for _ in range(3):
        till.send()
        till.later(**SOON)
    waiting = till.payout(payout)
    assert waiting.state is PayoutState.SENDING
    assert waiting.failure == "The platform's available balance is too low; sending waits for it."
    assert till.keys() == []
    assert till.standing(in_flight(worker)) == PAY

    till.server.turn("balance/fund", amount_minor=1)
    till.send()
    till.assert_paid_once(payout)


def test_case_16_a_worker_who_lost_the_capability_is_told_how_to_mend_it_and_the_others_are_paid(
    till: Till,
) -> None:
    broken, well, noise = till.worker(), till.worker(), till.worker()
    brand = till.earn(broken, well, noise)
    batch = till.released()
    till.server.turn(f"accounts/{till.account(broken)}/capability", transfers="inactive")

    till.send()

    by_worker = {payout.worker_id: payout for payout in till.payouts(batch)}
    assert by_worker[broken].state is PayoutState.REJECTED
    assert "finish its set-up at Stripe" in (by_worker[broken].failure or "")
    assert till.batch(batch).state is BatchState.DONE_WITH_FAILURES
    assert till.standing(payable(brand, broken)) == PAY
    for worker in (well, noise):
        till.assert_paid_once(by_worker[worker].id)
    assert len(till.transfers()) == 2
    assert sum(one["amount"] for one in till.transfers()) == 2 * PAY.amount_minor


def test_a_worker_who_lost_the_capability_is_left_out_until_stripe_says_otherwise(till: Till) -> None:
    broken, well = till.worker(), till.worker()
    till.earn(broken)
    till.released()
    till.server.turn(f"accounts/{till.account(broken)}/capability", transfers="inactive")
    till.send()

    till.earn(well)
    assert [payout.worker_id for payout in till.payouts(till.released())] == [well]

    till.server.turn(f"accounts/{till.account(broken)}/onboard")
    assert accounts_to_check(till.database) == [broken]
    refresh_account(till.database, till.gateway, worker=broken)
    assert accounts_to_check(till.database) == []
    assert [payout.worker_id for payout in till.payouts(till.released())] == [broken]


def test_an_account_that_is_gone_is_refused_and_read_as_unable(till: Till, database_url: str) -> None:
    worker, payout = till.a_payout()
    with as_owner(database_url) as sql:
        sql.execute(text("UPDATE payout SET destination = 'acct_gone'"))
        sql.execute(text("UPDATE stripe_account SET account = 'acct_gone'"))
    till.send()
    assert till.payout(payout).state is PayoutState.REJECTED
    assert till.states_of(worker) == [EarningState.PAYABLE]
    assert refresh_account(till.database, till.gateway, worker=worker) is not None
    with till.database.transaction() as tx:
        kept = tx.get_one(StripeAccount, worker)
        assert (kept.transfers_active, kept.disabled_reason) == (False, "account_invalid")


@pytest.mark.parametrize(("fault", "ends"), [("after_lost_reply", "paid"), ("before", "refused")])
def test_a_capability_lost_while_a_call_is_in_doubt_is_judged_by_what_stripe_did(
    till: Till, fault: str, ends: str
) -> None:
    worker, payout = till.a_payout()
    till.server.fault(fault)
    till.send()
    till.server.turn(f"accounts/{till.account(worker)}/capability", transfers="inactive")
    till.later(**SOON)
    till.send()
    if ends == "paid":
        till.assert_paid_once(payout)
        assert till.states_of(worker) == [EarningState.SENT]
    else:
        assert till.transfers() == []
        assert till.states_of(worker) == [EarningState.PAYABLE]
        assert "finish its set-up" in (till.payout(payout).failure or "")
    assert_proven(till.database)


def test_a_refusal_after_an_unanswered_try_is_believed_only_after_a_look(till: Till) -> None:
    """Our own refusal (the installation was renamed) says nothing of the try before it."""
    _, payout = till.a_payout()
    till.server.fault("after_lost_reply")
    till.send()
    renamed = RenamedGateway(till.server, till.database)
    till.later(**SOON)
    send_due(till.database, renamed)
    till.assert_paid_once(payout)


class RenamedGateway(WatchedGateway):
    """The same Stripe, after somebody changed the installation's name."""

    def __init__(self, server: StripeServer, database: Database) -> None:
        super().__init__(server, database)
        self._environment = "renamed"


def test_case_09_a_key_used_for_something_else_is_left_to_a_person(till: Till) -> None:
    worker, payout = till.a_payout()
    other = transfer_params(
        amount_minor=1,
        currency="usd",
        destination=till.account(worker),
        batch_id="somebody",
        payout_id="else",
        environment=ENVIRONMENT,
    )
    till.gateway.execute_transfer(other, key=f"payout:{payout}:1")

    with capture_logs() as said:
        till.send()

    [alert] = [one for one in said if one["log_level"] == "error"]
    assert (alert["event"], alert["payout"]) == ("payout.needs_a_person", str(payout))
    assert till.payout(payout).state is PayoutState.UNKNOWN
    assert "A person must look" in (till.payout(payout).failure or "")
    for _ in range(3):
        till.later(hours=21)
        assert till.send() == 0
    assert len(till.transfers()) == 1
    assert till.standing(in_flight(worker)) == PAY
    assert till.states_of(worker) == [EarningState.SENDING]
    assert till.batch(till.payout(payout).batch_id).state is BatchState.RELEASING
    assert till.postings("sent") == till.postings("rejected") == 0


def test_a_transfer_of_another_amount_is_left_to_a_person(till: Till, database_url: str) -> None:
    _, payout = till.a_payout()
    with as_owner(database_url) as sql:
        sql.execute(text("UPDATE payout SET amount_minor = amount_minor - 1"))
    till.send()
    assert till.payout(payout).state is PayoutState.UNKNOWN
    assert till.postings("sent") == 0


@pytest.mark.parametrize(
    "attack",
    [
        """UPDATE stripe_call SET params = params || '{"amount": 999999}'""",
        """UPDATE stripe_call SET key = 'another'""",
        """UPDATE stripe_call SET attempt = attempt + 1""",
    ],
)
def test_a_stored_call_keeps_its_parameters_and_key(till: Till, database_url: str, attack: str) -> None:
    till.a_payout()
    with pytest.raises(DBAPIError, match="append-only"), as_owner(database_url) as sql:
        sql.execute(text(attack))


def test_two_senders_at_once_send_each_payout_once(till: Till, second_database: Database) -> None:
    workers = [till.worker() for _ in range(6)]
    till.earn(*workers)
    batch = till.released()
    start = Barrier(2)

    def sender(database: Database) -> int:
        gateway = WatchedGateway(till.server, database)
        start.wait()
        return send_due(database, gateway)

    with ThreadPoolExecutor(max_workers=2) as pool:
        counted = list(pool.map(sender, [till.database, second_database]))

    assert sum(counted) == len(workers)
    assert len(till.transfers()) == len(workers)
    assert till.batch(batch).state is BatchState.DONE
    for payout in till.payouts(batch):
        till.assert_paid_once(payout.id)


def test_a_sender_slower_than_its_lease_changes_nothing_that_the_next_one_settled(till: Till) -> None:
    """The slow one woke up after the capability was lost; by then the other had paid."""
    worker, payout = till.a_payout()
    slow = take_due(till.database)
    assert slow is not None
    till.later(seconds=AFTER_A_LEASE)
    till.server.fault("after_lost_reply")
    till.send()
    till.server.turn(f"accounts/{till.account(worker)}/capability", transfers="inactive")

    work_on(till.database, till.gateway, slow, set())

    assert till.payout(payout).state is PayoutState.UNKNOWN, "refusing it now would pay twice"
    till.later(**SOON)
    till.send()
    till.assert_paid_once(payout)


def test_case_08_a_call_refused_meanwhile_is_not_made_by_a_sender_that_took_it_before(till: Till) -> None:
    worker, payout = till.a_payout()
    slow = take_due(till.database)
    assert slow is not None
    till.later(seconds=AFTER_A_LEASE)
    till.server.turn(f"accounts/{till.account(worker)}/capability", transfers="inactive")
    till.send()
    assert till.payout(payout).state is PayoutState.REJECTED
    till.server.turn(f"accounts/{till.account(worker)}/onboard")

    work_on(till.database, till.gateway, slow, set())

    assert till.keys() == []
    assert till.states_of(worker) == [EarningState.PAYABLE]


class SlowLook(WatchedGateway):
    """Between what it saw and what it does about it, another sender works."""

    meanwhile: Callable[[], object]

    def find_transfers(self, *, transfer_group: str, destination: str) -> list[Transfer]:
        found = super().find_transfers(transfer_group=transfer_group, destination=destination)
        self.meanwhile()
        return found


def test_two_empty_look_ups_at_once_make_one_new_attempt(till: Till) -> None:
    _, payout = till.a_payout()
    till.server.fault("before")
    till.send()
    till.later(hours=25)
    till.send()
    till.later(minutes=11)

    def another_sender() -> None:
        till.later(seconds=AFTER_A_LEASE)
        till.send()

    slow = SlowLook(till.server, till.database)
    slow.meanwhile = another_sender
    send_due(till.database, slow)

    assert [call.attempt for call in till.calls(payout)] == [1, 2]
    assert till.keys() == [f"payout:{payout}:1", f"payout:{payout}:2"]
    till.assert_paid_once(payout)


def test_refused_credentials_stop_the_sender_and_lose_nothing(till: Till) -> None:
    workers = [till.worker(), till.worker()]
    till.earn(*workers)
    batch = till.released()
    stranger = WatchedGateway(till.server, till.database, key="rk_test_revoked")

    assert send_due(till.database, stranger) == 0
    assert till.keys() == []
    refused = [payout for payout in till.payouts(batch) if payout.failure]
    assert len(refused) == 1, "the sender stopped at the first"
    assert "Invalid API Key" in str(refused[0].failure)

    till.later(**SOON)
    till.send()
    for payout in till.payouts(batch):
        till.assert_paid_once(payout.id)


def test_case_31_of_a_hundred_payouts_one_is_refused_and_only_that_one_is_paid_again(till: Till) -> None:
    till.server.turn("balance/fund", amount_minor=100 * PAY.amount_minor)
    workers = [till.worker() for _ in range(100)]
    brand = till.earn(*workers, funds=usd(100 * PRICE.amount_minor))
    batch = till.released()
    till.server.turn(f"accounts/{till.account(workers[3])}/capability", transfers="inactive")
    while till.send():
        pass
    states = [payout.state for payout in till.payouts(batch)]
    assert states.count(PayoutState.ACCEPTED) == 99
    assert states.count(PayoutState.REJECTED) == 1
    assert till.batch(batch).state is BatchState.DONE_WITH_FAILURES
    assert sum(one["amount"] for one in till.transfers()) == 99 * PAY.amount_minor
    assert till.postings("sent") == 99
    assert till.standing(payable(brand, workers[3])) == PAY

    till.server.turn(f"accounts/{till.account(workers[3])}/onboard")
    refresh_account(till.database, till.gateway, worker=workers[3])
    [again] = till.payouts(till.released())
    assert again.worker_id == workers[3]
    till.send()
    till.assert_paid_once(again.id)
    assert len(till.transfers()) == 100


def test_a_batch_stays_open_while_one_payout_is_unknown(till: Till) -> None:
    till.earn(till.worker(), till.worker())
    batch = till.released()
    till.server.fault("after_lost_reply")
    till.send()
    assert {payout.state for payout in till.payouts(batch)} == {PayoutState.UNKNOWN, PayoutState.ACCEPTED}
    assert till.batch(batch).state is BatchState.RELEASING
    till.later(**SOON)
    till.send()
    assert till.batch(batch).state is BatchState.DONE


def test_case_29_a_batch_released_twice_and_sent_by_two_at_once_pays_each_payout_once(
    till: Till, second_database: Database
) -> None:
    till.earn(till.worker(), till.worker())
    with till.database.transaction() as tx:
        batch = an_approved_batch(tx)
    start = Barrier(2)

    def click(database: Database) -> str:
        start.wait()
        try:
            with database.transaction() as tx:
                release(tx, batch)
        except Exception as refusal:
            return type(refusal).__name__
        return "released"

    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = sorted(pool.map(click, [till.database, second_database]))
    assert answers == ["WrongState", "released"]

    def sender(database: Database) -> int:
        start.wait()
        return send_due(database, WatchedGateway(till.server, database))

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sum(pool.map(sender, [till.database, second_database])) == 2
    assert len(till.transfers()) == till.postings("sent") == till.postings("send") == 2
    for payout in till.payouts(batch):
        till.assert_paid_once(payout.id)
