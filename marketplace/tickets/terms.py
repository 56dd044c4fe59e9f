"""What a resolved ticket costs and pays: immutable versions per category."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId, TermsId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets.models import Category, Terms

FEE_BASIS_POINTS = 2_000
ESCALATION_FEE_BASIS_POINTS = 3_000
EARLIER_SHARE_BASIS_POINTS = 3_000
REVIEW_WINDOW_HOURS = 72
HIGHEST_PRICE_MINOR = 100_000
LOWEST_PRICE_MINOR = 10


class UnknownCategory(NotFound):
    """This brand has no such category. Add it under Wallet and prices, or use one that exists."""


class PriceOutOfRange(Invalid):
    """A price lies between 0.10 and 1,000.00 per resolved ticket."""


class NotTheBrandsCurrency(Conflict):
    """A price is in the brand's one currency, which its first top-up fixes."""


class PriceChangedMeanwhile(Conflict):
    """Someone else changed this price just now. Reload and look at the new one."""


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
    tx: Tx, *, brand: BrandId, category: str, total: Money, author: PersonId | None, now: datetime
) -> Terms:
    """A new version of what `category` costs, in force for tickets admitted from now on.

    The brand sets `total`; the platform's fee is basis points of it, the worker's pay is the rest.
    """
    if not LOWEST_PRICE_MINOR <= total.amount_minor <= HIGHEST_PRICE_MINOR:
        raise PriceOutOfRange
    if tx.get(Category, (brand, category)) is None:
        raise UnknownCategory
    if tx.scalar(select(Brand.currency).where(Brand.id == brand)) != total.currency:
        raise NotTheBrandsCurrency
    fee = total.share(FEE_BASIS_POINTS)
    pay = total - fee
    terms = Terms(
        brand_id=brand,
        id=new_id(),
        category=category,
        version=1 + _newest_version(tx, brand, category),
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
    except IntegrityError as error:
        raise PriceChangedMeanwhile from error
    return terms


def terms_in_force(tx: Tx, *, brand: BrandId, category: str) -> Terms | None:
    """The newest version for `category`, else for the brand's default category, else None."""
    default = select(Category.key).where(Category.brand_id == brand, Category.is_default).scalar_subquery()
    return tx.scalars(
        select(Terms)
        .where(Terms.brand_id == brand, Terms.category.in_([category, default]))
        .order_by((Terms.category == category).desc(), Terms.version.desc())
        .limit(1)
    ).first()


def terms_of(tx: Tx, *, brand: BrandId, terms: TermsId) -> Terms:
    """The version a ticket or claim names."""
    found = tx.get(Terms, (brand, terms))
    if found is None:
        raise NotFound
    return found


def _newest_version(tx: Tx, brand: BrandId, category: str) -> int:
    newest = select(func.max(Terms.version)).where(Terms.brand_id == brand, Terms.category == category)
    return tx.scalar(newest) or 0
