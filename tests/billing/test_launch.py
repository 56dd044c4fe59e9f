"""`humancloud billing doctor`: what a platform must have approved and set is told before the first payout."""

from datetime import date

import pytest
from click.testing import CliRunner

from billing.launch import Check, check_launch
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from billing.stripe_launch import StripeLaunch
from marketplace.kernel.settings import MoneyMode
from tests.billing.conftest import ENVIRONMENT, TEST_KEY, gateway_to
from tests.billing.stripe_server import StripeServer
from workers_ui.cli import main

BASE_URL = "https://pay.example.com"


pytestmark = pytest.mark.usefixtures("logs_of_its_own")


def examined(server: StripeServer, *, is_live: bool = False, key: str = TEST_KEY) -> dict[str, Check]:
    connection = StripeConnection(
        key, money_mode=MoneyMode.TEST, environment=ENVIRONMENT, api_base=server.url, max_network_retries=0
    )
    checks = check_launch(
        StripeGateway(connection),
        StripeLaunch(connection),
        is_live=is_live,
        base_url=BASE_URL,
        today=date(2026, 11, 27),
        countries=("US", "IN", "RU"),
    )
    return {check.what: check for check in checks}


def listen(server: StripeServer) -> None:
    for endpoint in ("platform", "connect"):
        url = f"http://127.0.0.1:9/stripe/webhooks/{endpoint}"
        server.turn("webhooks", url=url, connect=endpoint == "connect")


def test_a_platform_that_is_ready_passes_every_check_twice(fake_stripe: StripeServer) -> None:
    listen(fake_stripe)
    for _ in range(2):
        assert [check.what for check in examined(fake_stripe).values() if not check.ok] == []
    made = fake_stripe.look("objects/account")
    assert [(one["country"], one["tos_acceptance"]["service_agreement"]) for one in made] == [
        ("US", "full"),
        ("IN", "recipient"),
    ], "the second look made none"


def test_what_is_missing_is_said_with_what_to_do(fake_stripe: StripeServer) -> None:
    fake_stripe.turn("settings", transfers_only_approved=False, payout_interval="daily")
    found = examined(fake_stripe)
    assert [check.ok for check in found.values()] == [False, False, False, False, True, True]
    words = " ".join(check.said for check in found.values())
    assert "Set it to manual" in words
    assert f"add {BASE_URL}/stripe/webhooks/platform for events of your account" in words
    assert f"add {BASE_URL}/stripe/webhooks/connect for events of connected accounts" in words
    assert "ask Stripe's support to approve accounts that have `transfers` without `card_payments`" in words


def test_a_live_key_makes_no_account(fake_stripe: StripeServer) -> None:
    listen(fake_stripe)
    found = examined(fake_stripe, is_live=True)
    assert fake_stripe.look("objects/account") == []
    assert "not tried with a live key" in found["Accounts that only receive transfers"].said


def test_a_key_that_stripe_refuses_is_named(fake_stripe: StripeServer) -> None:
    found = examined(fake_stripe, key="sk_test_revoked")
    assert "Stripe does not accept the key" in found["The platform's payout schedule"].said


def test_the_platforms_schedule_is_read(fake_stripe: StripeServer) -> None:
    fake_stripe.turn("settings", payout_interval="weekly")
    assert gateway_to(fake_stripe).payout_interval() == "weekly"


def test_the_command_says_each_in_a_line_and_fails_when_one_is_missing(
    fake_stripe: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = fake_stripe.url.rsplit(":", 1)[-1]
    monkeypatch.setenv("HUMANCLOUD_FAKE_STRIPE_PORT", port)
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    missing = CliRunner().invoke(main, ["billing", "doctor", "--country", "de"])
    assert missing.exit_code == 1
    assert "FIX  Events of the platform's own: no endpoint" in missing.output
    listen(fake_stripe)
    ready = CliRunner().invoke(main, ["billing", "doctor", "--country", "de"])
    assert ready.exit_code == 0, ready.output
    assert "ok   Accounts that only receive transfers, DE (full): can be made" in ready.output
