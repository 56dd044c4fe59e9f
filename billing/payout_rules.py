"""The rules of a pay run as sums and dates: pure functions that ask nobody."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.models import ReviewCause
from marketplace.kernel.money import exponent

MINIMUM_UNITS = 10
MINIMUMS_MINOR = {
    "aed": 4_000,
    "brl": 5_000,
    "cny": 7_000,
    "czk": 25_000,
    "dkk": 7_500,
    "hkd": 8_000,
    "huf": 60_000,
    "idr": 16_000_000,
    "inr": 90_000,
    "isk": 150_000,
    "jpy": 1_500,
    "kes": 130_000,
    "krw": 14_000,
    "kwd": 4_000,
    "mxn": 20_000,
    "myr": 4_500,
    "nok": 10_000,
    "php": 60_000,
    "pln": 4_000,
    "sek": 10_000,
    "thb": 35_000,
    "try": 40_000,
    "twd": 35_000,
    "zar": 20_000,
}
"""Where ten units are worth something else than about ten dollars; less where tickets are cheap, so that it is reached.
A currency that is not here: ten units."""
SECOND_APPROVAL_MINIMA = 1_000
"""A batch of more than so many minimum payouts (10,000.00 in most currencies) takes two approvers."""
BANK_IS_NEW = timedelta(days=7)
DORMANT = timedelta(days=3 * 365)
"""So long without a sign of life, and what is payable goes to unclaimed property. The law of the place may say less."""


def minimum_payout_minor(currency: str) -> int:
    """The smallest sum that is sent; what is below is carried to the next batch."""
    return MINIMUMS_MINOR.get(currency, MINIMUM_UNITS * _unit_minor(currency))


def second_approval_over_minor(currency: str) -> int:
    """A batch of more than this is approved by two, who are neither each other nor who submitted it."""
    return SECOND_APPROVAL_MINIMA * minimum_payout_minor(currency)


def netted(amounts_minor: Sequence[int], owed_minor: int) -> list[int]:
    """What of each amount goes against a debt: the first ones first, none of them further than to zero."""
    parts = []
    for amount in amounts_minor:
        part = min(amount, owed_minor)
        owed_minor -= part
        parts.append(part)
    return parts


def goes_out(*, amount_minor: int, minimum_minor: int, is_leaving: bool) -> bool:
    """Whether a sum is paid now, after netting: nothing is left to send, or enough, or the worker leaves."""
    return amount_minor == 0 or amount_minor >= minimum_minor or is_leaving


def review_cause(
    *, was_paid_before: bool, same_destination: bool, bank_changed_at: datetime | None, now: datetime
) -> ReviewCause | None:
    """Why somebody looks at a payout first; None when nothing about it is new."""
    if not was_paid_before:
        return ReviewCause.FIRST_PAYOUT
    is_new = bank_changed_at is not None and now - bank_changed_at < BANK_IS_NEW
    return ReviewCause.BANK_CHANGED if is_new or not same_destination else None


def _unit_minor(currency: str) -> int:
    minor: int = 10 ** exponent(currency)
    return minor
