"""What Stripe tells is believed when it is signed, kept once, acted on once, and never lost."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.accounts import wallet
from billing.gateway import CallUnknown
from billing.inbox import EventMovedOn, count_left, forget_worker, left_events, try_again
from billing.inbox_backfill import backfill_due, begin_backfill
from billing.inbox_events import Act, Endpoint, StripeEvent
from billing.inbox_handlers import HANDLERS
from billing.inbox_models import EventSource, InboxEvent, InboxState, Quarantine
from billing.inbox_work import ATTEMPTS, take_up_what_was_ignored
from billing.ledger import balance, credit, debit, post
from billing.models import StripeAccount, TopUp, TopUpState
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from billing.stripe_observer import StripeObserver
from billing.top_ups import ask_top_up, open_checkout
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.ids import BrandId, TopUpId
from marketplace.kernel.only_one import only_one
from marketplace.kernel.settings import Settings
from tests.billing.inbox_post import SECRETS, Post, a_post, signed
from tests.billing.paying import assert_proven
from tests.billing.stripe_server import StripeServer
from tests.builders import a_brand, usd
from workers_ui.stripe_webhooks import EVENT_LIMIT_BYTES

AMOUNT = usd(10_000)
IN_PARALLEL = 50
OF_A_BANK_PAYMENT = (
    "checkout.session.completed",
    "payment_intent.processing",
    "payment_intent.succeeded",
    "checkout.session.async_payment_succeeded",
)


@pytest.fixture(name="inbox")
def _inbox(background: Database, fake_stripe: StripeServer, settings: Settings) -> Iterator[Post]:
    """Everybody's money stays proven, whatever a test does."""
    having = a_post(background, fake_stripe, settings)
    yield having
    having.close()
    assert_proven(background)


class Payment:
    """A brand's top-up of 100.00, whose page at Stripe is open."""

    def __init__(self, inbox: Post, *, stored: bool = True) -> None:
        self._inbox = inbox
        with inbox.database.transaction() as tx:
            self.brand: BrandId = a_brand(tx, funds=usd(0))
            row = ask_top_up(tx, brand=self.brand, amount=AMOUNT, person=None, now=app_now(tx))
            self.id = TopUpId(row.id)
        open_checkout(
            inbox.database,
            StripeGateway(inbox.connection),
            brand=self.brand,
            top_up=self.id,
            return_url="http://app.example",
        )
        session = self.row().checkout_session
        assert session is not None
        self.session: str = session

    def turn(self, *actions: str) -> None:
        for action in actions:
            self._inbox.server.turn(f"checkout/{self.session}", action=action)

    def events(self, *types: str) -> list[dict[str, Any]]:
        ours = {self.session, self.row().payment_intent}
        known = [one for one in self._inbox.happened(*types) if self._is_ours(one, ours)]
        return known

    def row(self) -> TopUp:
        with self._inbox.database.transaction() as tx:
            return tx.get_one(TopUp, (self.brand, self.id))

    def in_the_wallet(self) -> int:
        with self._inbox.database.transaction() as tx:
            return balance(tx, wallet(self.brand), currency="usd").amount_minor

    def postings(self) -> int:
        with self._inbox.database.transaction() as tx:
            of_top_ups = text(
                "SELECT count(DISTINCT t.id) FROM ledger_txn t JOIN ledger_entry e ON e.txn_id = t.id "
                "JOIN ledger_account a ON a.id = e.account_id WHERE t.kind = 'top_up' AND a.brand_id = :brand"
            )
            return int(tx.execute(of_top_ups, {"brand": self.brand}).scalar_one())

    def _is_ours(self, event: dict[str, Any], ids: set[str | None]) -> bool:
        told = json.dumps(event)
        return str(self.id) in told or any(one and one in told for one in ids)


def about(event: dict[str, Any]) -> dict[str, Any]:
    """The object that an event is about, as it was then."""
    snapshot: dict[str, Any] = event["data"]["object"]
    return snapshot


# Once


def test_case_10_a_webhook_delivered_fifty_times_posts_once(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: inbox.tell(event), range(IN_PARALLEL)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.text for answer in answers) == ["kept", *["known"] * (IN_PARALLEL - 1)]
    assert inbox.work() == 1
    assert inbox.tell(event).text == "known"
    assert inbox.work() == 0
    assert inbox.states() == [InboxState.HANDLED]
    assert (payment.in_the_wallet(), payment.postings()) == (AMOUNT.amount_minor, 1)


def test_two_events_of_one_payment_post_it_once_however_many_work_on_them(
    inbox: Post, second_background: Database
) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("checkout.session.completed", "payment_intent.succeeded")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: inbox.work(), range(2)))
    inbox.later(seconds=5)
    inbox.work()
    assert set(inbox.states()) == {InboxState.HANDLED}
    assert (payment.in_the_wallet(), payment.postings()) == (AMOUNT.amount_minor, 1)


def test_what_came_in_is_kept_as_it_came(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    body = json.dumps(event, indent=3).encode()
    header = signed(body.decode(), SECRETS[Endpoint.PLATFORM])
    assert inbox.post(body, header=header, endpoint=Endpoint.PLATFORM).status_code == 200
    [row] = inbox.rows()
    assert row.body == body
    assert row.headers["stripe-signature"] == header
    assert (row.type, row.source) == ("payment_intent.succeeded", EventSource.WEBHOOK)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stripe_event SET body = '\\x00'",
        "UPDATE stripe_event SET event_id = 'evt_other'",
        "UPDATE stripe_event SET account = 'acct_other'",
        "DELETE FROM stripe_event",
    ],
)
def test_nobody_changes_what_came_in(inbox: Post, change: str) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    [before] = inbox.rows()
    with pytest.raises(DBAPIError), inbox.database.transaction() as tx:
        tx.execute(text(change))
    [after] = inbox.rows()
    assert (after.event_id, after.account, after.body) == (before.event_id, before.account, before.body)


@pytest.mark.parametrize("change", ["state = 'waiting', handled_at = NULL", "error = 'again'"])
def test_what_was_handled_stays_handled(inbox: Post, change: str) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    inbox.work()
    with pytest.raises(DBAPIError), inbox.database.transaction() as tx:
        tx.execute(text(f"UPDATE stripe_event SET {change}"))
    assert inbox.states() == [InboxState.HANDLED]


def test_case_56_what_stripe_told_of_an_erased_worker_keeps_ids_alone(inbox: Post) -> None:
    worker, account = inbox.worker()
    _, other = inbox.worker()
    inbox.tell_all("account.updated")
    inbox.work()
    late = inbox.bank_payout(account)
    inbox.tell_all("payout.created")
    address = b"w@example.com"
    assert [address in row.body for row in inbox.rows("account.updated")] == [True, True]

    with inbox.database.transaction() as tx:
        forget_worker(tx, worker=worker)
    kept = {row.account: row for row in inbox.rows("account.updated")}
    assert (address in kept[account].body, address in kept[other].body) == (False, True)
    assert (kept[account].state, kept[account].object_id) == (InboxState.HANDLED, account)
    assert kept[account].headers == {}
    inbox.work()
    assert inbox.seen(late).worker_id == worker


def test_a_brand_and_a_worker_see_no_event(inbox: Post, db: Database) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    with db.transaction() as tx:
        assert tx.query(InboxEvent).count() == 0
    with db.transaction(PLATFORM) as tx:
        assert tx.query(InboxEvent).count() == 1


# Order


def test_case_11_payments_told_in_any_order_end_the_same(inbox: Post) -> None:
    for order in permutations(OF_A_BANK_PAYMENT):
        payment = Payment(inbox)
        payment.turn("pay_by_bank", "settle")
        by_type = {str(one["type"]): one for one in payment.events(*OF_A_BANK_PAYMENT)}
        for type_ in order:
            assert inbox.tell(by_type[type_]).status_code == 200
            inbox.work()
        told = (payment.row().state, payment.in_the_wallet(), payment.postings())
        assert told == (TopUpState.PAID, AMOUNT.amount_minor, 1), order
    assert set(inbox.states()) == {InboxState.HANDLED}


# Forgeries


def _event(inbox: Post) -> str:
    payment = Payment(inbox)
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    return json.dumps(event)


FORGERIES: dict[str, Callable[[str], tuple[bytes, str | None]]] = {
    "forged": lambda body: (body.encode(), signed(body, "whsec_guessed")),
    "wrong endpoint's secret": lambda body: (body.encode(), signed(body, SECRETS[Endpoint.CONNECT])),
    "no header": lambda body: (body.encode(), None),
    "an empty header": lambda body: (body.encode(), ""),
    "no timestamp": lambda body: (body.encode(), "v1=" + "0" * 64),
    "one byte": lambda body: (
        body.encode().replace(b"usd", b"eur"),
        signed(body, SECRETS[Endpoint.PLATFORM]),
    ),
    "no text": lambda body: (b"\xff\xfe" + body.encode(), signed(body, SECRETS[Endpoint.PLATFORM])),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_case_12_what_is_not_signed_for_this_endpoint_is_refused(inbox: Post, forgery: str) -> None:
    told = _event(inbox)
    body, header = FORGERIES[forgery](told)
    answer = inbox.post(body, header=header, endpoint=Endpoint.PLATFORM)
    assert answer.status_code == 400
    assert inbox.rows() == []
    true = inbox.post(
        told.encode(), header=signed(told, SECRETS[Endpoint.PLATFORM]), endpoint=Endpoint.PLATFORM
    )
    assert true.status_code == 200


@pytest.mark.parametrize("secret", ["", "  "])
def test_case_12_an_endpoint_without_a_secret_believes_nobody(
    background: Database, fake_stripe: StripeServer, settings: Settings, secret: str
) -> None:
    inbox = a_post(background, fake_stripe, settings, secrets=dict.fromkeys(Endpoint, secret))
    told = _event(inbox)
    answer = inbox.post(told.encode(), header=signed(told, secret), endpoint=Endpoint.PLATFORM)
    assert answer.status_code == 400
    assert inbox.rows() == []
    inbox.close()


@pytest.mark.parametrize(
    ("age", "status"),
    [(6 * 60, 400), (299, 200), (0, 200), (-299, 200), (-6 * 60, 400), (-60 * 60, 400)],
)
def test_case_13_a_signature_is_neither_old_nor_from_the_future(inbox: Post, age: int, status: int) -> None:
    """The SDK lets an hour from the future through."""
    told = _event(inbox)
    header = signed(told, SECRETS[Endpoint.PLATFORM], at=inbox.now() - age)
    answer = inbox.post(told.encode(), header=header, endpoint=Endpoint.PLATFORM)
    assert answer.status_code == status
    assert len(inbox.rows()) == (status == 200)


def test_what_is_signed_and_no_event_is_refused(inbox: Post) -> None:
    for body in ('{"object": "v2.core.event", "id": "evt_thin"}', "[]", "no json", "[" * 100_000):
        header = signed(body, SECRETS[Endpoint.PLATFORM])
        answer = inbox.post(body.encode(), header=header, endpoint=Endpoint.PLATFORM)
        assert answer.status_code == 400, body[:40]
    assert inbox.rows() == []


def test_what_is_larger_than_an_event_is_refused(inbox: Post) -> None:
    body = json.dumps({"object": "event", "filler": "x" * EVENT_LIMIT_BYTES})
    header = signed(body, SECRETS[Endpoint.PLATFORM])
    assert inbox.post(body.encode(), header=header, endpoint=Endpoint.PLATFORM).status_code == 413
    assert inbox.rows() == []


# Whose it is


def test_case_14_what_is_not_this_installations_is_quarantined(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    of_another = {**about(event), "metadata": {"env": "http://other.example"}}
    strange: dict[str, tuple[Endpoint, dict[str, Any], Quarantine]] = {
        "evt_1": (Endpoint.CONNECT, {}, Quarantine.WRONG_ENDPOINT),
        "evt_2": (Endpoint.PLATFORM, {"account": "acct_known"}, Quarantine.WRONG_ENDPOINT),
        "evt_3": (Endpoint.PLATFORM, {"livemode": True}, Quarantine.OTHER_MODE),
        "evt_4": (Endpoint.PLATFORM, {"api_version": "2019-02-11"}, Quarantine.OTHER_VERSION),
        "evt_5": (Endpoint.PLATFORM, {"data": {"object": of_another}}, Quarantine.OTHER_ENVIRONMENT),
        "evt_6": (Endpoint.CONNECT, {"account": "acct_stranger"}, Quarantine.UNKNOWN_ACCOUNT),
    }
    for name, (endpoint, changed, _) in strange.items():
        assert inbox.tell({**event, "id": name, **changed}, endpoint=endpoint).status_code == 200
    inbox.work()

    assert {row.event_id: row.quarantined_for for row in inbox.rows()} == {
        name: reason for name, (_, _, reason) in strange.items()
    }
    assert (payment.in_the_wallet(), payment.postings()) == (0, 0)
    with inbox.database.transaction() as tx:
        assert count_left(tx) == len(strange)
        assert {one.event for one in left_events(tx)} == set(strange)


def test_what_was_quarantined_is_judged_anew_when_somebody_says_so(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    inbox.tell({**event, "api_version": "2019-02-11"})
    inbox.work()
    object.__setattr__(inbox.connection, "api_version", "2019-02-11")
    with inbox.database.transaction() as tx:
        try_again(tx, endpoint=Endpoint.PLATFORM, event=str(event["id"]), now=app_now(tx))
    inbox.work()
    assert inbox.states() == [InboxState.HANDLED]
    assert payment.in_the_wallet() == AMOUNT.amount_minor
    with pytest.raises(EventMovedOn), inbox.database.transaction() as tx:
        try_again(tx, endpoint=Endpoint.PLATFORM, event=str(event["id"]), now=app_now(tx))


# What was never told, or told too early


def test_case_15_what_was_never_told_is_found_and_credits_the_same(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    worker, account = inbox.worker()
    payout = inbox.bank_payout(account)
    inbox.bank_says(payout, "paid")

    found = backfill_due(inbox.database, inbox.observer)
    assert found == len(inbox.rows()) > 0
    assert {row.source for row in inbox.rows()} == {EventSource.BACKFILL}
    inbox.work()
    assert set(inbox.states()) == {InboxState.HANDLED}
    assert (payment.in_the_wallet(), payment.postings()) == (AMOUNT.amount_minor, 1)
    assert (inbox.seen(payout).worker_id, inbox.seen(payout).state.value) == (worker, "paid")

    inbox.tell_all("payment_intent.succeeded", "payout.paid")
    begin_backfill(inbox.database)
    assert backfill_due(inbox.database, inbox.observer) == 0
    assert inbox.work() == 0
    assert payment.postings() == 1


def test_case_15_a_webhook_before_our_own_commit_is_no_error_and_posts_once(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    with inbox.database.transaction() as tx:
        tx.get_one(TopUp, (payment.brand, payment.id)).checkout_session = None
    [event] = payment.events("payment_intent.succeeded")
    assert inbox.tell(event).status_code == 200
    assert inbox.work() == 1
    [row] = inbox.rows()
    assert (row.state, payment.postings()) == (InboxState.WAITING, 0)

    with inbox.database.transaction() as tx:
        tx.get_one(TopUp, (payment.brand, payment.id)).checkout_session = payment.session
    inbox.later(seconds=6)
    inbox.work()
    assert (inbox.states(), payment.postings()) == ([InboxState.HANDLED], 1)


def test_an_accounts_event_before_the_account_is_stored_is_acted_on_once_it_is(inbox: Post) -> None:
    _, account = inbox.worker()
    with inbox.database.transaction() as tx:
        row = tx.query(StripeAccount).one()
        worker, row.account, row.transfers_active = row.worker_id, None, False
    [event] = inbox.happened("account.updated")
    inbox.tell(event)
    inbox.work()
    assert [row.quarantined_for for row in inbox.rows()] == [Quarantine.UNKNOWN_ACCOUNT]

    with inbox.database.transaction() as tx:
        tx.get_one(StripeAccount, worker).account = account
    inbox.work()
    assert inbox.states() == [InboxState.HANDLED]
    with inbox.database.transaction() as tx:
        assert tx.get_one(StripeAccount, worker).transfers_active


def test_a_gap_longer_than_a_page_is_closed(inbox: Post) -> None:
    _, account = inbox.worker()
    payouts = [inbox.bank_payout(account, 100) for _ in range(5)]
    backfill_due(inbox.database, StripeObserver(inbox.connection, page_size=2))
    inbox.work()
    assert {inbox.seen(payout).amount_minor for payout in payouts} == {100}


def test_accounts_are_read_once_a_day_and_again_soon_after_stripe_was_away(inbox: Post) -> None:
    _, account = inbox.worker()
    inbox.server.fault("429", path="/v1/events", method="GET", times=2)
    assert backfill_due(inbox.database, inbox.observer) == 0
    inbox.later(minutes=6)
    assert backfill_due(inbox.database, inbox.observer) > 0
    inbox.bank_payout(account)
    inbox.later(hours=23)
    assert backfill_due(inbox.database, inbox.observer) == 0
    inbox.later(hours=2)
    assert backfill_due(inbox.database, inbox.observer) > 0


# Wholly or not at all


def test_what_an_event_posts_and_that_it_is_handled_are_one_commit(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")

    def dies_after_posting(_database: Database, _stripe: StripeConnection, event: StripeEvent) -> Act:
        def act(tx: Tx) -> None:
            post(
                tx,
                kind="top_up",
                key=f"topup:{event.object_id}",
                legs=[debit(wallet(payment.brand), 1), credit(wallet(payment.brand), 1)],
                currency="usd",
                now=app_now(tx),
            )
            raise RuntimeError("killed here")

        return act

    inbox.work({Endpoint.PLATFORM: {"payment_intent.succeeded": dies_after_posting}, Endpoint.CONNECT: {}})
    [row] = inbox.rows()
    assert (row.state, row.handled_at, payment.postings()) == (InboxState.WAITING, None, 0)
    assert "RuntimeError" not in (row.error or "")
    inbox.later(seconds=6)
    inbox.work()
    assert (inbox.states(), payment.postings()) == ([InboxState.HANDLED], 1)


def test_an_event_is_not_handled_without_a_time_or_quarantined_without_a_reason(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    for change in ("state = 'handled'", "state = 'quarantined'", "state = 'failed'", "handled_at = now()"):
        with pytest.raises(IntegrityError), inbox.database.transaction() as tx:
            tx.execute(text(f"UPDATE stripe_event SET {change}"))


def test_an_event_that_keeps_failing_holds_up_nobody_and_is_left_for_a_person(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("checkout.session.completed", "payment_intent.succeeded")

    def fails(_database: Database, _stripe: StripeConnection, _event: StripeEvent) -> Act:
        raise CallUnknown("Stripe did not answer.")

    failing = {
        Endpoint.PLATFORM: {**HANDLERS[Endpoint.PLATFORM], "checkout.session.completed": fails},
        Endpoint.CONNECT: {},
    }
    for _ in range(ATTEMPTS):
        assert inbox.work(failing) >= 1
        inbox.later(hours=1)
    [failed] = inbox.rows("checkout.session.completed")
    assert (failed.state, failed.attempts) == (InboxState.FAILED, ATTEMPTS)
    assert "Stripe did not answer." in (failed.error or "")
    assert inbox.states("payment_intent.succeeded") == [InboxState.HANDLED]
    assert inbox.work() == 0

    with inbox.database.transaction() as tx:
        try_again(tx, endpoint=Endpoint.PLATFORM, event=failed.event_id, now=app_now(tx))
    inbox.work()
    assert inbox.states("checkout.session.completed") == [InboxState.HANDLED]
    assert payment.postings() == 1


def test_tries_come_with_growing_pauses(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    inbox.server.fault("429", path="/v1/checkout/*", method="GET", times=4)
    pauses = []
    for _ in range(4):
        assert inbox.work() == 1
        pauses.append(round(inbox.rows()[0].due_at.timestamp() - inbox.now()))
        inbox.later(seconds=pauses[-1] + 1)
    assert pauses == pytest.approx([5, 10, 20, 40], abs=1)
    inbox.work()
    assert payment.postings() == 1


def test_a_crash_in_the_middle_makes_an_event_due_again(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")

    def killed(_database: Database, _stripe: StripeConnection, _event: StripeEvent) -> Act:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inbox.work({Endpoint.PLATFORM: {"payment_intent.succeeded": killed}, Endpoint.CONNECT: {}})
    assert inbox.work() == 0
    inbox.later(minutes=3)
    assert inbox.work() == 1
    assert (inbox.states(), payment.postings()) == ([InboxState.HANDLED], 1)


def test_an_event_that_kills_whoever_works_on_it_is_given_up(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    with inbox.database.transaction() as tx:
        tx.execute(text("UPDATE stripe_event SET attempts = :tries"), {"tries": ATTEMPTS})
    inbox.work()
    [row] = inbox.rows()
    assert (row.state, payment.postings()) == (InboxState.FAILED, 0)


def test_nobody_works_on_an_object_that_somebody_is_at(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    inbox.tell(event)
    with only_one(inbox.database, f"stripe_event:{about(event)['id']}") as alone:
        assert alone
        assert inbox.work() == 1
        [row] = inbox.rows()
        assert (row.state, row.attempts, payment.postings()) == (InboxState.WAITING, 0, 0)
    inbox.later(seconds=2)
    inbox.work()
    assert payment.postings() == 1


def test_a_refused_key_stops_the_work_and_costs_no_attempt(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("checkout.session.completed", "payment_intent.succeeded")
    good = inbox.connection.client
    inbox.connection.client = StripeConnection(
        "sk_test_revoked",
        money_mode=inbox.settings.money_mode,
        environment=inbox.connection.environment,
        api_base=inbox.server.url,
    ).client
    assert inbox.work() == 0
    assert [row.attempts for row in inbox.rows()] == [0, 0]
    inbox.connection.client = good
    inbox.later(minutes=2)
    inbox.work()
    assert payment.postings() == 1


def test_an_unknown_type_is_kept_and_acted_on_by_a_version_that_knows_it(inbox: Post) -> None:
    payment = Payment(inbox)
    payment.turn("pay")
    inbox.tell_all("payment_intent.succeeded")
    inbox.work({Endpoint.PLATFORM: {}, Endpoint.CONNECT: {}})
    assert (inbox.states(), payment.postings()) == ([InboxState.IGNORED], 0)
    take_up_what_was_ignored(inbox.database)
    inbox.work()
    assert (inbox.states(), payment.postings()) == ([InboxState.HANDLED], 1)
