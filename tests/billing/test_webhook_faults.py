"""Fake Stripe tells as badly as Stripe may: twice, not at all, in any order, and somebody else tells in its name."""

from queue import Empty
from typing import Any

import pytest
import stripe

from billing.stripe_gateway import StripeGateway
from tests.billing.conftest import a_worker as a_connected_account
from tests.billing.stripe_server import StripeServer
from tests.billing.test_fake_stripe_objects import listener

SECRET = "whsec_tests"


def told(
    server: StripeServer, gateway: StripeGateway, *, times: int, seconds: float = 0.0, **settings: Any
) -> list[tuple[bytes, str]]:
    """What an endpoint gets of `times` changes of one account, two events each."""
    account = a_connected_account(server, gateway)
    server.turn("settings", **settings)
    got = []
    with listener(seconds=seconds) as (url, received):
        server.turn("webhooks", url=url, connect=True, secret=SECRET)
        for _ in range(times):
            server.turn(f"accounts/{account}/capability", transfers="inactive")
        wait = 5.0
        while True:
            try:
                got.append(received.get(timeout=wait))
            except Empty:
                break
            if all(one["state"] != "waiting" for one in server.look("deliveries")):
                wait = 0.3
    return got


def ids(sdk: stripe.StripeClient, got: list[tuple[bytes, str]]) -> list[str]:
    """The events in deliveries that are signed."""
    found = []
    for body, signature in got:
        try:
            found.append(sdk.construct_event(body, signature, SECRET).id)
        except stripe.SignatureVerificationError:
            continue
    return found


def test_deliveries_are_duplicated(
    fake_stripe: StripeServer, gateway: StripeGateway, sdk: stripe.StripeClient
) -> None:
    known = ids(sdk, told(fake_stripe, gateway, times=1, webhooks_duplicated_percent=100))
    assert (len(known), len(set(known))) == (4, 2)


def test_deliveries_are_forged(
    fake_stripe: StripeServer, gateway: StripeGateway, sdk: stripe.StripeClient
) -> None:
    got = told(fake_stripe, gateway, times=1, webhooks_forged_percent=100)
    assert (len(got), len(ids(sdk, got))) == (4, 2)


def test_deliveries_are_out_of_order(
    fake_stripe: StripeServer, gateway: StripeGateway, sdk: stripe.StripeClient
) -> None:
    """While the endpoint takes its time with the first, the others queue up."""
    known = ids(sdk, told(fake_stripe, gateway, times=8, seconds=0.05, webhooks_shuffled=True))
    made = [one["id"] for one in fake_stripe.look("objects/event") if one["id"] in known]
    assert len(made) == 16
    assert sorted(known) == sorted(made)
    assert known != made


def test_deliveries_are_lost_and_stay_in_the_list(fake_stripe: StripeServer, gateway: StripeGateway) -> None:
    account = a_connected_account(fake_stripe, gateway)
    fake_stripe.turn("settings", webhooks_lost_percent=100)
    with listener() as (url, received):
        fake_stripe.turn("webhooks", url=url, connect=True)
        fake_stripe.turn(f"accounts/{account}/capability", transfers="inactive")
        while any(one["state"] == "waiting" for one in fake_stripe.look("deliveries")):
            pass
        with pytest.raises(Empty):
            received.get_nowait()
    assert [one["state"] for one in fake_stripe.look("deliveries")] == ["given_up", "given_up"]
    assert fake_stripe.look("objects/event")
