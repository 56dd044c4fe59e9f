"""How Stripe is called: in its own form, under our keys, with nothing locked; and the SDK's traps kept out."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from billing.gateway import RateLimited
from billing.stripe_connection import (
    MAX_NETWORK_RETRIES,
    TIMEOUT_SECONDS,
    CalledInTransaction,
    KeyDoesNotFit,
    StripeConnection,
)
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.db import Database, transaction_is_open
from marketplace.kernel.settings import MoneyMode
from tests.billing.conftest import ENVIRONMENT, TEST_KEY, gateway_to
from tests.billing.paying import FUNDS, Till, WatchedGateway
from tests.billing.stripe_server import StripeServer
from tests.workers_ui.conftest import Site, site
from workers_ui.deps import HasTx

__all__ = ("site",)

ROOT = Path(__file__).parents[2]
HOUSES = ("billing", "guidance", "knowledge_base", "marketplace", "workers_ui", "benchmarks")
SILENCED = "# type: " + "ignore"
OUR_KEYS = ("payout:", "account:", "reversal:", "link:")


def test_case_53_every_request_fits_the_schema_under_our_key_with_no_transaction_open(
    background: Database, fake_stripe: StripeServer
) -> None:
    """Fake Stripe notes every request of the suite that breaks the form, and its fixtures fail on one; the
    connection itself refuses to call while a transaction is open."""
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    till = Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))
    _, payout = till.a_payout()
    till.send()
    till.assert_paid_once(payout)

    asked = fake_stripe.look("requests")
    assert {one["stripe_version"] for one in asked} == {stripe.api_version}
    changing = [one for one in asked if one["method"] == "POST"]
    assert len(changing) == 2
    assert all(one["idempotency_key"].startswith(OUR_KEYS) for one in changing)
    assert fake_stripe.look("violations") == []
    with background.transaction(), pytest.raises(CalledInTransaction):
        gateway_to(fake_stripe).available_balance("usd")
    assert len(fake_stripe.look("requests")) == len(asked), "the refused call never left"


def test_a_request_that_holds_a_transaction_says_so_in_its_handler(site: Site) -> None:
    def with_one(_tx: HasTx) -> bool:
        return transaction_is_open()

    site.app.add_api_route("/try/with", with_one)
    site.app.add_api_route("/try/without", lambda: transaction_is_open())
    visitor = site.visitor().client
    assert visitor.get("/try/with").json() is True
    assert visitor.get("/try/without").json() is False
    assert not transaction_is_open()


def test_case_54_the_sdks_traps_are_kept_out(fake_stripe: StripeServer) -> None:
    connection = StripeConnection(
        TEST_KEY, money_mode=MoneyMode.TEST, environment=ENVIRONMENT, api_base=fake_stripe.url
    )
    assert MAX_NETWORK_RETRIES >= 1
    assert TIMEOUT_SECONDS <= 20
    fake_stripe.fault("409", method="GET", path="/v1/balance", times=MAX_NETWORK_RETRIES)
    assert StripeGateway(connection).available_balance("usd") == 0, "the client tries again by itself"
    assert stripe.enable_telemetry is False
    for key, mode in (
        ("sk_live_1", MoneyMode.TEST),
        ("rk_test_1", MoneyMode.LIVE),
        ("whsec_1", MoneyMode.TEST),
    ):
        with pytest.raises(KeyDoesNotFit):
            StripeConnection(key, money_mode=mode, environment=ENVIRONMENT)
    assert not hasattr(stripe.StripeObject, "get"), "so the type checker refuses .get( on one"
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert checked["strict"] is True
    assert "billing" in checked["packages"]
    assert [str(trap) for path in our_modules() for trap in traps_in(path)] == []


@pytest.mark.parametrize(
    ("code", "trap"),
    [
        ("import stripe\nclient = stripe.StripeClient(key)", "no max_network_retries"),
        ("import stripe\nclient = stripe.StripeClient(key, max_network_retries=2)", "outside its door"),
        (
            "import stripe\nname = account.get('name')  # type: ignore[attr-defined]",
            ".get( on what Stripe answers",
        ),
        ("event = stripe.Event.construct_event_without_verification(body)", "unverified"),
        ("stripe.api_key = 'sk_test_1'", "global key"),
    ],
)
def test_the_lint_for_traps_finds_each(tmp_path: Path, code: str, trap: str) -> None:
    module = tmp_path / "module.py"
    module.write_text(code)
    assert any(trap in one for one in traps_in(module))


def our_modules() -> Iterator[Path]:
    return (path for house in HOUSES for path in (ROOT / house).rglob("*.py"))


def traps_in(path: Path) -> Iterator[str]:
    """What in a module would be one of the SDK's traps, with its line."""
    code = path.read_text()
    if "stripe" not in code.lower():
        return
    tree = ast.parse(code)
    silenced = {number for number, line in enumerate(code.splitlines(), 1) if SILENCED in line}
    for node in ast.walk(tree):
        for trap in _traps_of(node, path, silenced=silenced):
            yield f"{path}:{getattr(node, 'lineno', 0)}: {trap}"


def _traps_of(node: ast.AST, path: Path, *, silenced: set[int]) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr="StripeClient"), keywords=keywords):
            if "max_network_retries" not in {one.arg for one in keywords}:
                yield "a client with no max_network_retries never tries again"
            if path.name != "stripe_connection.py":
                yield "a client outside its door"
        case ast.Call(func=ast.Attribute(attr="get"), lineno=number) if number in silenced:
            yield ".get( on what Stripe answers: a StripeObject is no dict"
        case ast.Attribute(attr="construct_event_without_verification"):
            yield "an unverified event"
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="stripe"), attr="api_key")]):
            yield "a global key: it belongs to the client"


def test_a_rate_limit_is_told_apart_from_a_result_nobody_knows(fake_stripe: StripeServer) -> None:
    fake_stripe.fault("429", method="GET", path="/v1/balance")
    with pytest.raises(RateLimited):
        gateway_to(fake_stripe).available_balance("usd")
