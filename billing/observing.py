"""The port through which we look at what Stripe does by itself: events, and payouts to workers' banks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from billing.bank_payout_models import BankPayoutState


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPayout:
    """A payment from an account at Stripe to its owner's bank, as of this call.

    `bank` is the bank account's id; `failure_code` is set while the state is failed, e.g. `account_closed`.
    """

    id: str
    amount_minor: int
    currency: str
    state: BankPayoutState
    failure_code: str | None
    bank: str | None
    created_at: datetime
    arrives_at: datetime


class Observer(Protocol):
    """Reads and changes nothing. Every method may raise CallRejected, CallUnknown or CredentialsRefused."""

    def bank_payout(self, payout: str, *, account: str) -> ObservedPayout:
        """One payout of a worker's account."""
        ...

    def events_since(self, since: datetime, *, account: str | None) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Every event of an account, None for the platform's own, as Stripe's JSON, newest first, page by page.

        Raises CallUnknown when there are more than 200,000: a gap must not pass for the end.
        """
        ...
