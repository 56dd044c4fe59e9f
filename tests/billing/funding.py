"""A brand and its payer at fake Stripe: what they do there, and what becomes of it here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text

from billing import earnings, top_ups
from billing.accounts import (
    BAD_DEBT_BRAND,
    BANK,
    DISPUTE_LOSS,
    FEE_DISCOUNT,
    STRIPE_AVAILABLE,
    STRIPE_FEES,
    STRIPE_PENDING,
    owed_by_brand,
    promo,
    reserved,
    wallet,
)
from billing.funds_models import FundsCall, FundsOperation, TopUpReversal
from billing.funds_port import Answer
from billing.funds_work import work
from billing.inbox_events import Endpoint, event_of
from billing.inbox_handlers import HANDLERS
from billing.ledger import balance
from billing.models import TopUp
from billing.stripe_connection import StripeConnection
from billing.stripe_funds import StripeFunds
from billing.stripe_gateway import StripeGateway
from billing.top_ups import ask_top_up
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, TopUpId
from marketplace.kernel.settings import MoneyMode
from marketplace.tickets.models import Ticket, TicketState
from tests.billing.paying import ENVIRONMENT, PRICE, TEST_KEY
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_brand, an_open_ticket, usd


class WatchedFunds(StripeFunds):
    """The real port, refusing to change anything while `database` has a transaction open."""

    def __init__(self, connection: StripeConnection, database: Database) -> None:
        super().__init__(connection)
        self._database = database

    def execute(self, operation: FundsOperation, params: Mapping[str, object], *, key: str) -> Answer:
        pool = self._database.engine.pool
        assert pool.checkedout() == 0, "Stripe is called while a transaction is open"  # type: ignore[attr-defined]
        return super().execute(operation, params, key=key)


def connection_to(server: StripeServer) -> StripeConnection:
    return StripeConnection(
        TEST_KEY,
        money_mode=MoneyMode.TEST,
        environment=ENVIRONMENT,
        api_base=server.url,
        timeout_seconds=5.0,
        max_network_retries=0,
    )


@dataclass(slots=True, kw_only=True)
class Purse:
    """A brand with 20.00 tickets and an empty wallet, beside another that has money of its own."""

    database: Database
    server: StripeServer
    connection: StripeConnection
    port: WatchedFunds
    brand: BrandId
    acted_on: set[str] = field(default_factory=set)

    def top_up(self, amount: int, *, how: str = "pay") -> TopUpId:
        """A top-up through a page; `how` the payer leaves it: pay, pay_by_bank."""
        with self.database.transaction() as tx:
            top_up = TopUpId(
                ask_top_up(tx, brand=self.brand, amount=usd(amount), person=None, now=app_now(tx)).id
            )
        gateway = StripeGateway(self.connection)
        top_ups.open_checkout(
            self.database, gateway, brand=self.brand, top_up=top_up, return_url="http://app.example"
        )
        self.server.turn(f"checkout/{self.row(top_up).checkout_session}", action=how)
        self.hear()
        return top_up

    def hear(self) -> None:
        """What Stripe tells is acted on, twice, as the inbox does; its own transaction for each."""
        for raw in self.server.look("objects/event"):
            event = event_of(raw)
            handler = HANDLERS[Endpoint.PLATFORM].get(event.type)
            if handler is None or event.id in self.acted_on:
                continue
            self.acted_on.add(event.id)
            for _ in range(2):
                act = handler(self.database, self.connection, event)
                with self.database.transaction() as tx:
                    act(tx)

    def work(self) -> None:
        work(self.database, self.port)

    def later(self, **span: float) -> None:
        """Time passes for us and for Stripe."""
        by = timedelta(**span)
        Clock(database=self.database).forward(by)
        self.server.turn("clock", advance_seconds=int(by.total_seconds()))

    def post(self) -> TicketId:
        with self.database.transaction() as tx:
            return an_open_ticket(tx, self.brand)

    def open_awaiting(self) -> None:
        """The job that follows WalletFunded and its like."""
        with self.database.transaction() as tx:
            earnings.open_awaiting(tx, brand=self.brand, now=app_now(tx))

    def state(self, ticket: TicketId) -> TicketState:
        with self.database.transaction() as tx:
            return tx.get_one(Ticket, (self.brand, ticket)).state

    def row(self, top_up: TopUpId) -> TopUp:
        with self.database.transaction() as tx:
            return tx.get_one(TopUp, (self.brand, top_up))

    def charge(self, top_up: TopUpId) -> str:
        """Stripe's charge behind a top-up."""
        intent = self.row(top_up).payment_intent
        charges = self.objects("charge")
        return str(next(one["id"] for one in charges if one["payment_intent"] == intent))

    def books(self) -> dict[str, int]:
        """What is not zero of the brand's accounts and the platform's."""
        accounts = {
            "wallet": wallet(self.brand),
            "promo": promo(self.brand),
            "reserved": reserved(self.brand),
            "owed": owed_by_brand(self.brand),
            "pending": STRIPE_PENDING,
            "available": STRIPE_AVAILABLE,
            "bank": BANK,
            "fees": STRIPE_FEES,
            "dispute_loss": DISPUTE_LOSS,
            "bad_debt": BAD_DEBT_BRAND,
            "discount": FEE_DISCOUNT,
        }
        with self.database.transaction() as tx:
            found = {name: balance(tx, one, currency="usd").amount_minor for name, one in accounts.items()}
        return {name: amount for name, amount in found.items() if amount}

    def money(self) -> dict[str, int]:
        """The brand's own part of `books`."""
        return {name: amount for name, amount in self.books().items() if name in BRANDS_OWN}

    def at_stripe(self) -> int:
        """What fake Stripe says the platform has, pending and available."""
        [found] = self.server.look("health")["platform_balance"] or [{"pending": 0, "available": 0}]
        return int(found["pending"]) + int(found["available"])

    def reversals(self) -> list[TopUpReversal]:
        with self.database.transaction() as tx:
            return list(tx.scalars(select(TopUpReversal).order_by(TopUpReversal.id)))

    def calls(self) -> list[FundsCall]:
        with self.database.transaction() as tx:
            return list(tx.scalars(select(FundsCall).order_by(FundsCall.id)))

    def postings(self, kind: str) -> int:
        with self.database.transaction() as tx:
            counted = text("SELECT count(*) FROM ledger_txn WHERE kind = :kind")
            return int(tx.execute(counted, {"kind": kind}).scalar_one())

    def facts(self, kind: str) -> int:
        with self.database.transaction() as tx:
            counted = text("SELECT count(*) FROM event WHERE kind = :kind AND brand_id = :brand")
            return int(tx.execute(counted, {"kind": kind, "brand": self.brand}).scalar_one())

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return list(self.server.look(f"objects/{kind}"))

    def assert_agrees_with_stripe(self, *, beside: int = 0) -> None:
        """To the cent: what our books say Stripe holds, but for what tests gave other brands."""
        books = self.books()
        assert books.get("pending", 0) + books.get("available", 0) - beside == self.at_stripe()


BRANDS_OWN = {"wallet", "promo", "reserved", "owed"}


def a_purse(database: Database, server: StripeServer) -> Purse:
    with database.transaction() as tx:
        a_brand(tx, name="Noise & Sons", funds=usd(0))
        brand = a_brand(tx, price=PRICE, funds=usd(0))
    connection = connection_to(server)
    return Purse(
        database=database,
        server=server,
        connection=connection,
        port=WatchedFunds(connection, database),
        brand=brand,
    )
