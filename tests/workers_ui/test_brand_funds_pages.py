"""The wallet page's other half, through a real app and fake Stripe: it fills itself, pays back, bills and warns."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import text

from billing import funds_work, reversals, top_ups
from billing.funds_port import FundsPort
from billing.models import TopUp
from billing.promos import give_promo
from billing.stripe_funds import StripeFunds
from billing.stripe_gateway import StripeGateway
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import PersonId, TopUpId
from tests.billing.conftest import fake_stripe, stripe_process
from tests.billing.funding import connection_to
from tests.billing.stripe_server import StripeServer
from tests.billing.test_brand_funds import give_line
from tests.builders import Clock, a_person, a_resolved_ticket, a_worker, usd
from tests.workers_ui.brand_site import Browser, House, a_house, text_of, tree, words
from tests.workers_ui.conftest import Site

__all__ = ["fake_stripe", "stripe_process"]  # fixtures

WISH = {"threshold": "20.00", "amount": "50.00", "monthly_limit": "200.00"}


@pytest.fixture
def port(site: Site, fake_stripe: StripeServer) -> FundsPort:
    """The site's payment provider is fake Stripe."""
    connection = connection_to(fake_stripe)
    found = StripeFunds(connection)
    site.app.state.services = replace(site.app.state.services, gateway=StripeGateway(connection), funds=found)
    return found


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site, funds=usd(0))


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def stats(page: Response) -> dict[str, str]:
    pairs = [
        (node.css_first("dt").text(), node.css_first("dd").text(deep=False).strip())  # type: ignore[union-attr]
        for node in tree(page).css("dl.stats .stat")
    ]
    return dict(pairs)


def post(browser: Browser, path: str, **form: str) -> Response:
    return browser.post(path, {"idempotency_key": uuid4().hex, **form})


def pay(server: StripeServer, checkout: str) -> str:
    """Press Pay; the address that leads back."""
    left = server.post(
        checkout, data={"choice": "pay"}, headers={"origin": server.url}, follow_redirects=False
    )
    back: str = left.headers["location"]
    return back[back.index("/b/") :]


def a_paid_top_up(site: Site, house: House, server: StripeServer, amount: int) -> None:
    gateway = StripeGateway(connection_to(server))
    with site.background.transaction() as tx:
        row = top_ups.ask_top_up(tx, brand=house.brand, amount=usd(amount), person=None, now=app_now(tx))
        top_up = TopUpId(row.id)
    top_ups.open_checkout(
        site.background, gateway, brand=house.brand, top_up=top_up, return_url="http://app.example"
    )
    with site.background.transaction() as tx:
        session = tx.get_one(TopUp, (house.brand, top_up)).checkout_session
    server.turn(f"checkout/{session}", action="pay")
    top_ups.settle(site.background, gateway, brand=house.brand, top_up=top_up)


def test_a_brand_saves_a_method_by_paying_once_and_the_wallet_fills_itself(
    site: Site, owner: Browser, port: FundsPort, fake_stripe: StripeServer
) -> None:
    asked = post(owner, "/wallet/auto-top-up", **WISH)
    assert asked.status_code == 303
    page = owner.visitor.client.get(pay(fake_stripe, asked.headers["location"]))
    assert stats(page)["Balance"] == "$50.00"
    assert "waits for its first payment" in words(page)
    funds_work.work(site.background, port)
    page = owner.get("/wallet")
    assert "Charged this month: 0.00 USD of 200.00 USD" in words(page)
    assert 'value="20.00"' in page.text

    again = post(owner, "/wallet/auto-top-up", **WISH | {"threshold": "60.00"})
    assert (again.status_code, again.headers["location"]) == (303, owner.house.path("/wallet"))
    for _ in range(2):
        funds_work.work(site.background, port)
    page = owner.get("/wallet")
    assert stats(page)["Balance"] == "$100.00"
    assert "Charged this month: 50.00 USD of 200.00 USD" in words(page)

    off = owner.post("/wallet/auto-top-up/off", {"forget": "yes"})
    assert off.status_code == 303
    page = owner.get("/wallet")
    assert "Pay the first and save" in words(page)
    assert "The saved method is removed." in words(page, "#toasts")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"amount": "x"}, "Write an amount such as 12.50"),
        ({"monthly_limit": "10.00"}, "the month’s limit is at least one top-up"),
        ({"amount": "0.10", "monthly_limit": "0.20"}, "A top-up is at least 1.00"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_kept(
    owner: Browser, port: FundsPort, changed: dict[str, str], sentence: str
) -> None:
    page = post(owner, "/wallet/auto-top-up", **WISH | changed)
    assert page.status_code == 422
    assert sentence.replace("’", "'") in words(page).replace("’", "'")
    assert f'value="{(WISH | changed)["monthly_limit"]}"' in page.text
    assert port is not None


def test_free_money_goes_back_and_the_page_says_how_far_it_is(
    site: Site, house: House, owner: Browser, port: FundsPort, fake_stripe: StripeServer
) -> None:
    fake_stripe.turn("settings", refunds="pending")
    a_paid_top_up(site, house, fake_stripe, 5_000)
    a_paid_top_up(site, a_house(site, name="Noise"), fake_stripe, 5_000)
    house.ticket()
    page = owner.get("/wallet")
    assert "$47.50 is free and can go back" in words(page)
    refused = post(owner, "/wallet/refunds", amount="47.51")
    assert (refused.status_code, "Only what is free in the wallet" in words(refused)) == (409, True)
    assert post(owner, "/wallet/refunds", amount="40.00").status_code == 303
    page = owner.get("/wallet")
    assert stats(page)["Balance"] == "$7.50"
    assert "$40.00 asked for" in words(page)
    funds_work.work(site.background, port)
    assert "$40.00 on its way" in words(owner.get("/wallet"))
    [refund] = fake_stripe.look("objects/refund")
    fake_stripe.turn(f"refunds/{refund['id']}/arrive")
    Clock(database=site.background).forward(timedelta(minutes=11))
    funds_work.work(site.background, port)
    assert "$40.00 paid back" in words(owner.get("/wallet"))


def test_a_refund_form_sent_twice_asks_once(
    site: Site, house: House, owner: Browser, port: FundsPort, fake_stripe: StripeServer
) -> None:
    a_paid_top_up(site, house, fake_stripe, 5_000)
    for _ in range(2):
        owner.post("/wallet/refunds", {"amount": "10.00", "idempotency_key": "k-1"})
    assert stats(owner.get("/wallet"))["Balance"] == "$40.00"
    assert port is not None


def test_who_only_sees_the_wallet_cannot_move_it(house: House, port: FundsPort) -> None:
    manager = house.member(MemberRole.MANAGER)
    assert "Automatic top-up" not in words(manager.get("/wallet"))
    for path in ("/wallet/auto-top-up", "/wallet/auto-top-up/off", "/wallet/refunds"):
        assert post(manager, path, amount="1.00").status_code == 403
    stranger = house.site.signed_in(a_stranger(house.site))
    path = house.path("/wallet/refunds")
    assert stranger.client.post(path, data={"csrf": stranger.csrf, "amount": "1"}).status_code == 404
    assert port is not None


def a_stranger(site: Site) -> PersonId:
    with site.background.transaction() as tx:
        return a_person(tx)


def test_a_frozen_brand_reads_why_in_plain_words_and_gets_nothing_back(
    site: Site, house: House, owner: Browser, port: FundsPort, fake_stripe: StripeServer
) -> None:
    a_paid_top_up(site, house, fake_stripe, 5_000)
    [charge] = fake_stripe.look("objects/charge")
    fake_stripe.turn(f"charges/{charge['id']}/dispute")
    reversals.look_at_disputes(site.background, port)
    page = words(owner.get("/wallet"))
    assert "Your bank disputes a top-up of 50.00 USD." in page
    assert "no new ticket of yours opens" in page
    assert "Take money back" not in page
    [dispute] = fake_stripe.look("objects/dispute")
    fake_stripe.turn(f"disputes/{dispute['id']}/lose")
    with site.background.transaction() as tx:
        a_resolved_ticket(tx, a_house(site, name="Noise").brand, a_worker(tx))
    reversals.look_at_disputes(site.background, port)
    assert "lost its dispute, and 50.00 USD of it is still owed" in words(owner.get("/wallet"))
    reversals.collect_debts(site.background)
    assert "disputes" not in words(owner.get("/wallet"))


def test_promo_credit_line_invoices_and_what_each_category_cost(
    site: Site, house: House, owner: Browser, port: FundsPort
) -> None:
    with site.background.transaction() as tx:
        give_line(tx, house.brand, 100_000)
        give_promo(tx, brand=house.brand, amount=usd(300), reason="Hi.", person=a_person(tx), now=app_now(tx))
        worker = a_worker(tx)
        for _ in range(3):
            a_resolved_ticket(tx, house.brand, worker)
    page = owner.get("/wallet")
    assert stats(page) == {
        "Balance": "$0.00",
        "Reserved": "$0.00",
        "You owe": "$4.50",
        "Spent this month": "$7.50",
    }
    [row] = tree(page).css("section[aria-labelledby=spend-title] tbody tr")
    assert text_of(row) == "General $7.50 3 $2.50"
    with site.background.transaction() as tx:
        tx.execute(text("UPDATE credit_line SET next_invoice_on = app_now()::date"))
    for _ in range(4):
        funds_work.work(site.background, port)
    [invoice] = tree(owner.get("/wallet")).css("section[aria-labelledby=invoices-title] tbody tr")
    assert "to pay $4.50 $4.50" in text_of(invoice)
