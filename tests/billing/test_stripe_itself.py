"""The transfer journey against Stripe itself, in test mode, when a key is given.

STRIPE_TEST_KEY: a test key of a platform that has Connect. STRIPE_TEST_ACCOUNT: a connected account that can
receive transfers; without it the first such account of the platform is taken.
"""

import os
import uuid

import pytest
import stripe

from billing.gateway import CallRejected, KeyReused, transfer_params
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.settings import MoneyMode

KEY = os.environ.get("STRIPE_TEST_KEY", "")
ENVIRONMENT = "tests"
AMOUNT_MINOR = 123
FUNDS_MINOR = 5_000


@pytest.mark.stripe
@pytest.mark.skipif(not KEY, reason="STRIPE_TEST_KEY is not set: the journey ran against fake Stripe only.")
class TestStripeItself:
    @pytest.fixture(scope="class")
    def run(self) -> str:
        """Names this run's batch and keys: Stripe keeps what earlier runs did."""
        return uuid.uuid4().hex

    @pytest.fixture(scope="class")
    def gateway(self) -> StripeGateway:
        return StripeGateway(StripeConnection(KEY, money_mode=MoneyMode.TEST, environment=ENVIRONMENT))

    @pytest.fixture(scope="class")
    def destination(self, gateway: StripeGateway) -> str:
        if account := os.environ.get("STRIPE_TEST_ACCOUNT"):
            return account
        for candidate in stripe.StripeClient(KEY).v1.accounts.list({"limit": 100}).data:
            if gateway.account_status(candidate.id).can_receive:
                return candidate.id
        pytest.skip("No connected account of this platform can receive transfers; set STRIPE_TEST_ACCOUNT.")

    @pytest.fixture(scope="class")
    def funded(self, run: str) -> None:
        stripe.StripeClient(KEY, max_network_retries=2).v1.payment_intents.create(
            {
                "amount": FUNDS_MINOR,
                "currency": "usd",
                "payment_method": "pm_card_bypassPending",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "confirm": True,
            },
            {"idempotency_key": f"fund:{run}"},
        )

    @pytest.mark.usefixtures("funded")
    def test_a_transfer_is_sent_once_and_found_again(
        self, gateway: StripeGateway, destination: str, run: str
    ) -> None:
        assert gateway.available_balance("usd") >= AMOUNT_MINOR
        params = transfer_params(
            amount_minor=AMOUNT_MINOR,
            currency="usd",
            destination=destination,
            batch_id=f"batch-{run}",
            payout_id=f"payout-{run}",
            environment=ENVIRONMENT,
        )
        first = gateway.execute_transfer(params, key=f"xfer:{run}:1")
        again = gateway.execute_transfer(params, key=f"xfer:{run}:1")
        assert (again.id, again.amount_minor, again.metadata) == (first.id, AMOUNT_MINOR, params["metadata"])
        assert gateway.retrieve_transfer(first.id).destination == destination
        found = gateway.find_transfers(transfer_group=f"batch-{run}", destination=destination)
        assert [transfer.id for transfer in found] == [first.id]
        with pytest.raises(KeyReused):
            gateway.execute_transfer({**params, "amount": AMOUNT_MINOR + 1}, key=f"xfer:{run}:1")

    def test_an_unknown_destination_is_a_definitive_reject(self, gateway: StripeGateway, run: str) -> None:
        params = transfer_params(
            amount_minor=AMOUNT_MINOR,
            currency="usd",
            destination="acct_1032D82eZvKYlo2C",
            batch_id=f"batch-{run}",
            payout_id=f"payout-{run}",
            environment=ENVIRONMENT,
        )
        with pytest.raises(CallRejected):
            gateway.execute_transfer(params, key=f"xfer:{run}:stranger")

    def test_a_checkout_is_open_until_somebody_pays(self, gateway: StripeGateway, run: str) -> None:
        page = gateway.create_top_up_checkout(
            reference=f"topup-{run}",
            amount_minor=FUNDS_MINOR,
            currency="usd",
            success_url="https://example.com/done",
            cancel_url="https://example.com/cancelled",
            key=f"checkout:{run}",
        )
        status = gateway.top_up_status(page.session_id)
        assert (status.state, status.reference, status.gross_minor) == ("open", f"topup-{run}", FUNDS_MINOR)
