"""What Stripe says of a brand's payment is acted on by reading the payment: once, and only when it is money."""

from collections.abc import Iterator

import pytest
import stripe

from billing.accounts import wallet
from billing.inbox_events import ComesTooEarly, Endpoint, NotAnEvent, StripeEvent, event_of, nothing_to_do
from billing.inbox_handlers import HANDLERS
from billing.ledger import balance
from billing.models import TopUp, TopUpState
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from billing.top_ups import ask_top_up, open_checkout
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TopUpId
from marketplace.kernel.settings import MoneyMode
from tests.billing.conftest import ENVIRONMENT, TEST_KEY
from tests.billing.paying import assert_proven
from tests.billing.stripe_server import StripeServer
from tests.builders import a_brand, usd

AMOUNT = usd(10_000)


class Payment:
    """A brand's top-up of 100.00 at fake Stripe, and what becomes of the events about it."""

    def __init__(self, database: Database, server: StripeServer) -> None:
        self.database, self.server = database, server
        self.connection = StripeConnection(
            TEST_KEY, money_mode=MoneyMode.TEST, environment=ENVIRONMENT, api_base=server.url
        )
        with database.transaction() as tx:
            self.brand: BrandId = a_brand(tx, funds=usd(0))
            self.id = TopUpId(
                ask_top_up(tx, brand=self.brand, amount=AMOUNT, person=None, now=app_now(tx)).id
            )

    def open(self) -> None:
        gateway = StripeGateway(self.connection)
        open_checkout(
            self.database, gateway, brand=self.brand, top_up=self.id, return_url="http://app.example"
        )

    def turn(self, action: str) -> None:
        session = self.row().checkout_session
        self.server.turn(f"checkout/{session}", action=action)

    def events(self, *types: str) -> list[StripeEvent]:
        """Those that happened so far, oldest first."""
        happened = [event_of(one) for one in self.server.look("objects/event")]
        return [one for one in happened if not types or one.type in types]

    def act_on(self, event: StripeEvent) -> None:
        act = HANDLERS[Endpoint.PLATFORM][event.type](self.database, self.connection, event)
        with self.database.transaction() as tx:
            act(tx)

    def row(self) -> TopUp:
        with self.database.transaction() as tx:
            return tx.get_one(TopUp, (self.brand, self.id))

    def in_the_wallet(self) -> int:
        with self.database.transaction() as tx:
            return balance(tx, wallet(self.brand), currency="usd").amount_minor


@pytest.fixture
def payment(background: Database, fake_stripe: StripeServer) -> Iterator[Payment]:
    yield Payment(background, fake_stripe)
    assert_proven(background)


def test_case_40_a_completed_checkout_that_is_unpaid_gives_no_credit(payment: Payment) -> None:
    payment.open()
    payment.turn("pay_by_bank")
    [completed] = payment.events("checkout.session.completed")
    assert completed.snapshot["payment_status"] == "unpaid"
    payment.act_on(completed)
    assert (payment.row().state, payment.in_the_wallet()) == (TopUpState.PROCESSING, 0)

    payment.turn("settle")
    [paid] = payment.events("checkout.session.async_payment_succeeded")
    payment.act_on(paid)
    payment.act_on(completed)
    assert (payment.row().state, payment.in_the_wallet()) == (TopUpState.PAID, AMOUNT.amount_minor)


def test_every_event_of_one_payment_credits_it_once(payment: Payment) -> None:
    payment.open()
    payment.turn("pay")
    told = payment.events("checkout.session.completed", "payment_intent.succeeded")
    assert len(told) == 2
    for event in (*told, *reversed(told)):
        payment.act_on(event)
    assert (payment.row().state, payment.in_the_wallet()) == (TopUpState.PAID, AMOUNT.amount_minor)


def test_a_payment_is_known_by_our_name_on_it_before_its_id_is_stored(payment: Payment) -> None:
    """Stripe made the payment and says so; the transaction that notes the checkout has not committed yet."""
    payment.open()
    payment.turn("pay")
    [event] = payment.events("payment_intent.succeeded")
    with payment.database.transaction() as tx:
        row = tx.get_one(TopUp, (payment.brand, payment.id))
        session, row.checkout_session = row.checkout_session, None
    with pytest.raises(ComesTooEarly):
        payment.act_on(event)

    with payment.database.transaction() as tx:
        tx.get_one(TopUp, (payment.brand, payment.id)).checkout_session = session
    payment.act_on(event)
    assert payment.in_the_wallet() == AMOUNT.amount_minor


def test_a_payment_for_something_else_is_nothing_to_us(payment: Payment, sdk: stripe.StripeClient) -> None:
    sdk.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"},
        {"idempotency_key": "other:1"},
    )
    [event] = payment.events("payment_intent.succeeded")
    act = HANDLERS[Endpoint.PLATFORM][event.type](payment.database, payment.connection, event)
    assert act is nothing_to_do
    assert payment.in_the_wallet() == 0


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"object": "v2.core.event", "id": "evt_1"},
        {"object": "event", "id": "evt_1"},
        {"object": "event", "id": "", "type": "x", "created": 1, "livemode": False, "data": {"object": {}}},
        {
            "object": "event",
            "id": "evt_1",
            "type": "x",
            "created": "soon",
            "livemode": False,
            "data": {"object": {}},
        },
    ],
)
def test_what_is_no_event_is_refused(payload: object) -> None:
    with pytest.raises(NotAnEvent):
        event_of(payload)
