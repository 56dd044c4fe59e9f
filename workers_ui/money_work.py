"""What the background process does with money: jobs that answer facts, and what time makes due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from billing import earnings, onboarding, sending, top_ups
from billing.gateway import PaymentGateway
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId
from marketplace.kernel.jobs import Task
from marketplace.kernel.sweeps import until_none


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyWork:
    """Jobs and sweeps of money; without a gateway nothing is asked of Stripe."""

    database: Database
    gateway: PaymentGateway | None

    def tasks(self) -> Mapping[str, Task]:
        return {"open_awaiting": self.open_awaiting, "send_payouts": self.send_payouts}

    def sweeps(self) -> tuple[Callable[[], object], ...]:
        """In a loop of their own: a slow answer of Stripe holds up no ticket. Each is safe to run again."""
        return (
            lambda: until_none(self.database, lambda tx: earnings.mature(tx, now=app_now(tx))),
            lambda: until_none(self.database, lambda tx: earnings.open_after_midnight(tx, now=app_now(tx))),
            self.settle_top_ups,
            self.send_payouts,
            self.check_accounts,
        )

    def open_awaiting(self, brand: str) -> None:
        owner = BrandId(UUID(brand))
        until_none(self.database, lambda tx: earnings.open_awaiting(tx, brand=owner, now=app_now(tx)))

    def send_payouts(self) -> None:
        if self.gateway is not None:
            sending.send_due(self.database, self.gateway)

    def settle_top_ups(self) -> None:
        if self.gateway is not None:
            top_ups.settle_due(self.database, self.gateway)

    def check_accounts(self) -> None:
        if self.gateway is None:
            return
        for worker in onboarding.accounts_to_check(self.database):
            onboarding.refresh_account(self.database, self.gateway, worker=worker)
