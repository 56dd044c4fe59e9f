"""Tables of imported files: one row for the file, one for each of its lines. Lines hold personal data."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, JsonList, state_of
from marketplace.kernel.ids import BrandId, PersonId, TicketId, TicketImportId


class TicketImportState(StrEnum):
    DRAFT = "draft"
    IMPORTING = "importing"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class RowState(StrEnum):
    """`known`: the ticket was there before. `kept`: an undo came too late for it."""

    WAITING = "waiting"
    REFUSED = "refused"
    MADE = "made"
    KNOWN = "known"
    UNDONE = "undone"
    KEPT = "kept"


class TicketImport(Base):
    """A brand's file of tickets: looked at as a draft, then imported, perhaps undone."""

    __tablename__ = "ticket_import"
    __table_args__ = (
        Index(
            "ix_ticket_import_busy", "advanced_at", postgresql_where=text("state IN ('importing', 'undoing')")
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[TicketImportId] = mapped_column(primary_key=True)
    file_name: Mapped[str]
    headers: Mapped[JsonList]
    columns: Mapped[Json]
    defaults: Mapped[Json]
    state: Mapped[TicketImportState] = mapped_column(state_of(TicketImportState, "ticket_import_state"))
    made_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    advanced_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class TicketImportRow(Base):
    """A line of the file by its number there, and what became of it."""

    __tablename__ = "ticket_import_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "import_id"], ["ticket_import.brand_id", "ticket_import.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        Index(
            "ix_ticket_import_row_ticket",
            "brand_id",
            "ticket_id",
            postgresql_where=text("ticket_id IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    import_id: Mapped[TicketImportId] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    cells: Mapped[JsonList]
    state: Mapped[RowState] = mapped_column(state_of(RowState, "row_state"))
    problem: Mapped[str] = mapped_column(server_default="")
    ticket_id: Mapped[TicketId | None]
