"""The event table: outbox, audit trail, live history and feed in one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from marketplace.kernel.db import TIMESTAMP, Base, Json
from marketplace.kernel.ids import BrandId, WorkerId


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id, read and written as text."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "XID8"


class Event(Base):
    """A fact, written in the fact's own transaction. Never changed, never deleted."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_order", "xid", "id"),
        Index("ix_event_brand_order", "brand_id", "xid", "id"),
        Index("ix_event_subject", "subject_id", "id"),
        Index("ix_event_acts", "id", postgresql_where=text("kind = 'operator_acted'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    at: Mapped[datetime] = mapped_column(TIMESTAMP, server_default=text("app_now()"))
    kind: Mapped[str]
    brand_id: Mapped[BrandId | None]
    worker_id: Mapped[WorkerId | None]
    subject_id: Mapped[UUID | None]
    body: Mapped[Json]


class EventCursor(Base):
    """How far a named reader has come: the last (xid, id) it has dealt with."""

    __tablename__ = "event_cursor"

    reader: Mapped[str] = mapped_column(primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8)
    id: Mapped[int] = mapped_column(BigInteger)
