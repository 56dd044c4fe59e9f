"""What a worker's bank does is seen, said in plain words, and moves no money of ours."""

from collections.abc import Iterator
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from billing.bank_payout_models import BankPayout, BankPayoutState
from billing.bank_payouts import FOLLOWERS, is_paused, newest_payout
from billing.batches import draft_batch
from billing.inbox_models import InboxState
from billing.models import StripeAccount
from billing.onboarding import refresh_account
from billing.stripe_gateway import StripeGateway
from marketplace.accounts.models import Mail
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import WorkerId
from marketplace.kernel.settings import Settings
from tests.billing.inbox_post import Post, a_post
from tests.billing.paying import FUNDS, Till, WatchedGateway, assert_proven
from tests.billing.stripe_server import StripeServer
from tests.builders import a_worker

HISTORY = ("pending", "in_transit", "paid", "failed")
"""The states of one payout at Stripe, in order; each came with an event."""


@pytest.fixture(name="inbox")
def _inbox(background: Database, fake_stripe: StripeServer, settings: Settings) -> Iterator[Post]:
    having = a_post(background, fake_stripe, settings)
    yield having
    having.close()
    assert_proven(background)


def of_payout(inbox: Post, payout: str) -> list[dict[str, object]]:
    told = inbox.happened(
        "payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled"
    )
    return [one for one in told if one["data"]["object"]["id"] == payout]


def hear(inbox: Post, payout: str) -> None:
    """All that Stripe has to say of a payout, at once."""
    for event in of_payout(inbox, payout):
        assert inbox.tell(event).status_code == 200
    inbox.work()


def refused(inbox: Post, account: str) -> str:
    """A payout that the bank did not take; the next is made a second later."""
    payout = inbox.bank_payout(account)
    inbox.bank_says(payout, "failed")
    hear(inbox, payout)
    inbox.later(seconds=1)
    return payout


def letters(inbox: Post) -> list[tuple[str, str]]:
    with inbox.database.transaction() as tx:
        return [(one.subject, one.body) for one in tx.scalars(select(Mail).order_by(Mail.id))]


def paused(inbox: Post, worker: WorkerId) -> bool:
    with inbox.database.transaction() as tx:
        return is_paused(tx, worker=worker)


def transactions(inbox: Post) -> int:
    with inbox.database.transaction() as tx:
        return int(tx.execute(text("SELECT count(*) FROM ledger_txn")).scalar_one())


def test_case_11_a_payout_told_in_any_order_ends_the_same(inbox: Post) -> None:
    worker, account = inbox.worker()
    for order in permutations(range(len(HISTORY))):
        payout = inbox.bank_payout(account, 100)
        for state in HISTORY[1:]:
            inbox.bank_says(payout, state)
        told = of_payout(inbox, payout)
        for place in order:
            inbox.tell(told[place])
            inbox.work()
            # Each of them is a hint that is read up on: one alone is enough.
            seen = inbox.seen(payout)
            assert (seen.state, seen.worker_id) == (BankPayoutState.FAILED, worker), (order, place)


@how(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_case_11_a_payout_told_while_it_moves_on_ends_the_same(inbox: Post, data: st.DataObject) -> None:
    """Events are heard late, twice and out of order, while Stripe is already further on."""
    if not inbox.rows():
        inbox.worker()
    with inbox.database.transaction() as tx:
        account = tx.scalars(select(StripeAccount.account)).first() or ""
    payout, seen = inbox.bank_payout(account, 100), []
    heard: set[int] = set()
    for state in (*HISTORY[1:], None):
        told = of_payout(inbox, payout)
        some = st.lists(st.integers(0, len(told) - 1), max_size=3)
        now = data.draw(some) if state else [*data.draw(some), *set(range(len(told))) - heard]
        for place in now:
            heard.add(place)
            inbox.tell(told[place])
            inbox.work()
            seen.append(HISTORY.index(inbox.seen(payout).state))
        if state:
            inbox.bank_says(payout, state)
    assert seen == sorted(seen)
    assert inbox.seen(payout).state is BankPayoutState.FAILED


def test_case_35_a_bank_that_refuses_after_paying_is_said_and_three_times_in_a_row_pauses(
    inbox: Post,
) -> None:
    worker, account = inbox.worker()
    before = transactions(inbox)
    payout = inbox.bank_payout(account)
    inbox.bank_says(payout, "paid")
    hear(inbox, payout)
    assert (inbox.seen(payout).state, letters(inbox)) == (BankPayoutState.PAID, [])

    inbox.bank_says(payout, "failed", code="account_closed")
    hear(inbox, payout)
    assert inbox.seen(payout).state is BankPayoutState.FAILED
    [(subject, body)] = letters(inbox)
    assert subject == "Your bank did not take a payout"
    assert "5.00 USD: the bank account is closed" in body
    assert "Change at Stripe" in body
    assert "three" not in body
    inbox.later(seconds=1)

    refused(inbox, account)
    assert not paused(inbox, worker)
    refused(inbox, account)
    assert paused(inbox, worker)
    assert "three payouts in a row" in letters(inbox)[-1][1]
    assert len(letters(inbox)) == 3
    assert transactions(inbox) == before


def test_case_35_no_transfer_is_made_to_a_worker_whose_bank_refuses_until_it_is_another_bank(
    inbox: Post,
) -> None:
    worker, account = inbox.worker()
    other, _ = inbox.worker()
    till = Till(
        database=inbox.database, server=inbox.server, gateway=WatchedGateway(inbox.server, inbox.database)
    )
    inbox.server.turn("balance/fund", amount_minor=FUNDS)
    till.earn(worker)
    released = till.released()
    for _ in range(3):
        refused(inbox, account)
    till.send()
    [not_sent] = till.payouts(released)
    assert [
        one["id"] for one in till.transfers() if one["metadata"].get("payout_id") == str(not_sent.id)
    ] == []
    assert not_sent.failure is not None
    assert "another bank" in not_sent.failure

    till.earn(worker, other)
    with inbox.database.transaction() as tx:
        batch = draft_batch(tx, currency="usd", author=None, now=app_now(tx)).id
    assert {payout.worker_id for payout in till.payouts(batch)} == {other}

    inbox.server.turn(f"accounts/{account}/bank")
    inbox.tell_all("account.external_account.created")
    inbox.work()
    with inbox.database.transaction() as tx:
        batch = draft_batch(tx, currency="usd", author=None, now=app_now(tx)).id
    assert {payout.worker_id for payout in till.payouts(batch)} == {worker}


def test_another_bank_ends_the_pause_and_is_not_blamed_for_the_last_one(inbox: Post) -> None:
    worker, account = inbox.worker()
    for _ in range(3):
        refused(inbox, account)
    assert paused(inbox, worker)
    inbox.tell_all("account.updated")
    inbox.work()
    assert paused(inbox, worker)

    inbox.server.turn(f"accounts/{account}/bank")
    inbox.tell_all("account.external_account.created")
    inbox.work()
    assert not paused(inbox, worker)
    refused(inbox, account)
    assert not paused(inbox, worker)


def test_a_new_bank_that_no_event_told_of_ends_the_pause_when_the_account_is_read(inbox: Post) -> None:
    worker, account = inbox.worker()
    for _ in range(3):
        refused(inbox, account)
    inbox.server.turn(f"accounts/{account}/bank")
    refresh_account(inbox.database, StripeGateway(inbox.connection), worker=worker)
    assert not paused(inbox, worker)


def test_a_payout_that_arrives_in_between_ends_the_row(inbox: Post) -> None:
    worker, account = inbox.worker()
    noise, theirs = inbox.worker()
    for _ in range(3):
        refused(inbox, theirs)
    refused(inbox, account)
    refused(inbox, account)
    arrives = inbox.bank_payout(account)
    inbox.bank_says(arrives, "paid")
    hear(inbox, arrives)
    inbox.later(seconds=1)
    refused(inbox, account)
    assert (paused(inbox, noise), paused(inbox, worker)) == (True, False)


def test_a_failure_told_twice_is_one_letter(inbox: Post) -> None:
    _, account = inbox.worker()
    payout = refused(inbox, account)
    hear(inbox, payout)
    assert len(letters(inbox)) == 1


@pytest.mark.parametrize("before", BankPayoutState)
@pytest.mark.parametrize("after", BankPayoutState)
def test_the_database_and_the_code_know_the_same_ways_forward(
    background: Database, before: BankPayoutState, after: BankPayoutState
) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx)
        tx.execute(
            text(
                "INSERT INTO bank_payout (id, worker_id, amount_minor, currency, state, created_at, arrives_at, "
                "read_at) VALUES ('po_1', :worker, 1, 'usd', :state, now(), now(), now())"
            ),
            {"worker": worker, "state": before.value},
        )
    change = text("UPDATE bank_payout SET state = :state")
    if after is before or after in FOLLOWERS[before]:
        with background.transaction() as tx:
            tx.execute(change, {"state": after.value})
    else:
        with pytest.raises(IntegrityError), background.transaction() as tx:
            tx.execute(change, {"state": after.value})


def test_an_account_that_left_us_can_do_nothing(inbox: Post) -> None:
    worker, account = inbox.worker()
    inbox.tell_all("account.updated", "capability.updated")
    inbox.work()
    with inbox.database.transaction() as tx:
        row = tx.get_one(StripeAccount, worker)
        assert (row.transfers_active, row.payouts_enabled, row.disabled_reason) == (True, True, None)
        assert row.bank is not None

    inbox.server.turn(f"accounts/{account}/deauthorize")
    inbox.tell_all("account.application.deauthorized")
    inbox.work()
    assert set(inbox.states()) == {InboxState.HANDLED}
    with inbox.database.transaction() as tx:
        row = tx.get_one(StripeAccount, worker)
        assert (row.transfers_active, row.payouts_enabled) == (False, False)
        assert row.disabled_reason == "account_invalid"


def test_a_worker_sees_his_own_payouts_alone(inbox: Post, db: Database) -> None:
    worker, account = inbox.worker()
    other, theirs = inbox.worker()
    refused(inbox, account)
    mine = refused(inbox, account)
    refused(inbox, theirs)
    with db.transaction(Scope(worker=worker)) as tx:
        seen = newest_payout(tx, worker=worker)
        assert seen is not None
        assert (seen.id, seen.state) == (mine, BankPayoutState.FAILED)
        assert newest_payout(tx, worker=other) is None
        assert {row.worker_id for row in tx.scalars(select(BankPayout))} == {worker}
