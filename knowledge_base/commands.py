"""Writing knowledge: starting imports; putting, verifying and deleting articles.

Whoever changes a brand's live passages first locks the brand's knowledge_version row. So changes of one
brand queue up (two imports with the same keys in different order cannot deadlock), and a reader who sees
number n sees the changes 1 to n.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.documents import MAX_KEY_CHARACTERS, Document, Refusal, clean, one_line
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
from knowledge_base.parts import line_count, parts
from knowledge_base.passages import split
from marketplace.events.commands import record
from marketplace.events.facts import ImportStarted, KnowledgeChanged
from marketplace.kernel.db import Tx
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
    """Make `document` the text that holds under its key, from this commit on. Raises EmptyArticle."""
    return put_articles(tx, brand=brand, documents=[document], author=author, now=now)[0]


def put_articles(
    tx: Tx, *, brand: BrandId, documents: Iterable[Document], author: PersonId | None, now: datetime
) -> list[Put]:
    """Several `put_article`; together they raise the brand's number by one. Raises EmptyArticle."""
    puts = [_put(tx, brand, document, author, now) for document in documents]
    if any(put.changed for put in puts):
        _raise_changed(tx, brand)
    for put in puts:
        if put.changed:
            record(tx, KnowledgeChanged(brand=brand, article=put.article_id))
    return puts


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


def check_article(document: Document) -> None:
    """Raises EmptyArticle when there is nothing to put."""
    has_text = any(section.text.strip() for section in document.sections)
    if not (has_text and document.key.strip() and document.title.strip()):
        raise EmptyArticle


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
        name = one_line(clean(given))[:MAX_KEY_CHARACTERS] or "unnamed"
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
    rows = [
        {
            "brand_id": knowledge_import.brand_id,
            "import_id": knowledge_import.id,
            "ordinal": ordinal,
            "name": name,
            "content": part,
        }
        for ordinal, (name, part) in enumerate(named)
    ]
    tx.execute(insert(ImportFile), rows)


def _locked_article(tx: Tx, brand: BrandId, key: str) -> Article | None:
    wanted = select(Article).where(Article.brand_id == brand, Article.key == key).with_for_update()
    return tx.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()


def _published(tx: Tx, brand: BrandId, key: str) -> Article:
    article = _locked_article(tx, brand, key)
    if article is None or article.state is not ArticleState.PUBLISHED:
        raise ArticleNotFound
    return article


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A document on its way to become its article's text."""

    document: Document
    sections: list[dict[str, object]]
    sha256: str
    author: PersonId | None
    now: datetime


def _put(tx: Tx, brand: BrandId, document: Document, author: PersonId | None, now: datetime) -> Put:
    check_article(document)
    sections = _sections(document)
    sha256 = _sha256(document.title, sections)
    change = _Change(document=document, sections=sections, sha256=sha256, author=author, now=now)
    # Most documents of a repeated import are as they were: those wait for nobody.
    unchanged = _unchanged(tx, brand, change)
    if unchanged is None:
        hold_knowledge(tx, brand)
        unchanged = _unchanged(tx, brand, change)
    return unchanged or _replace(tx, brand, change)


def _sections(document: Document) -> list[dict[str, object]]:
    return [{"path": [*document.extra, *section.path], "text": section.text} for section in document.sections]


def _sha256(title: str, sections: list[dict[str, object]]) -> str:
    content = json.dumps([title, sections], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _unchanged(tx: Tx, brand: BrandId, change: _Change) -> Put | None:
    row = tx.execute(
        select(Article.id, Revision.number)
        .join(Revision, (Revision.brand_id == Article.brand_id) & (Revision.id == Article.revision_id))
        .where(
            Article.brand_id == brand,
            Article.key == change.document.key,
            Article.state == ArticleState.PUBLISHED,
            Revision.sha256 == change.sha256,
        )
    ).one_or_none()
    return row and Put(article_id=row.id, revision_number=row.number, changed=False)


def _replace(tx: Tx, brand: BrandId, change: _Change) -> Put:
    """Call with the brand's knowledge held."""
    article = _locked_article(tx, brand, change.document.key) or _new_article(tx, brand, change)
    revision = tx.get(Revision, (brand, article.revision_id))
    # A retired article that comes back as it was keeps its revision.
    if revision is None or revision.sha256 != change.sha256:
        revision = _add_revision(tx, article, change, number=1 if revision is None else revision.number + 1)
    article.title = change.document.title
    article.state = ArticleState.PUBLISHED
    article.revision_id = revision.id
    article.verified_at = change.now
    tx.flush()
    return Put(article_id=article.id, revision_number=revision.number, changed=True)


def _new_article(tx: Tx, brand: BrandId, change: _Change) -> Article:
    article = Article(
        brand_id=brand,
        id=ArticleId(new_id()),
        key=change.document.key,
        title=change.document.title,
        state=ArticleState.DRAFT,
        revision_id=RevisionId(new_id()),
        created_at=change.now,
        verified_at=change.now,
    )
    tx.add(article)
    tx.flush()
    return article


def _add_revision(tx: Tx, article: Article, change: _Change, *, number: int) -> Revision:
    revision = Revision(
        brand_id=article.brand_id,
        id=RevisionId(new_id()),
        article_id=article.id,
        number=number,
        title=change.document.title,
        sections=change.sections,
        sha256=change.sha256,
        author_id=change.author,
        written_at=change.now,
    )
    tx.add(revision)
    tx.flush()
    _add_passages(tx, revision, change.document)
    return revision


def _add_passages(tx: Tx, revision: Revision, document: Document) -> None:
    rows = [
        {
            "brand_id": revision.brand_id,
            "id": PassageId(new_id()),
            "article_id": revision.article_id,
            "revision_id": revision.id,
            "ordinal": passage.ordinal,
            "section_path": list(passage.path),
            "text": passage.text,
            "embedding_text": passage.embedding_text,
            "sha256": passage.sha256,
        }
        for passage in split(document)
    ]
    for start in range(0, len(rows), ROWS_PER_INSERT):
        tx.execute(insert(Passage), rows[start : start + ROWS_PER_INSERT])


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
