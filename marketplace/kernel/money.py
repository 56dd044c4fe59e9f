"""Money: whole minor units of one currency; no floats, no arithmetic across currencies."""

from collections.abc import Sequence
from dataclasses import dataclass

BASIS_POINTS = 10_000
ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_UNITS = frozenset(["huf", "isk", "twd", "ugx"])
"""Written with two decimals and paid in whole units: "Special cases" of Stripe's page on currencies."""


class CurrencyMismatch(ValueError):
    """Amounts of different currencies cannot be combined."""


@dataclass(frozen=True, slots=True, kw_only=True, order=False)
class Money:
    """`amount_minor` minor units of the lower-case ISO 4217 `currency`."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise TypeError("Money holds whole minor units.")
        if len(self.currency) != 3 or not self.currency.isalpha() or not self.currency.islower():
            raise ValueError(f"{self.currency!r} is not a lower-case ISO currency code.")

    def __add__(self, other: "Money") -> "Money":
        return Money(amount_minor=self.amount_minor + self._same(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(amount_minor=self.amount_minor - self._same(other), currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other)

    @property
    def can_be_paid(self) -> bool:
        """Whether it comes in the steps its currency is paid in; shares and parts of such an amount do too."""
        return self.amount_minor % step(self.currency) == 0

    def share(self, basis_points: int) -> "Money":
        """`basis_points` of this amount, half up to a step (billing: computed once, stored as a snapshot)."""
        size = step(self.currency)
        steps = (self.amount_minor * basis_points + BASIS_POINTS * size // 2) // (BASIS_POINTS * size)
        return Money(amount_minor=steps * size, currency=self.currency)

    def split(self, weights: Sequence[int]) -> tuple["Money", ...]:
        """Parts in the ratio of `weights`, in steps, by largest remainder; the parts always sum to the whole.

        What is less than a step goes with the greatest weight.
        """
        size = step(self.currency)
        steps, rest = divmod(self.amount_minor, size)
        parts = [part * size for part in _parts(steps, weights)]
        parts[weights.index(max(weights))] += rest
        return tuple(Money(amount_minor=part, currency=self.currency) for part in parts)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined.")
        return other.amount_minor


def exponent(currency: str) -> int:
    """Decimal places of `currency` in minor units (0, 2 or 3), after Stripe's list."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """Minor units that an amount of `currency` must be a multiple of to be paid out.

    Stripe wants the last of three decimals to be 0. The database holds the same of payouts (`money_step`).
    """
    if currency in WHOLE_UNITS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def _parts(amount: int, weights: Sequence[int]) -> list[int]:
    if amount < 0 or not weights or min(weights) < 0 or sum(weights) == 0:
        raise ValueError("Only a non-negative amount splits, by non-negative weights that are not all zero.")
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return parts
