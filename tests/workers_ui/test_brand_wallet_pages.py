"""Wallet and prices, through a real app and fake Stripe."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import select

from billing.brand_queries import month_start, spent_since
from billing.models import TopUp, TopUpState
from billing.stripe_gateway import StripeGateway
from marketplace.accounts.models import Brand, MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from tests.billing.conftest import fake_stripe, gateway_to, stripe_process
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, usd
from tests.workers_ui.brand_site import (
    Browser,
    House,
    a_house,
    a_new_house,
    an_answer,
    text_of,
    tree,
    value_of,
    words,
)
from tests.workers_ui.conftest import Site

__all__ = ["fake_stripe", "stripe_process"]  # fixtures


@pytest.fixture
def paying(site: Site, fake_stripe: StripeServer) -> StripeServer:
    """The site's payment provider is fake Stripe."""
    _with_gateway(site, gateway_to(fake_stripe))
    return fake_stripe


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def _with_gateway(site: Site, gateway: object) -> None:
    site.app.state.services = replace(site.app.state.services, gateway=gateway)


def _top_up(browser: Browser, amount: str = "50.00", **changes: str) -> Response:
    form = {"amount": amount, "currency": "", "idempotency_key": uuid4().hex, **changes}
    return browser.post("/wallet/top-ups", form)


def _pay(server: StripeServer, checkout: str, *, choice: str = "pay") -> str:
    """Press a button of the payment page; where it leads back to, as a path."""
    left = server.post(
        checkout, data={"choice": choice}, headers={"origin": server.url}, follow_redirects=False
    )
    assert left.status_code == 303
    back: str = left.headers["location"]
    return back.removeprefix(back[: back.index("/b/")])


def _top_ups(site: Site) -> list[TopUp]:
    with site.background.transaction() as tx:
        return list(tx.scalars(select(TopUp).order_by(TopUp.id)))


def _stats(page: Response) -> dict[str, str]:
    pairs = [
        (node.css_first("dt").text(), node.css_first("dd").text(deep=False).strip())  # type: ignore[union-attr]
        for node in tree(page).css("dl.stats .stat")
    ]
    return dict(pairs)


# What stands there


def test_the_wallet_shows_what_is_free_reserved_and_spent_and_how_it_moved(
    db: Database, site: Site, owner: Browser
) -> None:
    ticket = owner.house.ticket()
    an_answer(db, site, ticket, body="It is on its way.")
    owner.post(f"/tickets/{ticket}/resolution")
    owner.house.ticket()
    a_house(site, name="Noise").ticket()

    page = owner.get("/wallet")

    assert _stats(page) == {"Balance": "$95.00", "Reserved": "$2.50", "Spent this month": "$2.50"}
    rows = [text_of(row) for row in tree(page).css("section[aria-labelledby=movements-title] tbody tr")]
    told = [re.sub(r" [A-Z][a-z]{2} [0-9]+, [0-9:]+ ", " … ", row) for row in rows]
    assert told == [
        "Reserved for #2 … −$2.50 $95.00",
        "Reserved for #1 … −$2.50 $97.50",
        "Top-up … $100.00 $100.00",
    ]
    assert tree(page).css(f"main a[href='{owner.house.path('/tickets/')}{ticket}']")


def test_a_month_begins_by_the_brands_own_clock() -> None:
    just_after = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)

    assert month_start(just_after, "UTC") == datetime(2026, 11, 1, tzinfo=UTC)
    assert month_start(just_after, "Europe/Berlin") == datetime(2026, 11, 30, 23, tzinfo=UTC)
    # 1 November was still summer time in New York when the month began.
    assert month_start(datetime(2026, 11, 20, tzinfo=UTC), "America/New_York") == datetime(
        2026, 11, 1, 4, tzinfo=UTC
    )


def test_what_was_spent_before_the_month_is_not_counted(db: Database, site: Site, owner: Browser) -> None:
    ticket = owner.house.ticket()
    an_answer(db, site, ticket, body="It is on its way.")
    owner.post(f"/tickets/{ticket}/resolution")
    Clock(database=site.background).forward(timedelta(days=40))
    brand = owner.house.brand
    with site.background.transaction() as tx:
        now = app_now(tx)
        start = month_start(now, "UTC")
        assert spent_since(tx, brand=brand, currency="usd", since=start) == usd(0)
        assert spent_since(tx, brand=brand, currency="usd", since=now - timedelta(days=90)) == usd(250)


def test_a_reopened_ticket_is_not_spent(db: Database, site: Site, owner: Browser) -> None:
    ticket = owner.house.ticket()
    an_answer(db, site, ticket, body="It is on its way.")
    owner.post(f"/tickets/{ticket}/resolution")
    owner.post(f"/tickets/{ticket}/messages", {"text": "Still broken"})

    assert _stats(owner.get("/wallet")) == {
        "Balance": "$97.50",
        "Reserved": "$2.50",
        "Spent this month": "$0.00",
    }


def test_tickets_that_wait_for_money_are_counted(site: Site) -> None:
    poor = a_house(site, funds=usd(300))
    for _ in range(3):
        poor.ticket()

    assert "2 tickets wait for funds" in words(poor.member().get("/wallet"))


# Top-ups


def test_a_top_up_leads_to_the_payment_page_and_back_into_the_wallet(
    site: Site, owner: Browser, paying: StripeServer
) -> None:
    asked = _top_up(owner, "50,25")

    assert asked.status_code == 303
    checkout = asked.headers["location"]
    assert checkout.startswith(f"{paying.url}/checkout/")
    assert "form-action 'self' http://127.0.0.1" in asked.headers["content-security-policy"]
    back = _pay(paying, checkout)
    page = owner.visitor.client.get(back)

    assert page.status_code == 200
    assert "Your top-up has arrived." in words(page, "#toasts")
    assert _stats(page)["Balance"] == "$150.25"
    assert _stats(owner.visitor.client.get(back))["Balance"] == "$150.25"  # looked up again: credited once
    assert [one.state for one in _top_ups(site)] == [TopUpState.PAID]


@pytest.mark.parametrize(
    ("choice", "sentence"), [("cancel", "is not paid yet"), ("pay_by_bank", "Your bank is sending the money")]
)
def test_coming_back_without_the_money_credits_nothing(
    owner: Browser, paying: StripeServer, choice: str, sentence: str
) -> None:
    back = _pay(paying, _top_up(owner).headers["location"], choice=choice)

    page = owner.visitor.client.get(back)

    assert sentence in words(page, "#toasts")
    assert _stats(page)["Balance"] == "$100.00"


def test_the_form_sent_twice_opens_one_payment_page(site: Site, owner: Browser, paying: StripeServer) -> None:
    key = uuid4().hex

    first, second = _top_up(owner, idempotency_key=key), _top_up(owner, idempotency_key=key)

    assert first.headers["location"] == second.headers["location"]
    assert len(_top_ups(site)) == 1
    other = _top_up(owner, "60.00", idempotency_key=key)
    assert (other.status_code, "This form was sent before" in words(other)) == (409, True)
    assert value_of(other, "idempotency_key") != key


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "Write an amount such as 12.50"),
        ("ten", "Write an amount such as 12.50"),
        ("12.505", "USD has 2 decimals"),
        ("0.99", "A top-up is at least 1.00"),
        ("0", "A top-up is at least 1.00"),
        ("1000000.00", "at most 999,999.99"),
    ],
)
def test_an_amount_that_cannot_be_topped_up_is_refused_and_kept(
    site: Site, owner: Browser, paying: StripeServer, amount: str, sentence: str
) -> None:
    refused = _top_up(owner, amount)

    assert refused.status_code == 422
    assert sentence in words(refused, "#top-up-amount-error")
    assert value_of(refused, "amount") == amount
    assert _top_ups(site) == []


def test_the_first_top_up_fixes_the_currency(site: Site, paying: StripeServer) -> None:
    browser = a_new_house(site).member()
    before = browser.get("/wallet")
    assert tree(before).css("select[name=currency]")
    assert "first top-up fixes" in words(browser.get("/control/sharing"))

    assert _top_up(browser, "50", currency="xxx").status_code == 422
    assert _top_up(browser, "50.5", currency="jpy").status_code == 422
    assert _top_up(browser, "5000", currency="jpy").status_code == 303

    with site.background.transaction() as tx:
        assert tx.get_one(Brand, browser.house.brand).currency == "jpy"
    after = browser.get("/wallet")
    assert not tree(after).css("select[name=currency]")
    assert _stats(after)["Balance"] == "¥0"
    assert [(one.amount_minor, one.currency) for one in _top_ups(site)] == [(5000, "jpy")]


def test_a_silent_provider_keeps_the_form_and_the_next_try_goes_on_with_it(
    site: Site, owner: Browser, paying: StripeServer
) -> None:
    paying.fault("after_lost_reply", path="/v1/checkout/sessions")

    silent = _top_up(owner, "50.00")

    assert silent.status_code == 503
    assert "did not answer. Nothing is charged" in words(silent)
    again = _top_up(owner, value_of(silent, "amount"), idempotency_key=value_of(silent, "idempotency_key"))
    assert again.status_code == 303
    assert len(_top_ups(site)) == 1


def test_without_a_provider_the_form_says_that_payments_are_off(site: Site, owner: Browser) -> None:
    _with_gateway(site, None)

    refused = _top_up(owner)

    assert (refused.status_code, "Payments are switched off" in words(refused)) == (503, True)
    assert owner.get(f"/wallet?top_up={_top_ups(site)[0].id}").status_code == 200


def test_a_payment_of_another_brand_is_not_there(site: Site, owner: Browser, paying: StripeServer) -> None:
    stranger = a_house(site, name="Somebody Else").member()
    _top_up(stranger)

    assert owner.get(f"/wallet?top_up={_top_ups(site)[0].id}").status_code == 404
    assert owner.get(f"/wallet?top_up={uuid4()}").status_code == 404
    assert owner.get("/wallet?top_up=x").status_code == 404


def test_a_manager_reads_the_wallet_and_finance_tops_it_up(house: House, paying: StripeServer) -> None:
    manager, finance = house.member(MemberRole.MANAGER), house.member(MemberRole.FINANCE)

    assert not tree(manager.get("/wallet")).css("form[action$='/top-ups']")
    assert _top_up(manager).status_code == 403
    assert _top_up(finance).status_code == 303
    links = "a[href$='/control/prices']"
    assert tree(manager.get("/wallet")).css(links)
    assert not tree(finance.get("/wallet")).css(links)
    assert finance.post("/control/prices", {"category": "general", "total": "3"}).status_code == 403


class Watching:
    """A payment provider that notes how many connections are out whenever it is called."""

    def __init__(self, site: Site, inner: StripeGateway) -> None:
        self._pool = site.app.state.services.database.engine.pool
        self._inner = inner
        self.out: list[int] = []

    def __getattr__(self, name: str) -> object:
        self.out.append(self._pool.checkedout())
        return getattr(self._inner, name)


def test_no_transaction_is_open_while_the_provider_is_asked(
    site: Site,
    owner: Browser,
    fake_stripe: StripeServer,
) -> None:
    watching = Watching(site, gateway_to(fake_stripe))
    _with_gateway(site, watching)

    back = _pay(fake_stripe, _top_up(owner).headers["location"])
    assert owner.visitor.client.get(back).status_code == 200

    assert watching.out == [0, 0]
