"""What each category of a brand costs now."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import Terms


def own_terms(tx: Tx, *, brand: BrandId) -> dict[str, Terms]:
    """The newest terms by category; a category without a price of its own is left out."""
    newest = (
        select(Terms)
        .where(Terms.brand_id == brand)
        .ext(distinct_on(Terms.category))
        .order_by(Terms.category, Terms.version.desc())
    )
    return {terms.category: terms for terms in tx.scalars(newest)}
