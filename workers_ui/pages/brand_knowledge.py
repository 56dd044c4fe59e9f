"""The brand's knowledge: what is there, adding files, how an import goes, and a question asked for a test."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from guidance import engine
from guidance.usage_queries import citations_of_articles
from knowledge_base import import_files, import_queries, queries
from knowledge_base.import_models import ImportState
from knowledge_base.index.hybrid import Query as Question
from knowledge_base.index.past import TooMuchHeldThen
from knowledge_base.index.retrieval import IndexUnavailable
from marketplace.accounts import queries as accounts
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid, TooLarge
from marketplace.kernel.ids import ImportId
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_knowledge_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, pager, refused
from workers_ui.pages.typed_moments import UnreadableMoment, typed_moment
from workers_ui.presenters.brand import NOT_ASKED, ImportPage, ImportProgress, KnowledgePage, QuestionTest
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.services import Services

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]

QUESTION_LIMIT = 500
IMPORTS_SHOWN = 3
MEGABYTE = 1_000_000
UNFINISHED = frozenset(
    {
        ImportState.OPEN,
        ImportState.FETCHING,
        ImportState.QUEUED,
        ImportState.READING,
        ImportState.REVIEW,
        ImportState.PUBLISHING,
        ImportState.INDEXING,
        ImportState.UNDOING,
    }
)

log = structlog.get_logger()


@router.get("/b/{slug}/knowledge")
def list_articles(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Views,
    q: Annotated[str, Query(max_length=QUESTION_LIMIT)] = "",
    as_of: Annotated[str, Query(max_length=100)] = "",
    find: Annotated[str, Query(max_length=queries.MAX_SEARCH_CHARACTERS)] = "",
    page: Annotated[int, Query(ge=1, le=queries.MAX_PAGES)] = 1,
) -> HTMLResponse:
    """The list; with `q` also what a worker would be shown for that question."""
    test = _asked(tx, having, membership, q.strip(), as_of.strip()) if q.strip() else NOT_ASKED
    return answer(
        request, _knowledge_page(request, tx, having, membership, find=find.strip(), page=page, test=test)
    )


@router.post("/b/{slug}/knowledge/imports", dependencies=[CheckedForm])
def start_import(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Manages,
    principal: IsSignedIn,
    files: Annotated[list[UploadFile | str], File()] = [],  # noqa: B006 - FastAPI copies it per request
) -> Response:
    """Take several files; they are read in the background."""
    # A file field left empty is sent as one part without a name.
    chosen = [file for file in files if not isinstance(file, str) and file.filename]
    contents = [(file.filename or "", file.file.read()) for file in chosen]
    try:
        started = import_files.start_import(
            tx, brand=membership.brand, files=contents, author=principal.person, now=app_now(tx)
        )
    except (Invalid, TooLarge) as error:
        form = refused({}, error, field="files")
        view = _knowledge_page(request, tx, having, membership, form=form)
        return answer(request, view, status=status_of(error))
    return see(f"{area_path(membership, 'knowledge')}/imports/{started}")


@router.get("/b/{slug}/knowledge/imports/{import_id}")
def read_import(request: Request, tx: HasTx, membership: Views, import_id: str) -> HTMLResponse:
    """How far it is. The stream moves the bar and, at the end, this page is asked again."""
    wanted = ImportId(as_uuid(import_id))
    status = import_queries.import_status(tx, brand=membership.brand, import_id=wanted)
    view = ImportPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        progress=present.import_progress(status, slug=membership.slug),
    )
    return answer(request, view)


def _asked(tx: Tx, having: Services, membership: Membership, question: str, as_of: str) -> QuestionTest:
    """What a worker would be shown now, or at a time of the brand's zone: then of what held at that time."""
    try:
        at = typed_moment(as_of, accounts.brand(tx, membership.brand).time_zone)
        found = engine.answer(
            tx,
            having.retriever if at is None else having.retriever.as_of(at),
            brand=membership.brand,
            query=Question.of([question.replace("\0", "")]),
            weight=having.settings.hybrid_weight,
            threshold=having.settings.answer_threshold,
        )
    except (IndexUnavailable, UnreadableMoment, TooMuchHeldThen) as error:
        log.info("knowledge.test_waits", brand=str(membership.brand), why=type(error).__name__)
        reason = error.detail
        return QuestionTest(question=question, as_of=as_of, asked=True, abstained=True, reason=reason)
    return replace(present.question_test(question, found), as_of=as_of)


def _knowledge_page(
    request: Request,
    tx: Tx,
    having: Services,
    membership: Membership,
    *,
    find: str = "",
    page: int = 1,
    test: QuestionTest = NOT_ASKED,
    form: FormState = EMPTY_FORM,
) -> KnowledgePage:
    brand = membership.brand
    found = queries.articles(tx, brand=brand, page=page, search=find)
    index = queries.index_status(tx, brand=brand)
    held = queries.coverage(tx, brand=brand)
    cited = citations_of_articles(tx, brand=brand, articles=[line.id for line in found.lines])
    base = area_path(membership, "knowledge")
    query = urlencode({"find": find}) + "&" if find else ""
    return KnowledgePage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        articles=tuple(
            present.article_row(line, index=index, cited=cited.get(line.id, 0)) for line in found.lines
        ),
        article_count=held.articles,
        passage_count=held.passages,
        test=test,
        imports=_imports(tx, membership),
        search=find,
        upload_limit_megabytes=having.settings.upload_limit_bytes // MEGABYTE,
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        can_erase=allowed(membership.role, Permission.MANAGE_TEAM),
        form=form,
        index_notice=present.index_notice(index, app_now(tx)),
        tabs=knowledge_tabs(tx, membership, current=""),
        pager=pager(
            f"{base}?{query}page=",
            page=found.page,
            has_more=found.has_more,
            first=(found.page - 1) * queries.PAGE_SIZE + 1,
            shown=len(found.lines),
        ),
    )


def _imports(tx: Tx, membership: Membership) -> tuple[ImportProgress, ...]:
    """Those under way, and the last ones that had something to say."""
    newest = import_queries.imports(tx, brand=membership.brand, limit=IMPORTS_SHOWN)
    told = [one for one in newest if one.state in UNFINISHED or one.refusals]
    return tuple(present.import_progress(one, slug=membership.slug) for one in told)
