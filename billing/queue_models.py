"""Tables of finance's queue: filters people keep, and holds of many earnings at once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList
from marketplace.kernel.ids import BulkHoldId, PersonId


class SavedView(Base):
    """A filter of the queue that one person keeps under a name, as its address has it."""

    __tablename__ = "finance_view"
    __table_args__ = (CheckConstraint("name <> ''", name="has_a_name"),)

    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    query: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class BulkHold(Base):
    """Many earnings to hold, fixed when it was asked for. Nothing is held before `begins_at`; until then it can be
    undone. `refusals` say of each that was not held: its id and why.
    """

    __tablename__ = "bulk_hold"
    __table_args__ = (
        CheckConstraint("cardinality(earnings) BETWEEN 1 AND 1000", name="bounded"),
        CheckConstraint("held + jsonb_array_length(refusals) <= cardinality(earnings)", name="each_once"),
        CheckConstraint("undone_at IS NULL OR held = 0 AND undone_at < begins_at", name="undone_in_time"),
        CheckConstraint("num_nonnulls(undone_at, finished_at) < 2", name="ends_once"),
        CheckConstraint("reason <> ''", name="says_why"),
        Index(
            "ix_bulk_hold_due",
            "begins_at",
            postgresql_where=text("finished_at IS NULL AND undone_at IS NULL"),
        ),
    )

    id: Mapped[BulkHoldId] = mapped_column(primary_key=True)
    earnings: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    reason: Mapped[str]
    asked_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    begins_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    undone_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    held: Mapped[int] = mapped_column(server_default="0")
    refusals: Mapped[JsonList] = mapped_column(server_default=text("'[]'::jsonb"))
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
