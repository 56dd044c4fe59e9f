"""Tables of imports: the files of an upload, their content while it is needed, and the articles they wrote."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, state_of
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, PersonId, RevisionId


class ImportSource(StrEnum):
    """By which door the files came."""

    UPLOAD = "upload"
    API = "api"
    COMMAND = "command"
    ADDRESS = "address"
    SITEMAP = "sitemap"


class ImportState(StrEnum):
    """`open`: more files may come. `review`: its articles are drafts that wait for a person's look."""

    OPEN = "open"
    FETCHING = "fetching"
    QUEUED = "queued"
    READING = "reading"
    REVIEW = "review"
    PUBLISHING = "publishing"
    INDEXING = "indexing"
    READY = "ready"
    FAILED = "failed"
    DISCARDING = "discarding"
    DISCARDED = "discarded"
    UNDOING = "undoing"
    UNDONE = "undone"


WORKED_OFF_BY_A_JOB = (
    ImportState.QUEUED,
    ImportState.READING,
    ImportState.PUBLISHING,
    ImportState.DISCARDING,
    ImportState.UNDOING,
)


class FileState(StrEnum):
    """`dropped`: its import was discarded or undone."""

    FETCHING = "fetching"
    QUEUED = "queued"
    READING = "reading"
    SPLITTING = "splitting"
    REVIEW = "review"
    INDEXING = "indexing"
    READY = "ready"
    FAILED = "failed"
    DROPPED = "dropped"


class ImportArticleState(StrEnum):
    """`left_out`: not published with the rest. `kept`: an undo came too late, it was changed since."""

    DRAFTED = "drafted"
    LEFT_OUT = "left_out"
    PUBLISHED = "published"
    UNDONE = "undone"
    KEPT = "kept"


class KnowledgeImport(Base):
    """One upload of files and how far it has come. What each file gave stands in its row.

    `attempts` are those of jobs since it went on last; `tried_at` is when the newest one began.
    """

    __tablename__ = "knowledge_import"
    __table_args__ = (
        Index(
            "ix_knowledge_import_busy",
            "advanced_at",
            postgresql_where=text(
                "state IN ('open', 'fetching', 'queued', 'reading', 'publishing', 'discarding', 'undoing')"
            ),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[ImportId] = mapped_column(primary_key=True)
    state: Mapped[ImportState] = mapped_column(state_of(ImportState, "import_state"))
    source: Mapped[ImportSource] = mapped_column(
        state_of(ImportSource, "import_source"), server_default="upload"
    )
    looks_first: Mapped[bool] = mapped_column(server_default="false")
    files: Mapped[int]
    files_read: Mapped[int] = mapped_column(server_default="0")
    articles: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    author_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    decided_by_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    """Who published it after a look, discarded it or took it back; None for a system."""

    started_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    advanced_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    attempts: Mapped[int] = mapped_column(server_default="0")
    tried_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class ImportFile(Base):
    """A file of an import, what it gave, and why it was refused. Stays when its content is dropped.

    `ending` says what a fetched file is, for its name is an address.
    `refusals` are lines or inner files that were not taken, each with name, reason and remedy.
    """

    __tablename__ = "import_file"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "import_id"],
            ["knowledge_import.brand_id", "knowledge_import.id"],
            ondelete="CASCADE",
        ),
        Index("ix_import_file_state", "brand_id", "import_id", "state", "ordinal"),
        Index(
            "ix_import_file_held",
            "brand_id",
            postgresql_include=["bytes"],
            postgresql_where=text("content_kept"),
        ),
        Index(
            "ix_import_file_kept",
            "changed_at",
            postgresql_where=text("content_kept AND state = 'failed'"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    import_id: Mapped[ImportId] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    ending: Mapped[str] = mapped_column(server_default="")
    state: Mapped[FileState] = mapped_column(state_of(FileState, "file_state"))
    bytes: Mapped[int] = mapped_column(server_default="0")
    sha256: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    remedy: Mapped[str] = mapped_column(server_default="")
    parts: Mapped[int] = mapped_column(server_default="0")
    parts_read: Mapped[int] = mapped_column(server_default="0")
    articles_new: Mapped[int] = mapped_column(server_default="0")
    articles_changed: Mapped[int] = mapped_column(server_default="0")
    articles_unchanged: Mapped[int] = mapped_column(server_default="0")
    passages: Mapped[int] = mapped_column(server_default="0")
    notes: Mapped[JsonList] = mapped_column(server_default="[]")
    refusals: Mapped[JsonList] = mapped_column(server_default="[]")
    more_refusals: Mapped[int] = mapped_column(server_default="0")
    content_kept: Mapped[bool] = mapped_column(server_default="false")
    changed_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class ImportPart(Base):
    """A file's content, or 100 lines of it. A part that has been read waits no more."""

    __tablename__ = "import_part"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "import_id", "file"],
            ["import_file.brand_id", "import_file.import_id", "import_file.ordinal"],
            ondelete="CASCADE",
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    import_id: Mapped[ImportId] = mapped_column(primary_key=True)
    file: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    waiting: Mapped[bool] = mapped_column(server_default="true")


class ImportArticle(Base):
    """An article that an import wrote; `before_id` is what held then, None when nothing did."""

    __tablename__ = "import_article"
    __table_args__ = (
        ForeignKeyConstraint(
            ["brand_id", "import_id", "file"],
            ["import_file.brand_id", "import_file.import_id", "import_file.ordinal"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["brand_id", "article_id"], ["article.brand_id", "article.id"]),
        ForeignKeyConstraint(["brand_id", "revision_id"], ["revision.brand_id", "revision.id"]),
        ForeignKeyConstraint(["brand_id", "before_id"], ["revision.brand_id", "revision.id"]),
        Index("ix_import_article_file", "brand_id", "import_id", "file"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    import_id: Mapped[ImportId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    file: Mapped[int]
    revision_id: Mapped[RevisionId]
    before_id: Mapped[RevisionId | None]
    state: Mapped[ImportArticleState] = mapped_column(state_of(ImportArticleState, "import_article_state"))


class TextSignature(Base):
    """How a revision's text compares with others: its hash without title and place, and its MinHash."""

    __tablename__ = "text_signature"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "revision_id"], ["revision.brand_id", "revision.id"]),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    revision_id: Mapped[RevisionId] = mapped_column(primary_key=True)
    text_sha256: Mapped[str]
    minhash: Mapped[bytes]


class ImportDuplicate(Base):
    """An import's article says what another article says already; `share_percent` of 100 is word for word."""

    __tablename__ = "import_duplicate"
    __table_args__ = (
        CheckConstraint("share_percent BETWEEN 1 AND 100", name="share"),
        ForeignKeyConstraint(
            ["brand_id", "import_id", "article_id"],
            ["import_article.brand_id", "import_article.import_id", "import_article.article_id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["brand_id", "other_id"], ["article.brand_id", "article.id"]),
        ForeignKeyConstraint(["brand_id", "other_revision_id"], ["revision.brand_id", "revision.id"]),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    import_id: Mapped[ImportId] = mapped_column(primary_key=True)
    article_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    other_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    other_revision_id: Mapped[RevisionId]
    share_percent: Mapped[int]
