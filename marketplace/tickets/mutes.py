"""Brands whose tickets a worker does not want to see."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.errors import NoSuchBrand
from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, WorkerId
from marketplace.tickets.models import BrandMute

MUTES_PER_WORKER = 50


class TooManyMutes(Conflict):
    """You have hidden as many brands as one may hide. Show one again first."""


def mute_brand(tx: Tx, *, worker: WorkerId, slug: str, now: datetime) -> None:
    """Stop offering `worker` this brand's tickets; what he holds already stays his. Again: nothing happens."""
    brand = _brand(tx, slug)
    held = (
        tx.scalar(select(func.count()).where(BrandMute.worker_id == worker, BrandMute.brand_id != brand)) or 0
    )
    if held >= MUTES_PER_WORKER:
        raise TooManyMutes
    muted = insert(BrandMute).values(worker_id=worker, brand_id=brand, muted_at=now)
    tx.execute(muted.on_conflict_do_nothing())


def unmute_brand(tx: Tx, *, worker: WorkerId, slug: str) -> None:
    """Offer this brand's tickets again."""
    tx.execute(delete(BrandMute).where(BrandMute.worker_id == worker, BrandMute.brand_id == _brand(tx, slug)))


def muted_brands(tx: Tx, *, worker: WorkerId) -> Sequence[Brand]:
    return tx.scalars(
        select(Brand)
        .join(BrandMute, BrandMute.brand_id == Brand.id)
        .where(BrandMute.worker_id == worker)
        .order_by(Brand.name)
    ).all()


def _brand(tx: Tx, slug: str) -> BrandId:
    found = tx.scalar(select(Brand.id).where(Brand.slug == slug))
    if found is None:
        raise NoSuchBrand
    return found
