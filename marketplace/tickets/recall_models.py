"""Tables of a brand's recalls: tickets it took back or withdrew, one by one or many at once."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, state_of
from marketplace.kernel.ids import (
    BrandId,
    BulkWithdrawalId,
    RecallId,
    TermsId,
    TicketId,
    WorkerId,
)
from marketplace.tickets.models import TicketState


class RecallKind(StrEnum):
    TAKE_BACK = "take_back"
    WITHDRAWAL = "withdrawal"


class RecallPay(StrEnum):
    """What a recall pays: nothing while nobody worked, a fee before the first reply, all of it after."""

    NOTHING = "nothing"
    ESCALATION_FEE = "escalation_fee"
    FULL_PRICE = "full_price"


class Recall(Base):
    """The evidence that a brand ended a ticket's time in the pool, and for whom that pays.

    `terms_id` is NULL when no money stood behind the ticket; `worker_id` is whose claim it ended, if any.
    """

    __tablename__ = "recall"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "terms_id"], ["terms.brand_id", "terms.id"]),
        UniqueConstraint("brand_id", "ticket_id", "number"),
        CheckConstraint("(pays = 'nothing') = (credits = '[]'::jsonb)", name="pay_names_its_workers"),
        CheckConstraint("pays = 'nothing' OR terms_id IS NOT NULL", name="pay_names_its_terms"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[RecallId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    number: Mapped[int]
    kind: Mapped[RecallKind] = mapped_column(state_of(RecallKind, "recall_kind"))
    found: Mapped[TicketState] = mapped_column(state_of(TicketState, "recall_found"))
    pays: Mapped[RecallPay] = mapped_column(state_of(RecallPay, "recall_pays"))
    credits: Mapped[JsonList]
    terms_id: Mapped[TermsId | None]
    worker_id: Mapped[WorkerId | None] = mapped_column(ForeignKey("worker.id"))
    reason: Mapped[str]
    by: Mapped[str]
    recalled_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class BulkWithdrawal(Base):
    """Many tickets to withdraw, fixed when it was asked for; `done` of them have been dealt with.

    `refusals` say of each that stayed: its number, its id and why.
    """

    __tablename__ = "bulk_withdrawal"
    __table_args__ = (
        CheckConstraint("cardinality(tickets) BETWEEN 1 AND 500", name="bounded"),
        CheckConstraint("done BETWEEN 0 AND cardinality(tickets)", name="done_of_all"),
        CheckConstraint("withdrawn + jsonb_array_length(refusals) = done", name="each_is_told_of"),
        CheckConstraint("(finished_at IS NOT NULL) = (done = cardinality(tickets))", name="ends_when_done"),
        Index("ix_bulk_withdrawal_open", "asked_at", postgresql_where=text("finished_at IS NULL")),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[BulkWithdrawalId] = mapped_column(primary_key=True)
    tickets: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    reason: Mapped[str]
    by: Mapped[str]
    done: Mapped[int] = mapped_column(server_default="0")
    withdrawn: Mapped[int] = mapped_column(server_default="0")
    refusals: Mapped[JsonList] = mapped_column(server_default=text("'[]'::jsonb"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
