"""Fake Stripe once per session, emptied for every test; and the gateway that talks to it."""

from collections.abc import Iterator

import pytest
import stripe

from billing.gateway import transfer_params
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.db import Database, Role
from marketplace.kernel.settings import MoneyMode
from tests.billing.stripe_server import StripeServer
from workers_ui.bootstrap import same_transaction_bus

ENVIRONMENT = "tests"
TEST_KEY = "sk_test_tests"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "stripe: talks to Stripe itself when STRIPE_TEST_KEY is set")


@pytest.fixture
def second_background(database_url: str) -> Iterator[Database]:
    """Somebody else's connections, who acts while the background process does."""
    database = Database(
        database_url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def stripe_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    server = StripeServer(tmp_path_factory.mktemp("fake-stripe"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def fake_stripe(stripe_process: StripeServer) -> Iterator[StripeServer]:
    """An empty fake Stripe; a test that sent a request Stripe would call malformed fails."""
    stripe_process.turn("reset")
    yield stripe_process
    assert stripe_process.look("violations") == []


@pytest.fixture
def gateway(fake_stripe: StripeServer) -> StripeGateway:
    """The gateway without retries of its own, so that a fault is seen at once."""
    return gateway_to(fake_stripe)


@pytest.fixture
def sdk(fake_stripe: StripeServer) -> stripe.StripeClient:
    """The bare SDK, for operations the gateway does not need yet."""
    return sdk_to(fake_stripe)


def gateway_to(
    server: StripeServer, *, timeout_seconds: float = 5.0, max_network_retries: int = 0, key: str = TEST_KEY
) -> StripeGateway:
    return StripeGateway(
        StripeConnection(
            key,
            money_mode=MoneyMode.TEST,
            environment=ENVIRONMENT,
            api_base=server.url,
            timeout_seconds=timeout_seconds,
            max_network_retries=max_network_retries,
        )
    )


def sdk_to(server: StripeServer) -> stripe.StripeClient:
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        TEST_KEY,
        base_addresses={"api": server.url},
        http_client=stripe.RequestsClient(timeout=5, proxy={"http": "", "https": ""}),
    )


def a_worker(server: StripeServer, gateway: StripeGateway, *, ref: str = "worker-1") -> str:
    """A connected account that can receive transfers."""
    account = gateway.create_recipient_account(
        worker_ref=ref, country="US", email=f"{ref}@example.com", key=f"account:{ref}"
    )
    server.turn(f"accounts/{account}/onboard")
    return account


def a_payout(
    destination: str,
    *,
    amount_minor: int = 1_250,
    currency: str = "usd",
    payout: str = "p1",
    batch: str = "b1",
) -> dict[str, object]:
    """The stored row of a transfer."""
    return transfer_params(
        amount_minor=amount_minor,
        currency=currency,
        destination=destination,
        batch_id=batch,
        payout_id=payout,
        environment=ENVIRONMENT,
    )
