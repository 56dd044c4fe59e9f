"""Tables of flows: a brand's versions of each, and walks that came to an outcome."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from guidance.flow import Ending
from marketplace.kernel.db import TIMESTAMP, Base, JsonList, StringList, state_of
from marketplace.kernel.ids import BrandId, FlowWalkId, PersonId, TicketId, WorkerId


class FlowVersion(Base):
    """A flow as it was published; the newest of its key holds, and none is offered where that one is withdrawn."""

    __tablename__ = "flow_version"
    __table_args__ = (CheckConstraint("version >= 1", name="versions_count_from_one"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    source: Mapped[str]
    withdrawn: Mapped[bool]
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    published_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class FlowWalk(Base):
    """A walk beside a ticket that came to an outcome: its answers in order, and the reply it proposed."""

    __tablename__ = "flow_walk"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(
            ["brand_id", "flow_key", "flow_version"],
            ["flow_version.brand_id", "flow_version.key", "flow_version.version"],
        ),
        Index("ix_flow_walk_ticket", "brand_id", "ticket_id"),
        Index("ix_flow_walk_flow", "brand_id", "flow_key", "flow_version"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[FlowWalkId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    flow_key: Mapped[str]
    flow_version: Mapped[int]
    path: Mapped[StringList]
    answered: Mapped[JsonList]
    ending: Mapped[Ending] = mapped_column(state_of(Ending, "flow_ending"))
    draft: Mapped[str]
    """The whole reply, greeting and sign-off with it; empty where an escalation has none."""

    walked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
