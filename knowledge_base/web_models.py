"""Tables of knowledge from the web: the addresses that people named, and how far fetching one is."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, state_of
from marketplace.kernel.ids import BrandId, ImportId, PersonId, WebSourceId


class FetchStage(StrEnum):
    """`looking`: the address itself is fetched; a sitemap's `pages` follow, one after another."""

    LOOKING = "looking"
    PAGES = "pages"
    DONE = "done"


class WebSource(Base):
    """An address somebody named. It may be read again: then its pages are compared with what was there before."""

    __tablename__ = "web_source"
    __table_args__ = (UniqueConstraint("brand_id", "address"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[WebSourceId] = mapped_column(primary_key=True)
    address: Mapped[str]
    added_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class WebFetch(Base):
    """The fetching of one import. What is left to fetch are its files in the state `fetching`.

    `due_at` keeps the pause between two requests; `attempts` counts those at the page that is next.
    """

    __tablename__ = "web_fetch"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "source_id"], ["web_source.brand_id", "web_source.id"]),
        ForeignKeyConstraint(
            ["brand_id", "import_id"],
            ["knowledge_import.brand_id", "knowledge_import.id"],
            ondelete="CASCADE",
        ),
        Index("ix_web_fetch_due", "due_at", postgresql_where=text("stage <> 'done'")),
        Index("ix_web_fetch_source", "brand_id", "source_id", "import_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    import_id: Mapped[ImportId] = mapped_column(primary_key=True)
    source_id: Mapped[WebSourceId]
    stage: Mapped[FetchStage] = mapped_column(state_of(FetchStage, "fetch_stage"))
    pause_seconds: Mapped[float]
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
