"""The words of the letter to a worker whose bank refused a payout; pure."""

from billing.bank_words import FIX, PAUSED, YOURS, reason_of
from marketplace.accounts.letters import Words
from marketplace.kernel.money import Money, exponent


def bank_refused(*, amount: Money, failure_code: str | None, is_paused: bool) -> Words:
    said = f"Your bank did not take a payout of {_written(amount)}: {reason_of(failure_code)}."
    paused = f"{PAUSED}\n\n" if is_paused else ""
    return Words(
        subject="Your bank did not take a payout",
        body=f"Hello,\n\n{said}\n\n{YOURS}\n\n{paused}{FIX}\n",
    )


def _written(amount: Money) -> str:
    places = exponent(amount.currency)
    whole, rest = divmod(amount.amount_minor, 10**places)
    return f"{whole:,}{f'.{rest:0{places}}' if places else ''} {amount.currency.upper()}"
