"""Tables of the ground: the installation's mark, the test clock, heartbeats, idempotency keys."""

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, Interval
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, state_of
from marketplace.kernel.settings import MoneyMode


class Installation(Base):
    """One row: whether this database holds test or live money. Written once."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("only_row", name="only_row"),)

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    money_mode: Mapped[MoneyMode] = mapped_column(state_of(MoneyMode, "money_mode"))
    marked_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class ClockShift(Base):
    """One row: how far a test installation's clock runs ahead; zero for ever in a live one."""

    __tablename__ = "clock_shift"
    __table_args__ = (CheckConstraint("only_row", name="only_row"),)

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    shift: Mapped[timedelta] = mapped_column(Interval)


class Heartbeat(Base):
    """When a process last said it was alive."""

    __tablename__ = "heartbeat"

    process: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class IdempotencyKey(Base):
    """A request's key, what it asked, and the answer it got; written in the effect's transaction."""

    __tablename__ = "idempotency_key"

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    answer: Mapped[Json | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP, index=True)
