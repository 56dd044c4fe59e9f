"""The port through which the books read Stripe's own record of our balance: it changes nothing there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One balance transaction: `amount_minor` is signed and before `fee_minor`.

    `refs` holds the ids of the objects it is about, itself included; `raw` is all that Stripe said.
    """

    id: str
    type: str
    amount_minor: int
    fee_minor: int
    currency: str
    source: str | None
    refs: tuple[str, ...]
    status: str
    created_at: datetime
    raw: dict[str, object]


class BooksPort(Protocol):
    """Stripe's record. Every method may raise CallRejected, CallUnknown or CredentialsRefused, and nothing else."""

    def movements(self, *, since: datetime | None) -> Iterable[Movement]:
        """Every movement created from `since` on, all of them without it; asks as it is iterated."""
        ...

    def held_by_currency(self) -> Mapping[str, int]:
        """What Stripe holds for us now in minor units: pending, available and reserved together."""
        ...

    def lowest_balance(self, account: str) -> tuple[str, int]:
        """The currency in which a connected account holds least, and how much: below zero it owes."""
        ...
