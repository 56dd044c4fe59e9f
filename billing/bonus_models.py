"""Tables of what is paid beside the price: tips of brands, bonuses of the platform, and bonuses kept as credit."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, MinorUnits
from marketplace.kernel.ids import BonusId, BrandId, PersonId, TicketId, TipId, WorkerId


class Tip(Base):
    """What a brand gives a worker on top, all of it his; it may be taken back inside its window."""

    __tablename__ = "tip"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        CheckConstraint("amount_minor > 0", name="positive"),
        Index("ix_tip_ticket", "brand_id", "ticket_id"),
        Index("ix_tip_worker", "worker_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[TipId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    given_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    given_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    refunded_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Bonus(Base):
    """What the platform adds to a day's earnings, so that an hour of claims earns at least the floor. Once a day.

    It names the day's last ticket, for every earning names one; the ticket's brand neither pays nor sees it.
    `expires_at`: it was taken as store credit, which ends then.
    """

    __tablename__ = "bonus"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        UniqueConstraint("worker_id", "day", "currency"),
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint("expired_at IS NULL OR expires_at IS NOT NULL", name="only_credit_expires"),
        Index(
            "ix_bonus_expiring",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL AND expired_at IS NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[BonusId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    day: Mapped[date]
    currency: Mapped[str]
    active_seconds: Mapped[int]
    earned_minor: Mapped[MinorUnits]
    floor_per_hour_minor: Mapped[MinorUnits]
    amount_minor: Mapped[MinorUnits]
    granted_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    expires_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    expired_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class CreditChoice(Base):
    """A worker who wants bonuses as store credit. Nobody's pay is ever credit."""

    __tablename__ = "credit_choice"

    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    chosen_at: Mapped[datetime] = mapped_column(TIMESTAMP)
