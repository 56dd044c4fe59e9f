"""A brand's credit line: how much it may owe for tickets before it pays. The platform sets it."""

from datetime import date, datetime, timedelta

from sqlalchemy.dialects.postgresql import insert

from billing.funds_models import CreditLine
from billing.spend import today
from billing.top_ups import CURRENCIES, UnknownCurrency, fix_currency
from marketplace.accounts.fields import normalised_email
from marketplace.events.commands import record
from marketplace.events.facts import CreditLineSet
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, PersonId
from marketplace.kernel.money import Money

HIGHEST_LIMIT_MINOR = 10_000_000_000
LONGEST_DAYS_UNTIL_DUE = 90


class BadCreditLine(Invalid):
    """A credit line is from 0 to 100,000,000.00, invoiced at an amount above 0, and due within 1 to 90 days."""


def set_credit_line(
    tx: Tx,
    *,
    brand: BrandId,
    limit: Money,
    invoice_at_minor: int,
    days_until_due: int,
    billing_email: str,
    person: PersonId,
    now: datetime,
) -> None:
    """What the brand may owe from now on. A lower limit takes nothing back: it only opens no more tickets.

    Raises BadCreditLine and OtherCurrency.
    """
    if not 0 <= limit.amount_minor <= HIGHEST_LIMIT_MINOR or not 0 < invoice_at_minor <= HIGHEST_LIMIT_MINOR:
        raise BadCreditLine
    if not 1 <= days_until_due <= LONGEST_DAYS_UNTIL_DUE:
        raise BadCreditLine
    if limit.currency not in CURRENCIES:
        raise UnknownCurrency
    fix_currency(tx, brand=brand, currency=limit.currency)
    values = {
        "currency": limit.currency,
        "limit_minor": limit.amount_minor,
        "invoice_at_minor": invoice_at_minor,
        "days_until_due": days_until_due,
        "billing_email": normalised_email(billing_email),
        "set_by": person,
        "set_at": now,
    }
    line = insert(CreditLine).values(
        brand_id=brand, next_invoice_on=next_first(today(tx, brand, now)), **values
    )
    tx.execute(line.on_conflict_do_update(index_elements=[CreditLine.brand_id], set_=values))
    record(tx, CreditLineSet(brand=brand, limit_minor=limit.amount_minor, currency=limit.currency))


def next_first(day: date) -> date:
    """The first day of the month after `day`'s."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
