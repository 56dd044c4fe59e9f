"""The gateway's contract, over the real SDK and fake Stripe on a real port."""

import pytest
import stripe

from billing.gateway import CallRejected, CallUnknown, CredentialsRefused, ServiceAgreement, TopUpState
from billing.stripe_connection import KeyDoesNotFit, StripeConnection
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.settings import MoneyMode
from tests.billing.conftest import ENVIRONMENT, a_payout, a_worker, gateway_to
from tests.billing.stripe_server import StripeServer

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning")


def top_up(gateway: StripeGateway, *, amount_minor: int = 100_000, reference: str = "topup-1") -> str:
    return gateway.create_top_up_checkout(
        reference=reference,
        amount_minor=amount_minor,
        currency="usd",
        success_url="http://shop.example/done",
        cancel_url="http://shop.example/cancelled",
        key=f"checkout:{reference}",
    ).session_id


def test_a_new_account_cannot_receive_until_onboarding_is_done(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    account = gateway.create_recipient_account(
        worker_ref="worker-1", country="US", email="w@example.com", key="account:1"
    )
    before = gateway.account_status(account)
    fake_stripe.turn(f"accounts/{account}/onboard")
    after = gateway.account_status(account)

    assert not before.can_receive
    assert not before.payouts_enabled
    assert before.requirements_due
    assert before.disabled_reason == "requirements.past_due"
    assert after.can_receive
    assert after.payouts_enabled
    assert after.requirements_due == ()


def test_an_account_carries_our_ids_and_leaves_risk_and_fees_with_us(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    gateway.create_recipient_account(
        worker_ref="worker-7",
        country="BR",
        email="w@example.com",
        key="account:7",
        service_agreement=ServiceAgreement.RECIPIENT,
    )
    [account] = fake_stripe.look("objects/account")
    assert account["metadata"] == {"env": ENVIRONMENT, "worker_ref": "worker-7"}
    assert account["country"] == "BR"
    assert account["controller"]["losses"] == {"payments": "application"}
    assert account["controller"]["fees"] == {"payer": "application"}
    assert account["tos_acceptance"]["service_agreement"] == "recipient"


def test_creating_an_account_twice_with_one_key_creates_one(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    first = gateway.create_recipient_account(
        worker_ref="w", country="US", email="w@example.com", key="account:w"
    )
    again = gateway.create_recipient_account(
        worker_ref="w", country="US", email="w@example.com", key="account:w"
    )
    assert first == again
    assert len(fake_stripe.look("objects/account")) == 1


def test_a_lost_capability_shows_in_the_next_status(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    account = a_worker(fake_stripe, gateway)
    fake_stripe.turn(f"accounts/{account}/capability", transfers="inactive", disabled_reason="rejected.fraud")
    status = gateway.account_status(account)
    assert not status.can_receive
    assert status.disabled_reason == "rejected.fraud"


def test_an_unknown_account_is_a_definitive_reject(gateway: StripeGateway) -> None:
    with pytest.raises(CallRejected) as refusal:
        gateway.account_status("acct_nobody")
    assert refusal.value.code == "account_invalid"


def test_an_onboarding_link_leads_to_a_page_of_its_own(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    account = gateway.create_recipient_account(
        worker_ref="w", country="US", email="w@example.com", key="account:w"
    )
    link = gateway.create_onboarding_link(
        account_id=account, refresh_url="http://app/again", return_url="http://app/back", key="link:1"
    )
    assert "Test Stripe — no real money" in fake_stripe.get(link).text
    answer = fake_stripe.post(link, data={"choice": "complete"})
    assert answer.headers["location"] == "http://app/back"
    assert gateway.account_status(account).can_receive


def test_a_paid_checkout_tells_gross_fee_and_balance_transaction(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    session = top_up(gateway)
    opened = gateway.top_up_status(session)
    fake_stripe.turn(f"checkout/{session}", action="pay")
    paid = gateway.top_up_status(session)

    assert opened.state is TopUpState.OPEN
    assert opened.payment_intent_id is None
    assert paid.state is TopUpState.PAID
    assert (paid.reference, paid.currency, paid.settled_currency) == ("topup-1", "usd", "usd")
    assert (paid.gross_minor, paid.fee_minor) == (100_000, 2_930)
    assert paid.payment_intent_id is not None
    assert paid.payment_intent_id.startswith("pi_")
    assert paid.balance_transaction_id is not None
    assert paid.balance_transaction_id.startswith("txn_")
    assert paid.available
    assert gateway.available_balance("usd") == 97_070


def test_the_payment_intent_of_a_top_up_carries_our_ids(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    fake_stripe.turn(f"checkout/{top_up(gateway)}", action="pay")
    [intent] = fake_stripe.look("objects/payment_intent")
    assert intent["metadata"] == {"env": ENVIRONMENT, "top_up_ref": "topup-1"}


def test_a_bank_payment_is_processing_until_the_bank_says(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    slow, bad = top_up(gateway, reference="slow"), top_up(gateway, reference="bad")
    for session in (slow, bad):
        fake_stripe.turn(f"checkout/{session}", action="pay_by_bank")
        assert gateway.top_up_status(session).state is TopUpState.PROCESSING
    assert gateway.available_balance("usd") == 0

    fake_stripe.turn(f"checkout/{slow}", action="settle")
    fake_stripe.turn(f"checkout/{bad}", action="bounce")
    assert gateway.top_up_status(slow).state is TopUpState.PAID
    assert gateway.top_up_status(bad).state is TopUpState.FAILED


def test_a_checkout_nobody_pays_expires(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    session = top_up(gateway)
    fake_stripe.turn("clock", advance_seconds=25 * 60 * 60)
    assert gateway.top_up_status(session).state is TopUpState.EXPIRED


def test_pending_funds_are_paid_but_not_available(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    fake_stripe.turn("settings", funds="pending")
    session = top_up(gateway)
    fake_stripe.turn(f"checkout/{session}", action="pay")
    waiting = gateway.top_up_status(session)
    assert waiting.state is TopUpState.PAID
    assert not waiting.available
    assert gateway.available_balance("usd") == 0

    fake_stripe.turn("balance/settle")
    assert gateway.top_up_status(session).available
    assert gateway.available_balance("usd") == 97_070


def test_balances_of_other_currencies_do_not_count(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    fake_stripe.turn("balance/fund", amount_minor=500, currency="eur")
    assert gateway.available_balance("eur") == 500
    assert gateway.available_balance("usd") == 0


def test_a_transfer_moves_money_and_carries_our_ids(
    fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    worker, noise = a_worker(fake_stripe, gateway), a_worker(fake_stripe, gateway, ref="noise")
    fake_stripe.turn("balance/fund", amount_minor=10_000)
    transfer = gateway.execute_transfer(a_payout(worker, amount_minor=1_250), key="xfer:p1:1")
    gateway.execute_transfer(a_payout(noise, amount_minor=99, payout="p2"), key="xfer:p2:1")

    assert transfer.id.startswith("tr_")
    assert (transfer.amount_minor, transfer.currency, transfer.destination) == (1_250, "usd", worker)
    assert transfer.transfer_group == "b1"
    assert transfer.metadata == {"env": ENVIRONMENT, "batch_id": "b1", "payout_id": "p1"}
    assert gateway.available_balance("usd") == 10_000 - 1_250 - 99
    assert gateway.retrieve_transfer(transfer.id) == transfer
    assert gateway.find_transfers(transfer_group="b1", destination=worker) == [transfer]


def test_finding_transfers_reads_every_page(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    worker = a_worker(fake_stripe, gateway)
    fake_stripe.turn("balance/fund", amount_minor=10_000)
    sent = [
        gateway.execute_transfer(a_payout(worker, amount_minor=1, payout=f"p{n}"), key=f"xfer:p{n}:1").id
        for n in range(102)
    ]
    found = gateway.find_transfers(transfer_group="b1", destination=worker)
    assert [transfer.id for transfer in found] == sent[::-1]


def test_nothing_is_found_for_another_batch(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    worker = a_worker(fake_stripe, gateway)
    fake_stripe.turn("balance/fund", amount_minor=10_000)
    gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
    assert gateway.find_transfers(transfer_group="b2", destination=worker) == []


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("drain", "balance_insufficient"),
        ("capability", "insufficient_capabilities_for_transfer"),
        ("stranger", "resource_missing"),
    ],
)
def test_a_transfer_that_cannot_be_made_is_a_definitive_reject(
    fake_stripe: StripeServer, gateway: StripeGateway, spoil: str, code: str
) -> None:
    worker = a_worker(fake_stripe, gateway)
    fake_stripe.turn("balance/fund", amount_minor=10_000)
    if spoil == "drain":
        fake_stripe.turn("balance/drain", currency="usd")
    if spoil == "capability":
        fake_stripe.turn(f"accounts/{worker}/capability", transfers="inactive")
    with pytest.raises(CallRejected) as refusal:
        gateway.execute_transfer(
            a_payout("acct_stranger" if spoil == "stranger" else worker), key="xfer:p1:1"
        )
    assert refusal.value.code == code
    assert refusal.value.detail
    assert fake_stripe.look("transfers") == []


def test_an_unknown_transfer_is_a_definitive_reject(gateway: StripeGateway) -> None:
    with pytest.raises(CallRejected) as refusal:
        gateway.retrieve_transfer("tr_nothing")
    assert refusal.value.code == "resource_missing"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"amount": 12.5},
        {"amount": True},
        {"amount": 0},
        {"destination": ""},
        {"transfergroup": "b1"},
        {"metadata": {"env": ENVIRONMENT}},
        {"metadata": {"env": "another", "batch_id": "b1", "payout_id": "p1"}},
    ],
)
def test_a_spoilt_stored_row_is_refused_before_anything_is_sent(
    fake_stripe: StripeServer, gateway: StripeGateway, spoilt: dict[str, object]
) -> None:
    with pytest.raises(CallRejected) as refusal:
        gateway.execute_transfer({**a_payout("acct_1"), **spoilt}, key="xfer:p1:1")
    assert refusal.value.code == "stored_params_invalid"
    assert fake_stripe.look("requests") == []


def test_a_refused_key_stops_everything(fake_stripe: StripeServer) -> None:
    with pytest.raises(CredentialsRefused):
        gateway_to(fake_stripe, key="sk_test_revoked").available_balance("usd")


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("sk_live_1", MoneyMode.TEST),
        ("rk_live_1", MoneyMode.TEST),
        ("pk_test_1", MoneyMode.TEST),
        ("", MoneyMode.TEST),
        ("sk_test_1", MoneyMode.LIVE),
        ("rk_test_1", MoneyMode.LIVE),
    ],
)
def test_a_key_of_the_other_money_mode_is_refused(key: str, mode: MoneyMode) -> None:
    with pytest.raises(KeyDoesNotFit):
        StripeGateway(StripeConnection(key, money_mode=mode, environment=ENVIRONMENT))


def test_live_money_never_goes_to_another_address(fake_stripe: StripeServer) -> None:
    with pytest.raises(KeyDoesNotFit):
        StripeGateway(
            StripeConnection(
                "sk_live_1", money_mode=MoneyMode.LIVE, environment=ENVIRONMENT, api_base=fake_stripe.url
            )
        )


def test_no_telemetry_leaves(gateway: StripeGateway) -> None:
    assert stripe.enable_telemetry is False


def test_a_proxy_in_the_environment_does_not_get_local_traffic(
    fake_stripe: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert gateway_to(fake_stripe).available_balance("usd") == 0


def test_nobody_listening_is_an_unknown_result(fake_stripe: StripeServer) -> None:
    deaf = StripeGateway(
        StripeConnection(
            "sk_test_1",
            money_mode=MoneyMode.TEST,
            environment=ENVIRONMENT,
            api_base="http://127.0.0.1:9",
            max_network_retries=0,
        )
    )
    with pytest.raises(CallUnknown):
        deaf.execute_transfer(a_payout("acct_1"), key="xfer:p1:1")


def test_the_old_spelling_of_the_client_warns(sdk: stripe.StripeClient) -> None:
    """The filter above turns this warning into an error: it proves that the filter would catch it."""
    with pytest.raises(DeprecationWarning, match="v1"):
        _ = sdk.transfers
