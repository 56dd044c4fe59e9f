"""Writing knowledge: starting imports; putting, verifying and deleting articles.

Whoever changes a brand's live passages first locks the brand's knowledge_version row. So changes of one
brand queue up (two imports with the same keys in different order cannot deadlock), and a reader who sees
number n sees the changes 1 to n.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.models import (
    Article,
    ArticleState,
    ImportFile,
    ImportState,
    KnowledgeImport,
    KnowledgeVersion,
    Passage,
    Revision,
)
from knowledge_base.passages import split
from knowledge_base.reading.documents import (
    MAX_KEY_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    Document,
    Refusal,
    clean,
    one_line,
)
from knowledge_base.reading.parts import line_count, parts
from marketplace.events.commands import record
from marketplace.events.facts import ImportStarted, KnowledgeChanged
from marketplace.kernel.db import Base, Tx
from marketplace.kernel.errors import Invalid, NotFound, TooLarge
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, PassageId, PersonId, RevisionId, new_id

MAX_IMPORT_FILES = 2_000
MAX_IMPORT_BYTES = 25_000_000
MAX_IMPORT_LINES = 50_000
ROWS_PER_INSERT = 500


class NoFiles(Invalid):
    """There is no file in this upload. Choose Markdown, HTML or JSONL files."""


class TooManyFiles(TooLarge):
    """An upload may hold 2,000 files. Send the rest in another one."""


class ImportTooLarge(TooLarge):
    """An upload may hold 25 MB in all. Split it into several."""


class TooManyLines(TooLarge):
    """The JSONL files of an upload may hold 50,000 lines in all. Split them into several uploads."""


class EmptyArticle(Invalid):
    """The article has no key, no title or no text. Give it all three."""


class NameTooLong(Invalid):
    """A key may have 500 characters and a title 300. Shorten it."""


class ArticleNotFound(NotFound):
    """There is no such article in this knowledge base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What became of a document: `changed` is false when the article already had this very content."""

    article_id: ArticleId
    revision_number: int
    changed: bool


def start_import(
    tx: Tx, *, brand: BrandId, files: Sequence[tuple[str, bytes]], author: PersonId | None, now: datetime
) -> ImportId:
    """Keep the uploaded `files` (name, content) until `imports.read_import` reads and judges them.

    Raises NoFiles, TooManyFiles, ImportTooLarge or TooManyLines.
    """
    _check_limits(files)
    unique, repeats = _by_name(files)
    knowledge_import = KnowledgeImport(
        brand_id=brand,
        id=ImportId(new_id()),
        state=ImportState.QUEUED,
        files=len(unique),
        refusals=repeats,
        author_id=author,
        started_at=now,
    )
    tx.add(knowledge_import)
    tx.flush()
    _keep_parts(tx, knowledge_import, unique)
    record(tx, ImportStarted(brand=brand, knowledge_import=knowledge_import.id))
    return knowledge_import.id


def put_article(tx: Tx, *, brand: BrandId, document: Document, author: PersonId | None, now: datetime) -> Put:
    """Make `document` the text that holds under its key, from this commit on.

    Raises EmptyArticle or NameTooLong.
    """
    return put_articles(tx, brand=brand, documents=[document], author=author, now=now)[0]


def put_articles(
    tx: Tx, *, brand: BrandId, documents: Sequence[Document], author: PersonId | None, now: datetime
) -> list[Put]:
    """Several `put_article` of different keys; together they raise the brand's number by one.

    Raises EmptyArticle or NameTooLong.
    """
    wanted = [_wanted(fit_article(document)) for document in documents]
    plans = _plans(tx, brand, wanted)
    # Most documents of a repeated import are as they were: those wait for nobody.
    if any(plan.changed for plan in plans):
        hold_knowledge(tx, brand)
        plans = _plans(tx, brand, wanted)
    _write(tx, brand, [plan for plan in plans if plan.changed], author=author, now=now)
    return [
        Put(article_id=plan.article_id, revision_number=plan.number, changed=plan.changed) for plan in plans
    ]


def delete_article(tx: Tx, *, brand: BrandId, key: str) -> None:
    """Retire an article: from this commit on it is not found; what quoted it keeps its quotes.

    Raises ArticleNotFound.
    """
    hold_knowledge(tx, brand)
    article = _published(tx, brand, key)
    article.state = ArticleState.RETIRED
    _raise_changed(tx, brand)
    record(tx, KnowledgeChanged(brand=brand, article=article.id))


def verify_article(tx: Tx, *, brand: BrandId, key: str, now: datetime) -> None:
    """Say that an article's text is still true. Raises ArticleNotFound."""
    article = _published(tx, brand, key)
    article.verified_at = max(article.verified_at, now)
    tx.flush()


def request_rebuild(tx: Tx, brand: BrandId) -> bool:
    """Make the brand's index due although no passage changed; false when it is due anyway."""
    return tx.execute(_REQUEST_REBUILD, {"brand": brand}).first() is not None


def hold_knowledge(tx: Tx, brand: BrandId) -> KnowledgeVersion:
    """The brand's counters, locked until the transaction ends; made when missing."""
    tx.execute(upsert(KnowledgeVersion).values(brand_id=brand).on_conflict_do_nothing())
    wanted = select(KnowledgeVersion).where(KnowledgeVersion.brand_id == brand).with_for_update()
    return tx.scalars(wanted, execution_options={"populate_existing": True}).one()


def plain_name(given: str) -> str:
    """A key or title as it is kept: one line without what the eye cannot see."""
    return one_line(clean(given))


def fit_article(document: Document) -> Document:
    """The document as it would be put. Raises EmptyArticle or NameTooLong."""
    key, title = plain_name(document.key), plain_name(document.title)
    if not (key and title and any(section.text.strip() for section in document.sections)):
        raise EmptyArticle
    if len(key) > MAX_KEY_CHARACTERS or len(title) > MAX_TITLE_CHARACTERS:
        raise NameTooLong
    return replace(document, key=key, title=title)


def _check_limits(files: Sequence[tuple[str, bytes]]) -> None:
    if not files:
        raise NoFiles
    if len(files) > MAX_IMPORT_FILES:
        raise TooManyFiles
    if sum(len(content) for _, content in files) > MAX_IMPORT_BYTES:
        raise ImportTooLarge
    if sum(line_count(name, content) for name, content in files) > MAX_IMPORT_LINES:
        raise TooManyLines


def _by_name(files: Sequence[tuple[str, bytes]]) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    """Contents by name, and refusals of the names that stand there twice: a name is a key."""
    unique: dict[str, bytes] = {}
    repeats = []
    for given, content in files:
        name = plain_name(given)[:MAX_KEY_CHARACTERS] or "unnamed"
        if name in unique:
            reason = "Another file of this upload has the same name. Rename it and upload it again."
            repeats.append(as_json(Refusal(name=name, reason=reason)))
        else:
            unique[name] = content
    return unique, repeats


def as_json(refusal: Refusal) -> dict[str, str]:
    return {"name": refusal.name, "reason": refusal.reason}


def _keep_parts(tx: Tx, knowledge_import: KnowledgeImport, files: dict[str, bytes]) -> None:
    named = ((name, part) for name, content in files.items() for part in parts(name, content))
    rows: _Rows = [
        {
            "brand_id": knowledge_import.brand_id,
            "import_id": knowledge_import.id,
            "ordinal": ordinal,
            "name": name,
            "content": part,
        }
        for ordinal, (name, part) in enumerate(named)
    ]
    _insert(tx, ImportFile, rows)


def _locked_article(tx: Tx, brand: BrandId, key: str) -> Article | None:
    named = (Article.brand_id == brand, Article.key == plain_name(key))
    wanted = select(Article).where(*named).with_for_update()
    return tx.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()


def _published(tx: Tx, brand: BrandId, key: str) -> Article:
    article = _locked_article(tx, brand, key)
    if article is None or article.state is not ArticleState.PUBLISHED:
        raise ArticleNotFound
    return article


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    document: Document
    sections: list[dict[str, object]]
    sha256: str


def _wanted(document: Document) -> _Wanted:
    sections: list[dict[str, object]] = [
        {"path": [*document.extra, *section.path], "text": section.text} for section in document.sections
    ]
    content = json.dumps([document.title, sections], ensure_ascii=False, separators=(",", ":"))
    return _Wanted(document=document, sections=sections, sha256=hashlib.sha256(content.encode()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What it takes to make a text its article's."""

    content: _Wanted
    article_id: ArticleId
    revision_id: RevisionId
    number: int
    is_new: bool
    needs_revision: bool
    changed: bool


def _plans(tx: Tx, brand: BrandId, wanted: Sequence[_Wanted]) -> list[_Plan]:
    keys = {content.document.key for content in wanted}
    if len(keys) < len(wanted):
        raise ValueError("documents put together must have different keys")
    rows = tx.execute(
        select(
            Article.key,
            Article.id,
            Article.state,
            Revision.id.label("revision"),
            Revision.number,
            Revision.sha256,
        )
        .join(Revision, (Revision.brand_id == Article.brand_id) & (Revision.id == Article.revision_id))
        .where(Article.brand_id == brand, Article.key.in_(keys))
    )
    current = {row.key: cast(Row[Any], row) for row in rows}
    return [_plan(content, current.get(content.document.key)) for content in wanted]


def _plan(content: _Wanted, current: Row[Any] | None) -> _Plan:
    if current is None:
        return _Plan(
            content=content,
            article_id=ArticleId(new_id()),
            revision_id=RevisionId(new_id()),
            number=1,
            is_new=True,
            needs_revision=True,
            changed=True,
        )
    same = current.sha256 == content.sha256
    return _Plan(
        content=content,
        article_id=current.id,
        # A retired article that comes back as it was keeps its revision.
        revision_id=current.revision if same else RevisionId(new_id()),
        number=current.number if same else current.number + 1,
        is_new=False,
        needs_revision=not same,
        changed=not same or current.state is not ArticleState.PUBLISHED,
    )


def _write(tx: Tx, brand: BrandId, plans: Sequence[_Plan], *, author: PersonId | None, now: datetime) -> None:
    """Call with the brand's knowledge held."""
    if not plans:
        return
    revised = [plan for plan in plans if plan.needs_revision]
    _insert(tx, Article, [_article_row(brand, plan, now) for plan in plans if plan.is_new])
    _insert(tx, Revision, [_revision_row(brand, plan, author, now) for plan in revised])
    _insert(tx, Passage, [row for plan in revised for row in _passage_rows(brand, plan)])
    for plan in plans:
        if not plan.is_new:
            _move_article(tx, brand, plan, now)
    _raise_changed(tx, brand)
    for plan in plans:
        record(tx, KnowledgeChanged(brand=brand, article=plan.article_id))


_Rows = list[dict[str, object]]


def _insert(tx: Tx, table: type[Base], rows: _Rows) -> None:
    for start in range(0, len(rows), ROWS_PER_INSERT):
        tx.execute(insert(table), rows[start : start + ROWS_PER_INSERT])


def _article_row(brand: BrandId, plan: _Plan, now: datetime) -> dict[str, object]:
    return {
        "brand_id": brand,
        "id": plan.article_id,
        "key": plan.content.document.key,
        "title": plan.content.document.title,
        "state": ArticleState.PUBLISHED,
        "revision_id": plan.revision_id,
        "created_at": now,
        "verified_at": now,
    }


def _revision_row(brand: BrandId, plan: _Plan, author: PersonId | None, now: datetime) -> dict[str, object]:
    return {
        "brand_id": brand,
        "id": plan.revision_id,
        "article_id": plan.article_id,
        "number": plan.number,
        "title": plan.content.document.title,
        "sections": plan.content.sections,
        "sha256": plan.content.sha256,
        "author_id": author,
        "written_at": now,
    }


def _passage_rows(brand: BrandId, plan: _Plan) -> _Rows:
    return [
        {
            "brand_id": brand,
            "id": PassageId(new_id()),
            "article_id": plan.article_id,
            "revision_id": plan.revision_id,
            "ordinal": passage.ordinal,
            "section_path": list(passage.path),
            "text": passage.text,
            "embedding_text": passage.embedding_text,
            "sha256": passage.sha256,
        }
        for passage in split(plan.content.document)
    ]


def _move_article(tx: Tx, brand: BrandId, plan: _Plan, now: datetime) -> None:
    tx.execute(
        update(Article)
        .where(Article.brand_id == brand, Article.id == plan.article_id)
        .values(
            title=plan.content.document.title,
            state=ArticleState.PUBLISHED,
            revision_id=plan.revision_id,
            verified_at=now,
        )
    )


def _raise_changed(tx: Tx, brand: BrandId) -> None:
    """Call with the brand's knowledge held."""
    tx.execute(
        text("UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = :brand"), {"brand": brand}
    )


_RAISE_CHANGED = text("UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = :brand")
# Skips a locked row: who holds it changes passages or publishes, and then the index is due or new anyway.
_REQUEST_REBUILD = text(
    "UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = (SELECT brand_id "
    "FROM knowledge_version WHERE brand_id = :brand AND changed = indexed FOR UPDATE SKIP LOCKED) "
    "RETURNING changed"
)
