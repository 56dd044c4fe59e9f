"""A brand's money is credited once, when Stripe has it, and never for a promise."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing import top_ups
from billing.accounts import STRIPE_AVAILABLE, STRIPE_FEES, STRIPE_PENDING, wallet
from billing.gateway import CredentialsRefused
from billing.ledger import balance
from billing.models import TopUp, TopUpState
from billing.stripe_gateway import StripeGateway
from billing.top_ups import BadAmount, OtherCurrency, TopUpNotFound, ask_top_up, settle, settle_due
from marketplace.accounts.models import Brand
from marketplace.events.commands import Bus
from marketplace.events.facts import WalletFunded
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Tx
from marketplace.kernel.ids import BrandId, TopUpId
from marketplace.kernel.money import Money
from tests.billing.conftest import gateway_to
from tests.billing.paying import as_owner, assert_proven
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_brand, as_brand, usd

AMOUNT = usd(10_000)
FEE = usd(320)
ACCOUNTS = {
    "pending": STRIPE_PENDING,
    "available": STRIPE_AVAILABLE,
    "fees": STRIPE_FEES,
}


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        a_brand(tx, name="Noise & Sons", funds=usd(0))
        return a_brand(tx, funds=usd(0))


class Checkout:
    """One top-up of 100.00 whose page at Stripe is open."""

    def __init__(self, db: Database, server: StripeServer, gateway: StripeGateway, brand: BrandId) -> None:
        self.db, self.server, self.gateway, self.brand = db, server, gateway, brand
        with db.transaction(as_brand(brand)) as tx:
            self.id = TopUpId(ask_top_up(tx, brand=brand, amount=AMOUNT, person=None, now=app_now(tx)).id)
        self.url = self.open()

    def open(self) -> str:
        return top_ups.open_checkout(
            self.db, self.gateway, brand=self.brand, top_up=self.id, return_url="http://app.example/wallet"
        )

    def turn(self, action: str) -> None:
        self.server.turn(f"checkout/{self.session()}", action=action)

    def session(self) -> str | None:
        with self.db.transaction(as_brand(self.brand)) as tx:
            return tx.get_one(TopUp, (self.brand, self.id)).checkout_session

    def settle(self) -> None:
        settle(self.db, self.gateway, brand=self.brand, top_up=self.id)

    def state(self) -> TopUpState:
        with self.db.transaction(as_brand(self.brand)) as tx:
            return tx.get_one(TopUp, (self.brand, self.id)).state


@pytest.fixture
def checkout(db: Database, fake_stripe: StripeServer, gateway: StripeGateway, brand: BrandId) -> Checkout:
    return Checkout(db, fake_stripe, gateway, brand)


def books(background: Database, brand: BrandId) -> Mapping[str, int]:
    """What stands on the accounts a top-up touches."""
    with background.transaction() as tx:
        found = {name: balance(tx, account, currency="usd") for name, account in ACCOUNTS.items()}
        found["wallet"] = balance(tx, wallet(brand), currency="usd")
    return {name: amount.amount_minor for name, amount in found.items()}


NOTHING = {"pending": 0, "available": 0, "fees": 0, "wallet": 0}
CREDITED = {"pending": 0, "available": 9_680, "fees": 320, "wallet": 10_000}


def test_a_paid_top_up_is_credited_in_full_and_its_fee_is_the_platforms(
    checkout: Checkout, background: Database
) -> None:
    checkout.turn("pay")
    checkout.settle()
    assert checkout.state() is TopUpState.PAID
    assert books(background, checkout.brand) == CREDITED
    assert checkout.gateway.available_balance("usd") == CREDITED["available"]
    assert_proven(background)


def test_twenty_settles_at_once_credit_once(checkout: Checkout, background: Database) -> None:
    checkout.turn("pay")
    with ThreadPoolExecutor(max_workers=20) as pool:
        list(pool.map(lambda _: checkout.settle(), range(20)))
    assert books(background, checkout.brand) == CREDITED
    with background.transaction() as tx:
        told = text("SELECT count(*) FROM event WHERE kind = 'wallet_funded'")
        assert tx.execute(told).scalar_one() == 1
    assert_proven(background)


def test_an_unpaid_page_credits_nothing(checkout: Checkout, background: Database) -> None:
    checkout.settle()
    assert checkout.state() is TopUpState.OPEN
    assert books(background, checkout.brand) == NOTHING


def test_a_bank_payment_credits_nothing_until_the_bank_has_paid(
    checkout: Checkout, background: Database
) -> None:
    checkout.turn("pay_by_bank")
    checkout.settle()
    assert checkout.state() is TopUpState.PROCESSING
    assert books(background, checkout.brand) == NOTHING
    checkout.turn("settle")
    checkout.settle()
    assert checkout.state() is TopUpState.PAID
    assert books(background, checkout.brand)["wallet"] == AMOUNT.amount_minor


def test_a_bank_payment_that_bounced_credits_nothing(checkout: Checkout, background: Database) -> None:
    checkout.turn("pay_by_bank")
    checkout.settle()
    checkout.turn("bounce")
    checkout.settle()
    assert checkout.state() is TopUpState.FAILED
    assert books(background, checkout.brand) == NOTHING


def test_an_expired_page_closes_the_top_up(checkout: Checkout, background: Database) -> None:
    checkout.server.turn("clock", advance_seconds=25 * 60 * 60)
    checkout.settle()
    assert checkout.state() is TopUpState.EXPIRED
    assert books(background, checkout.brand) == NOTHING


def test_money_that_stripe_keeps_back_is_in_the_wallet_and_counts_as_available_later(
    checkout: Checkout, background: Database
) -> None:
    checkout.server.turn("settings", funds="pending")
    checkout.turn("pay")
    checkout.settle()
    assert checkout.state() is TopUpState.PAID
    assert books(background, checkout.brand) == {**CREDITED, "pending": 9_680, "available": 0}
    checkout.settle()
    assert books(background, checkout.brand)["available"] == 0

    checkout.server.turn("balance/settle")
    checkout.server.turn("settings", funds="available")
    forward(background, days=3)
    assert settle_due(background, checkout.gateway) == 1
    assert books(background, checkout.brand) == CREDITED
    forward(background, days=3)
    assert settle_due(background, checkout.gateway) == 0
    assert_proven(background)


def forward(background: Database, *, days: int) -> None:
    Clock(database=background).forward(timedelta(days=days))


def test_the_sweep_finds_a_payment_nobody_told_us_of(checkout: Checkout, background: Database) -> None:
    checkout.turn("pay")
    assert settle_due(background, checkout.gateway) == 0, "it is not due yet"
    forward(background, days=1)
    assert settle_due(background, checkout.gateway) == 1
    assert books(background, checkout.brand) == CREDITED


def test_a_crash_while_crediting_credits_nothing_and_the_next_look_credits_once(
    checkout: Checkout, background: Database, database_url: str
) -> None:
    def power_cut(_tx: Tx, _fact: WalletFunded) -> None:
        raise ZeroDivisionError

    checkout.turn("pay")
    dying = Database(
        database_url, role=Role.APP, connections=2, shared={"bus": Bus({WalletFunded: [power_cut]})}
    )
    with pytest.raises(ZeroDivisionError):
        settle(dying, checkout.gateway, brand=checkout.brand, top_up=checkout.id)
    dying.dispose()
    assert books(background, checkout.brand) == NOTHING
    checkout.settle()
    assert books(background, checkout.brand) == CREDITED


def test_an_unreadable_stripe_is_asked_again_later(checkout: Checkout, background: Database) -> None:
    checkout.turn("pay")
    checkout.server.fault("before", method="GET", path="/v1/checkout/sessions/*")
    checkout.settle()
    assert checkout.state() is TopUpState.OPEN
    checkout.settle()
    assert books(background, checkout.brand) == CREDITED


def test_a_page_opened_twice_is_one_page(checkout: Checkout) -> None:
    assert checkout.open() == checkout.url
    assert len(checkout.server.look("objects/checkout.session")) == 1


def test_a_page_whose_reply_was_lost_is_the_same_page_on_the_next_click(
    db: Database, fake_stripe: StripeServer, brand: BrandId, checkout: Checkout, database_url: str
) -> None:
    with as_owner(database_url) as sql:
        sql.execute(text("UPDATE top_up SET state = 'created', checkout_session = NULL, checkout_url = NULL"))
    assert checkout.open() == checkout.url
    assert len(fake_stripe.look("objects/checkout.session")) == 1


def test_a_payment_that_differs_from_what_was_asked_is_not_credited(
    checkout: Checkout, background: Database, database_url: str
) -> None:
    with as_owner(database_url) as sql:
        sql.execute(text("UPDATE top_up SET amount_minor = amount_minor + 1"))
    checkout.turn("pay")
    checkout.settle()
    assert checkout.state() is TopUpState.OPEN
    assert books(background, checkout.brand) == NOTHING


def test_the_payment_of_one_top_up_does_not_credit_another(
    db: Database, checkout: Checkout, background: Database, database_url: str
) -> None:
    other = Checkout(db, checkout.server, checkout.gateway, checkout.brand)
    checkout.turn("pay")
    paid = checkout.session()
    with as_owner(database_url) as sql:
        sql.execute(text("UPDATE top_up SET checkout_session = NULL WHERE id = :id"), {"id": checkout.id})
        mixed_up = text("UPDATE top_up SET checkout_session = :paid WHERE id = :id")
        sql.execute(mixed_up, {"paid": paid, "id": other.id})
    other.settle()
    assert books(background, checkout.brand) == NOTHING


def test_refused_credentials_are_not_taken_for_an_answer(
    checkout: Checkout, fake_stripe: StripeServer, background: Database
) -> None:
    checkout.turn("pay")
    stranger = gateway_to(fake_stripe, key="rk_test_revoked")
    with pytest.raises(CredentialsRefused):
        settle(checkout.db, stranger, brand=checkout.brand, top_up=checkout.id)
    assert books(background, checkout.brand) == NOTHING


def test_another_brand_finds_no_such_top_up(checkout: Checkout, background: Database, db: Database) -> None:
    with background.transaction() as tx:
        stranger = a_brand(tx)
    with pytest.raises(TopUpNotFound):
        settle(db, checkout.gateway, brand=stranger, top_up=checkout.id)
    with db.transaction(as_brand(stranger)) as tx:
        assert tx.get(TopUp, (checkout.brand, checkout.id)) is None


@pytest.mark.parametrize("amount", [0, -5, 99, 100_000_000])
def test_an_amount_out_of_range_is_refused(background: Database, brand: BrandId, amount: int) -> None:
    with background.transaction() as tx, pytest.raises(BadAmount):
        ask_top_up(tx, brand=brand, amount=usd(amount), person=None, now=app_now(tx))


def test_a_brand_keeps_its_first_currency(background: Database, brand: BrandId, database_url: str) -> None:
    with background.transaction() as tx:
        euros = Money(amount_minor=5_000, currency="eur")
        with pytest.raises(OtherCurrency):
            ask_top_up(tx, brand=brand, amount=euros, person=None, now=app_now(tx))
        assert tx.get_one(Brand, brand).currency == "usd"
    with pytest.raises(DBAPIError, match="currency is fixed"), as_owner(database_url) as sql:
        sql.execute(text("UPDATE brand SET currency = 'eur'"))
