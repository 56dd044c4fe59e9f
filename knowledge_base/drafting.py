"""Writing an article's texts: immutable revisions and their passages. A revision holds nowhere by itself."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.erasure_models import is_being_erased
from knowledge_base.models import Article, KnowledgeVersion, Passage, Revision
from knowledge_base.passages import split
from knowledge_base.reading.documents import (
    MAX_KEY_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    Document,
    Section,
    clean,
    one_line,
)
from marketplace.kernel.db import Base, Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, PersonId, RevisionId, new_id

ROWS_PER_INSERT = 500
MAX_NOTE_CHARACTERS = 300


class KnowledgeBeingErased(Conflict):
    """This brand's knowledge is being erased. Try again when that is done."""


class EmptyArticle(Invalid):
    """The article has no key, no title or no text. Give it all three."""


class NameTooLong(Invalid):
    """A key may have 500 characters and a title 300. Shorten it."""


class NoteTooLong(Invalid):
    """A note on what changed may have 300 characters. Shorten it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What became of a document: `changed` is false when the article already had this very content."""

    article_id: ArticleId
    revision_id: RevisionId
    revision_number: int
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A document fit to be written. Equal `sha256` is equal content."""

    document: Document
    sections: list[dict[str, object]]
    sha256: str


def refuse_while_erased(tx: Tx, brand: BrandId) -> None:
    """Raises KnowledgeBeingErased: until an erasure is done nothing new is taken in that it could take along."""
    if tx.scalar(select(is_being_erased(brand))):
        raise KnowledgeBeingErased


def hold_knowledge(tx: Tx, brand: BrandId) -> KnowledgeVersion:
    """The brand's counters, locked until the transaction ends; made when missing. Raises KnowledgeBeingErased."""
    refuse_while_erased(tx, brand)
    tx.execute(upsert(KnowledgeVersion).values(brand_id=brand).on_conflict_do_nothing())
    wanted = select(KnowledgeVersion).where(KnowledgeVersion.brand_id == brand).with_for_update()
    return tx.scalars(wanted, execution_options={"populate_existing": True}).one()


def raise_changed(tx: Tx, brand: BrandId) -> None:
    """Call with the brand's knowledge held."""
    tx.execute(
        text("UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = :brand"), {"brand": brand}
    )


def plain_name(given: str) -> str:
    """A key or title as it is kept: one line without what the eye cannot see."""
    return one_line(clean(given))


def plain_note(given: str) -> str:
    """Raises NoteTooLong."""
    note = one_line(clean(given))
    if len(note) > MAX_NOTE_CHARACTERS:
        raise NoteTooLong
    return note


def fit_article(document: Document) -> Document:
    """The document as it would be put. Raises EmptyArticle or NameTooLong."""
    key, title = plain_name(document.key), plain_name(document.title)
    if not (key and title and any(section.text.strip() for section in document.sections)):
        raise EmptyArticle
    if len(key) > MAX_KEY_CHARACTERS or len(title) > MAX_TITLE_CHARACTERS:
        raise NameTooLong
    return replace(document, key=key, title=title)


def content_of(document: Document) -> Content:
    """Raises EmptyArticle or NameTooLong."""
    fit = fit_article(document)
    sections: list[dict[str, object]] = [
        {"path": [*fit.extra, *section.path], "text": section.text, **_page_of(section)}
        for section in fit.sections
    ]
    written = json.dumps([fit.title, sections], ensure_ascii=False, separators=(",", ":"))
    return Content(document=fit, sections=sections, sha256=hashlib.sha256(written.encode()).hexdigest())


def _page_of(section: Section) -> dict[str, int]:
    return {} if section.page is None else {"page": section.page}


def contents_of(documents: Sequence[Document]) -> list[Content]:
    """Raises EmptyArticle or NameTooLong."""
    contents = [content_of(document) for document in documents]
    if len({content.document.key for content in contents}) < len(contents):
        raise ValueError("documents written together must have different keys")
    return contents


def draft_articles(
    tx: Tx,
    *,
    brand: BrandId,
    documents: Sequence[Document],
    author: PersonId | None,
    now: datetime,
    note: str = "",
) -> list[Put]:
    """Write each document as the newest revision of the article under its key; it holds nowhere yet.

    A document that is the newest revision already, or one that holds or is scheduled, is not written again.
    Raises EmptyArticle, NameTooLong or NoteTooLong.
    """
    contents = contents_of(documents)
    noted = plain_note(note)
    plans = _plans(tx, brand, contents)
    # Most documents of a repeated import are as they were: those wait for nobody.
    if any(plan.changed for plan in plans):
        hold_knowledge(tx, brand)
        plans = _plans(tx, brand, contents)
    _write(tx, brand, [plan for plan in plans if plan.changed], author=author, now=now, note=noted)
    return [
        Put(
            article_id=plan.article_id,
            revision_id=plan.revision_id,
            revision_number=plan.number,
            changed=plan.changed,
        )
        for plan in plans
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What it takes to have a text as a revision."""

    content: Content
    article_id: ArticleId
    revision_id: RevisionId
    number: int
    is_new: bool
    changed: bool


def _plans(tx: Tx, brand: BrandId, contents: Sequence[Content]) -> list[_Plan]:
    known = _known(tx, brand, [content.document.key for content in contents])
    return [_plan(content, known.get(content.document.key, ())) for content in contents]


def _known(tx: Tx, brand: BrandId, keys: Sequence[str]) -> Mapping[str, Sequence[Row[Any]]]:
    """Of each article the newest revision first, then those that hold or will."""
    found: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(_KNOWN, {"brand": brand, "keys": list(keys)}):
        found.setdefault(row.key, []).append(row)
    return found


def _plan(content: Content, known: Sequence[Row[Any]]) -> _Plan:
    if not known:
        return _Plan(
            content=content,
            article_id=ArticleId(new_id()),
            revision_id=RevisionId(new_id()),
            number=1,
            is_new=True,
            changed=True,
        )
    same = next((row for row in known if row.sha256 == content.sha256), None)
    return _Plan(
        content=content,
        article_id=known[0].article_id,
        revision_id=same.id if same else RevisionId(new_id()),
        number=same.number if same else known[0].number + 1,
        is_new=False,
        changed=same is None,
    )


def _write(
    tx: Tx, brand: BrandId, plans: Sequence[_Plan], *, author: PersonId | None, now: datetime, note: str
) -> None:
    """Call with the brand's knowledge held."""
    insert_rows(tx, Article, [_article_row(brand, plan, now) for plan in plans if plan.is_new])
    insert_rows(tx, Revision, [_revision_row(brand, plan, author, now, note) for plan in plans])
    insert_rows(tx, Passage, [row for plan in plans for row in _passage_rows(brand, plan)])


Rows = list[dict[str, object]]


def insert_rows(tx: Tx, table: type[Base], rows: Rows) -> None:
    for start in range(0, len(rows), ROWS_PER_INSERT):
        tx.execute(insert(table), rows[start : start + ROWS_PER_INSERT])


def _article_row(brand: BrandId, plan: _Plan, now: datetime) -> dict[str, object]:
    return {
        "brand_id": brand,
        "id": plan.article_id,
        "key": plan.content.document.key,
        "title": plan.content.document.title,
        "created_at": now,
        "verified_at": now,
    }


def _revision_row(
    brand: BrandId, plan: _Plan, author: PersonId | None, now: datetime, note: str
) -> dict[str, object]:
    return {
        "brand_id": brand,
        "id": plan.revision_id,
        "article_id": plan.article_id,
        "number": plan.number,
        "title": plan.content.document.title,
        "sections": plan.content.sections,
        "sha256": plan.content.sha256,
        "note": note,
        "source": plan.content.document.source,
        "author_id": author,
        "written_at": now,
    }


def _passage_rows(brand: BrandId, plan: _Plan) -> Rows:
    return [
        {
            "brand_id": brand,
            "id": PassageId(new_id()),
            "article_id": plan.article_id,
            "revision_id": plan.revision_id,
            "ordinal": passage.ordinal,
            "page": passage.page,
            "section_path": list(passage.path),
            "text": passage.text,
            "language": passage.language,
            "embedding_text": passage.embedding_text,
            "sha256": passage.sha256,
        }
        for passage in split(plan.content.document)
    ]


_KNOWN = text("""
SELECT a.key, r.article_id, r.id, r.number, r.sha256
FROM article a
CROSS JOIN LATERAL (
    SELECT max(n.number) AS number FROM revision n WHERE n.brand_id = a.brand_id AND n.article_id = a.id) AS newest
CROSS JOIN LATERAL (
    SELECT max(p.starts_at) AS at FROM publication p
    WHERE p.brand_id = a.brand_id AND p.article_id = a.id AND p.starts_at <= app_now()) AS begun
JOIN revision r ON r.brand_id = a.brand_id AND r.article_id = a.id
WHERE a.brand_id = :brand AND a.key = ANY(:keys) AND (r.number = newest.number OR EXISTS (
    SELECT FROM publication p WHERE p.brand_id = a.brand_id AND p.article_id = a.id
        AND p.starts_at >= coalesce(begun.at, '-infinity') AND r.id IN (p.revision_id, p.standing_id)))
ORDER BY r.article_id, r.number DESC
""")
