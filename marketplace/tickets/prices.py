"""Taking a price out of the table: the cell goes, its terms stay for the tickets that name them."""

from sqlalchemy import select

from marketplace.events.commands import record
from marketplace.events.facts import PriceRemoved
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, NotFound
from marketplace.kernel.ids import BrandId, PriceId
from marketplace.tickets.control_models import Price
from marketplace.tickets.models import Category


class NoSuchPrice(NotFound):
    """There is no such price here."""


class DefaultNeedsAPrice(Conflict):
    """The default category keeps its price: tickets without one of their own cost it. Change it instead."""


def remove_price(tx: Tx, *, brand: BrandId, price: PriceId) -> None:
    """Tickets that open from now on pay what the next most exact cell says.

    Raises NoSuchPrice, DefaultNeedsAPrice.
    """
    cell = tx.scalars(
        select(Price).where(Price.brand_id == brand, Price.id == price).with_for_update()
    ).one_or_none()
    if cell is None:
        raise NoSuchPrice
    if not cell.language and cell.hours is None and tx.get_one(Category, (brand, cell.category)).is_default:
        raise DefaultNeedsAPrice
    tx.delete(cell)
    record(tx, PriceRemoved(brand=brand, price=price, category=cell.category))
