"""A brand's funds by API, against fake Stripe."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from billing import funds_work
from billing.stripe_funds import StripeFunds
from billing.stripe_gateway import StripeGateway
from tests.billing.conftest import fake_stripe, stripe_process
from tests.billing.funding import connection_to
from tests.billing.stripe_server import StripeServer
from tests.workers_ui.api_site import Api, System, api_site, problem

__all__ = ["fake_stripe", "stripe_process"]  # fixtures

WISH = {"threshold_minor": 100_000, "amount_minor": 50_00, "monthly_limit_minor": 100_00, "currency": "usd"}


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api, fake_stripe: StripeServer) -> System:
    """The site's payment provider is fake Stripe, emptied."""
    connection = connection_to(fake_stripe)
    api.app.state.services = replace(
        api.app.state.services, gateway=StripeGateway(connection), funds=StripeFunds(connection)
    )
    api.system()
    return api.system()


def work(api: Api, server: StripeServer) -> None:
    funds_work.work(api.background, StripeFunds(connection_to(server)))


def test_a_program_sets_automatic_top_up_and_a_person_pays_the_first(
    api: Api, system: System, fake_stripe: StripeServer
) -> None:
    assert system.get("/auto-top-up").status_code == 404
    assert system.post("/auto-top-up/checkout").status_code == 409
    wished = system.put("/auto-top-up", WISH)
    assert (wished.status_code, wished.json()["state"]) == (200, "awaiting_method")
    first, again = (system.post("/auto-top-up/checkout").json() for _ in range(2))
    assert first == again
    fake_stripe.post(first["checkout_url"], data={"choice": "pay"}, headers={"origin": fake_stripe.url})
    [session] = fake_stripe.look("objects/checkout.session")
    assert session["status"] == "complete"
    assert system.put("/auto-top-up", WISH | {"monthly_limit_minor": 1}).status_code == 422
    assert system.delete("/auto-top-up").status_code == 204
    assert system.get("/auto-top-up").json()["state"] == "off"
    work(api, fake_stripe)


def test_what_cannot_be_paid_back_is_refused_with_a_reason(system: System) -> None:
    found = system.get("/funds").json()
    assert found["refundable_minor"] == 0, "its money did not come through a payment here"
    assert (found["frozen"], found["credit_limit_minor"], found["promo_minor"]) == (False, None, 0)
    refused = system.post("/refunds", {"amount_minor": 1_00})
    assert problem(refused) == (409, "refund_too_high")
    assert "Only what is free" in refused.json()["detail"]
    assert system.get("/refunds").json() == []
    assert system.get("/invoices").json() == []
