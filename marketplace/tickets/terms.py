"""What a resolved ticket costs and pays: immutable versions per category, and the cells that point at them."""

import re
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import ExclusionViolation
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId, PriceId, TermsId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets.control_models import Price
from marketplace.tickets.hours import Window, window_of
from marketplace.tickets.models import Category, Terms

FEE_BASIS_POINTS = 2_000
ESCALATION_FEE_BASIS_POINTS = 3_000
EARLIER_SHARE_BASIS_POINTS = 3_000
REVIEW_WINDOW_HOURS = 72
HIGHEST_PRICE_MINOR = 100_000
LOWEST_PRICE_MINOR = 10
PRICES_PER_BRAND = 500
ANY_LANGUAGE = ""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")


class UnknownCategory(NotFound):
    """This brand has no such category. Add it under Wallet and prices, or use one that exists."""


class PriceOutOfRange(Invalid):
    """A price lies between 0.10 and 1,000.00 per resolved ticket."""


class PriceNotPayable(Invalid):
    """In this currency a price has no decimals, or its last of three is 0: so it can be paid out to the unit."""


class NotTheBrandsCurrency(Conflict):
    """A price is in the brand's one currency, which its first top-up fixes."""


class PriceChangedMeanwhile(Conflict):
    """Someone else changed this price just now. Reload and look at the new one."""


class HoursOverlap(Conflict):
    """Another price of this category and language holds at some of these hours. Remove it first."""


class BadLanguage(Invalid):
    """A language is a tag such as en, es or pt-BR; leave it empty for any language."""


class TooManyPrices(Conflict):
    """This brand has as many prices as it may have. Remove one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPlan:
    """A category as a brand sets it up."""

    key: str
    name: str
    is_default: bool = False


def add_category(tx: Tx, *, brand: BrandId, plan: CategoryPlan) -> None:
    """Make `plan` known at `brand`, or rename it; the first default stays the default."""
    known = tx.get(Category, (brand, plan.key))
    if known is not None:
        known.name = plan.name
        return
    tx.add(Category(brand_id=brand, key=plan.key, name=plan.name, is_default=plan.is_default))
    tx.flush()


def set_price(
    tx: Tx,
    *,
    brand: BrandId,
    category: str,
    total: Money,
    author: PersonId | None,
    now: datetime,
    language: str = ANY_LANGUAGE,
    hours: Window | None = None,
) -> Terms:
    """A new version of what `category` costs, in force for tickets that open from now on.

    It holds in `language` and at `hours` of the brand's zone; without them, wherever nothing more exact does.
    The brand sets `total`; the platform's fee is basis points of it, the worker's pay is the rest.
    """
    if not LOWEST_PRICE_MINOR <= total.amount_minor <= HIGHEST_PRICE_MINOR:
        raise PriceOutOfRange
    if not total.can_be_paid:
        raise PriceNotPayable
    if tx.get(Category, (brand, category)) is None:
        raise UnknownCategory
    if tx.scalar(select(Brand.currency).where(Brand.id == brand)) != total.currency:
        raise NotTheBrandsCurrency
    spoken = _language(language)
    window = window_of(*hours) if hours else None
    fee = total.share(FEE_BASIS_POINTS)
    pay = total - fee
    terms = Terms(
        brand_id=brand,
        id=new_id(),
        category=category,
        version=next_version(tx, brand, category),
        total_minor=total.amount_minor,
        fee_basis_points=FEE_BASIS_POINTS,
        fee_minor=fee.amount_minor,
        pay_minor=pay.amount_minor,
        escalation_fee_minor=pay.share(ESCALATION_FEE_BASIS_POINTS).amount_minor,
        earlier_share_basis_points=EARLIER_SHARE_BASIS_POINTS,
        currency=total.currency,
        review_window_hours=REVIEW_WINDOW_HOURS,
        created_at=now,
        created_by=author,
    )
    try:
        with tx.begin_nested():
            tx.add(terms)
            tx.flush()
            _point_cell(tx, terms, spoken, window)
    except IntegrityError as error:
        if isinstance(error.orig, ExclusionViolation):
            raise HoursOverlap from error
        raise PriceChangedMeanwhile from error
    return terms


def terms_in_force(tx: Tx, *, brand: BrandId, category: str, language: str, now: datetime) -> Terms | None:
    """What a ticket that opens now costs, by the most exact cell of its category, else of the default's; or None.

    Language and hour beat language, language beats hour, hour beats neither.
    """
    asked = {"brand": brand, "category": category, "language": language.lower(), "now": now}
    found = tx.execute(_IN_FORCE, asked).scalar_one_or_none()
    return tx.get(Terms, (brand, found)) if found else None


_IN_FORCE = text(
    "SELECT p.terms_id FROM price p JOIN brand b ON b.id = p.brand_id "
    "JOIN category c ON c.brand_id = p.brand_id AND c.key = p.category, "
    "LATERAL (SELECT extract(hour FROM CAST(:now AS timestamptz) AT TIME ZONE b.time_zone)::int AS hour) AS clock "
    "WHERE p.brand_id = :brand AND (p.category = :category OR c.is_default) "
    "AND p.language IN ('', :language, split_part(:language, '-', 1)) "
    "AND (p.from_hour IS NULL OR CASE WHEN p.from_hour < p.to_hour "
    "THEN clock.hour >= p.from_hour AND clock.hour < p.to_hour "
    "ELSE clock.hour >= p.from_hour OR clock.hour < p.to_hour END) "
    "ORDER BY p.category = :category DESC, length(p.language) DESC, p.from_hour IS NOT NULL DESC LIMIT 1"
)


def terms_of(tx: Tx, *, brand: BrandId, terms: TermsId) -> Terms:
    """The version a ticket or claim names."""
    found = tx.get(Terms, (brand, terms))
    if found is None:
        raise NotFound
    return found


def next_version(tx: Tx, brand: BrandId, category: str) -> int:
    """The number after the newest version of `category`; surges number with the rest."""
    newest = select(func.max(Terms.version)).where(Terms.brand_id == brand, Terms.category == category)
    return 1 + (tx.scalar(newest) or 0)


def _language(tag: str) -> str:
    plain = tag.strip().lower()
    if plain and not _LANGUAGE.fullmatch(plain):
        raise BadLanguage
    return plain


def _point_cell(tx: Tx, terms: Terms, language: str, window: Window | None) -> None:
    """Let the cell with exactly these hours name `terms`; a new cell where there is none."""
    from_hour, to_hour = window or (None, None)
    same = (
        Price.brand_id == terms.brand_id,
        Price.category == terms.category,
        Price.language == language,
        Price.from_hour.is_not_distinct_from(from_hour),
        Price.to_hour.is_not_distinct_from(to_hour),
    )
    cell = tx.scalars(select(Price).where(*same).with_for_update()).one_or_none()
    if cell is not None:
        cell.terms_id = terms.id
    elif _count_prices(tx, terms.brand_id) >= PRICES_PER_BRAND:
        raise TooManyPrices
    else:
        tx.add(
            Price(
                brand_id=terms.brand_id,
                id=PriceId(new_id()),
                category=terms.category,
                language=language,
                from_hour=from_hour,
                to_hour=to_hour,
                terms_id=terms.id,
            )
        )
    tx.flush()


def _count_prices(tx: Tx, brand: BrandId) -> int:
    return tx.scalar(select(func.count()).where(Price.brand_id == brand)) or 0
