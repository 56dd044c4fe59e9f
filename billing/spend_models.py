"""Tables of the spend cap: what a brand lets itself spend a day and a month, and what it has committed."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import Base, MinorUnits
from marketplace.kernel.ids import BrandId, TicketId


class BrandSpend(Base):
    """One brand's caps and what is committed in its running day and month, so that one UPDATE decides both.

    `day` is the brand's local date on which the counters stand; its month is the month they count.
    `refused_on` is the day on which a ticket last found no room; a later day lets such tickets try again.
    """

    __tablename__ = "brand_spend"
    __table_args__ = (
        CheckConstraint("per_day_minor >= 0 AND per_month_minor >= 0", name="caps"),
        CheckConstraint("day_minor >= 0 AND month_minor >= day_minor", name="counters"),
        Index("ix_brand_spend_refused", "refused_on", postgresql_where=text("refused_on IS NOT NULL")),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    per_day_minor: Mapped[MinorUnits | None]
    per_month_minor: Mapped[MinorUnits | None]
    day: Mapped[date]
    day_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    month_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    refused_on: Mapped[date | None]


class SpendCommitment(Base):
    """What one ticket's reservations of one day count for: they are given back to that day."""

    __tablename__ = "spend_commitment"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    amount_minor: Mapped[MinorUnits]
