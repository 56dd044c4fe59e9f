"""The table of closed months."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base
from marketplace.kernel.ids import PersonId


class ClosedPeriod(Base):
    """A UTC month, by its first day, that takes no posting any more; nor does any month before it."""

    __tablename__ = "closed_period"
    __table_args__ = (CheckConstraint("extract(day FROM month) = 1", name="first_day"),)

    month: Mapped[date] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(TIMESTAMP, server_default=text("app_clock()"))
    closed_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
