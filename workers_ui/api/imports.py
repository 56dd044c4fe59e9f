"""Imports of files: started in one request or in slices, followed file by file, looked at, published, undone."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, UploadFile
from pydantic import BaseModel

from knowledge_base import import_acts, import_files, import_queries, import_review
from knowledge_base.import_models import FileState, ImportSource
from knowledge_base.web_pages import import_address
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, ImportId
from marketplace.kernel.safe_fetch import rules_of
from workers_ui.api.schemas import AddressIn
from workers_ui.deps import HasServices, HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]
REVIEW_SAYS = "Write drafts that are published by POST …/publish, instead of publishing at once."
MORE_SAYS = "Further files follow by POST …/files; reading begins with POST …/start."
FILE_SAYS = "The number of one failed file; without it every failed file is read again."


class RefusedOut(BaseModel):
    """`reason` says what is wrong, `remedy` what to do about it."""

    name: str
    reason: str
    remedy: str


class ImportOut(BaseModel):
    """`articles` were written, new or changed; `states` counts the files in each state."""

    id: UUID
    state: str
    review: bool
    files: int
    files_read: int
    states: dict[str, int]
    articles: int
    articles_new: int
    articles_changed: int
    unchanged: int
    passages: int
    refusals: list[RefusedOut]


class FileOut(BaseModel):
    file: int
    name: str
    state: str
    bytes: int
    reason: str
    remedy: str
    can_retry: bool
    articles_new: int
    articles_changed: int
    articles_unchanged: int
    passages: int
    notes: list[str]
    refusals: list[RefusedOut]


class FilesOut(BaseModel):
    files: list[FileOut]
    has_more: bool


class DraftOut(BaseModel):
    """`repeats_percent` is what the article shares with the nearest other one; 100 is the same text."""

    id: UUID
    key: str
    title: str
    file: str
    state: str
    new: bool
    passages: int
    repeats_percent: int


class DraftsOut(BaseModel):
    articles: list[DraftOut]
    has_more: bool


@router.post("/imports", status_code=202, response_model=ImportOut)
def start_import(
    files: list[UploadFile],
    tx: HasTx,
    brand: Writes,
    review: Annotated[bool, Query(description=REVIEW_SAYS)] = False,
    more: Annotated[bool, Query(description=MORE_SAYS)] = False,
    key: RequestKey = None,
) -> dict[str, Any]:
    """Upload files: Markdown, HTML, plain text, PDF, Word (.docx), CSV, Excel (.xlsx), JSON Lines or a ZIP of these.
    They are read in the background; what cannot be read is refused by name, and what was left out of a file stands in
    its notes."""
    contents = _contents(files)

    def act() -> ImportId:
        started = import_files.open_import(
            tx, brand=brand, author=None, now=app_now(tx), source=ImportSource.API, looks_first=review
        )
        import_files.add_files(tx, brand=brand, import_id=started, files=contents, now=app_now(tx))
        if not more:
            import_files.close_import(tx, brand=brand, import_id=started, now=app_now(tx))
        return started

    return _once(tx, brand, key, ["import", _fingerprint(contents), review, more], act)


@router.post("/imports/web", status_code=202, response_model=ImportOut)
def start_web_import(
    body: AddressIn, tx: HasTx, having: HasServices, brand: Writes, key: RequestKey = None
) -> dict[str, Any]:
    """Have a page, a document or a sitemap fetched and read in the background; the same address again reads it
    again."""

    def act() -> ImportId:
        return import_address(
            tx, brand=brand, address=body.url, author=None, now=app_now(tx), rules=rules_of(having.settings)
        )

    return _once(tx, brand, key, ["import_web", body.url], act)


@router.post("/imports/{import_id}/files", status_code=202, response_model=ImportOut)
def add_files(
    import_id: UUID, files: list[UploadFile], tx: HasTx, brand: Writes, key: RequestKey = None
) -> dict[str, Any]:
    """More files of an import that was begun with `more`. The same file again adds nothing."""
    wanted, contents = ImportId(import_id), _contents(files)

    def act() -> ImportId:
        import_files.add_files(tx, brand=brand, import_id=wanted, files=contents, now=app_now(tx))
        return wanted

    return _once(tx, brand, key, ["import files", str(wanted), _fingerprint(contents)], act)


@router.post("/imports/{import_id}/start", status_code=202, response_model=ImportOut)
def close_import(import_id: UUID, tx: HasTx, brand: Writes, key: RequestKey = None) -> dict[str, Any]:
    """All files are here: read them. A second time changes nothing."""
    wanted = ImportId(import_id)

    def act() -> ImportId:
        import_files.close_import(tx, brand=brand, import_id=wanted, now=app_now(tx))
        return wanted

    return _once(tx, brand, key, ["import start", str(wanted)], act)


@router.get("/imports/{import_id:uuid}", response_model=ImportOut)
def read_import(import_id: UUID, tx: HasTx, brand: Reads) -> dict[str, Any]:
    """How far it is."""
    return _import(tx, brand, ImportId(import_id))


@router.get("/imports/{import_id}/files", response_model=FilesOut)
def read_files(
    import_id: UUID,
    tx: HasTx,
    brand: Reads,
    state: Annotated[FileState | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=import_queries.MAX_FILE_PAGES)] = 1,
) -> FilesOut:
    """Its files in their order, 50 a page, with what each gave or why it failed."""
    wanted = ImportId(import_id)
    import_queries.import_status(tx, brand=brand, import_id=wanted)
    found = import_queries.import_files(tx, brand=brand, import_id=wanted, state=state, page=page)
    return FilesOut(files=[_file(line) for line in found.lines], has_more=found.has_more)


@router.get("/imports/{import_id}/articles", response_model=DraftsOut)
def read_drafts(
    import_id: UUID,
    tx: HasTx,
    brand: Reads,
    page: Annotated[int, Query(ge=1, le=import_review.MAX_DRAFT_PAGES)] = 1,
) -> DraftsOut:
    """The articles it wrote, by key, 25 a page; drafts as long as it waits for a look."""
    wanted = ImportId(import_id)
    import_queries.import_status(tx, brand=brand, import_id=wanted)
    found = import_review.drafts(tx, brand=brand, import_id=wanted, page=page)
    return DraftsOut(articles=[_draft(line) for line in found.lines], has_more=found.has_more)


@router.post("/imports/{import_id}/articles/{article}/leave-out", status_code=204)
def leave_out(import_id: UUID, article: UUID, tx: HasTx, brand: Writes) -> None:
    """Do not publish this article with the rest."""
    import_acts.leave_out(tx, brand=brand, import_id=ImportId(import_id), article=ArticleId(article))


@router.post("/imports/{import_id}/publish", status_code=202, response_model=ImportOut)
def publish(import_id: UUID, tx: HasTx, brand: Writes) -> dict[str, Any]:
    """Let the drafts hold, but for those left out. A second time changes nothing."""
    import_acts.publish_import(tx, brand=brand, import_id=ImportId(import_id), by=None)
    return _import(tx, brand, ImportId(import_id))


@router.post("/imports/{import_id}/discard", status_code=202, response_model=ImportOut)
def discard(import_id: UUID, tx: HasTx, brand: Writes) -> dict[str, Any]:
    """Publish none of the drafts. A second time changes nothing."""
    import_acts.discard_import(tx, brand=brand, import_id=ImportId(import_id), by=None)
    return _import(tx, brand, ImportId(import_id))


@router.post("/imports/{import_id}/undo", status_code=202, response_model=ImportOut)
def undo(import_id: UUID, tx: HasTx, brand: Writes) -> dict[str, Any]:
    """Retire what it created and bring back what it changed, but for what was changed since. A second time changes
    nothing."""
    import_acts.undo_import(tx, brand=brand, import_id=ImportId(import_id), by=None)
    return _import(tx, brand, ImportId(import_id))


@router.post("/imports/{import_id}/retry", status_code=202, response_model=ImportOut)
def retry(
    import_id: UUID,
    tx: HasTx,
    brand: Writes,
    file: Annotated[int | None, Query(ge=0, le=1_000_000, description=FILE_SAYS)] = None,
    key: RequestKey = None,
) -> dict[str, Any]:
    """Read failed files again; their content is kept for a week."""
    wanted = ImportId(import_id)

    def act() -> ImportId:
        if file is None:
            import_files.retry_failed(tx, brand=brand, import_id=wanted, now=app_now(tx))
        else:
            import_files.retry_file(tx, brand=brand, import_id=wanted, ordinal=file, now=app_now(tx))
        return wanted

    return _once(tx, brand, key, ["import retry", str(wanted), file], act)


def _once(
    tx: Tx, brand: BrandId, key: str | None, asked: object, act: Callable[[], ImportId]
) -> dict[str, Any]:
    return once(
        tx,
        principal=f"brand:{brand}",
        key=key,
        asked=asked,
        now=app_now(tx),
        act=lambda: _import(tx, brand, act()),
    )


def _contents(files: Sequence[UploadFile]) -> list[tuple[str, bytes]]:
    return [(file.filename or "unnamed", file.file.read()) for file in files]


def _fingerprint(contents: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
    return [(name, hashlib.sha256(content).hexdigest()) for name, content in contents]


def _import(tx: Tx, brand: BrandId, import_id: ImportId) -> dict[str, Any]:
    status = import_queries.import_status(tx, brand=brand, import_id=import_id)
    return {
        "id": str(status.id),
        "state": status.state.value,
        "review": status.looks_first,
        "files": status.files,
        "files_read": status.files_read,
        "states": {state.value: count for state, count in status.by_state.items()},
        "articles": status.articles,
        "articles_new": status.articles_new,
        "articles_changed": status.articles_changed,
        "unchanged": status.unchanged,
        "passages": status.passages,
        "refusals": [_refused(refused) for refused in status.refusals],
    }


def _refused(refused: import_queries.RefusedFile) -> dict[str, str]:
    return {"name": refused.name, "reason": refused.problem.reason, "remedy": refused.problem.remedy}


def _file(line: import_queries.FileLine) -> FileOut:
    return FileOut(
        file=line.ordinal,
        name=line.name,
        state=line.state.value,
        bytes=line.bytes,
        reason=line.problem.reason,
        remedy=line.problem.remedy,
        can_retry=line.can_retry,
        articles_new=line.articles_new,
        articles_changed=line.articles_changed,
        articles_unchanged=line.articles_unchanged,
        passages=line.passages,
        notes=list(line.notes),
        refusals=[RefusedOut(**_refused(one)) for one in line.refusals],
    )


def _draft(line: import_review.DraftLine) -> DraftOut:
    return DraftOut(
        id=line.article,
        key=line.key,
        title=line.title,
        file=line.file,
        state=line.state.value,
        new=line.is_new,
        passages=line.passages,
        repeats_percent=line.repeats_percent,
    )
