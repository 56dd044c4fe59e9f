"""Wallet, top-ups and prices by API, against fake Stripe."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from billing.top_ups import settle_due
from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, new_id
from tests.billing.conftest import fake_stripe, gateway, gateway_to, stripe_process
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock
from tests.workers_ui.api_site import Api, System, a_ticket_body, api_site, at_once, problem

__all__ = ["fake_stripe", "gateway", "stripe_process"]  # fixtures


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def paying(api: Api, gateway: StripeGateway) -> Api:
    """The site's payment provider is fake Stripe, emptied."""
    api.app.state.services = replace(api.app.state.services, gateway=gateway)
    return api


@pytest.fixture
def new_system(api: Api) -> System:
    """A brand on its first day: no currency, no price, no money."""
    api.system()
    with api.background.transaction() as tx:
        brand = BrandId(new_id())
        slug = f"new-{brand.hex[-10:]}"
        tx.add(Brand(id=brand, slug=slug, name="New Leaf", dial_salt="x", created_at=app_now(tx)))
    return api.system(of=brand)


def test_a_top_up_is_asked_for_paid_at_stripe_and_credited_once(
    paying: Api, new_system: System, fake_stripe: StripeServer, gateway: StripeGateway
) -> None:
    assert new_system.get("/wallet").json()["currency"] is None
    asked = new_system.post("/top-ups", {"amount_minor": 50_00, "currency": "eur"})
    assert (asked.status_code, asked.json()["state"]) == (201, "created")
    path = f"/top-ups/{asked.json()['id']}"
    first, again = (new_system.post(f"{path}/checkout") for _ in range(2))
    assert first.json() == again.json() == new_system.get(path).json()
    assert first.json()["state"] == "open"
    url = first.json()["checkout_url"]
    fake_stripe.post(url, data={"choice": "pay"}, headers={"origin": fake_stripe.url})
    for _ in range(2):
        Clock(database=paying.background).forward(timedelta(minutes=1))
        settle_due(paying.background, gateway)
    assert new_system.get(path).json()["state"] == "paid"
    wallet = {"currency": "eur", "available_minor": 50_00, "reserved_minor": 0}
    assert new_system.get("/wallet").json() == wallet
    assert new_system.post(f"{path}/checkout").json()["state"] == "paid"


def test_a_top_up_with_a_request_key_is_asked_for_once(api: Api) -> None:
    system = api.system()
    wish = {"amount_minor": 50_00, "currency": "usd"}
    answers = at_once(4, lambda: system.post("/top-ups", wish, key="t"))
    assert len({answer.content for answer in answers}) == 1
    assert api.count("SELECT count(*) FROM top_up WHERE brand_id = :b", b=system.brand) == 1
    assert problem(system.post("/top-ups", wish | {"amount_minor": 1_00}, key="t")) == (409, "key_reused")


@pytest.mark.parametrize(
    ("amount_minor", "currency", "expected"),
    [
        (99, "usd", (422, "bad_amount")),
        (100_000_000, "usd", (422, "bad_amount")),
        (10**30, "usd", (422, "bad_amount")),
        (0, "usd", (422, "malformed")),
        (50_00, "eur", (409, "other_currency")),
        (50_00, "zzz", (422, "unknown_currency")),
        (50_00, "USD", (422, "malformed")),
    ],
)
def test_a_top_up_that_cannot_be_is_refused(
    api: Api, amount_minor: int, currency: str, expected: tuple[int, str]
) -> None:
    refused = api.system().post("/top-ups", {"amount_minor": amount_minor, "currency": currency})
    assert problem(refused) == expected


def test_a_currency_nobody_takes_is_not_fixed_for_a_new_brand(new_system: System) -> None:
    assert new_system.post("/top-ups", {"amount_minor": 50_00, "currency": "zzz"}).status_code == 422
    assert new_system.get("/wallet").json()["currency"] is None


def test_with_stripe_away_the_answer_says_so_and_the_same_top_up_goes_on_later(
    paying: Api, fake_stripe: StripeServer
) -> None:
    system = paying.system()
    top_up = system.post("/top-ups", {"amount_minor": 50_00, "currency": "usd"}).json()["id"]
    services = paying.app.state.services
    nowhere = StripeGateway(
        StripeConnection(
            "sk_test_x",
            money_mode=services.settings.money_mode,
            environment="t",
            api_base="http://127.0.0.1:9",
        )
    )
    paying.app.state.services = replace(services, gateway=nowhere)
    assert problem(system.post(f"/top-ups/{top_up}/checkout")) == (503, "call_unknown")
    paying.app.state.services = replace(services, gateway=None)
    assert problem(system.post(f"/top-ups/{top_up}/checkout")) == (503, "payments_off")
    paying.app.state.services = replace(services, gateway=gateway_to(fake_stripe))
    assert system.post(f"/top-ups/{top_up}/checkout").json()["state"] == "open"


def test_the_wallet_shows_what_is_free_and_what_is_reserved(api: Api) -> None:
    system, other = api.system(), api.system()
    for brand in (system, system, other):
        ticket = brand.post("/tickets", a_ticket_body()).json()["id"]
        api.admit(brand.brand, ticket)
    wallet = {"currency": "usd", "available_minor": 9_500, "reserved_minor": 500}
    assert system.get("/wallet").json() == wallet


def test_a_new_price_is_a_new_version_and_open_tickets_keep_theirs(api: Api) -> None:
    system = api.system()
    ticket = api.open_ticket(system.brand)
    priced = system.put("/prices/general", {"total_minor": 405})
    assert priced.json() == {
        "category": "general",
        "language": "",
        "from_hour": None,
        "to_hour": None,
        "version": 2,
        "total_minor": 405,
        "pay_minor": 324,
        "fee_minor": 81,
        "currency": "usd",
    }
    [card] = [card for card in api.program().get("/pool").json() if card["id"] == str(ticket)]
    assert card["pay_minor"] == 200


def test_prices_that_cannot_be_are_refused(api: Api, new_system: System) -> None:
    system = api.system()
    for total in (9, 100_001, 10**30):
        refused = system.put("/prices/general", {"total_minor": total})
        assert problem(refused) == (422, "price_out_of_range")
    unknown = system.put("/prices/submarines", {"total_minor": 300})
    assert problem(unknown) == (404, "unknown_category")
    early = new_system.put("/prices/general", {"total_minor": 300})
    assert problem(early) == (409, "no_currency_yet")


def test_two_prices_at_once_are_two_versions_or_one_refusal(api: Api) -> None:
    system = api.system()
    answers = at_once(4, lambda: system.put("/prices/general", {"total_minor": 300}))
    assert {answer.status_code for answer in answers} <= {200, 409}
    versions = [answer.json()["version"] for answer in answers if answer.is_success]
    assert sorted(versions) == list(range(2, 2 + len(versions)))
