"""Reading knowledge: articles, passages, and how far the index is behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, collate, func, or_, select

from knowledge_base.drafting import plain_name
from knowledge_base.in_force import article_state, has_state, held_by, held_revision, next_change
from knowledge_base.liveness import is_live
from knowledge_base.models import (
    Article,
    ArticleState,
    IndexSnapshot,
    KnowledgeVersion,
    Passage,
    Revision,
)
from knowledge_base.publishing import ArticleNotFound
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, PersonId, RevisionId

PAGE_SIZE = 50
MAX_PAGES = 2_000
MAX_SEARCH_CHARACTERS = 200
MAX_REVISIONS = 100
MAX_PASSAGES = 5_000
MAX_BRANDS = 100


class PassageNotFound(NotFound):
    """There is no such passage in this knowledge base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleLine:
    """An article in a list, with the revision that holds now, else its newest.

    `next_change_at` is when its schedule changes what holds next.
    """

    id: ArticleId
    key: str
    title: str
    state: ArticleState
    revision_number: int
    passages: int
    written_at: datetime
    verified_at: datetime
    next_change_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    lines: tuple[ArticleLine, ...]
    page: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageLine:
    id: PassageId
    ordinal: int
    section_path: tuple[str, ...]
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionLine:
    id: RevisionId
    number: int
    title: str
    note: str
    author: PersonId | None
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDetail:
    """An article, the passages that hold now (a draft's own; none when it is retired), its revisions, newest first."""

    line: ArticleLine
    passages: tuple[PassageLine, ...]
    revisions: tuple[RevisionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageView:
    """A passage of any age; `live` says whether its text still holds."""

    id: PassageId
    article_id: ArticleId
    article_key: str
    revision_id: RevisionId
    revision_number: int
    title: str
    section_path: tuple[str, ...]
    text: str
    written_at: datetime
    verified_at: datetime
    live: bool
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a brand's knowledge base holds. `oldest_verified_at` is None when it is empty."""

    articles: int
    passages: int
    oldest_verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """How far search is behind: `changed` counts changes, `indexed` is the change the newest snapshot holds.

    Of `to_encode` passages of the newest build `encoded` have vectors. `damage` says what was wrong with a
    snapshot at `damaged_at` (for operators: it names files); `rolled_back_at` is when search went back to
    the snapshot before, None when it did not.
    """

    changed: int
    indexed: int
    indexed_at: datetime | None
    passages: int
    to_encode: int = 0
    encoded: int = 0
    damaged_at: datetime | None = None
    damage: str | None = None
    rolled_back_at: datetime | None = None
    rolled_back_reason: str | None = None

    @property
    def behind(self) -> bool:
        return self.indexed < self.changed

    @property
    def damaged(self) -> bool:
        """Whether a snapshot was found damaged and is not built again yet."""
        return self.damaged_at is not None and (self.indexed_at is None or self.damaged_at >= self.indexed_at)


def articles(tx: Tx, *, brand: BrandId, page: int = 1, search: str = "") -> ArticlePage:
    """One page of the articles that are not retired for good, by key; `search` is part of a title or key."""
    page = min(max(page, 1), MAX_PAGES)
    by_key = collate(Article.key, "C")
    # The page is found first: what its lines tell is asked of fifty articles, not of all.
    kept = or_(held_revision().is_not(None), ~has_state(ArticleState.RETIRED), next_change().is_not(None))
    found = select(Article.id).where(Article.brand_id == brand, kept, *_matching(search))
    ids = tx.scalars(found.order_by(by_key).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)).all()
    rows = tx.execute(_article_lines(brand).where(Article.id.in_(ids)).order_by(by_key)).all()
    lines = tuple(_article_line(row) for row in rows[:PAGE_SIZE])
    return ArticlePage(lines=lines, page=page, has_more=len(rows) > PAGE_SIZE)


def article(tx: Tx, *, brand: BrandId, article_id: ArticleId) -> ArticleDetail:
    """Raises ArticleNotFound."""
    return _detail(tx, brand, Article.id == article_id)


def article_by_key(tx: Tx, *, brand: BrandId, key: str) -> ArticleDetail:
    """Raises ArticleNotFound."""
    return _detail(tx, brand, Article.key == plain_name(key))


def passage(tx: Tx, *, brand: BrandId, passage_id: PassageId) -> PassageView:
    """Raises PassageNotFound."""
    row = tx.execute(
        select(
            Passage.id,
            Passage.article_id,
            Article.key.label("article_key"),
            Passage.revision_id,
            Revision.number.label("revision_number"),
            Revision.title,
            Passage.section_path,
            Passage.text,
            Passage.page,
            Revision.written_at,
            Article.verified_at,
            is_live().label("live"),
        )
        .join(Article, (Article.brand_id == Passage.brand_id) & (Article.id == Passage.article_id))
        .join(Revision, (Revision.brand_id == Passage.brand_id) & (Revision.id == Passage.revision_id))
        .where(Passage.brand_id == brand, Passage.id == passage_id)
    ).one_or_none()
    if row is None:
        raise PassageNotFound
    return PassageView(**{**row._asdict(), "section_path": tuple(row.section_path)})


def brands_behind(tx: Tx, *, limit: int = MAX_BRANDS) -> list[BrandId]:
    """Brands whose index does not hold every change yet, the longest waiting first: for the sweep."""
    rows = tx.scalars(
        select(KnowledgeVersion.brand_id)
        .where(KnowledgeVersion.indexed < KnowledgeVersion.changed)
        .order_by(KnowledgeVersion.indexed_at.nulls_first(), KnowledgeVersion.brand_id)
        .limit(limit)
    )
    return list(rows)


def holdings(tx: Tx, *, brand: BrandId) -> Holdings:
    held = held_by(brand)
    published = (Article.brand_id == brand, Article.id == held.c.article_id, held.c.revision_id.is_not(None))
    counted, oldest = tx.execute(select(func.count(), func.min(Article.verified_at)).where(*published)).one()
    of_held = (Passage.brand_id == brand, Passage.revision_id == held.c.revision_id)
    passages = tx.scalar(select(func.count()).select_from(Passage).join(held, and_(*of_held)))
    return Holdings(articles=counted, passages=passages or 0, oldest_verified_at=oldest)


def index_status(tx: Tx, *, brand: BrandId) -> IndexStatus:
    row = tx.execute(
        select(
            KnowledgeVersion.changed,
            KnowledgeVersion.indexed,
            KnowledgeVersion.indexed_at,
            KnowledgeVersion.to_encode,
            KnowledgeVersion.encoded,
            KnowledgeVersion.damaged_at,
            KnowledgeVersion.damage,
        ).where(KnowledgeVersion.brand_id == brand)
    ).one_or_none()
    if row is None:
        return IndexStatus(changed=0, indexed=0, indexed_at=None, passages=0)
    newest = select(IndexSnapshot).where(IndexSnapshot.brand_id == brand)
    snapshots = list(tx.scalars(newest.order_by(IndexSnapshot.number.desc())))
    served = next((snapshot.passages for snapshot in snapshots if snapshot.set_aside_at is None), 0)
    aside = next((snapshot for snapshot in snapshots if snapshot.set_aside_at is not None), None)
    return IndexStatus(
        **row._asdict(),
        passages=served,
        rolled_back_at=aside.set_aside_at if aside else None,
        rolled_back_reason=aside.set_aside_reason if aside else None,
    )


def damaged_indexes(tx: Tx, *, limit: int = MAX_BRANDS) -> list[tuple[BrandId, str]]:
    """Brands whose damaged index is not built again yet, and what was wrong with it: for operators."""
    indexed_before = KnowledgeVersion.indexed_at.is_(None) | (
        KnowledgeVersion.indexed_at <= KnowledgeVersion.damaged_at
    )
    rows = tx.execute(
        select(KnowledgeVersion.brand_id, KnowledgeVersion.damage)
        .where(KnowledgeVersion.damaged_at.is_not(None), indexed_before)
        .order_by(KnowledgeVersion.damaged_at)
        .limit(limit)
    )
    return [(row.brand_id, row.damage) for row in rows]


def snapshot_numbers(tx: Tx, *, brand: BrandId) -> list[int]:
    """Numbers of the brand's published index snapshots that may be searched, newest first."""
    numbers = select(IndexSnapshot.number).where(
        IndexSnapshot.brand_id == brand, IndexSnapshot.set_aside_at.is_(None)
    )
    return list(tx.scalars(numbers.order_by(IndexSnapshot.number.desc())))


def _article_lines(brand: BrandId) -> Select[Any]:
    """Articles with the revision that holds now, else their newest."""
    newest = (
        select(Revision.id)
        .where(Revision.brand_id == Article.brand_id, Revision.article_id == Article.id)
        .order_by(Revision.number.desc())
        .limit(1)
        .correlate(Article)
        .scalar_subquery()
    )
    passages = (
        select(func.count())
        .where(Passage.brand_id == Article.brand_id, Passage.revision_id == Revision.id)
        .correlate(Article, Revision)
        .scalar_subquery()
    )
    shown = (Revision.brand_id == Article.brand_id) & (Revision.id == func.coalesce(held_revision(), newest))
    return (
        select(
            Article.id,
            Article.key,
            Revision.title,
            article_state().label("state"),
            Revision.id.label("revision_id"),
            Revision.number.label("revision_number"),
            passages.label("passages"),
            Revision.written_at,
            Article.verified_at,
            next_change().label("next_change_at"),
        )
        .join(Revision, shown)
        .where(Article.brand_id == brand)
    )


def _matching(search: str) -> Sequence[ColumnElement[bool]]:
    part = search.strip().replace("\0", "")[:MAX_SEARCH_CHARACTERS]
    if not part:
        return ()
    return (
        or_(Article.title.icontains(part, autoescape=True), Article.key.icontains(part, autoescape=True)),
    )


def _article_line(row: Row[Any]) -> ArticleLine:
    values = {name: value for name, value in row._asdict().items() if name != "revision_id"}
    return ArticleLine(**{**values, "state": ArticleState(row.state)})


def _detail(tx: Tx, brand: BrandId, which: ColumnElement[bool]) -> ArticleDetail:
    row = tx.execute(_article_lines(brand).where(which)).one_or_none()
    if row is None:
        raise ArticleNotFound
    return ArticleDetail(
        line=_article_line(row),
        passages=_passages(tx, brand, row),
        revisions=_revisions(tx, brand, row.id),
    )


def _passages(tx: Tx, brand: BrandId, article_row: Row[Any]) -> tuple[PassageLine, ...]:
    if article_row.state == ArticleState.RETIRED:
        return ()
    rows = tx.execute(
        select(Passage.id, Passage.ordinal, Passage.section_path, Passage.text, Passage.page)
        .where(Passage.brand_id == brand, Passage.revision_id == article_row.revision_id)
        .order_by(Passage.ordinal)
        .limit(MAX_PASSAGES)
    )
    return tuple(PassageLine(**{**row._asdict(), "section_path": tuple(row.section_path)}) for row in rows)


def _revisions(tx: Tx, brand: BrandId, article_id: ArticleId) -> tuple[RevisionLine, ...]:
    rows = tx.execute(
        select(
            Revision.id,
            Revision.number,
            Revision.title,
            Revision.note,
            Revision.author_id.label("author"),
            Revision.written_at,
        )
        .where(Revision.brand_id == brand, Revision.article_id == article_id)
        .order_by(Revision.number.desc())
        .limit(MAX_REVISIONS)
    )
    return tuple(RevisionLine(**row._asdict()) for row in rows)
