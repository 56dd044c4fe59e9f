"""What a brand has and owes at this moment, its accounts locked: whoever decides on it holds it."""

from dataclasses import dataclass

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """In minor units. `is_frozen`: a top-up was taken back, and that is open or owed."""

    promo_minor: int
    wallet_minor: int
    owed_minor: int
    limit_minor: int
    is_frozen: bool


def lock_standing(tx: Tx, *, brand: BrandId, currency: str) -> Standing:
    """Accounts are locked as postings lock them. Tickets are locked before this, never after."""
    tx.flush()
    found = tx.execute(_LOCK, {"brand": brand, "currency": currency}).one()
    return Standing(
        promo_minor=found.promo_minor,
        wallet_minor=found.wallet_minor,
        owed_minor=found.owed_minor,
        limit_minor=found.limit_minor,
        is_frozen=found.frozen,
    )


_LOCK = text("SELECT * FROM lock_brand_funds(:brand, :currency)")
