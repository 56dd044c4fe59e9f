"""What tickets are found by: written once when a ticket is posted, so that a claim does not touch it."""

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import Base
from marketplace.kernel.ids import BrandId, CustomerId, TicketId


class TicketSearch(Base):
    """A ticket's words (of its subject, and the brand's id as one more), its customer and its number.

    A trigger on ticket writes it; `search_subjects` reads it, because row-level security keeps a text index from
    being used.
    """

    __tablename__ = "ticket_search"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        Index("ix_ticket_search_words", "words", postgresql_using="gin"),
        Index("ix_ticket_search_customer", "brand_id", "customer_id", "number"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    number: Mapped[int]
    customer_id: Mapped[CustomerId]
    words: Mapped[str] = mapped_column(TSVECTOR)
