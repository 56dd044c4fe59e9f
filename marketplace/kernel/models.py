"""Tables of the ground: the installation's mark, the test clock, heartbeats, idempotency keys, errors of jobs,
what was found of invariants."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Interval, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, JsonList, state_of
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


class JobError(Base):
    """What the last attempt at a job ran into, without anything personal; the queue itself keeps no errors."""

    __tablename__ = "job_error"

    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    said: Mapped[str]
    at: Mapped[datetime] = mapped_column(TIMESTAMP)


class InvariantCheck(Base):
    """When a statement that must always hold was last looked at; `failed` when the look itself did not work."""

    __tablename__ = "invariant_check"

    name: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    took_ms: Mapped[int]
    failed: Mapped[str] = mapped_column(server_default="")


class InvariantBreach(Base):
    """A time during which such a statement did not hold, with up to 20 of the rows that broke it."""

    __tablename__ = "invariant_breach"
    __table_args__ = (
        Index("uq_invariant_breach_live", "name", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("ix_invariant_breach_seen", "first_seen"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    first_seen: Mapped[datetime] = mapped_column(TIMESTAMP)
    last_seen: Mapped[datetime] = mapped_column(TIMESTAMP)
    offenders: Mapped[int]
    sample: Mapped[JsonList]
    resolved_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
