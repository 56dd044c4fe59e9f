"""Tables of kept figures: how long tickets take, how brands pay, how many tickets are where.

SQL alone reads and writes them: triggers and `roll_up_counters` in the migrations, `counts`, `card_stats`.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base
from marketplace.kernel.ids import BrandId


class CategoryStat(Base):
    """How long tickets of a category take, as the card before a claim says it."""

    __tablename__ = "category_stat"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "category"], ["category.brand_id", "category.key"]),
        CheckConstraint("median_minutes > 0 AND resolved >= 0", name="sensible"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    median_minutes: Mapped[int]
    resolved: Mapped[int]
    measured_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class BrandStat(Base):
    """How a brand pays: the share of decided earnings that it paid, and the median days until it did."""

    __tablename__ = "brand_stat"
    __table_args__ = (CheckConstraint("approval_basis_points BETWEEN 0 AND 10000", name="share"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    approval_basis_points: Mapped[int]
    days_to_pay: Mapped[int | None]
    decided: Mapped[int]
    measured_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class TicketCount(Base):
    """How many of a brand's tickets of a category are in a state; a roll-up adds `TicketMove`s to it."""

    __tablename__ = "ticket_count"

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    tickets: Mapped[int] = mapped_column(BigInteger)


class TicketMove(Base):
    """A ticket went from one `TicketCount` to another: not added yet, written by a trigger in the change's
    transaction. A posted ticket comes from nowhere."""

    __tablename__ = "ticket_move"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    brand_id: Mapped[BrandId]
    from_category: Mapped[str | None]
    from_state: Mapped[str | None]
    to_category: Mapped[str]
    to_state: Mapped[str]


class PoolCount(Base):
    """How many tickets wait in a lane; a roll-up adds `PoolMove`s to it."""

    __tablename__ = "pool_count"

    lane: Mapped[str] = mapped_column(primary_key=True)
    tickets: Mapped[int] = mapped_column(BigInteger)


class PoolMove(Base):
    """A change of a `PoolCount` that is not added yet."""

    __tablename__ = "pool_move"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    lane: Mapped[str]
    change: Mapped[int]
