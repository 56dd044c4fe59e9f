"""Promo credit: the platform's money, given to a brand for tickets. It is never anybody's cash."""

from datetime import datetime

from billing.accounts import INCENTIVES, promo
from billing.funds_models import PromoCredit
from billing.ledger import credit, debit, post
from billing.top_ups import CURRENCIES, UnknownCurrency, fix_currency
from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import PromoGiven
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, PersonId, PromoId, new_id
from marketplace.kernel.money import Money

HIGHEST_PROMO_MINOR = 10_000_000
REASON_LIMIT = 200


class BadPromo(Invalid):
    """Promo credit is from 0.01 to 100,000.00, with a reason of 1 to 200 characters."""


def give_promo(
    tx: Tx, *, brand: BrandId, amount: Money, reason: str, person: PersonId, now: datetime
) -> PromoId:
    """Give a brand credit that its tickets use before its wallet. Raises BadPromo and OtherCurrency."""
    reason = words_within(reason, REASON_LIMIT, BadPromo)
    if not 0 < amount.amount_minor <= HIGHEST_PROMO_MINOR:
        raise BadPromo
    if amount.currency not in CURRENCIES:
        raise UnknownCurrency
    fix_currency(tx, brand=brand, currency=amount.currency)
    given = PromoId(new_id())
    tx.add(
        PromoCredit(
            brand_id=brand,
            id=given,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            reason=reason,
            given_by=person,
            given_at=now,
        )
    )
    post(
        tx,
        kind="promo",
        key=f"promo:{given}",
        currency=amount.currency,
        legs=[debit(INCENTIVES, amount.amount_minor), credit(promo(brand), amount.amount_minor)],
        now=now,
    )
    record(
        tx,
        PromoGiven(brand=brand, promo=given, amount_minor=amount.amount_minor, currency=amount.currency),
    )
    return given
