"""Fake Stripe's objects behave as Stripe documents: reversals, payouts, refunds, events, webhooks, pages."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import httpx
import pytest
import stripe

from billing.stripe_gateway import StripeGateway
from tests.billing.conftest import a_payout, a_worker
from tests.billing.stripe_server import StripeServer

FUNDS = 10_000


@pytest.fixture
def worker(fake_stripe: StripeServer, gateway: StripeGateway) -> str:
    account = a_worker(fake_stripe, gateway)
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    return account


def connected_balance(sdk: stripe.StripeClient, account: str) -> int:
    return sum(part.amount for part in sdk.v1.balance.retrieve({}, {"stripe_account": account}).available)


def test_a_transfer_is_booked_on_both_sides(
    sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    transfer = gateway.execute_transfer(a_payout(worker, amount_minor=700), key="xfer:p1:1")
    [out] = sdk.v1.balance_transactions.list({"type": "transfer"}).data
    [arrived] = sdk.v1.balance_transactions.list({"type": "payment"}, {"stripe_account": worker}).data
    assert (out.id, out.amount, out.net, out.source) == (
        transfer.balance_transaction_id,
        -700,
        -700,
        transfer.id,
    )
    assert (arrived.amount, arrived.currency) == (700, "usd")
    assert connected_balance(sdk, worker) == 700


def test_a_reversal_brings_money_back_until_nothing_is_left_to_reverse(
    sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    transfer = gateway.execute_transfer(a_payout(worker, amount_minor=700), key="xfer:p1:1")
    part = sdk.v1.transfers.reversals.create(transfer.id, {"amount": 200}, {"idempotency_key": "rev:1"})
    sdk.v1.transfers.reversals.create(transfer.id, {}, {"idempotency_key": "rev:2"})
    assert part.id.startswith("trr_")
    assert gateway.retrieve_transfer(transfer.id).amount_reversed_minor == 700
    assert gateway.available_balance("usd") == FUNDS
    assert connected_balance(sdk, worker) == 0
    with pytest.raises(stripe.InvalidRequestError, match="greater than the unreversed amount"):
        sdk.v1.transfers.reversals.create(transfer.id, {"amount": 1}, {"idempotency_key": "rev:3"})


def test_a_reversal_is_refused_when_the_worker_already_has_the_money(
    fake_stripe: StripeServer, sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    transfer = gateway.execute_transfer(a_payout(worker, amount_minor=700), key="xfer:p1:1")
    fake_stripe.turn(f"accounts/{worker}/payout")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        sdk.v1.transfers.reversals.create(transfer.id, {}, {"idempotency_key": "rev:1"})
    assert refusal.value.code == "balance_insufficient"
    assert gateway.retrieve_transfer(transfer.id).amount_reversed_minor == 0


def test_a_bank_payout_called_paid_can_still_fail_and_gives_the_money_back(
    fake_stripe: StripeServer, sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    gateway.execute_transfer(a_payout(worker, amount_minor=700), key="xfer:p1:1")
    payout = sdk.v1.payouts.create(
        {"amount": 700, "currency": "usd"}, {"stripe_account": worker, "idempotency_key": "payout:1"}
    )
    assert (payout.status, connected_balance(sdk, worker)) == ("pending", 0)
    for status in ("in_transit", "paid", "failed"):
        fake_stripe.turn(f"payouts/{payout.id}", status=status, failure_code="account_closed")
        assert sdk.v1.payouts.retrieve(payout.id, {}, {"stripe_account": worker}).status == status
    assert connected_balance(sdk, worker) == 700
    types = [event.type for event in sdk.v1.events.list({"limit": 4}, {"stripe_account": worker}).data]
    assert types == ["payout.failed", "payout.paid", "payout.updated", "payout.created"]


def test_a_refund_takes_from_the_platform_and_never_more_than_was_paid(
    sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    intent = sdk.v1.payment_intents.create(
        {"amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True},
        {"idempotency_key": "intent:1"},
    )
    before = gateway.available_balance("usd")
    refund = sdk.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 1_000}, {"idempotency_key": "refund:1"}
    )
    assert refund.status == "succeeded"
    assert gateway.available_balance("usd") == before - 1_000
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        sdk.v1.refunds.create({"payment_intent": intent.id, "amount": 4_001}, {"idempotency_key": "refund:2"})


def test_a_declined_card_is_a_card_error(sdk: stripe.StripeClient, gateway: StripeGateway) -> None:
    intent = sdk.v1.payment_intents.create(
        {"amount": 5_000, "currency": "usd"}, {"idempotency_key": "intent:1"}
    )
    with pytest.raises(stripe.CardError) as refusal:
        sdk.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_chargeDeclined"}, {"idempotency_key": "confirm:1"}
        )
    assert refusal.value.code == "card_declined"
    assert gateway.available_balance("usd") == 0


def test_a_refused_request_leaves_nothing_half_done(
    fake_stripe: StripeServer, sdk: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.CardError):
        sdk.v1.payment_intents.create(
            {"amount": 5_000, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True},
            {"idempotency_key": "intent:1"},
        )
    assert fake_stripe.look("objects/payment_intent") == []
    assert fake_stripe.look("objects/event") == []


def test_a_latest_charge_expands_to_its_balance_transaction(sdk: stripe.StripeClient) -> None:
    intent = sdk.v1.payment_intents.create(
        {"amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True},
        {"idempotency_key": "intent:1"},
    )
    seen = sdk.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert isinstance(seen.latest_charge, stripe.Charge)
    assert isinstance(seen.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert seen.latest_charge.balance_transaction.net == 5_000 - 175
    plain = sdk.v1.payment_intents.retrieve(intent.id)
    assert isinstance(plain.latest_charge, str)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        sdk.v1.payment_intents.retrieve(intent.id, {"expand": ["colour"]})


def test_a_platform_without_approval_cannot_create_transfer_only_accounts(
    fake_stripe: StripeServer, sdk: stripe.StripeClient
) -> None:
    fake_stripe.turn("settings", transfers_only_approved=False)
    with pytest.raises(stripe.InvalidRequestError, match="needs approval"):
        sdk.v1.accounts.create(
            {"capabilities": {"transfers": {"requested": True}}}, {"idempotency_key": "account:1"}
        )


def test_an_onboarding_link_works_once_and_only_for_minutes(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    def link(key: str) -> str:
        return gateway.create_onboarding_link(
            account_id=worker, refresh_url="http://app/again", return_url="http://app/back", key=key
        )

    used, expired = link("link:1"), link("link:2")
    assert fake_stripe.get(used).status_code == 200
    assert fake_stripe.get(used).headers["location"] == "http://app/again"
    fake_stripe.turn("clock", advance_seconds=600)
    assert fake_stripe.get(expired).headers["location"] == "http://app/again"
    assert fake_stripe.post(expired, data={"choice": "complete"}).headers["location"] == "http://app/again"
    assert fake_stripe.get("/connect/onboarding/link_unknown").status_code == 404


def test_leaving_onboarding_early_activates_nothing(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    account = gateway.create_recipient_account(
        worker_ref="w", country="US", email="w@example.com", key="account:w"
    )
    link = gateway.create_onboarding_link(
        account_id=account, refresh_url="http://app/again", return_url="http://app/back", key="link:1"
    )
    fake_stripe.get(link)
    assert fake_stripe.post(link, data={"choice": "later"}).headers["location"] == "http://app/back"
    assert not gateway.account_status(account).can_receive


@pytest.mark.parametrize(("choice", "paid"), [("pay", 48_520), ("pay_by_bank", 0), ("cancel", 0)])
def test_the_buttons_of_the_checkout_page_do_what_they_say(
    fake_stripe: StripeServer, gateway: StripeGateway, choice: str, paid: int
) -> None:
    page = gateway.create_top_up_checkout(
        reference="<b>top-up</b>",
        amount_minor=50_000,
        currency="usd",
        success_url="http://app/done?session={CHECKOUT_SESSION_ID}",
        cancel_url="http://app/cancelled",
        key="checkout:1",
    )
    shown = fake_stripe.get(page.url)
    assert "500.00 USD" in shown.text
    assert "Test Stripe — no real money" in shown.text
    assert "<b>top-up" not in shown.text
    assert "script" not in shown.headers["content-security-policy"]

    left = fake_stripe.post(page.url, data={"choice": choice})
    wanted = "http://app/cancelled" if choice == "cancel" else f"http://app/done?session={page.session_id}"
    assert left.headers["location"] == wanted
    assert gateway.available_balance("usd") == paid


def test_a_payment_page_is_paid_once(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    page = gateway.create_top_up_checkout(
        reference="t",
        amount_minor=50_000,
        currency="usd",
        success_url="http://app/done",
        cancel_url="http://app/cancelled",
        key="checkout:1",
    )
    assert fake_stripe.post(page.url, data={"choice": "pay"}).status_code == 303
    assert fake_stripe.post(page.url, data={"choice": "pay"}).status_code == 409
    assert len(fake_stripe.look("objects/charge")) == 1


def test_a_form_sent_by_another_site_changes_nothing(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    page = gateway.create_top_up_checkout(
        reference="t",
        amount_minor=50_000,
        currency="usd",
        success_url="http://a/",
        cancel_url="http://a/",
        key="c:1",
    )
    answer = fake_stripe.post(page.url, data={"choice": "pay"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert gateway.available_balance("usd") == 0


def test_lists_are_newest_first_and_paged(
    sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    sent = [
        gateway.execute_transfer(a_payout(worker, amount_minor=1, payout=f"p{n}"), key=f"xfer:p{n}:1").id
        for n in range(5)
    ]
    first = sdk.v1.transfers.list({"limit": 3})
    rest = sdk.v1.transfers.list({"limit": 3, "starting_after": first.data[-1].id})
    assert [t.id for t in (*first.data, *rest.data)] == sent[::-1]
    assert (first.has_more, rest.has_more) == (True, False)
    assert sdk.v1.transfers.list({"created": {"lt": 5}}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        sdk.v1.transfers.list({"starting_after": "tr_nothing"})


def test_events_name_the_request_that_caused_them(
    sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    transfer = gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
    [event] = sdk.v1.events.list({"type": "transfer.created"}).data
    assert event.data.object["id"] == transfer.id
    assert event.request is not None
    assert event.request.idempotency_key == "xfer:p1:1"
    assert event.api_version == stripe.api_version
    assert sdk.v1.events.retrieve(event.id).id == event.id


@contextmanager
def listener(refusals: int = 0, *, seconds: float = 0.0) -> Iterator[tuple[str, Queue[tuple[bytes, str]]]]:
    """An endpoint that answers 500 `refusals` times and then takes what it gets, in `seconds` each."""
    received: Queue[tuple[bytes, str]] = Queue()
    left = [refusals]

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            left[0] -= 1
            time.sleep(seconds)
            self.send_response(500 if left[0] >= 0 else 200)
            self.end_headers()
            if left[0] < 0:
                received.put((body, self.headers["Stripe-Signature"]))

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_webhooks_are_signed_and_retried(
    fake_stripe: StripeServer, sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    with listener(refusals=1) as (url, received):
        endpoint = fake_stripe.turn("webhooks", url=url)
        transfer = gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
        body, signature = received.get(timeout=5)
    event = sdk.construct_event(body, signature, endpoint["secret"])
    assert (event.type, event.data.object["id"]) == ("transfer.created", transfer.id)
    with pytest.raises(stripe.SignatureVerificationError):
        sdk.construct_event(body, signature, "whsec_another")


def test_connect_events_go_to_the_connect_endpoint_only(
    fake_stripe: StripeServer, sdk: stripe.StripeClient, worker: str
) -> None:
    with listener() as (platform_url, platform), listener() as (connect_url, connect):
        fake_stripe.turn("webhooks", url=platform_url)
        secret = fake_stripe.turn("webhooks", url=connect_url, connect=True, secret="whsec_connect")["secret"]
        fake_stripe.turn(f"accounts/{worker}/capability", transfers="inactive")
        types = set()
        for _ in range(2):
            event = sdk.construct_event(*connect.get(timeout=5), secret)
            assert event.account == worker
            types.add(event.type)
    assert types == {"account.updated", "capability.updated"}
    assert platform.empty()


# What we pay by and reconcile with is complete; the rest leaves out what nobody here reads.
COMPLETE = {"account", "balance_transaction", "event", "transfer", "transfer_reversal"}
NOT_ALWAYS = ("typing.Optional", "typing.ClassVar", "typing_extensions.NotRequired")
SDK_CLASSES: dict[str, type[stripe.StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
}


def test_no_object_has_a_field_the_sdk_does_not_declare(
    fake_stripe: StripeServer, sdk: stripe.StripeClient, gateway: StripeGateway, worker: str
) -> None:
    page = gateway.create_top_up_checkout(
        reference="t",
        amount_minor=5_000,
        currency="usd",
        success_url="http://a/",
        cancel_url="http://a/",
        key="c:1",
    )
    fake_stripe.turn(f"checkout/{page.session_id}", action="pay")
    transfer = gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
    sdk.v1.transfers.reversals.create(transfer.id, {"amount": 1}, {"idempotency_key": "rev:1"})
    fake_stripe.turn(f"accounts/{worker}/payout")
    [charge] = [c for c in fake_stripe.look("objects/charge") if c["id"].startswith("ch_")]
    sdk.v1.refunds.create({"charge": charge["id"]}, {"idempotency_key": "refund:1"})

    for kind, sdk_class in SDK_CLASSES.items():
        declared = sdk_class.__annotations__
        always = {name for name, type_ in declared.items() if not str(type_).startswith(NOT_ALWAYS)}
        bodies = fake_stripe.look(f"objects/{kind}")
        assert bodies, kind
        for body in bodies:
            assert (kind, set(body) - set(declared)) == (kind, set())
            assert kind not in COMPLETE or always <= set(body), kind


def test_strangers_get_plain_answers(fake_stripe: StripeServer) -> None:
    assert fake_stripe.get("/checkout/cs_test_unknown").status_code == 404
    assert fake_stripe.get("/_fake/everything").status_code == 404
    assert fake_stripe.get("/").status_code == httpx.codes.NOT_FOUND
