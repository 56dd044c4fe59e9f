"""A brand's imports: adding files in one request or in slices, following them, looking, publishing, undoing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from knowledge_base import import_acts, import_files, import_queries, import_review
from knowledge_base.import_models import FileState, ImportArticleState, ImportState
from knowledge_base.import_review import Only
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound, TooLarge
from marketplace.kernel.ids import ArticleId, ImportId
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, as_uuid
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_import_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_article_editor import names_of
from workers_ui.pages.brand_knowledge import Manages, Views, knowledge_page
from workers_ui.pages.brand_scope import area_path, frame_for, pager, refused
from workers_ui.presenters.knowledge_imports import DraftPage, ImportPage, ImportsPage, KeptArticle
from workers_ui.presenters.values import Action, FilterTab

router = APIRouter()

Uploaded = Annotated[list[UploadFile | str], File()]
DraftFilter = Annotated[str, Query(max_length=20)]
PageNumber = Annotated[int, Query(ge=1, le=import_review.MAX_DRAFT_PAGES)]
ONLY = {
    "all": import_review.ALL,
    "repeats": Only(repeats=True),
    "left_out": Only(state=ImportArticleState.LEFT_OUT),
}


class NoSuchFilter(Invalid):
    """There is no such filter of an import. Choose one of those shown."""


@router.post("/b/{slug}/knowledge/imports", dependencies=[CheckedForm])
def start_import(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Manages,
    principal: IsSignedIn,
    files: Uploaded = [],  # noqa: B006 - FastAPI copies it per request
    folder: Uploaded = [],  # noqa: B006
    review: Annotated[str, Form(max_length=10)] = "",
    more: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Take files and folders; they are read in the background. With `more`, further slices are to come."""
    contents = [*_contents(files), *_without_top(_contents(folder))]
    try:
        with tx.begin_nested():
            started = import_files.open_import(
                tx, brand=membership.brand, author=principal.person, now=app_now(tx), looks_first=bool(review)
            )
            _add(tx, membership, started, contents)
            if not more:
                import_files.close_import(tx, brand=membership.brand, import_id=started, now=app_now(tx))
    except (Invalid, TooLarge) as error:
        view = knowledge_page(request, tx, having, membership, form=refused({}, error, field="files"))
        return answer(request, view, status=status_of(error))
    return see(_path(membership, started))


@router.post("/b/{slug}/knowledge/imports/{import_id}/files", dependencies=[CheckedForm])
def add_files(
    request: Request,
    tx: HasTx,
    membership: Manages,
    import_id: str,
    files: Uploaded = [],  # noqa: B006
) -> Response:
    """A further slice of an upload that is open."""
    wanted = ImportId(as_uuid(import_id))
    _add(tx, membership, wanted, _contents(files))
    return see(_path(membership, wanted))


@router.post("/b/{slug}/knowledge/imports/{import_id}/start", dependencies=[CheckedForm])
def close_import(request: Request, tx: HasTx, membership: Manages, import_id: str) -> Response:
    """The last slice is here: let it be read."""
    wanted = ImportId(as_uuid(import_id))
    import_files.close_import(tx, brand=membership.brand, import_id=wanted, now=app_now(tx))
    return see(_path(membership, wanted))


@router.get("/b/{slug}/knowledge/imports")
def read_imports(
    request: Request,
    tx: HasTx,
    membership: Views,
    page: Annotated[int, Query(ge=1, le=import_queries.MAX_IMPORT_PAGES)] = 1,
) -> HTMLResponse:
    """Every import, newest first."""
    base, names = f"{area_path(membership, 'knowledge')}/imports", names_of(tx, membership)
    found = import_queries.imports(tx, brand=membership.brand, page=page)
    view = ImportsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        rows=tuple(present.row(one, base=base, names=names) for one in found.lines),
        pager=pager(
            f"{base}?page=",
            page=found.page,
            has_more=found.has_more,
            first=(found.page - 1) * import_queries.IMPORTS_PER_PAGE + 1,
            shown=len(found.lines),
        ),
    )
    return answer(request, view)


@router.get("/b/{slug}/knowledge/imports/{import_id}")
def read_import(
    request: Request,
    tx: HasTx,
    membership: Views,
    import_id: str,
    state: Annotated[FileState | None, Query()] = None,
    show: DraftFilter = "all",
    drafts: PageNumber = 1,
    page: Annotated[int, Query(ge=1, le=import_queries.MAX_FILE_PAGES)] = 1,
) -> HTMLResponse:
    """How far it is, file by file; while it waits for a look, its articles too. The stream asks for it again."""
    if show not in ONLY:
        raise NoSuchFilter
    wanted = ImportId(as_uuid(import_id))
    status = import_queries.import_status(tx, brand=membership.brand, import_id=wanted)
    view = _with_files(tx, membership, _page(request, tx, membership, status), status, state, page)
    if status.state is ImportState.REVIEW:
        view = _with_drafts(tx, membership, view, status, show, drafts)
    return answer(request, view)


@router.get("/b/{slug}/knowledge/imports/{import_id}/articles/{article}")
def read_draft(request: Request, tx: HasTx, membership: Views, import_id: str, article: str) -> HTMLResponse:
    """One article as it would be published: its passages, what changed, and whom it repeats."""
    wanted, which = ImportId(as_uuid(import_id)), ArticleId(as_uuid(article))
    status = import_queries.import_status(tx, brand=membership.brand, import_id=wanted)
    detail = import_review.draft(tx, brand=membership.brand, import_id=wanted, article=which)
    base = _path(membership, wanted)
    may_decide = status.state is ImportState.REVIEW and _manages(membership)
    view = DraftPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        import_href=base,
        title=detail.line.title,
        file=detail.line.file,
        kind=present.kind(detail.line),
        text=detail.text,
        passages=present.passages(detail),
        notes=detail.notes,
        changed=present.changed(detail),
        title_before=_title_before(detail),
        repeats=tuple(
            present.repeat(other, knowledge_href=area_path(membership, "knowledge"), import_href=base)
            for other in detail.repeats
        ),
        decide=present.decision(detail.line, f"{base}/articles/{which}") if may_decide else None,
        left_out=detail.line.state is ImportArticleState.LEFT_OUT,
        earlier_href=f"{base}/articles/{detail.earlier}" if detail.earlier else "",
        later_href=f"{base}/articles/{detail.later}" if detail.later else "",
    )
    return answer(request, view)


@router.post(
    "/b/{slug}/knowledge/imports/{import_id}/articles/{article}/{decision}", dependencies=[CheckedForm]
)
def decide(
    request: Request, tx: HasTx, membership: Manages, import_id: str, article: str, decision: str
) -> Response:
    """Leave an article out of the publication, or take it in again."""
    acts = {"leave-out": import_acts.leave_out, "take-in": import_acts.take_in}
    if decision not in acts:
        raise NotFound
    wanted, which = ImportId(as_uuid(import_id)), ArticleId(as_uuid(article))
    return _acted(
        membership,
        wanted,
        lambda: acts[decision](tx, brand=membership.brand, import_id=wanted, article=which),
        said="",
    )


@router.post("/b/{slug}/knowledge/imports/{import_id}/publish", dependencies=[CheckedForm])
def publish(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, import_id: str
) -> Response:
    wanted = ImportId(as_uuid(import_id))
    return _acted(
        membership,
        wanted,
        lambda: import_acts.publish_import(tx, brand=membership.brand, import_id=wanted, by=principal.person),
        said="Being published.",
    )


@router.post("/b/{slug}/knowledge/imports/{import_id}/discard", dependencies=[CheckedForm])
def discard(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, import_id: str
) -> Response:
    wanted = ImportId(as_uuid(import_id))
    return _acted(
        membership,
        wanted,
        lambda: import_acts.discard_import(tx, brand=membership.brand, import_id=wanted, by=principal.person),
        said="Being discarded.",
    )


@router.post("/b/{slug}/knowledge/imports/{import_id}/undo", dependencies=[CheckedForm])
def undo(request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, import_id: str) -> Response:
    wanted = ImportId(as_uuid(import_id))
    return _acted(
        membership,
        wanted,
        lambda: import_acts.undo_import(tx, brand=membership.brand, import_id=wanted, by=principal.person),
        said="Being taken back.",
    )


@router.post("/b/{slug}/knowledge/imports/{import_id}/retry", dependencies=[CheckedForm])
def retry(
    request: Request,
    tx: HasTx,
    membership: Manages,
    import_id: str,
    file: Annotated[int | None, Form(ge=0, le=1_000_000)] = None,
) -> Response:
    """Read one failed file again, or all of them."""
    wanted, brand = ImportId(as_uuid(import_id)), membership.brand

    def act() -> None:
        if file is None:
            import_files.retry_failed(tx, brand=brand, import_id=wanted, now=app_now(tx))
        else:
            import_files.retry_file(tx, brand=brand, import_id=wanted, ordinal=file, now=app_now(tx))

    return _acted(membership, wanted, act, said="Being read again.")


def _acted(membership: Membership, import_id: ImportId, act: Callable[[], object], *, said: str) -> Response:
    """Back to the import, with what was done or why not."""
    try:
        act()
    except Conflict as error:
        said = error.detail
    return see(_path(membership, import_id), said=said)


def _contents(files: Sequence[UploadFile | str]) -> list[tuple[str, bytes]]:
    # A file field left empty is sent as one part without a name.
    chosen = [file for file in files if not isinstance(file, str) and file.filename]
    return [(file.filename or "", file.file.read()) for file in chosen]


def _without_top(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """A chosen folder's own name says nothing about any one file: `humancloud import` leaves it out too."""
    tops = {PurePosixPath(name).parts[0] for name, _ in files if "/" in name}
    if len(tops) != 1 or not all("/" in name for name, _ in files):
        return files
    return [(name.split("/", 1)[1], content) for name, content in files]


def _add(tx: Tx, membership: Membership, import_id: ImportId, contents: Sequence[tuple[str, bytes]]) -> None:
    import_files.add_files(tx, brand=membership.brand, import_id=import_id, files=contents, now=app_now(tx))


def _path(membership: Membership, import_id: ImportId) -> str:
    return f"{area_path(membership, 'knowledge')}/imports/{import_id}"


def _manages(membership: Membership) -> bool:
    return allowed(membership.role, Permission.MANAGE_KNOWLEDGE)


def _page(
    request: Request, tx: Tx, membership: Membership, status: import_queries.ImportStatus
) -> ImportPage:
    done = import_review.outcome(tx, brand=membership.brand, import_id=status.id)
    base, knowledge = _path(membership, status.id), area_path(membership, "knowledge")
    page = ImportPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        href=base,
        state=present.BADGES[status.state],
        source_label=present.who(status, names_of(tx, membership)),
        progress=present.import_progress(status, slug=membership.slug),
        is_running=status.state in present.RUNNING,
        totals=present.totals(status),
        callouts=present.callouts(status, done),
        kept=tuple(KeptArticle(href=f"{knowledge}/{article}", title=title) for article, title in done.kept),
        undo_effect=present.undo_effect(status),
    )
    return _with_actions(page, status, done) if _manages(membership) else page


def _with_actions(
    page: ImportPage, status: import_queries.ImportStatus, done: import_review.Outcome
) -> ImportPage:
    """What this state lets a manager do."""
    retry = undo = None
    if status.can_retry and status.state in import_files.RETRYABLE:
        files = present.counted(status.can_retry, "failed file")
        retry = Action(href=f"{page.href}/retry", label=f"Read {files} again")
    if status.state in import_acts.PUBLISHED_ENDS and done.count(ImportArticleState.PUBLISHED):
        undo = Action(href=f"{page.href}/undo", label="Undo this import")
    page = replace(page, retry=retry, undo=undo)
    if status.state is not ImportState.REVIEW:
        return page
    drafted = done.count(ImportArticleState.DRAFTED)
    publish = Action(
        href=f"{page.href}/publish",
        label=f"Publish {present.counted(drafted, 'article')}",
        allowed=drafted > 0,
        reason="Every article is left out. Take one in, or discard the import.",
    )
    return replace(page, publish=publish, discard=Action(href=f"{page.href}/discard", label="Discard all"))


def _with_files(
    tx: Tx,
    membership: Membership,
    view: ImportPage,
    status: import_queries.ImportStatus,
    state: FileState | None,
    page: int,
) -> ImportPage:
    found = import_queries.import_files(
        tx, brand=membership.brand, import_id=status.id, state=state, page=page
    )
    query = f"state={state.value}&" if state else ""
    return replace(
        view,
        file_tabs=present.file_tabs(status, view.href, state),
        files=tuple(present.file_row(line, can_retry=view.retry is not None) for line in found.lines),
        files_pager=pager(
            f"{view.href}?{query}page=",
            page=found.page,
            has_more=found.has_more,
            first=(found.page - 1) * import_queries.FILES_PER_PAGE + 1,
            shown=len(found.lines),
        ),
    )


def _with_drafts(
    tx: Tx,
    membership: Membership,
    view: ImportPage,
    status: import_queries.ImportStatus,
    show: str,
    page: int,
) -> ImportPage:
    found = import_review.drafts(tx, brand=membership.brand, import_id=status.id, only=ONLY[show], page=page)
    done = import_review.outcome(tx, brand=membership.brand, import_id=status.id)
    return replace(
        view,
        draft_tabs=_draft_tabs(view.href, done, show),
        drafts=tuple(
            present.draft_row(line, base=view.href, may_decide=_manages(membership)) for line in found.lines
        ),
        drafts_pager=pager(
            f"{view.href}?show={show}&drafts=",
            page=found.page,
            has_more=found.has_more,
            first=(found.page - 1) * import_review.DRAFTS_PER_PAGE + 1,
            shown=len(found.lines),
        ),
    )


def _draft_tabs(href: str, done: import_review.Outcome, current: str) -> tuple[FilterTab, ...]:
    left_out = done.count(ImportArticleState.LEFT_OUT)
    counts = {
        "all": ("All", done.count(ImportArticleState.DRAFTED) + left_out),
        "repeats": ("Repeating another", done.repeats),
        "left_out": ("Left out", left_out),
    }
    return tuple(
        FilterTab(label=label, href=f"{href}?show={name}", count=count, current=name == current)
        for name, (label, count) in counts.items()
        if count or name in ("all", current)
    )


def _title_before(detail: import_review.DraftDetail) -> str:
    before = detail.before_title
    return before if before is not None and before != detail.line.title else ""
