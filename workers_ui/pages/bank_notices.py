"""What the worker's bank last did, said on the earnings page in one or two sentences."""

from datetime import date
from typing import assert_never
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton

from billing.bank_payout_models import BankPayoutState
from billing.bank_payouts import SeenPayout
from billing.bank_words import FIX, PAUSED, YOURS, reason_of
from workers_ui.pages.worker_earnings_views import written
from workers_ui.presenters.values import Notice, Tone


def bank_notices(
    seen: SeenPayout | None, *, is_paused: bool, locale: str, time_zone: str
) -> tuple[Notice, ...]:
    """About the newest payout; none before the first."""
    if seen is None:
        return ()
    known = Locale.parse(locale, sep="-")
    amount, day = written(seen.amount, known), seen.arrives_at.astimezone(ZoneInfo(time_zone)).date()
    return (_said(seen, amount=amount, on=_day(day, known), is_paused=is_paused),)


def _said(seen: SeenPayout, *, amount: str, on: str, is_paused: bool) -> Notice:
    match seen.state:
        case BankPayoutState.PENDING | BankPayoutState.IN_TRANSIT:
            return Notice(text=f"{amount} is on its way to your bank, expected there on {on}.")
        case BankPayoutState.PAID:
            return Notice(text=f"{amount} went to your bank on {on}.", tone=Tone.GOOD)
        case BankPayoutState.CANCELED:
            return Notice(
                text=f"Stripe called off a payout of {amount} to your bank. {YOURS}", tone=Tone.WARN
            )
        case BankPayoutState.FAILED:
            refused = f"Your bank did not take {amount}: {reason_of(seen.failure_code)}. {YOURS}"
            paused = f" {PAUSED}" if is_paused else ""
            return Notice(text=f"{refused}{paused} {FIX}", tone=Tone.BAD)
        case _:
            assert_never(seen.state)


def _day(day: date, locale: Locale) -> str:
    return format_skeleton("MMMMEEEEd", day, locale=locale)
