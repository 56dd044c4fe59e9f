"""The way from an open ticket to a released batch, and what a test looks at afterwards."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.pool import NullPool

from billing import batches, earnings
from billing.gateway import AccountStatus, Reversal, Transfer
from billing.ledger import Account, balance, proof
from billing.models import Earning, EarningState, Payout, PayoutBatch, StripeAccount, StripeCall
from billing.sending import send_due
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BatchId, BrandId, PayoutId, PersonId, WorkerId
from marketplace.kernel.money import Money
from marketplace.kernel.settings import MoneyMode
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_brand, a_person, a_resolved_ticket, a_worker, usd

PRICE = usd(2_000)
PAY = usd(1_600)
REVIEW_IS_OVER = timedelta(hours=73)
ENVIRONMENT = "tests"
TEST_KEY = "sk_test_tests"
FUNDS = 100_000
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.005


@contextmanager
def as_owner(database_url: str) -> Iterator[Connection]:
    """A superuser's connection: whoever got hold of the database itself."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def pass_review(background: Database) -> None:
    """Everything accrued so far becomes payable."""
    Clock(database=background).forward(REVIEW_IS_OVER)
    with background.transaction() as tx:
        while earnings.mature(tx, now=app_now(tx)):
            pass


def an_approved_batch(tx: Tx, *, currency: str = "usd") -> BatchId:
    batch = batches.draft_batch(tx, currency=currency, author=None, now=app_now(tx)).id
    submit(tx, batch)
    batches.approve_batch(tx, batch=batch, person=a_person(tx), now=app_now(tx))
    return batch


def submit(tx: Tx, batch: BatchId, *, person: PersonId | None = None) -> None:
    """Looked at and submitted by one person."""
    first = person or a_person(tx)
    batches.confirm_payouts(tx, batch=batch, payouts=None, person=first, now=app_now(tx))
    batches.submit_batch(tx, batch=batch, person=first, now=app_now(tx))


def release(tx: Tx, batch: BatchId) -> None:
    batches.release_batch(tx, batch=batch, person=a_person(tx), environment=ENVIRONMENT, now=app_now(tx))


def standing(tx: Tx, account: Account) -> Money:
    return balance(tx, account, currency="usd")


def assert_proven(database: Database) -> None:
    with database.transaction() as tx:
        found = proof(tx)
    assert (found.imbalance_minor, found.drifted_accounts) == (0, ())


class WatchedGateway(StripeGateway):
    """The real gateway, refusing to be called while `database` has a transaction open."""

    def __init__(self, server: StripeServer, database: Database, *, key: str = TEST_KEY) -> None:
        super().__init__(
            StripeConnection(
                key,
                money_mode=MoneyMode.TEST,
                environment=ENVIRONMENT,
                api_base=server.url,
                timeout_seconds=5.0,
                max_network_retries=0,
            )
        )
        self.server = server
        self._database = database

    def account_status(self, account_id: str) -> AccountStatus:
        self._nothing_is_open()
        return super().account_status(account_id)

    def available_balance(self, currency: str) -> int:
        self._nothing_is_open()
        return super().available_balance(currency)

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        self._nothing_is_open()
        return super().execute_transfer(params, key=key)

    def execute_reversal(self, params: Mapping[str, object], *, key: str) -> Reversal:
        self._nothing_is_open()
        return super().execute_reversal(params, key=key)

    def find_transfers(self, *, transfer_group: str, destination: str) -> list[Transfer]:
        self._nothing_is_open()
        return super().find_transfers(transfer_group=transfer_group, destination=destination)

    def _nothing_is_open(self) -> None:
        pool = self._database.engine.pool
        assert pool.checkedout() == 0, "Stripe is called while a transaction is open"  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """A platform with money at fake Stripe, workers to pay, and a sender."""

    database: Database
    server: StripeServer
    gateway: StripeGateway

    def worker(self) -> WorkerId:
        """One with a complete account at Stripe."""
        with self.database.transaction() as tx:
            worker = a_worker(tx)
        account = self.gateway.create_recipient_account(
            worker_ref=str(worker), country="US", email="w@example.com", key=f"account:{worker}"
        )
        self.server.turn(f"accounts/{account}/onboard")
        with self.database.transaction() as tx:
            tx.add(StripeAccount(worker_id=worker, account=account, transfers_active=True))
        return worker

    def earn(self, *workers: WorkerId, funds: Money | None = None) -> BrandId:
        """A payable 16.00 for each."""
        with self.database.transaction() as tx:
            brand = a_brand(tx, price=PRICE, funds=funds or usd(FUNDS))
            for worker in workers:
                a_resolved_ticket(tx, brand, worker)
        pass_review(self.database)
        return brand

    def released(self) -> BatchId:
        with self.database.transaction() as tx:
            batch = an_approved_batch(tx)
            release(tx, batch)
        return batch

    def a_payout(self) -> tuple[WorkerId, PayoutId]:
        """One worker's released payout of 16.00."""
        worker = self.worker()
        self.earn(worker)
        batch = self.released()
        with self.database.transaction() as tx:
            return worker, tx.scalars(select(Payout.id).where(Payout.batch_id == batch)).one()

    def send(self) -> int:
        return send_due(self.database, self.gateway)

    def later(self, **span: float) -> None:
        """Time passes for us and for Stripe."""
        by = timedelta(**span)
        Clock(database=self.database).forward(by)
        self.server.turn("clock", advance_seconds=int(by.total_seconds()))

    def now(self) -> datetime:
        with self.database.transaction() as tx:
            return app_now(tx)

    def wait_until(self, done: Callable[[], bool]) -> None:
        """For what another thread or process brings about."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, "what was waited for did not come about"
            time.sleep(POLL_SECONDS)

    def account(self, worker: WorkerId) -> str:
        with self.database.transaction() as tx:
            account = tx.get_one(StripeAccount, worker).account
        assert account is not None
        return account

    def payout(self, payout: PayoutId) -> Payout:
        with self.database.transaction() as tx:
            return tx.get_one(Payout, payout)

    def payouts(self, batch: BatchId) -> list[Payout]:
        with self.database.transaction() as tx:
            return list(tx.scalars(select(Payout).where(Payout.batch_id == batch).order_by(Payout.id)))

    def batch(self, batch: BatchId) -> PayoutBatch:
        with self.database.transaction() as tx:
            return tx.get_one(PayoutBatch, batch)

    def calls(self, payout: PayoutId) -> list[StripeCall]:
        with self.database.transaction() as tx:
            wanted = select(StripeCall).where(StripeCall.payout_id == payout).order_by(StripeCall.attempt)
            return list(tx.scalars(wanted))

    def standing(self, account: Account) -> Money:
        with self.database.transaction() as tx:
            return standing(tx, account)

    def states_of(self, worker: WorkerId) -> list[EarningState]:
        with self.database.transaction() as tx:
            return list(tx.scalars(select(Earning.state).where(Earning.worker_id == worker)))

    def postings(self, kind: str) -> int:
        with self.database.transaction() as tx:
            counted = text("SELECT count(*) FROM ledger_txn WHERE kind = :kind")
            return int(tx.execute(counted, {"kind": kind}).scalar_one())

    def transfers(self) -> list[dict[str, Any]]:
        return list(self.server.look("transfers"))

    def keys(self) -> list[str]:
        """The keys of the transfers asked for, in order."""
        asked = self.server.look("requests")
        sent = [one for one in asked if (one["method"], one["path"]) == ("POST", "/v1/transfers")]
        return [one["idempotency_key"] for one in sent]

    def assert_paid_once(self, payout: PayoutId) -> None:
        """One transfer, one posting, and the two agree."""
        paid = self.payout(payout)
        mine = [one for one in self.transfers() if one["metadata"]["payout_id"] == str(payout)]
        assert [one["id"] for one in mine] == [paid.stripe_transfer]
        assert [one["amount"] for one in mine] == [paid.amount_minor]
        with self.database.transaction() as tx:
            posted = text("SELECT count(*) FROM ledger_txn WHERE key = :key")
            assert tx.execute(posted, {"key": f"sent:{paid.stripe_transfer}"}).scalar_one() == 1
        assert_proven(self.database)
