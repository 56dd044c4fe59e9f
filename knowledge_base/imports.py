"""Reading an import in the background: short transactions, and after kill -9 it goes on where it was.

What has been read is what waits no more: a batch's articles, what its files gave, and the end of its parts' waiting
are one commit. So nothing is counted twice, whoever runs the job and how often.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Row, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.drafting import (
    EmptyArticle,
    NameTooLong,
    Put,
    draft_articles,
    fit_article,
    hold_knowledge,
    plain_name,
)
from knowledge_base.duplicates import find_duplicates
from knowledge_base.import_files import (
    drop_content,
    files_read,
    give_up,
    locked_import,
    of_import,
    tell,
)
from knowledge_base.import_models import (
    WORKED_OFF_BY_A_JOB,
    FileState,
    ImportArticle,
    ImportArticleState,
    ImportFile,
    ImportPart,
    ImportState,
    KnowledgeImport,
)
from knowledge_base.in_force import held_revision
from knowledge_base.models import Article, Passage
from knowledge_base.problems import Problem, told_apart
from knowledge_base.publishing import put_articles
from knowledge_base.reading.documents import Document, Refusal
from knowledge_base.reading.parts import is_jsonl
from knowledge_base.reading.reader import LocalReader, Portion, Reader
from knowledge_base.reading.wire import Reading
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.ids import BrandId, ImportId, RevisionId

FILES_PER_TRANSACTION = 50
BYTES_PER_TRANSACTION = 1_000_000
MAX_FILE_REFUSALS = 100
MAX_FILE_NOTES = 50
MAX_FOLDERS = 4
PROGRESS_STEPS = 20
ATTEMPTS = 8
"""Of jobs at an import that takes nothing meanwhile, kills included; then it is given up."""
UNREAD = (ImportState.QUEUED, ImportState.READING)
UNDER_WAY = (FileState.QUEUED, FileState.READING, FileState.SPLITTING)
STOPPED = Problem(reason="Reading stopped because of a fault on our side.", remedy="Try again.")
TWICE = Problem(reason="The same id stands in this upload already.", remedy="Give each article its own.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file, or 100 lines of one. `ending` is that of a fetched file, whose name is its address."""

    file: int
    ordinal: int
    name: str
    ending: str
    content: bytes

    @property
    def file_name(self) -> str:
        return self.name + self.ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An article of a file that was not taken; `name` says which."""

    name: str
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRead:
    """What a part holds."""

    part: Part
    documents: tuple[Document, ...]
    refusals: tuple[Refused, ...]


def read_import(
    database: Database, brand: BrandId, import_id: ImportId, *, reader: Reader | None = None
) -> ImportState:
    """Read what is left of an import; returns the state it is in then. Raises ImportNotFound.

    A `reader` that gains by it is given several transactions' parts at once; each is committed as it comes.

    Bad files are refused by name and reason and never stop the others.
    """
    scope = Scope(brand=brand)
    reader = reader or LocalReader()
    with database.transaction(scope) as tx:
        looks_first = _begin(tx, brand, import_id)
    # An id that stands twice in one upload is a mistake worth telling. After a restart the ids before it are
    # not remembered: then the later text replaces the earlier.
    keys: set[str] = set()
    while slices := _next_slices(database, scope, import_id, reader.portion):
        readings = reader.read([(part.file_name, part.content) for parts in slices for part in parts])
        for parts in slices:
            read = _read(parts, readings, keys)
            with database.transaction(scope) as tx:
                _mark(tx, brand, import_id, parts, FileState.SPLITTING)
            with database.transaction(scope) as tx:
                _take(tx, brand, import_id, read)
    if looks_first:
        find_duplicates(database, brand, import_id)
    with database.transaction(scope) as tx:
        return _finish(tx, brand, import_id)


def fail_import(tx: Tx, *, brand: BrandId, import_id: ImportId) -> None:
    """Give an import up after its job failed too often. What was read stays, the rest can be tried again."""
    found = locked_import(tx, brand, import_id)
    if found.state in UNREAD:
        give_up(tx, found, reason=STOPPED.reason, remedy=STOPPED.remedy, now=app_now(tx))


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
    for found in tx.scalars(waiting.with_for_update()):
        move_import(tx, found, ImportState.READY)


def waiting_for_index(tx: Tx, brand: BrandId) -> list[ImportId]:
    """Imports that are ready once an index holds what is committed now."""
    return list(
        tx.scalars(
            select(KnowledgeImport.id).where(
                KnowledgeImport.brand_id == brand, KnowledgeImport.state == ImportState.INDEXING
            )
        )
    )


def move_import(tx: Tx, found: KnowledgeImport, state: ImportState) -> None:
    """Put an import into `state`, the files that gave something with it, and tell."""
    now = app_now(tx)
    found.state, found.advanced_at, found.attempts = state, now, 0
    if state in ENDS:
        found.finished_at = now
    if state in FILES_FOLLOW:
        before, after = FILES_FOLLOW[state]
        tx.execute(
            update(ImportFile)
            .where(*of_import(found.brand_id, found.id), ImportFile.state.in_(before))
            .values(state=after, changed_at=now)
        )
    tx.flush()
    tell(tx, found)


ENDS = frozenset({ImportState.READY, ImportState.FAILED, ImportState.DISCARDED, ImportState.UNDONE})
_TAKEN = (FileState.REVIEW, FileState.INDEXING)
FILES_FOLLOW: Mapping[ImportState, tuple[tuple[FileState, ...], FileState]] = {
    ImportState.INDEXING: (_TAKEN, FileState.INDEXING),
    ImportState.READY: (_TAKEN, FileState.READY),
    ImportState.DISCARDED: (_TAKEN, FileState.DROPPED),
    ImportState.UNDONE: ((*_TAKEN, FileState.READY), FileState.DROPPED),
}


def _begin(tx: Tx, brand: BrandId, import_id: ImportId) -> bool:
    """Whether its articles are drafts that a person looks at first."""
    found = locked_import(tx, brand, import_id)
    if found.state in UNREAD and found.attempts >= ATTEMPTS:
        fail_import(tx, brand=brand, import_id=import_id)
    elif found.state is ImportState.QUEUED:
        move_import(tx, found, ImportState.READING)
    if found.state in WORKED_OFF_BY_A_JOB:
        found.attempts, found.tried_at = found.attempts + 1, app_now(tx)
    return found.looks_first and found.state is ImportState.READING


def _next_slices(database: Database, scope: Scope, import_id: ImportId, portion: Portion) -> list[list[Part]]:
    """The parts of the next transaction, and of as many more as fit the portion; their files are marked."""
    assert scope.brand is not None
    with database.transaction(scope) as tx:
        slices = _slices(_waiting(tx, scope.brand, import_id, portion), portion)
        if not slices:
            return []
        chosen = [key for keys in slices for key in keys]
        parts = [Part(**row._asdict()) for row in _contents(tx, scope.brand, import_id, chosen)]
        _mark(tx, scope.brand, import_id, parts, FileState.READING)
        found = {(part.file, part.ordinal): part for part in parts}
        return [[found[key] for key in keys if key in found] for keys in slices]


def _waiting(
    tx: Tx, brand: BrandId, import_id: ImportId, portion: Portion
) -> Sequence[Row[int, int, str, int]]:
    return tx.execute(
        select(ImportPart.file, ImportPart.ordinal, ImportFile.name, func.length(ImportPart.content))
        .join(ImportFile, _its_file())
        .join(
            KnowledgeImport,
            (KnowledgeImport.brand_id == ImportFile.brand_id) & (KnowledgeImport.id == ImportFile.import_id),
        )
        .where(
            ImportPart.brand_id == brand,
            ImportPart.import_id == import_id,
            ImportPart.waiting,
            ImportFile.state.in_(UNDER_WAY),
            KnowledgeImport.state == ImportState.READING,
        )
        .order_by(ImportPart.file, ImportPart.ordinal)
        .limit(max(FILES_PER_TRANSACTION, portion.files))
    ).all()


def _its_file() -> ColumnElement[bool]:
    return (
        (ImportFile.brand_id == ImportPart.brand_id)
        & (ImportFile.import_id == ImportPart.import_id)
        & (ImportFile.ordinal == ImportPart.file)
    )


def _slices(waiting: Sequence[Row[int, int, str, int]], portion: Portion) -> list[list[tuple[int, int]]]:
    """What each transaction takes; the first, however large it is, and more up to the portion."""
    slices: list[list[tuple[int, int]]] = []
    start = total = 0
    while start < len(waiting):
        rows = waiting[start : start + _slice_length(waiting[start : start + FILES_PER_TRANSACTION])]
        start += len(rows)
        total += sum(length for _, _, _, length in rows)
        if slices and (start > portion.files or total > portion.content_bytes):
            break
        slices.append([(file, ordinal) for file, ordinal, _, _ in rows])
    return slices


def _slice_length(waiting: Sequence[Row[int, int, str, int]]) -> int:
    """How many go into one transaction: small files together, a large one or 100 lines alone."""
    total = 0
    for count, (_, _, name, length) in enumerate(waiting):
        total += length
        if count and (is_jsonl(name) or total > BYTES_PER_TRANSACTION):
            return count
        if is_jsonl(name):
            return 1
    return len(waiting)


def _contents(
    tx: Tx, brand: BrandId, import_id: ImportId, chosen: Sequence[tuple[int, int]]
) -> Sequence[Row[int, int, str, str, bytes]]:
    return tx.execute(
        select(ImportPart.file, ImportPart.ordinal, ImportFile.name, ImportFile.ending, ImportPart.content)
        .join(ImportFile, _its_file())
        .where(
            ImportPart.brand_id == brand,
            ImportPart.import_id == import_id,
            tuple_(ImportPart.file, ImportPart.ordinal).in_(chosen),
        )
        .order_by(ImportPart.file, ImportPart.ordinal)
    ).all()


def _mark(tx: Tx, brand: BrandId, import_id: ImportId, parts: Sequence[Part], state: FileState) -> None:
    """Say where these files are. One that failed meanwhile is left as it is."""
    tx.execute(
        update(ImportFile)
        .where(
            *of_import(brand, import_id),
            ImportFile.ordinal.in_({part.file for part in parts}),
            ImportFile.state.in_(UNDER_WAY),
        )
        .values(state=state, changed_at=app_now(tx))
    )


def _read(parts: Sequence[Part], readings: Iterator[Reading], keys: set[str]) -> list[PartRead]:
    """As many of the readings as there are parts."""
    theirs = islice(readings, len(parts))
    return [_judged(part, reading, keys) for part, reading in zip(parts, theirs, strict=True)]


def _judged(part: Part, reading: Reading, keys: set[str]) -> PartRead:
    documents: list[Document] = []
    refusals: list[Refused] = []
    for outcome in reading.outcomes:
        fit = _fit(_addressed(outcome, part), part, keys)
        if isinstance(fit, Refused):
            refusals.append(fit)
        else:
            keys.add(fit.key)
            documents.append(fit)
    return PartRead(part=part, documents=tuple(documents), refusals=tuple(refusals))


def _addressed(outcome: Document | Refusal, part: Part) -> Document | Refusal:
    """What was fetched goes by its address, not by the file name that it was read under."""
    if isinstance(outcome, Refusal):
        return replace(outcome, name=part.name) if outcome.name == part.file_name else outcome
    return replace(outcome, key=part.name) if outcome.key == plain_name(part.file_name) else outcome


def _fit(outcome: Document | Refusal, part: Part, keys: set[str]) -> Document | Refused:
    if isinstance(outcome, Refusal):
        return Refused(name=_named(outcome, part.name), problem=told_apart(outcome.reason))
    try:
        document = fit_article(_placed(outcome, part))
    except (EmptyArticle, NameTooLong) as error:
        return Refused(name=outcome.key, problem=told_apart(error.detail))
    if document.key in keys:
        return Refused(name=document.key, problem=TWICE)
    return document


def _placed(document: Document, part: Part) -> Document:
    """The folders of an uploaded folder say where an article belongs, unless the file itself says so."""
    path = urlsplit(part.name).path if part.ending else part.name
    folders = [folder for folder in PurePosixPath(plain_name(path)).parts[:-1] if folder != "/"]
    return document if document.extra else replace(document, extra=tuple(folders[-MAX_FOLDERS:]))


def _named(refusal: Refusal, file: str) -> str:
    """A refusal inside a file of many articles names the file too."""
    if refusal.name in (file, "the file"):
        return file
    return f"{file}, {refusal.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What a document became."""

    put: Put
    before: RevisionId | None
    passages: int

    @property
    def differs(self) -> bool:
        """A draft that was written before and still holds nowhere differs too."""
        return self.put.changed or self.put.revision_id != self.before


def _take(tx: Tx, brand: BrandId, import_id: ImportId, read: Sequence[PartRead]) -> None:
    found = locked_import(tx, brand, import_id)
    if found.state is not ImportState.READING or not _end_waiting(tx, found, read):
        return  # the same job ran twice, and the other one took these
    now = app_now(tx)
    done, total = _parts_read(tx, found)
    documents = [document for one in read for document in one.documents]
    written = iter(_write(tx, found, documents, now))
    for one in read:
        _note(tx, found, one, [next(written) for _ in one.documents], now)
    found.files_read = files_read(tx, found)
    found.advanced_at, found.attempts = now, 0
    tx.flush()
    if _step(done + len(read), total) > _step(done, total):
        tell(tx, found)


def _end_waiting(tx: Tx, found: KnowledgeImport, read: Sequence[PartRead]) -> bool:
    """Mark the parts as read; false, and nothing is marked, when one of them was already."""
    these = (
        ImportPart.brand_id == found.brand_id,
        ImportPart.import_id == found.id,
        ImportPart.waiting,
        tuple_(ImportPart.file, ImportPart.ordinal).in_([(one.part.file, one.part.ordinal) for one in read]),
    )
    waiting = tx.scalar(select(func.count()).select_from(ImportPart).where(*these))
    if waiting != len(read):
        return False
    tx.execute(update(ImportPart).where(*these).values(waiting=False))
    return True


def _parts_read(tx: Tx, found: KnowledgeImport) -> tuple[int, int]:
    row = tx.execute(
        select(func.sum(ImportFile.parts_read), func.sum(ImportFile.parts)).where(
            *of_import(found.brand_id, found.id)
        )
    ).one()
    return row[0] or 0, row[1] or 0


def _write(tx: Tx, found: KnowledgeImport, documents: Sequence[Document], now: datetime) -> list[_Written]:
    """Make the documents the texts that hold, one entry for each."""
    if not documents:
        return []
    # Held before the look at what holds, so that what an undo goes back to is what was replaced.
    hold_knowledge(tx, found.brand_id)
    before = _holding(tx, found.brand_id, [document.key for document in documents])
    write = draft_articles if found.looks_first else put_articles
    puts = write(tx, brand=found.brand_id, documents=documents, author=found.author_id, now=now)
    passages = _passage_counts(tx, found.brand_id, [put.revision_id for put in puts])
    return [
        _Written(put=put, before=before.get(document.key), passages=passages.get(put.revision_id, 0))
        for document, put in zip(documents, puts, strict=True)
    ]


def _holding(tx: Tx, brand: BrandId, keys: Sequence[str]) -> dict[str, RevisionId]:
    rows = tx.execute(
        select(Article.key, held_revision().label("revision_id")).where(
            Article.brand_id == brand, Article.key.in_(keys)
        )
    )
    return {row.key: row.revision_id for row in rows if row.revision_id}


def _passage_counts(tx: Tx, brand: BrandId, revisions: Sequence[RevisionId]) -> dict[RevisionId, int]:
    rows = tx.execute(
        select(Passage.revision_id, func.count().label("passages"))
        .where(Passage.brand_id == brand, Passage.revision_id.in_(revisions))
        .group_by(Passage.revision_id)
    )
    return {row.revision_id: row.passages for row in rows}


def _note(tx: Tx, found: KnowledgeImport, read: PartRead, written: Sequence[_Written], now: datetime) -> None:
    """Add what a part gave to its file, and close the file after its last part."""
    changed = [one for one in written if one.differs]
    file = tx.get_one(ImportFile, (found.brand_id, found.id, read.part.file), populate_existing=True)
    file.parts_read += 1
    file.articles_new += sum(one.before is None for one in changed)
    file.articles_changed += sum(one.before is not None for one in changed)
    file.articles_unchanged += len(written) - len(changed)
    file.passages += sum(one.passages for one in written)
    notes = [note for document in read.documents for note in document.notes]
    file.notes = list(dict.fromkeys([*file.notes, *notes]))[:MAX_FILE_NOTES]
    _refuse(file, read.refusals)
    file.changed_at = now
    found.articles += len(changed)
    found.unchanged += len(written) - len(changed)
    _keep_articles(tx, file, changed, looks_first=found.looks_first)
    if file.parts_read >= file.parts:
        _close(tx, file, FileState.REVIEW if found.looks_first else FileState.INDEXING)
    tx.flush()


def _refuse(file: ImportFile, refusals: Sequence[Refused]) -> None:
    """Add to what the file says of itself; beyond MAX_FILE_REFUSALS it only counts."""
    known = list(file.refusals) + [
        {"name": one.name, "reason": one.problem.reason, "remedy": one.problem.remedy} for one in refusals
    ]
    file.refusals = known[:MAX_FILE_REFUSALS]
    file.more_refusals += len(known[MAX_FILE_REFUSALS:])


def _keep_articles(tx: Tx, file: ImportFile, changed: Sequence[_Written], *, looks_first: bool) -> None:
    if not changed:
        return
    state = ImportArticleState.DRAFTED if looks_first else ImportArticleState.PUBLISHED
    rows = upsert(ImportArticle).values(
        [
            {
                "brand_id": file.brand_id,
                "import_id": file.import_id,
                "article_id": one.put.article_id,
                "file": file.ordinal,
                "revision_id": one.put.revision_id,
                "before_id": one.before,
                "state": state,
            }
            for one in changed
        ]
    )
    # Written twice by one import: what held before it stays what held before its first text.
    again = {
        "file": rows.excluded.file,
        "revision_id": rows.excluded.revision_id,
        "state": rows.excluded.state,
    }
    tx.execute(rows.on_conflict_do_update(index_elements=["brand_id", "import_id", "article_id"], set_=again))


def _close(tx: Tx, file: ImportFile, taken: FileState) -> None:
    """All of the file is read: it has failed when it gave nothing, and then its content is kept."""
    if file.articles_new + file.articles_changed + file.articles_unchanged:
        file.state = taken
        tx.flush()
        drop_content(tx, file.brand_id, file.import_id, [file.ordinal])
        return
    file.state = FileState.FAILED
    refusals, file.refusals = file.refusals, []
    if len(refusals) == 1:
        file.reason, file.remedy = refusals[0]["reason"], refusals[0]["remedy"]
        return
    file.reason = f"None of its {len(refusals) + file.more_refusals:,} articles could be taken."
    file.remedy = "Look at what is said of each."
    file.refusals = refusals


def _step(done: int, total: int) -> int:
    return PROGRESS_STEPS * done // total if total else 0


def _finish(tx: Tx, brand: BrandId, import_id: ImportId) -> ImportState:
    found = locked_import(tx, brand, import_id)
    if found.state is not ImportState.READING:
        return found.state
    version = hold_knowledge(tx, brand)
    if found.articles + found.unchanged == 0:
        move_import(tx, found, ImportState.FAILED)
    elif _has_drafts(tx, found):
        move_import(tx, found, ImportState.REVIEW)
    elif version.changed > version.indexed:
        move_import(tx, found, ImportState.INDEXING)
    else:
        move_import(tx, found, ImportState.READY)
    return found.state


def _has_drafts(tx: Tx, found: KnowledgeImport) -> bool:
    drafted = select(ImportArticle.article_id).where(
        ImportArticle.brand_id == found.brand_id,
        ImportArticle.import_id == found.id,
        ImportArticle.state == ImportArticleState.DRAFTED,
    )
    return tx.scalar(select(drafted.exists())) or False
