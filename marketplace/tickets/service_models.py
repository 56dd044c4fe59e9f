"""Tables of what a brand promises its customers, how each ticket keeps it, and what happens when one waits."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, MinorUnits, state_of
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.models import Channel


class ClockKind(StrEnum):
    FIRST = "first"
    NEXT = "next"
    RESOLUTION = "resolution"


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    STOPPED = "stopped"


class Rung(StrEnum):
    """What the backlog ladder does to a ticket that waits, mildest first."""

    NOTIFY = "notify"
    RAISE = "raise"
    WIDEN = "widen"
    GIVE_BACK = "give_back"


class BusinessHours(Base):
    """When a brand works; a brand without a row always does. `periods` are [weekday, opens, closes] in minutes."""

    __tablename__ = "business_calendar"
    __table_args__ = (
        CheckConstraint("country IS NOT NULL OR subdivision IS NULL", name="part_has_its_country"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    time_zone: Mapped[str]
    periods: Mapped[JsonList]
    country: Mapped[str | None]
    subdivision: Mapped[str | None]
    closed_days: Mapped[list[date]] = mapped_column(ARRAY(Date))


class SlaPolicy(Base):
    """How many business minutes a brand's customers wait at most, by channel; without a row the defaults hold."""

    __tablename__ = "sla_policy"
    __table_args__ = (
        CheckConstraint("first_minutes > 0 AND next_minutes > 0 AND resolution_minutes > 0", name="positive"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    channel: Mapped[Channel] = mapped_column(state_of(Channel, "sla_channel"), primary_key=True)
    first_minutes: Mapped[int]
    next_minutes: Mapped[int]
    resolution_minutes: Mapped[int]


class TicketClock(Base):
    """One of a ticket's three clocks: to the first reply, to the next one, to the resolution.

    `due_at` is the promise that runs or ran last; `left_seconds` are the business seconds left while it does
    not run. `ladder_at` is when the backlog ladder looks at the ticket again.
    """

    __tablename__ = "ticket_clock"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        CheckConstraint("(state = 'running') = (left_seconds IS NULL)", name="keeps_what_is_left"),
        CheckConstraint("(state = 'met') = (met_at IS NOT NULL)", name="met_at_some_time"),
        Index(
            "ix_ticket_clock_due",
            "due_at",
            postgresql_where=text("state = 'running' AND breached_at IS NULL"),
        ),
        Index(
            "ix_ticket_clock_ladder",
            "ladder_at",
            postgresql_where=text("state = 'running' AND ladder_at IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    kind: Mapped[ClockKind] = mapped_column(state_of(ClockKind, "clock_kind"), primary_key=True)
    state: Mapped[ClockState] = mapped_column(state_of(ClockState, "clock_state"))
    seconds: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    left_seconds: Mapped[int | None]
    met_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    breached_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    ladder_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class BacklogLadder(Base):
    """At which share of the first reply's time each rung is climbed; NULL: never. Without a row the defaults hold."""

    __tablename__ = "backlog_ladder"
    __table_args__ = (
        CheckConstraint(
            "raise_step_basis_points > 0 AND raise_cap_basis_points >= raise_step_basis_points "
            "AND raise_every_percent > 0 AND daily_budget_minor >= 0",
            name="sensible",
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    notify_percent: Mapped[int | None]
    raise_percent: Mapped[int | None]
    raise_every_percent: Mapped[int]
    raise_step_basis_points: Mapped[int]
    raise_cap_basis_points: Mapped[int]
    daily_budget_minor: Mapped[MinorUnits]
    widen_percent: Mapped[int | None]
    give_back_percent: Mapped[int | None]


class LadderStep(Base):
    """A rung that was climbed for a ticket, once; `level` is the surge in basis points where the price was raised."""

    __tablename__ = "ladder_step"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        Index(
            "ix_ladder_step_unsaid",
            "brand_id",
            postgresql_where=text("rung = 'notify' AND said_at IS NULL"),
        ),
        Index("ix_ladder_step_said", "brand_id", "said_at", postgresql_where=text("rung = 'notify'")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    rung: Mapped[Rung] = mapped_column(state_of(Rung, "rung"), primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True, server_default="0")
    climbed_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    detail: Mapped[str] = mapped_column(Text)
    said_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class SurgeDay(Base):
    """What a brand's surges have reserved on one day of its own zone: the budget is enforced on this row."""

    __tablename__ = "surge_day"
    __table_args__ = (CheckConstraint("spent_minor >= 0", name="not_negative"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    spent_minor: Mapped[MinorUnits]
