"""The brand's knowledge: what is there, adding files, how an import goes, and a question asked for a test."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from guidance import engine
from guidance.usage_queries import citations_of_articles
from knowledge_base import import_queries, queries
from knowledge_base.import_models import ImportState
from knowledge_base.index.hybrid import Query as Question
from knowledge_base.index.past import TooMuchHeldThen
from knowledge_base.index.retrieval import IndexUnavailable
from marketplace.accounts import queries as accounts
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from workers_ui.deps import HasServices, HasTx, at_brand
from workers_ui.frames import page as answer
from workers_ui.pages import brand_import_views as imports_present
from workers_ui.pages import brand_knowledge_views as present
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, pager
from workers_ui.pages.typed_moments import UnreadableMoment, typed_moment
from workers_ui.presenters.brand import NOT_ASKED, KnowledgePage, QuestionTest
from workers_ui.presenters.knowledge_imports import ImportProgress
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.services import Services

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]

QUESTION_LIMIT = 500
IMPORTS_SHOWN = 3
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
        request, knowledge_page(request, tx, having, membership, find=find.strip(), page=page, test=test)
    )


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


def knowledge_page(
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
    held = queries.holdings(tx, brand=brand)
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
        upload_limit_bytes=having.settings.upload_limit_bytes,
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
    newest = import_queries.newest_imports(tx, brand=membership.brand, limit=IMPORTS_SHOWN)
    told = [
        one
        for one in newest
        if one.state in imports_present.RUNNING or one.state is ImportState.REVIEW or one.refusals
    ]
    return tuple(imports_present.import_progress(one, slug=membership.slug) for one in told)
