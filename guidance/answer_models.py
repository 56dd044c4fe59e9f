"""Tables of answers that worked: what answered resolved tickets, and what of it suggestions showed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base
from marketplace.kernel.ids import ArticleId, BrandId, ReplyId, SuggestionId, TicketId


class RememberedAnswer(Base):
    """The question of a resolved ticket and the reply that answered it, both without their customer.

    Whether it worked is not kept here: that the ticket still stands resolved is asked each time.
    """

    __tablename__ = "remembered_answer"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "reply_id"], ["reply.brand_id", "reply.id"]),
        Index("ix_remembered_answer_article", "brand_id", "article_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    reply_id: Mapped[ReplyId]
    question: Mapped[str]
    answer: Mapped[str]
    model: Mapped[str]
    sha256: Mapped[str]
    """Of `question`: the same words are not encoded twice."""

    vector: Mapped[bytes]
    remembered_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class SuggestionReuse(Base):
    """The remembered answer a suggestion showed, and how often its article had worked by then."""

    __tablename__ = "suggestion_reuse"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "suggestion_id"], ["suggestion.brand_id", "suggestion.id"]),
        CheckConstraint("worked BETWEEN 0 AND times", name="worked_is_a_part"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    suggestion_id: Mapped[SuggestionId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    article_id: Mapped[ArticleId]
    worked: Mapped[int]
    times: Mapped[int]
