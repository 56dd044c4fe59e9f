"""What the forms of a brand's control pages type: hours, a percentage, a category or all of them."""

from typing import Annotated

from fastapi import Depends, Form

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId
from marketplace.kernel.money import Money
from marketplace.tickets import queries
from marketplace.tickets.hours import HOURS_IN_A_DAY, BadHours, Window, window_of
from workers_ui.deps import at_brand
from workers_ui.pages.amounts import typed_amount
from workers_ui.presenters.values import Choice

Controls = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]
Prices = Annotated[Membership, Depends(at_brand(Permission.MANAGE_PRICES))]
Short = Annotated[str, Form(max_length=100)]
Amount = Annotated[str, Form(max_length=100)]


class NoCurrencyYet(Conflict):
    """Top up first: the first top-up fixes your currency, and amounts are in it."""


class UnreadablePercent(Invalid):
    """Write a whole number from 0 to 100."""


def typed_hours(from_hour: str, to_hour: str) -> Window | None:
    """Two hours, or none for the whole day. Raises BadHours."""
    return window_of(_hour(from_hour), _hour(to_hour))


def typed_percent(text: str) -> int:
    """ "25" or "25 %". Raises UnreadablePercent."""
    digits = text.strip().removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3):
        raise UnreadablePercent
    return int(digits)


def typed_money(text: str, currency: str | None) -> Money:
    """An amount in the brand's currency. Raises NoCurrencyYet, UnreadableAmount."""
    if currency is None:
        raise NoCurrencyYet
    return typed_amount(text, currency=currency)


def category_choices(tx: Tx, brand: BrandId) -> tuple[Choice, ...]:
    return tuple(Choice(value=one.key, label=one.name) for one in queries.categories(tx, brand))


def _hour(text: str) -> int | None:
    digits = text.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 2 and int(digits) < HOURS_IN_A_DAY):
        raise BadHours
    return int(digits)
