"""Taking in files: an import is opened, gets its files in one or several requests, and is then read by a job.

Files may come in slices because a form holds 1,000 of them and a request 25 MB, while a person drags a folder of
3,000. A slice that is sent again (its answer got lost) adds nothing twice: same name and same content is the same file.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update

from knowledge_base.drafting import insert_rows, plain_name, refuse_while_erased
from knowledge_base.import_models import (
    FileState,
    ImportFile,
    ImportPart,
    ImportSource,
    ImportState,
    KnowledgeImport,
)
from knowledge_base.reading.documents import MAX_KEY_CHARACTERS
from knowledge_base.reading.parts import LINES_PER_PART, line_count, parts
from marketplace.events.commands import record
from marketplace.events.facts import ImportAdvanced, ImportStarted
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound, TooLarge
from marketplace.kernel.ids import BrandId, ImportId, PersonId, new_id

MAX_IMPORT_FILES = 5_000
MAX_IMPORT_BYTES = 100_000_000
MAX_IMPORT_LINES = 50_000
MAX_HELD_BYTES = 1_000_000_000
"""Of a brand's files that wait to be read or failed, in all its imports."""
FAILED_CONTENT_IS_KEPT = timedelta(days=7)
OPEN_IS_KEPT = timedelta(hours=1)
MAX_FORGOTTEN = 500
SAME_NAME = "Another file of this upload has the same name."
RENAME = "Rename it and upload it again."
NEVER_FINISHED = "The upload was never finished."
UPLOAD_AGAIN = "Upload it again."
RETRYABLE = frozenset(
    {ImportState.READING, ImportState.REVIEW, ImportState.INDEXING, ImportState.READY, ImportState.FAILED}
)


class NoFiles(Invalid):
    """There is no file in this upload. Choose the files your own agents read."""


class TooManyFiles(TooLarge):
    """An upload may hold 5,000 files. Send the rest in another one."""


class ImportTooLarge(TooLarge):
    """An upload may hold 100 MB in all. Split it into several."""


class TooMuchHeld(TooLarge):
    """1 GB of your uploads waits to be read or could not be. Wait until some is read; what failed goes after 7 days."""


class TooManyLines(TooLarge):
    """The JSONL files of an upload may hold 50,000 lines in all. Split them into several uploads."""


class ImportNotFound(NotFound):
    """There is no such import."""


class ImportIsClosed(Conflict):
    """This upload is complete and takes no more files. Start another one."""


class NothingToRetry(Conflict):
    """No failed file of this import has its content left. Upload the files again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file on its way in; with a `reason` it is refused and its content is not kept."""

    name: str
    content: bytes
    sha256: str
    reason: str = ""
    remedy: str = ""


def start_import(
    tx: Tx,
    *,
    brand: BrandId,
    files: Sequence[tuple[str, bytes]],
    author: PersonId | None,
    now: datetime,
    source: ImportSource = ImportSource.UPLOAD,
    looks_first: bool = False,
) -> ImportId:
    """Keep the uploaded `files` (name, content) until `imports.read_import` reads and judges them.

    With `looks_first` its articles become drafts that someone publishes or discards (import_review.py).
    Raises KnowledgeBeingErased, NoFiles, TooManyFiles, ImportTooLarge, TooManyLines or TooMuchHeld.
    """
    started = open_import(tx, brand=brand, author=author, now=now, source=source, looks_first=looks_first)
    add_files(tx, brand=brand, import_id=started, files=files, now=now)
    close_import(tx, brand=brand, import_id=started, now=now)
    return started


def open_import(
    tx: Tx,
    *,
    brand: BrandId,
    author: PersonId | None,
    now: datetime,
    source: ImportSource = ImportSource.UPLOAD,
    state: ImportState = ImportState.OPEN,
    looks_first: bool = False,
) -> ImportId:
    """Begin an import that takes files until it is closed. Raises KnowledgeBeingErased."""
    refuse_while_erased(tx, brand)
    opened = KnowledgeImport(
        brand_id=brand,
        id=ImportId(new_id()),
        state=state,
        source=source,
        looks_first=looks_first,
        files=0,
        author_id=author,
        started_at=now,
        advanced_at=now,
    )
    tx.add(opened)
    tx.flush()
    return opened.id


def add_files(
    tx: Tx, *, brand: BrandId, import_id: ImportId, files: Sequence[tuple[str, bytes]], now: datetime
) -> None:
    """Keep more files of an open import.

    Raises KnowledgeBeingErased, ImportNotFound, ImportIsClosed, or that a limit is passed.
    """
    refuse_while_erased(tx, brand)
    opened = locked_import(tx, brand, import_id)
    if opened.state is not ImportState.OPEN:
        raise ImportIsClosed
    fresh = _fresh(files, _known(tx, brand, import_id))
    _check_limits(tx, opened, fresh)
    _keep(tx, opened, fresh, now)
    opened.files += len(fresh)
    opened.advanced_at = now
    tx.flush()


def close_import(tx: Tx, *, brand: BrandId, import_id: ImportId, now: datetime) -> None:
    """All files are here: let them be read. A second time changes nothing. Raises ImportNotFound or NoFiles."""
    opened = locked_import(tx, brand, import_id)
    if opened.state is not ImportState.OPEN:
        return
    if not opened.files:
        raise NoFiles
    queue_import(tx, opened, now)


def retry_file(tx: Tx, *, brand: BrandId, import_id: ImportId, ordinal: int, now: datetime) -> int:
    """Read one failed file again. Raises ImportNotFound or NothingToRetry."""
    return _retry(tx, brand, import_id, ImportFile.ordinal == ordinal, now)


def retry_failed(tx: Tx, *, brand: BrandId, import_id: ImportId, now: datetime) -> int:
    """Read every failed file whose content is kept again; how many. Raises as `retry_file`."""
    return _retry(tx, brand, import_id, ImportFile.content_kept.is_(True), now)


def forget_uploads(tx: Tx, *, now: datetime) -> int:
    """Drop content nobody came back for: of failed files after FAILED_CONTENT_IS_KEPT, of uploads that were begun
    and never closed after OPEN_IS_KEPT; how many."""
    return _forget_failed(tx, now) + _forget_open(tx, now)


def locked_import(tx: Tx, brand: BrandId, import_id: ImportId) -> KnowledgeImport:
    """The import, its row held until the transaction ends. Raises ImportNotFound."""
    wanted = select(KnowledgeImport).where(KnowledgeImport.brand_id == brand, KnowledgeImport.id == import_id)
    found = tx.scalars(wanted.with_for_update(), execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        raise ImportNotFound
    return found


def of_import(brand: BrandId, import_id: ImportId) -> tuple[ColumnElement[bool], ...]:
    return ImportFile.brand_id == brand, ImportFile.import_id == import_id


def check_held(tx: Tx, brand: BrandId, fresh: int) -> None:
    """Whether `fresh` bytes more may be held of a brand's files. Raises TooMuchHeld."""
    held = select(func.coalesce(func.sum(ImportFile.bytes), 0)).where(
        ImportFile.brand_id == brand, ImportFile.content_kept
    )
    if (tx.scalar(held) or 0) + fresh > MAX_HELD_BYTES:
        raise TooMuchHeld


def tell(tx: Tx, knowledge_import: KnowledgeImport) -> None:
    """Say how far an import is; pages follow it."""
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


def _known(tx: Tx, brand: BrandId, import_id: ImportId) -> dict[str, set[str]]:
    """SHA-256 of what is here by name: of the file that is taken, and of those refused for its name."""
    known: dict[str, set[str]] = {}
    for row in tx.execute(select(ImportFile.name, ImportFile.sha256).where(*of_import(brand, import_id))):
        known.setdefault(row.name, set()).add(row.sha256)
    return known


def _fresh(files: Sequence[tuple[str, bytes]], known: dict[str, set[str]]) -> list[_File]:
    """The files not here yet, now `known`; a second one under a name is refused, for a name is a key."""
    fresh = []
    for given, content in files:
        name = plain_name(given)[:MAX_KEY_CHARACTERS] or "unnamed"
        sha256 = hashlib.sha256(content).hexdigest()
        here = known.setdefault(name, set())
        if sha256 in here:
            continue
        if here:
            fresh.append(_File(name=name, content=b"", sha256=sha256, reason=SAME_NAME, remedy=RENAME))
        else:
            fresh.append(_File(name=name, content=content, sha256=sha256))
        here.add(sha256)
    return fresh


def _check_limits(tx: Tx, opened: KnowledgeImport, files: Sequence[_File]) -> None:
    here = tx.execute(
        select(
            func.coalesce(func.sum(ImportFile.bytes), 0).label("bytes"),
            func.coalesce(func.sum(ImportFile.parts - 1), 0).label("further_parts"),
        ).where(*of_import(opened.brand_id, opened.id), ImportFile.parts > 0)
    ).one()
    if opened.files + len(files) > MAX_IMPORT_FILES:
        raise TooManyFiles
    fresh = sum(len(file.content) for file in files)
    if here.bytes + fresh > MAX_IMPORT_BYTES:
        raise ImportTooLarge
    check_held(tx, opened.brand_id, fresh)
    # Only files of lines are cut into parts, so further parts are hundreds of lines.
    lines = sum(line_count(file.name, file.content) for file in files)
    if lines + here.further_parts * LINES_PER_PART > MAX_IMPORT_LINES:
        raise TooManyLines


def _keep(tx: Tx, opened: KnowledgeImport, files: Sequence[_File], now: datetime) -> None:
    cut = {first: list(parts(file.name, file.content)) for first, file in enumerate(files, opened.files)}
    of = {"brand_id": opened.brand_id, "import_id": opened.id}
    insert_rows(
        tx,
        ImportFile,
        [
            of | _file_row(file, ordinal, 0 if file.reason else len(cut[ordinal]), now)
            for ordinal, file in enumerate(files, opened.files)
        ],
    )
    kept = [ordinal for ordinal, file in enumerate(files, opened.files) if not file.reason]
    insert_rows(
        tx,
        ImportPart,
        [
            of | {"file": ordinal, "ordinal": number, "content": content}
            for ordinal in kept
            for number, content in enumerate(cut[ordinal])
        ],
    )


def _file_row(file: _File, ordinal: int, pieces: int, now: datetime) -> dict[str, object]:
    return {
        "ordinal": ordinal,
        "name": file.name,
        "state": FileState.FAILED if file.reason else FileState.QUEUED,
        "bytes": len(file.content),
        "sha256": file.sha256,
        "reason": file.reason,
        "remedy": file.remedy,
        "parts": pieces,
        "content_kept": not file.reason,
        "changed_at": now,
    }


def _retry(tx: Tx, brand: BrandId, import_id: ImportId, which: ColumnElement[bool], now: datetime) -> int:
    found = locked_import(tx, brand, import_id)
    failed = (
        *of_import(brand, import_id),
        ImportFile.state == FileState.FAILED,
        ImportFile.content_kept,
        which,
    )
    again = tx.scalars(select(ImportFile).where(*failed).with_for_update()).all()
    if not again or found.state not in RETRYABLE:
        raise NothingToRetry
    _read_anew(tx, found, [file.ordinal for file in again if file.parts_read >= file.parts])
    for file in again:
        file.state, file.changed_at = FileState.QUEUED, now
        file.reason = file.remedy = ""
    queue_import(tx, found, now)
    return len(again)


def _read_anew(tx: Tx, found: KnowledgeImport, files: Sequence[int]) -> None:
    """Files that were read to their end and gave nothing begin anew; one that was stopped goes on where it was."""
    of_parts = (ImportPart.brand_id == found.brand_id, ImportPart.import_id == found.id)
    tx.execute(update(ImportPart).where(*of_parts, ImportPart.file.in_(files)).values(waiting=True))
    tx.execute(
        update(ImportFile)
        .where(*of_import(found.brand_id, found.id), ImportFile.ordinal.in_(files))
        .values(parts_read=0, refusals=[], more_refusals=0)
    )


def queue_import(tx: Tx, found: KnowledgeImport, now: datetime) -> None:
    """Let the import's files be read."""
    found.state = ImportState.QUEUED
    found.files_read = files_read(tx, found)
    found.advanced_at, found.finished_at, found.attempts = now, None, 0
    tx.flush()
    record(tx, ImportStarted(brand=found.brand_id, knowledge_import=found.id))
    tell(tx, found)


def files_read(tx: Tx, found: KnowledgeImport) -> int:
    """How many of its files wait for nothing of the reading any more."""
    unread = (FileState.FETCHING, FileState.QUEUED, FileState.READING, FileState.SPLITTING)
    counted = select(func.count()).select_from(ImportFile)
    return (
        tx.scalar(counted.where(*of_import(found.brand_id, found.id), ImportFile.state.not_in(unread))) or 0
    )


def _forget_failed(tx: Tx, now: datetime) -> int:
    old = (
        select(ImportFile.brand_id, ImportFile.import_id, ImportFile.ordinal)
        .where(
            ImportFile.content_kept,
            ImportFile.state == FileState.FAILED,
            ImportFile.changed_at <= now - FAILED_CONTENT_IS_KEPT,
        )
        .limit(MAX_FORGOTTEN)
    )
    forgotten = tx.execute(old).all()
    for row in forgotten:
        drop_content(tx, row.brand_id, row.import_id, [row.ordinal])
    return len(forgotten)


def drop_content(tx: Tx, brand: BrandId, import_id: ImportId, files: Sequence[int]) -> None:
    """The files' rows stay, their content goes."""
    tx.execute(
        delete(ImportPart).where(
            ImportPart.brand_id == brand, ImportPart.import_id == import_id, ImportPart.file.in_(files)
        )
    )
    tx.execute(
        update(ImportFile)
        .where(*of_import(brand, import_id), ImportFile.ordinal.in_(files))
        .values(content_kept=False)
    )


def _forget_open(tx: Tx, now: datetime) -> int:
    left = tx.scalars(
        select(KnowledgeImport)
        .where(KnowledgeImport.state == ImportState.OPEN, KnowledgeImport.advanced_at <= now - OPEN_IS_KEPT)
        .limit(MAX_FORGOTTEN)
        .with_for_update(skip_locked=True)
    ).all()
    for found in left:
        give_up(tx, found, reason=NEVER_FINISHED, remedy=UPLOAD_AGAIN, now=now)
    return len(left)


def give_up(tx: Tx, found: KnowledgeImport, *, reason: str, remedy: str, now: datetime) -> None:
    """Fail the files that were not read, and the import with them."""
    unread = (FileState.FETCHING, FileState.QUEUED, FileState.READING, FileState.SPLITTING)
    tx.execute(
        update(ImportFile)
        .where(*of_import(found.brand_id, found.id), ImportFile.state.in_(unread))
        .values(state=FileState.FAILED, reason=reason, remedy=remedy, changed_at=now)
    )
    found.state, found.advanced_at, found.finished_at = ImportState.FAILED, now, now
    found.files_read = files_read(tx, found)
    tx.flush()
    tell(tx, found)
