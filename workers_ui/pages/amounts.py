"""An amount as a person types it, to whole minor units: exactly, or refused with an example."""

import re
from decimal import Decimal

from marketplace.kernel.errors import Invalid
from marketplace.kernel.money import Money, exponent

WHOLE_DIGITS_MAX = 9
_TYPED = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")


class UnreadableAmount(Invalid):
    """Write an amount such as 12.50."""


def typed_amount(text: str, *, currency: str) -> Money:
    """ "12.5", "12,50" or "12" of `currency`. Raises UnreadableAmount.

    A mark for thousands is refused: 1,234 is a thousand to some and little more than one to others.
    """
    places = exponent(currency)
    found = _TYPED.fullmatch(text.strip())
    if found is None or len(found[1]) > WHOLE_DIGITS_MAX:
        raise UnreadableAmount(f"Write an amount such as {_example(places)}, digits alone.")
    decimals = found[2] or ""
    if len(decimals) > places or (places == 3 and "," in text):
        raise UnreadableAmount(_too_many(currency, places))
    whole = Decimal(f"{found[1]}.{decimals or '0'}").scaleb(places)
    return Money(amount_minor=int(whole), currency=currency)


def _example(places: int) -> str:
    return {0: "1250", 2: "12.50", 3: "12.500"}[places]


def _too_many(currency: str, places: int) -> str:
    unit = currency.upper()
    if places == 0:
        return f"{unit} has no decimals. Write an amount such as {_example(places)}."
    return f"{unit} has {places} decimals, and no mark for thousands. Write it as {_example(places)}."
