"""What each cell of a brand's price table costs now."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, PriceId
from marketplace.tickets.control_models import Price
from marketplace.tickets.hours import Window
from marketplace.tickets.models import Category, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCell:
    """A cell of the table with its terms; language '' is any language, no hours any hour."""

    id: PriceId
    category: str
    category_name: str
    is_default: bool
    language: str
    hours: Window | None
    terms: Terms

    @property
    def is_base(self) -> bool:
        """The price of everything that has none more exact; it stays."""
        return self.is_default and not self.language and self.hours is None


def own_terms(tx: Tx, *, brand: BrandId) -> dict[str, Terms]:
    """The terms by category for any language and hour; a category without a price of its own is left out."""
    return {
        cell.category: cell.terms
        for cell in priced_cells(tx, brand=brand)
        if not cell.language and cell.hours is None
    }


def priced_cells(tx: Tx, *, brand: BrandId) -> Sequence[PricedCell]:
    """The whole table: the default category first, in each the widest cell first."""
    rows = tx.execute(
        select(Price, Terms, Category)
        .join(Terms, (Terms.brand_id == Price.brand_id) & (Terms.id == Price.terms_id))
        .join(Category, (Category.brand_id == Price.brand_id) & (Category.key == Price.category))
        .where(Price.brand_id == brand)
        .order_by(
            Category.is_default.desc(), Category.name, Price.language, Price.from_hour.asc().nulls_first()
        )
    )
    return [_cell(price, terms, category) for price, terms, category in rows]


def _cell(price: Price, terms: Terms, category: Category) -> PricedCell:
    return PricedCell(
        id=price.id,
        category=price.category,
        category_name=category.name,
        is_default=category.is_default,
        language=price.language,
        hours=price.hours,
        terms=terms,
    )
