"""Tables of a brand's knowledge: articles, immutable revisions, passages, vectors, snapshots."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, StringList
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, PersonId, RevisionId


class ArticleState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class Article(Base):
    """One page of knowledge under a stable key. What holds of it and since when is told by `Publication`.

    `verified` is false while nobody has said of the text that holds that it is true; `verify_days` is the brand's
    when None; `reminded_for` is the due date that its owner was written about last.
    """

    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("brand_id", "key"),
        CheckConstraint("verify_days BETWEEN 1 AND 3650", name="verify_days"),
        Index("ix_article_owned", "owner_id", postgresql_where=text("owner_id IS NOT NULL")),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[ArticleId] = mapped_column(primary_key=True)
    key: Mapped[str]
    title: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    verified_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    verified: Mapped[bool] = mapped_column(server_default="true")
    owner_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    verify_days: Mapped[int | None]
    reminded_for: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Revision(Base):
    """One text of an article; never changed. `note` says what changed, in its author's words.

    `source` is the Markdown it was written in; None when it came from a file.
    """

    __tablename__ = "revision"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        UniqueConstraint("brand_id", "article_id", "number"),
        # A publication names its revision together with the article, so it cannot be another article's.
        UniqueConstraint("brand_id", "article_id", "id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[RevisionId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    number: Mapped[int]
    title: Mapped[str]
    sections: Mapped[JsonList]
    sha256: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str | None]
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Publication(Base):
    """A step of what holds of an article: from `starts_at` until the next row it is `revision_id`, or nothing.

    `standing_id` is what would hold without the season that runs if `seasonal`. Begun rows are history and never
    change; rows to come are the schedule and may be replaced.
    """

    __tablename__ = "publication"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        ForeignKeyConstraint(
            ["brand_id", "article_id", "revision_id"],
            ["revision.brand_id", "revision.article_id", "revision.id"],
        ),
        ForeignKeyConstraint(
            ["brand_id", "article_id", "standing_id"],
            ["revision.brand_id", "revision.article_id", "revision.id"],
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(TIMESTAMP, primary_key=True)
    revision_id: Mapped[RevisionId | None]
    standing_id: Mapped[RevisionId | None]
    seasonal: Mapped[bool] = mapped_column(server_default="false")
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class KnowledgeSetting(Base):
    """A brand's rules on its knowledge; a brand without a row has the defaults."""

    __tablename__ = "knowledge_setting"
    __table_args__ = (CheckConstraint("verify_days BETWEEN 1 AND 3650", name="verify_days"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    verified_only: Mapped[bool] = mapped_column(server_default="false")
    verify_days: Mapped[int] = mapped_column(server_default="90")


class ArticleEditor(Base):
    """Somebody has the article open in the editor since `since`, and said so last at `seen_at`."""

    __tablename__ = "article_editor"
    __table_args__ = (ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),)

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(TIMESTAMP)
    seen_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Passage(Base):
    """A quotable piece of a revision. It is live while its revision holds (`liveness.is_live`)."""

    __tablename__ = "passage"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        ForeignKeyConstraint(["brand_id", "revision_id"], ["revision.brand_id", "revision.id"]),
        UniqueConstraint("brand_id", "revision_id", "ordinal"),
        CheckConstraint("language ~ '^[a-z]{2}$'", name="language"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[PassageId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId]
    revision_id: Mapped[RevisionId]
    ordinal: Mapped[int]
    page: Mapped[int | None]
    """Where it begins in a paged file, from 1."""
    section_path: Mapped[StringList]
    text: Mapped[str]
    language: Mapped[str | None]
    """What its file declares, else what its words say; None where nobody can tell."""

    embedding_text: Mapped[str]
    sha256: Mapped[str]


class Embedding(Base):
    """A text's vector, addressed by content, per brand so that nobody can probe another's texts."""

    __tablename__ = "embedding"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[bytes]


class KnowledgeVersion(Base):
    """A counter per brand: every change of live passages raises it; the index serves up to a number."""

    __tablename__ = "knowledge_version"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    changed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    indexed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    indexed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    to_encode: Mapped[int] = mapped_column(server_default="0")
    encoded: Mapped[int] = mapped_column(server_default="0")
    damaged_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    damage: Mapped[str | None]


class IndexSnapshot(Base):
    """One immutable index of a brand on disk, named by its number and checked by its manifest.

    One that was set aside is not searched: the one before it serves until the next is built.
    """

    __tablename__ = "index_snapshot"
    __table_args__ = (
        Index("ix_index_snapshot_newest", "brand_id", "number"),
        Index(
            "ix_index_snapshot_set_aside_by",
            "set_aside_by",
            postgresql_where=text("set_aside_by IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    passages: Mapped[int]
    built_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    set_aside_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    set_aside_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    set_aside_reason: Mapped[str | None]
