"""Open tickets that no active worker could claim: their brand is told, lane by lane, until somebody can."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Tx
from marketplace.kernel.ids import BrandId

SHOWN = 20


class UncoveredLane(Base):
    """A lane in which a brand has open tickets and no active worker works."""

    __tablename__ = "uncovered_lane"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(TIMESTAMP)


def note_uncovered(tx: Tx, *, now: datetime) -> None:
    """Keep what the view `uncovered_now` says, with the time since when it is so."""
    tx.execute(_NOTE, {"now": now})
    tx.execute(_FORGET)


def uncovered_of_brand(tx: Tx, *, brand: BrandId) -> Sequence[str]:
    """The brand's lanes that nobody covers."""
    return list(tx.scalars(_OF_BRAND, {"brand": brand, "limit": SHOWN}))


_NOTE = text(
    "INSERT INTO uncovered_lane (brand_id, lane, since) SELECT brand, lane, :now FROM uncovered_now "
    "ON CONFLICT DO NOTHING"
)
_FORGET = text(
    "DELETE FROM uncovered_lane u WHERE NOT EXISTS ("
    "SELECT FROM uncovered_now n WHERE n.brand = u.brand_id AND n.lane = u.lane)"
)
_OF_BRAND = text("SELECT lane FROM uncovered_lane WHERE brand_id = :brand ORDER BY lane LIMIT :limit")
