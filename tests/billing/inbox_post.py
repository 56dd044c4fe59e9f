"""Stripe's side of the inbox: events as fake Stripe made them, signed and posted to the site, and what came of them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import stripe
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient

from billing.bank_payout_models import BankPayout
from billing.inbox_events import Endpoint
from billing.inbox_handlers import HANDLERS
from billing.inbox_models import InboxEvent, InboxState
from billing.inbox_work import Handlers, handle_due
from billing.models import StripeAccount
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from billing.stripe_observer import StripeObserver
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import WorkerId
from marketplace.kernel.settings import MoneyMode, Settings
from tests.billing.conftest import ENVIRONMENT, TEST_KEY, sdk_to
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_worker
from workers_ui.app import create_app

SECRETS: Mapping[Endpoint, str] = {
    Endpoint.PLATFORM: "whsec_of_the_platform",
    Endpoint.CONNECT: "whsec_of_connected_accounts",
}
BALANCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A site that hears of fake Stripe only what a test posts to it."""

    database: Database
    server: StripeServer
    settings: Settings
    connection: StripeConnection
    app: FastAPI
    site: TestClient
    sdk: stripe.StripeClient

    def happened(self, *types: str) -> list[dict[str, Any]]:
        """Stripe's own events, oldest first."""
        return [one for one in self.server.look("objects/event") if not types or one["type"] in types]

    def tell(
        self, event: Mapping[str, Any], *, endpoint: Endpoint | None = None, secret: str | None = None
    ) -> httpx2.Response:
        """Post an event as Stripe would, to the endpoint that is meant for it unless another is named."""
        to = endpoint or (Endpoint.CONNECT if event.get("account") else Endpoint.PLATFORM)
        body = json.dumps(event)
        header = signed(body, secret or SECRETS[to], at=self.now())
        return self.post(body.encode(), header=header, endpoint=to)

    def post(self, body: bytes, *, header: str | None, endpoint: Endpoint) -> httpx2.Response:
        headers = {"content-type": "application/json"} | ({"stripe-signature": header} if header else {})
        return self.site.post(f"/stripe/webhooks/{endpoint.value}", content=body, headers=headers)

    def tell_all(self, *types: str) -> None:
        for event in self.happened(*types):
            assert self.tell(event).status_code == 200

    def work(self, handlers: Handlers = HANDLERS) -> int:
        """Everything that is due now."""
        done = 0
        while more := handle_due(self.database, self.connection, handlers):
            done += more
        return done

    def later(self, **span: float) -> None:
        """Time passes for us and for Stripe."""
        by = timedelta(**span)
        Clock(database=self.database).forward(by)
        self.server.turn("clock", advance_seconds=int(by.total_seconds()))

    def now(self) -> int:
        with self.database.transaction() as tx:
            return int(app_now(tx).timestamp())

    def rows(self, *types: str) -> list[InboxEvent]:
        with self.database.transaction() as tx:
            found = tx.scalars(select(InboxEvent).order_by(InboxEvent.happened_at, InboxEvent.event_id)).all()
        return [row for row in found if not types or row.type in types]

    def states(self, *types: str) -> list[InboxState]:
        return [row.state for row in self.rows(*types)]

    def worker(self) -> tuple[WorkerId, str]:
        """One with a complete account at Stripe and 10,000.00 on it; nobody told us of it yet."""
        gateway = StripeGateway(self.connection)
        with self.database.transaction() as tx:
            worker = a_worker(tx)
        account = gateway.create_recipient_account(
            worker_ref=str(worker), country="US", email="w@example.com", key=f"account:{worker}"
        )
        self.server.turn(f"accounts/{account}/onboard")
        self.server.turn("balance/fund", amount_minor=BALANCE)
        self.sdk.v1.transfers.create(
            {"amount": BALANCE, "currency": "usd", "destination": account},
            {"idempotency_key": f"balance:{worker}"},
        )
        with self.database.transaction() as tx:
            tx.add(StripeAccount(worker_id=worker, account=account, transfers_active=True))
        return worker, account

    def bank_payout(self, account: str, amount: int = 500) -> str:
        """The id of a new payout from a worker's account to his bank."""
        return self.sdk.v1.payouts.create(
            {"amount": amount, "currency": "usd"},
            {"stripe_account": account, "idempotency_key": f"po:{account}:{time.monotonic_ns()}"},
        ).id

    def bank_says(self, payout: str, status: str, code: str = "account_closed") -> None:
        options = {"failure_code": code} if status == "failed" else {}
        self.server.turn(f"payouts/{payout}", status=status, **options)

    def seen(self, payout: str) -> BankPayout:
        with self.database.transaction() as tx:
            return tx.get_one(BankPayout, payout)

    def close(self) -> None:
        self.app.state.services.close()

    @property
    def observer(self) -> StripeObserver:
        return StripeObserver(self.connection)


def signed(body: str, secret: str, *, at: int | None = None) -> str:
    return str(stripe.WebhookSignature.generate_signature_header(body, secret, at))


def a_post(
    database: Database,
    server: StripeServer,
    settings: Settings,
    *,
    secrets: Mapping[Endpoint, str] = SECRETS,
) -> Post:
    ours = settings.model_copy(
        update={
            "stripe_platform_webhook_secret": SecretStr(secrets[Endpoint.PLATFORM]),
            "stripe_connect_webhook_secret": SecretStr(secrets[Endpoint.CONNECT]),
        }
    )
    connection = StripeConnection(
        TEST_KEY,
        money_mode=MoneyMode.TEST,
        environment=ENVIRONMENT,
        api_base=server.url,
        max_network_retries=0,
    )
    app = create_app(ours)
    return Post(
        database=database,
        server=server,
        settings=ours,
        connection=connection,
        app=app,
        site=TestClient(app, raise_server_exceptions=False),
        sdk=sdk_to(server),
    )
