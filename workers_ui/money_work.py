"""What the background process does with money: jobs that answer facts, and what time makes due."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from billing import (
    batches,
    bonuses,
    bulk_holds,
    earnings,
    funds_work,
    holds,
    inbox_backfill,
    inbox_work,
    onboarding,
    rejections,
    reversals,
    sending,
    top_ups,
    unclaimed,
)
from billing.books import books_are_due, keep_books
from billing.connected_balances import look_at_accounts, look_at_destinations
from billing.gateway import PaymentGateway
from billing.stripe_books import StripeBooks
from billing.stripe_connection import StripeConnection
from billing.stripe_funds import StripeFunds
from billing.stripe_observer import StripeObserver
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId
from marketplace.kernel.jobs import Task
from marketplace.kernel.sweeps import until_none

BACKFILL_EVERY_SECONDS = 60.0
DISPUTES_EVERY_SECONDS = 900.0
BOOKS_AGAIN_SECONDS = 30.0
FLOOR_EVERY_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyWork:
    """Jobs and sweeps of money; without a gateway nothing is asked of Stripe, without a connection nothing heard."""

    database: Database
    gateway: PaymentGateway | None
    stripe: StripeConnection | None = None
    backfill_due: list[float] = field(default_factory=list)
    disputes_due: list[float] = field(default_factory=lambda: [0.0])
    books_asked: list[float] = field(default_factory=list)
    pay_floors: Mapping[str, int] = field(default_factory=dict)
    floor_due: list[float] = field(default_factory=lambda: [0.0])

    def tasks(self) -> Mapping[str, Task]:
        return {"open_awaiting": self.open_awaiting, "send_payouts": self.send_payouts}

    def sweeps(self) -> tuple[Callable[[], object], ...]:
        """In a loop of their own: a slow answer of Stripe holds up no ticket. Each is safe to run again."""
        return (
            lambda: until_none(self.database, lambda tx: earnings.mature(tx, now=app_now(tx))),
            lambda: until_none(self.database, lambda tx: earnings.open_after_midnight(tx, now=app_now(tx))),
            lambda: rejections.settle_rejections(self.database),
            lambda: holds.end_disputes(self.database),
            self.keep_the_floor,
            lambda: bulk_holds.work_off_holds(self.database),
            lambda: until_none(self.database, lambda tx: unclaimed.escheat_due(tx, now=app_now(tx))),
            self.settle_top_ups,
            self.send_payouts,
            self.check_accounts,
            *self.funds_steps(),
        )

    def bookkeeping(self) -> tuple[Callable[[], object], ...]:
        """In a loop of their own: a long record of Stripe holds up no payout."""
        return (self.keep_books,)

    def inbox(self) -> tuple[Callable[[], object], ...]:
        """What Stripe told us, in loops of their own: it is acted on within seconds whatever else is due."""
        return (self.handle_events,)

    def backfills(self) -> tuple[Callable[[], object], ...]:
        """What Stripe never told us: in a loop of its own, because it reads through many lists."""
        return (self.backfill_events,)

    def handle_events(self) -> None:
        if self.stripe is not None:
            inbox_work.handle_due(self.database, self.stripe)

    def backfill_events(self) -> None:
        """Once a minute; the first time everything is due, for nobody listened while this process was not there."""
        if self.stripe is None or (self.backfill_due and time.monotonic() < self.backfill_due[0]):
            return
        if not self.backfill_due:
            inbox_backfill.begin_backfill(self.database)
            inbox_work.take_up_what_was_ignored(self.database)
        self.backfill_due[:] = [time.monotonic() + BACKFILL_EVERY_SECONDS]
        inbox_backfill.backfill_due(self.database, StripeObserver(self.stripe))

    def funds_steps(self) -> tuple[Callable[[], object], ...]:
        if self.stripe is None:
            return ()
        return (*funds_work.steps(self.database, StripeFunds(self.stripe)), self.look_at_disputes)

    def look_at_disputes(self) -> None:
        """Every quarter of an hour: events tell of disputes, and this finds those that did not reach us."""
        if self.stripe is None or time.monotonic() < self.disputes_due[0]:
            return
        self.disputes_due[0] = time.monotonic() + DISPUTES_EVERY_SECONDS
        reversals.look_at_disputes(self.database, StripeFunds(self.stripe))

    def keep_the_floor(self) -> None:
        """Every hour: days below the hourly floor are topped up, and credit ends."""
        if time.monotonic() < self.floor_due[0]:
            return
        self.floor_due[0] = time.monotonic() + FLOOR_EVERY_SECONDS
        bonuses.top_up_days(self.database, self.pay_floors)
        bonuses.expire_credit(self.database)

    def open_awaiting(self, brand: str) -> None:
        owner = BrandId(UUID(brand))
        until_none(self.database, lambda tx: earnings.open_awaiting(tx, brand=owner, now=app_now(tx)))

    def send_payouts(self) -> None:
        if self.stripe is not None:
            look_at_destinations(self.database, StripeBooks(self.stripe))
        if self.gateway is None:
            return
        environment = self.gateway.environment
        until_none(
            self.database, lambda tx: batches.start_released(tx, environment=environment, now=app_now(tx))
        )
        sending.send_due(self.database, self.gateway)

    def settle_top_ups(self) -> None:
        if self.gateway is not None:
            top_ups.settle_due(self.database, self.gateway)

    def check_accounts(self) -> None:
        if self.gateway is None:
            return
        for worker in onboarding.accounts_to_check(self.database):
            onboarding.refresh_account(self.database, self.gateway, worker=worker)

    def keep_books(self) -> None:
        """As often as the books say; a Stripe that does not answer is asked again after a while."""
        if self.stripe is None or (self.books_asked and time.monotonic() < self.books_asked[0]):
            return
        with self.database.transaction() as tx:
            if not books_are_due(tx, now=app_now(tx)):
                return
        self.books_asked[:] = [time.monotonic() + BOOKS_AGAIN_SECONDS]
        keep_books(self.database, StripeBooks(self.stripe))
        look_at_accounts(self.database, StripeBooks(self.stripe))
