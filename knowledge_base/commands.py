"""Starting imports, and having an index built anew; writing articles is in drafting.py and publishing.py."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from knowledge_base.drafting import (
    EmptyArticle,
    NameTooLong,
    Put,
    Rows,
    fit_article,
    hold_knowledge,
    insert_rows,
    plain_name,
)
from knowledge_base.models import ImportFile, ImportState, KnowledgeImport
from knowledge_base.publishing import (
    ArticleNotFound,
    delete_article,
    put_article,
    put_articles,
    verify_article,
)
from knowledge_base.reading.documents import MAX_KEY_CHARACTERS, Refusal
from knowledge_base.reading.parts import line_count, parts
from marketplace.events.commands import record
from marketplace.events.facts import ImportStarted
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid, TooLarge
from marketplace.kernel.ids import BrandId, ImportId, PersonId, new_id

__all__ = [
    "ArticleNotFound",
    "EmptyArticle",
    "NameTooLong",
    "Put",
    "as_json",
    "delete_article",
    "fit_article",
    "hold_knowledge",
    "plain_name",
    "put_article",
    "put_articles",
    "request_rebuild",
    "start_import",
    "verify_article",
]

MAX_IMPORT_FILES = 2_000
MAX_IMPORT_BYTES = 25_000_000
MAX_IMPORT_LINES = 50_000


class NoFiles(Invalid):
    """There is no file in this upload. Choose Markdown, HTML or JSONL files."""


class TooManyFiles(TooLarge):
    """An upload may hold 2,000 files. Send the rest in another one."""


class ImportTooLarge(TooLarge):
    """An upload may hold 25 MB in all. Split it into several."""


class TooManyLines(TooLarge):
    """The JSONL files of an upload may hold 50,000 lines in all. Split them into several uploads."""


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


def request_rebuild(tx: Tx, brand: BrandId) -> bool:
    """Make the brand's index due although no passage changed; false when it is due anyway."""
    return tx.execute(_REQUEST_REBUILD, {"brand": brand}).first() is not None


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
    rows: Rows = [
        {
            "brand_id": knowledge_import.brand_id,
            "import_id": knowledge_import.id,
            "ordinal": ordinal,
            "name": name,
            "content": part,
        }
        for ordinal, (name, part) in enumerate(named)
    ]
    insert_rows(tx, ImportFile, rows)


# Skips a locked row: who holds it changes passages or publishes, and then the index is due or new anyway.
_REQUEST_REBUILD = text(
    "UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = (SELECT brand_id "
    "FROM knowledge_version WHERE brand_id = :brand AND changed = indexed FOR UPDATE SKIP LOCKED) "
    "RETURNING changed"
)
