"""What an import would publish, as a person looks at it first: its drafts, what they change and whom they repeat.

The same rows tell afterwards what was published, what an undo took back, and what it had to leave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, collate, func, select

from knowledge_base.import_acts import DraftNotFound
from knowledge_base.import_models import (
    ImportArticle,
    ImportArticleState,
    ImportDuplicate,
    ImportFile,
)
from knowledge_base.in_force import held_revision
from knowledge_base.models import Article, Passage, Revision
from knowledge_base.text_diff import Stretch, changes
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, RevisionId

DRAFTS_PER_PAGE = 25
MAX_DRAFT_PAGES = 2_000
MAX_PASSAGES = 500
MAX_KEPT_NAMED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Which drafts of an import are meant; all of them when nothing is set."""

    state: ImportArticleState | None = None
    repeats: bool = False


ALL = Only()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """An article an import wrote. `repeats_percent` is what it shares with the nearest other one, 0 for none."""

    article: ArticleId
    key: str
    title: str
    file: str
    state: ImportArticleState
    is_new: bool
    passages: int
    repeats_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPage:
    lines: tuple[DraftLine, ...]
    page: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPassage:
    """A passage as a worker would be quoted it."""

    section_path: tuple[str, ...]
    page: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherText:
    """An article that says the same. `in_import` when it comes with the same import."""

    article: ArticleId
    key: str
    title: str
    text: str
    share_percent: int
    in_import: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDetail:
    """One article an import wrote: its passages, the way from the text that holds now, and whom it repeats.

    `before` is None when nothing holds; `changed` is empty when the texts are the same.
    """

    line: DraftLine
    file: int
    notes: tuple[str, ...]
    text: str
    passages: tuple[DraftPassage, ...]
    before_title: str | None
    changed: tuple[Stretch, ...]
    repeats: tuple[OtherText, ...]
    earlier: ArticleId | None
    later: ArticleId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many of an import's articles are in which state, and the first of those an undo had to leave."""

    counts: Mapping[ImportArticleState, int]
    repeats: int
    retired: int
    kept: tuple[tuple[ArticleId, str], ...]

    def count(self, state: ImportArticleState) -> int:
        return self.counts.get(state, 0)


def drafts(tx: Tx, *, brand: BrandId, import_id: ImportId, only: Only = ALL, page: int = 1) -> DraftPage:
    """One page of what an import wrote, by key."""
    page = min(max(page, 1), MAX_DRAFT_PAGES)
    wanted = _lines(brand, import_id).where(*_only(only))
    first = (page - 1) * DRAFTS_PER_PAGE
    ordered = wanted.order_by(collate(Article.key, "C")).offset(first).limit(DRAFTS_PER_PAGE + 1)
    rows = tx.execute(ordered).all()
    lines = tuple(_line(row) for row in rows[:DRAFTS_PER_PAGE])
    return DraftPage(lines=lines, page=page, has_more=len(rows) > DRAFTS_PER_PAGE)


def draft(tx: Tx, *, brand: BrandId, import_id: ImportId, article: ArticleId) -> DraftDetail:
    """Raises DraftNotFound."""
    row = tx.execute(_lines(brand, import_id).where(ImportArticle.article_id == article)).one_or_none()
    if row is None:
        raise DraftNotFound
    written = tx.get_one(Revision, (brand, row.revision_id))
    held = tx.get(Revision, (brand, row.held)) if row.held else None
    file = tx.get_one(ImportFile, (brand, import_id, row.file_ordinal))
    text = whole_text(written.sections)
    earlier, later = _neighbours(tx, brand, import_id, row.key)
    return DraftDetail(
        line=_line(row),
        file=row.file_ordinal,
        notes=tuple(file.notes),
        text=text,
        passages=_passages(tx, brand, row.revision_id),
        before_title=held.title if held else None,
        changed=changes(whole_text(held.sections), text) if held else (),
        repeats=_repeats(tx, brand, import_id, article),
        earlier=earlier,
        later=later,
    )


def outcome(tx: Tx, *, brand: BrandId, import_id: ImportId) -> Outcome:
    rows = tx.execute(
        select(ImportArticle.state, func.count().label("articles"))
        .where(*_of(brand, import_id))
        .group_by(ImportArticle.state)
    )
    counts = {row.state: row.articles for row in rows}
    undone = (*_of(brand, import_id), ImportArticle.state == ImportArticleState.UNDONE)
    return Outcome(
        counts=counts,
        repeats=_count(
            tx, select(ImportDuplicate.article_id).distinct().where(*_repeats_of(brand, import_id))
        ),
        retired=_count(
            tx, select(ImportArticle.article_id).where(*undone, ImportArticle.before_id.is_(None))
        ),
        kept=_kept(tx, brand, import_id) if ImportArticleState.KEPT in counts else (),
    )


def whole_text(sections: Sequence[dict[str, Any]]) -> str:
    """A revision as one reads it: each section under its headings."""
    return "\n\n".join(
        "\n".join(part for part in (" › ".join(section["path"]), section["text"]) if part)
        for section in sections
    )


def _lines(brand: BrandId, import_id: ImportId) -> Select[*tuple[Any, ...]]:
    passages = (
        select(func.count())
        .where(Passage.brand_id == ImportArticle.brand_id, Passage.revision_id == ImportArticle.revision_id)
        .correlate(ImportArticle)
        .scalar_subquery()
    )
    repeats = (
        select(func.coalesce(func.max(ImportDuplicate.share_percent), 0))
        .where(*_repeats_of(brand, import_id), ImportDuplicate.article_id == ImportArticle.article_id)
        .correlate(ImportArticle)
        .scalar_subquery()
    )
    return (
        select(
            ImportArticle.article_id,
            ImportArticle.revision_id,
            ImportArticle.state,
            ImportArticle.before_id,
            ImportArticle.file.label("file_ordinal"),
            ImportFile.name.label("file"),
            Article.key,
            Revision.title,
            held_revision().label("held"),
            passages.label("passages"),
            repeats.label("repeats_percent"),
        )
        .join(
            Article,
            (Article.brand_id == ImportArticle.brand_id) & (Article.id == ImportArticle.article_id),
        )
        .join(
            Revision,
            (Revision.brand_id == ImportArticle.brand_id) & (Revision.id == ImportArticle.revision_id),
        )
        .join(
            ImportFile,
            (ImportFile.brand_id == ImportArticle.brand_id)
            & (ImportFile.import_id == ImportArticle.import_id)
            & (ImportFile.ordinal == ImportArticle.file),
        )
        .where(*_of(brand, import_id))
    )


def _of(brand: BrandId, import_id: ImportId) -> tuple[ColumnElement[bool], ...]:
    return ImportArticle.brand_id == brand, ImportArticle.import_id == import_id


def _repeats_of(brand: BrandId, import_id: ImportId) -> tuple[ColumnElement[bool], ...]:
    return ImportDuplicate.brand_id == brand, ImportDuplicate.import_id == import_id


def _only(only: Only) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if only.state is not None:
        wanted.append(ImportArticle.state == only.state)
    if only.repeats:
        repeats = select(ImportDuplicate.article_id).where(
            ImportDuplicate.brand_id == ImportArticle.brand_id,
            ImportDuplicate.import_id == ImportArticle.import_id,
            ImportDuplicate.article_id == ImportArticle.article_id,
        )
        wanted.append(repeats.exists())
    return wanted


def _line(row: Row[*tuple[Any, ...]]) -> DraftLine:
    return DraftLine(
        article=row.article_id,
        key=row.key,
        title=row.title,
        file=row.file,
        state=row.state,
        is_new=row.before_id is None,
        passages=row.passages,
        repeats_percent=row.repeats_percent,
    )


def _passages(tx: Tx, brand: BrandId, revision: RevisionId) -> tuple[DraftPassage, ...]:
    rows = tx.scalars(
        select(Passage)
        .where(Passage.brand_id == brand, Passage.revision_id == revision)
        .order_by(Passage.ordinal)
        .limit(MAX_PASSAGES)
    )
    return tuple(
        DraftPassage(section_path=tuple(row.section_path), page=row.page, text=row.text) for row in rows
    )


def _repeats(tx: Tx, brand: BrandId, import_id: ImportId, article: ArticleId) -> tuple[OtherText, ...]:
    mine = (
        select(ImportArticle.article_id)
        .where(*_of(brand, import_id), ImportArticle.article_id == ImportDuplicate.other_id)
        .correlate(ImportDuplicate)
    )
    rows = tx.execute(
        select(
            ImportDuplicate.other_id,
            ImportDuplicate.share_percent,
            Article.key,
            Revision.title,
            Revision.sections,
            mine.exists().label("in_import"),
        )
        .join(
            Article, (Article.brand_id == ImportDuplicate.brand_id) & (Article.id == ImportDuplicate.other_id)
        )
        .join(
            Revision,
            (Revision.brand_id == ImportDuplicate.brand_id)
            & (Revision.id == ImportDuplicate.other_revision_id),
        )
        .where(*_repeats_of(brand, import_id), ImportDuplicate.article_id == article)
        .order_by(ImportDuplicate.share_percent.desc(), ImportDuplicate.other_id)
    )
    return tuple(
        OtherText(
            article=row.other_id,
            key=row.key,
            title=row.title,
            text=whole_text(row.sections),
            share_percent=row.share_percent,
            in_import=row.in_import,
        )
        for row in rows
    )


def _neighbours(
    tx: Tx, brand: BrandId, import_id: ImportId, key: str
) -> tuple[ArticleId | None, ArticleId | None]:
    """The articles before and after this one, by key."""
    by_key = collate(Article.key, "C")
    others = _lines(brand, import_id).with_only_columns(ImportArticle.article_id)
    earlier = others.where(by_key < key).order_by(by_key.desc()).limit(1)
    later = others.where(by_key > key).order_by(by_key).limit(1)
    return tx.scalar(earlier), tx.scalar(later)


def _kept(tx: Tx, brand: BrandId, import_id: ImportId) -> tuple[tuple[ArticleId, str], ...]:
    rows = tx.execute(
        select(ImportArticle.article_id, Article.title)
        .join(
            Article,
            (Article.brand_id == ImportArticle.brand_id) & (Article.id == ImportArticle.article_id),
        )
        .where(*_of(brand, import_id), ImportArticle.state == ImportArticleState.KEPT)
        .order_by(collate(Article.key, "C"))
        .limit(MAX_KEPT_NAMED)
    )
    return tuple((row.article_id, row.title) for row in rows)


def _count(tx: Tx, wanted: Select[*tuple[Any, ...]]) -> int:
    return tx.scalar(select(func.count()).select_from(wanted.subquery())) or 0
