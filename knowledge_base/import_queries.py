"""Reading imports: how far they are, what each file gave, and what was refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select

from knowledge_base.import_files import ImportNotFound, of_import
from knowledge_base.import_models import (
    WORKED_OFF_BY_A_JOB,
    FileState,
    ImportFile,
    ImportSource,
    ImportState,
    KnowledgeImport,
)
from knowledge_base.problems import Problem
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import BrandId, ImportId, PersonId

IMPORTS_PER_PAGE = 50
MAX_IMPORT_PAGES = 200
FILES_PER_PAGE = 50
MAX_FILE_PAGES = 100
MAX_REFUSALS = 500
MAX_UNFINISHED = 100
PAUSE_SECONDS = 15
"""The sweep comes back to an import so long after its newest attempt, once for each that failed."""


class FileNotFound(NotFound):
    """There is no such file in this import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """A file, or an article in one, that was not taken."""

    name: str
    problem: Problem

    @property
    def reason(self) -> str:
        """Both in one line: what is wrong and what to do."""
        return f"{self.problem.reason} {self.problem.remedy}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStatus:
    """How far an import is. `progress` is 0 to 1 of its reading; `more_refusals` counts those not listed.

    `articles` are those it wrote, new and changed; `by_state` counts its files.
    """

    id: ImportId
    state: ImportState
    source: ImportSource
    looks_first: bool
    files: int
    files_read: int
    articles: int
    articles_new: int
    articles_changed: int
    unchanged: int
    passages: int
    progress: float
    author: PersonId | None
    decided_by: PersonId | None
    started_at: datetime
    finished_at: datetime | None
    by_state: Mapping[FileState, int] = field(default_factory=dict)
    can_retry: int = 0
    refusals: tuple[RefusedFile, ...] = ()
    more_refusals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A file of an import: where it is, what it gave, or why it was refused."""

    ordinal: int
    name: str
    state: FileState
    bytes: int
    problem: Problem
    articles_new: int
    articles_changed: int
    articles_unchanged: int
    passages: int
    notes: tuple[str, ...]
    refusals: tuple[RefusedFile, ...]
    more_refusals: int
    can_retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePage:
    lines: tuple[FileLine, ...]
    page: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportsPage:
    lines: tuple[ImportStatus, ...]
    page: int
    has_more: bool


def import_status(tx: Tx, *, brand: BrandId, import_id: ImportId) -> ImportStatus:
    """Raises ImportNotFound."""
    found = _statuses(tx, _import_rows(brand).where(KnowledgeImport.id == import_id))
    if not found:
        raise ImportNotFound
    return found[0]


def newest_imports(tx: Tx, *, brand: BrandId, limit: int) -> list[ImportStatus]:
    """The brand's imports, newest first."""
    return _statuses(tx, _newest_first(brand).limit(min(limit, IMPORTS_PER_PAGE)))


def imports(tx: Tx, *, brand: BrandId, page: int = 1) -> ImportsPage:
    """One page of the brand's imports, newest first."""
    page = min(max(page, 1), MAX_IMPORT_PAGES)
    wanted = _newest_first(brand).offset((page - 1) * IMPORTS_PER_PAGE).limit(IMPORTS_PER_PAGE + 1)
    found = _statuses(tx, wanted)
    return ImportsPage(
        lines=tuple(found[:IMPORTS_PER_PAGE]), page=page, has_more=len(found) > IMPORTS_PER_PAGE
    )


def import_files(
    tx: Tx, *, brand: BrandId, import_id: ImportId, state: FileState | None = None, page: int = 1
) -> FilePage:
    """One page of an import's files in their order, those in `state` alone when it is given."""
    page = min(max(page, 1), MAX_FILE_PAGES)
    wanted = select(ImportFile).where(*of_import(brand, import_id))
    if state is not None:
        wanted = wanted.where(ImportFile.state == state)
    first = (page - 1) * FILES_PER_PAGE
    rows = tx.scalars(wanted.order_by(ImportFile.ordinal).offset(first).limit(FILES_PER_PAGE + 1)).all()
    lines = tuple(_file_line(row) for row in rows[:FILES_PER_PAGE])
    return FilePage(lines=lines, page=page, has_more=len(rows) > FILES_PER_PAGE)


def unfinished_imports(tx: Tx, *, limit: int = MAX_UNFINISHED) -> list[tuple[BrandId, ImportId]]:
    """Imports of all brands that have work left for a job, oldest first: for the sweep after a restart.

    Those at which jobs failed wait a while each time.
    """
    paused = KnowledgeImport.tried_at + func.make_interval(
        0, 0, 0, 0, 0, 0, PAUSE_SECONDS * KnowledgeImport.attempts
    )
    rows = tx.execute(
        select(KnowledgeImport.brand_id, KnowledgeImport.id)
        .where(
            KnowledgeImport.state.in_(WORKED_OFF_BY_A_JOB),
            or_(KnowledgeImport.attempts == 0, paused <= func.app_now()),
        )
        .order_by(KnowledgeImport.id)
        .limit(limit)
    )
    return [(row.brand_id, row.id) for row in rows]


def unfinished_like(
    tx: Tx, *, brand: BrandId, source: ImportSource, files: Mapping[str, str], looks_first: bool
) -> ImportId | None:
    """An import of just these files (SHA-256 by name) that was cut off: the newest one."""
    open_states = (*WORKED_OFF_BY_A_JOB, ImportState.INDEXING)
    candidates = tx.scalars(
        select(KnowledgeImport.id)
        .where(
            KnowledgeImport.brand_id == brand,
            KnowledgeImport.source == source,
            KnowledgeImport.looks_first == looks_first,
            KnowledgeImport.files == len(files),
            KnowledgeImport.state.in_(open_states),
        )
        .order_by(KnowledgeImport.id.desc())
        .limit(MAX_UNFINISHED)
    ).all()
    for candidate in candidates:
        rows = tx.execute(select(ImportFile.name, ImportFile.sha256).where(*of_import(brand, candidate)))
        if {row.name: row.sha256 for row in rows} == files:
            return candidate
    return None


def _newest_first(brand: BrandId) -> Select[Any]:
    return _import_rows(brand).order_by(KnowledgeImport.id.desc())


def _import_rows(brand: BrandId) -> Select[Any]:
    return select(KnowledgeImport).where(KnowledgeImport.brand_id == brand)


def _statuses(tx: Tx, wanted: Select[Any]) -> list[ImportStatus]:
    found: Sequence[KnowledgeImport] = tx.scalars(wanted).all()
    if not found:
        return []
    brand, ids = found[0].brand_id, [one.id for one in found]
    gave = _gave(tx, brand, ids)
    refused = _refused(tx, brand, ids)
    return [_status(one, gave.get(one.id, []), refused.get(one.id, [])) for one in found]


def _gave(tx: Tx, brand: BrandId, ids: Sequence[ImportId]) -> dict[ImportId, list[Row[Any]]]:
    """What files gave, by import and state."""
    summed = [
        func.coalesce(func.sum(column), 0).label(column.key)
        for column in (
            ImportFile.parts,
            ImportFile.parts_read,
            ImportFile.articles_new,
            ImportFile.articles_changed,
            ImportFile.passages,
        )
    ]
    rows = tx.execute(
        select(
            ImportFile.import_id,
            ImportFile.state,
            func.count().label("files"),
            func.count().filter(ImportFile.content_kept).label("kept"),
            func.sum(_refusals_of_file() + ImportFile.more_refusals).label("refused"),
            *summed,
        )
        .where(ImportFile.brand_id == brand, ImportFile.import_id.in_(ids))
        .group_by(ImportFile.import_id, ImportFile.state)
    )
    by_import: dict[ImportId, list[Row[Any]]] = {}
    for row in rows:
        by_import.setdefault(row.import_id, []).append(cast(Row[Any], row))
    return by_import


def _refused(tx: Tx, brand: BrandId, ids: Sequence[ImportId]) -> dict[ImportId, list[ImportFile]]:
    """The first files that failed or have something refused in them, of each import enough for MAX_REFUSALS."""
    before = func.sum(_refusals_of_file()).over(
        partition_by=ImportFile.import_id, order_by=ImportFile.ordinal, rows=(None, -1)
    )
    counted = (
        select(ImportFile.import_id, ImportFile.ordinal, func.coalesce(before, 0).label("before"))
        .where(ImportFile.brand_id == brand, ImportFile.import_id.in_(ids), _refusals_of_file() > 0)
        .subquery()
    )
    rows = tx.scalars(
        select(ImportFile)
        .join(
            counted,
            (counted.c.import_id == ImportFile.import_id) & (counted.c.ordinal == ImportFile.ordinal),
        )
        .where(ImportFile.brand_id == brand, counted.c.before < MAX_REFUSALS)
        .order_by(ImportFile.import_id, ImportFile.ordinal)
    )
    by_import: dict[ImportId, list[ImportFile]] = {}
    for row in rows:
        by_import.setdefault(row.import_id, []).append(row)
    return by_import


def _refusals_of_file() -> ColumnElement[int]:
    """How many a file lists: those inside it, else itself when it failed."""
    failed = case((ImportFile.state == FileState.FAILED, 1), else_=0)
    return func.greatest(func.jsonb_array_length(ImportFile.refusals), failed)


def _status(found: KnowledgeImport, gave: Sequence[Row[Any]], refused: Sequence[ImportFile]) -> ImportStatus:
    parts = sum(row.parts for row in gave)
    listed = [one for file in refused for one in _of_file(file)][:MAX_REFUSALS]
    return ImportStatus(
        id=found.id,
        state=found.state,
        source=found.source,
        looks_first=found.looks_first,
        files=found.files,
        files_read=found.files_read,
        articles=found.articles,
        articles_new=sum(row.articles_new for row in gave),
        articles_changed=sum(row.articles_changed for row in gave),
        unchanged=found.unchanged,
        passages=sum(row.passages for row in gave),
        progress=sum(row.parts_read for row in gave) / parts if parts else 1.0,
        author=found.author_id,
        decided_by=found.decided_by_id,
        started_at=found.started_at,
        finished_at=found.finished_at,
        by_state={row.state: row.files for row in gave},
        can_retry=sum(row.kept for row in gave if row.state is FileState.FAILED),
        refusals=tuple(listed),
        more_refusals=sum(row.refused for row in gave) - len(listed),
    )


def _of_file(file: ImportFile) -> Iterable[RefusedFile]:
    """A failed file by itself, unless it says what is wrong with each of its articles."""
    inside = _inside(file)
    if file.state is FileState.FAILED and not inside:
        return [RefusedFile(name=file.name, problem=Problem(reason=file.reason, remedy=file.remedy))]
    return inside


def _inside(file: ImportFile) -> tuple[RefusedFile, ...]:
    return tuple(
        RefusedFile(name=one["name"], problem=Problem(reason=one["reason"], remedy=one["remedy"]))
        for one in file.refusals
    )


def _file_line(file: ImportFile) -> FileLine:
    return FileLine(
        ordinal=file.ordinal,
        name=file.name,
        state=file.state,
        bytes=file.bytes,
        problem=Problem(reason=file.reason, remedy=file.remedy),
        articles_new=file.articles_new,
        articles_changed=file.articles_changed,
        articles_unchanged=file.articles_unchanged,
        passages=file.passages,
        notes=tuple(file.notes),
        refusals=_inside(file),
        more_refusals=file.more_refusals,
        can_retry=file.state is FileState.FAILED and file.content_kept,
    )
