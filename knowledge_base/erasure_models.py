"""The record of erasures: who asked for one, and when nothing was left. It outlives what was erased."""

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, exists, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base
from marketplace.kernel.ids import BrandId, ErasureId, PersonId


class KnowledgeErasure(Base):
    """One erasure of all of a brand's knowledge; at most one is under way. `rows` counts what was deleted."""

    __tablename__ = "knowledge_erasure"
    __table_args__ = (
        Index(
            "uq_knowledge_erasure_under_way",
            "brand_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[ErasureId] = mapped_column(primary_key=True)
    asked_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    rows: Mapped[int] = mapped_column(BigInteger, server_default="0")
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


def is_being_erased(brand: BrandId) -> ColumnElement[bool]:
    return exists().where(KnowledgeErasure.brand_id == brand, KnowledgeErasure.finished_at.is_(None))
