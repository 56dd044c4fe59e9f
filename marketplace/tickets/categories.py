"""Opening a new category at a brand. Its key is made of its name and never changes."""

import re
import unicodedata

from sqlalchemy import func, select

from marketplace.accounts.fields import clean_name
from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import Category
from marketplace.tickets.terms import CategoryPlan, add_category

CATEGORIES_PER_BRAND = 100


class CategoryTaken(Conflict):
    """There is a category by this name already."""


class TooManyCategories(Conflict):
    """This brand has as many categories as it may have."""


def open_category(tx: Tx, *, brand: BrandId, name: str) -> CategoryPlan:
    """Make a category called `name`; the brand's first is its default.

    Raises BadName, CategoryTaken, TooManyCategories.
    """
    label = clean_name(name)
    # The brand's row is the lock under which its categories are counted and named.
    tx.execute(select(Brand.id).where(Brand.id == brand).with_for_update(key_share=True))
    count = tx.scalar(select(func.count()).where(Category.brand_id == brand)) or 0
    if count >= CATEGORIES_PER_BRAND:
        raise TooManyCategories
    plan = CategoryPlan(
        key=_key(label) or f"category_{count + 1}", name=label, is_default=not _has_default(tx, brand)
    )
    if _is_taken(tx, brand, plan):
        raise CategoryTaken
    add_category(tx, brand=brand, plan=plan)
    return plan


def _key(name: str) -> str:
    """Returns & refunds → returns_refunds; empty where no letter has a Latin form."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _has_default(tx: Tx, brand: BrandId) -> bool:
    return tx.scalar(select(Category.key).where(Category.brand_id == brand, Category.is_default)) is not None


def _is_taken(tx: Tx, brand: BrandId, plan: CategoryPlan) -> bool:
    same = (Category.key == plan.key) | (func.lower(Category.name) == plan.name.lower())
    return tx.scalar(select(Category.key).where(Category.brand_id == brand, same).limit(1)) is not None
