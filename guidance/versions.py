"""What a brand chose or learned, as immutable numbered versions of which the newest holds; the first is 1."""

from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.kernel.db import Base, Tx
from marketplace.kernel.ids import BrandId


class Versioned(Protocol):
    """A table with a row for each version of a brand."""

    brand_id: InstrumentedAttribute[BrandId]
    version: InstrumentedAttribute[int]


Row = TypeVar("Row", bound=Base)


def versions(tx: Tx, table: type[Row], *, brand: BrandId, limit: int) -> list[Row]:
    """The newest first."""
    of = cast(Versioned, table)
    return list(
        tx.scalars(select(table).where(of.brand_id == brand).order_by(of.version.desc()).limit(limit))
    )


def newest_version(tx: Tx, table: type[Row], *, brand: BrandId) -> Row | None:
    return next(iter(versions(tx, table, brand=brand, limit=1)), None)


def add_version(tx: Tx, table: type[Row], *, brand: BrandId, version: int, **values: Any) -> Row | None:
    """The row, or None when somebody else has added this version meanwhile."""
    added = insert(table).values(brand_id=brand, version=version, **values)
    return tx.scalars(added.on_conflict_do_nothing().returning(table)).one_or_none()
