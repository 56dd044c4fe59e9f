"""Reading an import in the background: short transactions, and after kill -9 it goes on where it was.

What has been read is what has no import_file row any more: a batch's articles, its counts and the deletion of
its rows are one commit. So nothing is counted twice, whoever runs the job and how often.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from sqlalchemy import ColumnElement, delete, func, select

from knowledge_base.commands import (
    EmptyArticle,
    NameTooLong,
    as_json,
    fit_article,
    hold_knowledge,
    put_articles,
)
from knowledge_base.models import ImportFile, ImportState, KnowledgeImport
from knowledge_base.reading.apart import read_all_apart
from knowledge_base.reading.documents import Document, Refusal
from knowledge_base.reading.parts import is_jsonl
from marketplace.events.commands import record
from marketplace.events.facts import ImportAdvanced
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import BrandId, ImportId

FILES_PER_TRANSACTION = 50
MAX_REFUSALS = 500
PROGRESS_STEPS = 20


class ImportNotFound(NotFound):
    """There is no such import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file, or 100 lines of one."""

    ordinal: int
    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What parts hold."""

    documents: tuple[Document, ...]
    refusals: tuple[Refusal, ...]


def read_import(database: Database, brand: BrandId, import_id: ImportId) -> ImportState:
    """Read what is left of an import; returns the state it is in then. Raises ImportNotFound.

    Bad files are refused by name and reason and never stop the others.
    """
    scope = Scope(brand=brand)
    with database.transaction(scope) as tx:
        _begin(tx, brand, import_id)
    # An id that stands twice in one upload is a mistake worth telling. After a restart the ids before it are
    # not remembered: then the later text replaces the earlier.
    keys: set[str] = set()
    while parts := _next_parts(database, scope, import_id):
        reading = _read(parts, keys)
        with database.transaction(scope) as tx:
            _take(tx, brand, import_id, parts, reading)
    with database.transaction(scope) as tx:
        return _finish(tx, brand, import_id)


def fail_import(tx: Tx, *, brand: BrandId, import_id: ImportId) -> None:
    """Give an import up after its job failed too often. What was read stays, the rest is dropped."""
    knowledge_import = _locked(tx, brand, import_id)
    if knowledge_import.state not in (ImportState.QUEUED, ImportState.READING):
        return
    left = tx.scalars(delete(ImportFile).where(*_of(brand, import_id)).returning(ImportFile.name)).all()
    reason = "Reading stopped because of a fault on our side. Upload it again."
    _refuse(knowledge_import, [Refusal(name=name, reason=reason) for name in dict.fromkeys(left)])
    _move(tx, knowledge_import, ImportState.FAILED)


def finish_indexed(tx: Tx, brand: BrandId, *, caught_up: bool, seen: Sequence[ImportId]) -> None:
    """Imports whose articles a new snapshot holds are ready.

    Those are all when the snapshot holds every change, else those in `seen`. Call with the brand's knowledge
    held.
    """
    waiting = select(KnowledgeImport).where(
        KnowledgeImport.brand_id == brand, KnowledgeImport.state == ImportState.INDEXING
    )
    if not caught_up:
        waiting = waiting.where(KnowledgeImport.id.in_(seen))
    for knowledge_import in tx.scalars(waiting.with_for_update()):
        _move(tx, knowledge_import, ImportState.READY)


def waiting_for_index(tx: Tx, brand: BrandId) -> list[ImportId]:
    """Imports that are ready once an index holds what is committed now."""
    return list(
        tx.scalars(
            select(KnowledgeImport.id).where(
                KnowledgeImport.brand_id == brand, KnowledgeImport.state == ImportState.INDEXING
            )
        )
    )


def _begin(tx: Tx, brand: BrandId, import_id: ImportId) -> None:
    knowledge_import = _locked(tx, brand, import_id)
    if knowledge_import.state is ImportState.QUEUED:
        _move(tx, knowledge_import, ImportState.READING)


def _next_parts(database: Database, scope: Scope, import_id: ImportId) -> list[Part]:
    """The next transaction's parts: small files together, a part of a JSONL file alone."""
    with database.transaction(scope) as tx:
        rows = tx.execute(
            select(ImportFile.ordinal, ImportFile.name, ImportFile.content)
            .where(ImportFile.brand_id == scope.brand, ImportFile.import_id == import_id)
            .order_by(ImportFile.ordinal)
            .limit(FILES_PER_TRANSACTION)
        )
        parts = [Part(ordinal=row.ordinal, name=row.name, content=row.content) for row in rows]
    if parts and is_jsonl(parts[0].name):
        return parts[:1]
    return list(takewhile(lambda part: not is_jsonl(part.name), parts))


def _read(parts: Sequence[Part], keys: set[str]) -> Reading:
    documents = []
    refusals = []
    for outcome in _outcomes(parts):
        fit = _fit(outcome, keys)
        if isinstance(fit, Refusal):
            refusals.append(fit)
        else:
            keys.add(fit.key)
            documents.append(fit)
    return Reading(documents=tuple(documents), refusals=tuple(refusals))


def _fit(outcome: Document | Refusal, keys: set[str]) -> Document | Refusal:
    if isinstance(outcome, Refusal):
        return outcome
    try:
        document = fit_article(outcome)
    except (EmptyArticle, NameTooLong) as error:
        return Refusal(name=outcome.key, reason=error.detail)
    if document.key in keys:
        reason = "The same id stands in this upload already. Give each article its own."
        return Refusal(name=document.key, reason=reason)
    return document


def _outcomes(parts: Sequence[Part]) -> Iterator[Document | Refusal]:
    readings = read_all_apart([(part.name, part.content) for part in parts])
    for part, reading in zip(parts, readings, strict=True):
        yield from (_named(outcome, part.name) for outcome in reading.outcomes)


def _named(outcome: Document | Refusal, file: str) -> Document | Refusal:
    """A refusal inside a JSONL file names the file too."""
    if isinstance(outcome, Document) or outcome.name == file:
        return outcome
    inside = outcome.name != "the file"
    return replace(outcome, name=f"{file}, {outcome.name}" if inside else file)


def _take(tx: Tx, brand: BrandId, import_id: ImportId, parts: Sequence[Part], reading: Reading) -> None:
    knowledge_import = _locked(tx, brand, import_id)
    last = tx.scalar(select(func.max(ImportFile.ordinal)).where(*_of(brand, import_id)))
    if last is None or not _drop(tx, brand, import_id, parts):
        return  # the same job ran twice, and the other one took these
    puts = put_articles(
        tx, brand=brand, documents=reading.documents, author=knowledge_import.author_id, now=app_now(tx)
    )
    changed = sum(put.changed for put in puts)
    knowledge_import.articles += changed
    knowledge_import.unchanged += len(puts) - changed
    _refuse(knowledge_import, reading.refusals)
    knowledge_import.files_read = knowledge_import.files - _files_left(tx, brand, import_id)
    tx.flush()
    if _step(parts[-1].ordinal + 1, last + 1) > _step(parts[0].ordinal, last + 1):
        _tell(tx, knowledge_import)


def _drop(tx: Tx, brand: BrandId, import_id: ImportId, parts: Sequence[Part]) -> bool:
    """Delete the parts' rows; false when they were gone."""
    ordinals = [part.ordinal for part in parts]
    statement = delete(ImportFile).where(*_of(brand, import_id), ImportFile.ordinal.in_(ordinals))
    return len(tx.scalars(statement.returning(ImportFile.ordinal)).all()) == len(ordinals)


def _files_left(tx: Tx, brand: BrandId, import_id: ImportId) -> int:
    names = select(func.count(ImportFile.name.distinct())).where(*_of(brand, import_id))
    return tx.scalar(names) or 0


def _step(done: int, total: int) -> int:
    return PROGRESS_STEPS * done // total


def _finish(tx: Tx, brand: BrandId, import_id: ImportId) -> ImportState:
    knowledge_import = _locked(tx, brand, import_id)
    if knowledge_import.state is not ImportState.READING:
        return knowledge_import.state
    version = hold_knowledge(tx, brand)
    if knowledge_import.articles + knowledge_import.unchanged == 0:
        _move(tx, knowledge_import, ImportState.FAILED)
    elif version.changed > version.indexed:
        _move(tx, knowledge_import, ImportState.INDEXING)
    else:
        _move(tx, knowledge_import, ImportState.READY)
    return knowledge_import.state


def _locked(tx: Tx, brand: BrandId, import_id: ImportId) -> KnowledgeImport:
    wanted = select(KnowledgeImport).where(KnowledgeImport.brand_id == brand, KnowledgeImport.id == import_id)
    found = tx.scalars(wanted.with_for_update(), execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        raise ImportNotFound
    return found


def _of(brand: BrandId, import_id: ImportId) -> tuple[ColumnElement[bool], ...]:
    return ImportFile.brand_id == brand, ImportFile.import_id == import_id


def _move(tx: Tx, knowledge_import: KnowledgeImport, state: ImportState) -> None:
    knowledge_import.state = state
    if state in (ImportState.READY, ImportState.FAILED):
        knowledge_import.finished_at = app_now(tx)
    tx.flush()
    _tell(tx, knowledge_import)


def _tell(tx: Tx, knowledge_import: KnowledgeImport) -> None:
    record(
        tx,
        ImportAdvanced(
            brand=knowledge_import.brand_id,
            knowledge_import=knowledge_import.id,
            state=knowledge_import.state.value,
            files_read=knowledge_import.files_read,
            files=knowledge_import.files,
        ),
    )


def _refuse(knowledge_import: KnowledgeImport, refusals: Sequence[Refusal]) -> None:
    """Add to the refusals; beyond MAX_REFUSALS the last entry only counts."""
    if not refusals:
        return
    known = list(knowledge_import.refusals)
    uncounted = known.pop()["more"] if known and "more" in known[-1] else 0
    known += [as_json(refusal) for refusal in refusals]
    uncounted += len(known[MAX_REFUSALS:])
    knowledge_import.refusals = known[:MAX_REFUSALS] + ([{"more": uncounted}] if uncounted else [])
