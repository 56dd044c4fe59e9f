"""How much of what is asked the knowledge covers, by category, against the 30 days before."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from guidance.article_outcomes import worst_articles
from guidance.gap_queries import ON_THE_LIST, count_gaps
from guidance.knowledge_coverage import KnowledgeCoverage, knowledge_coverage
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_out import MEDIA_TYPE, csv_out
from workers_ui.deps import HasTx, at_brand
from workers_ui.frames import page as answer
from workers_ui.pages import brand_gaps_views as present
from workers_ui.pages import outcome_words
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.presenters.gaps import CoveragePage

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]

SECTION = "coverage"
HEADER = ("category", "tickets", "covered", "partly", "missing", "covered_before", "tickets_before")


@router.get("/b/{slug}/knowledge/coverage")
def read_coverage(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    found = knowledge_coverage(tx, brand=membership.brand, now=app_now(tx))
    counted = count_gaps(tx, brand=membership.brand)
    failing = worst_articles(tx, brand=membership.brand, now=app_now(tx))
    view = CoveragePage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current=SECTION),
        since=found.since,
        rows=tuple(present.coverage_row(part) for part in found.categories),
        caption=present.coverage_caption(found.whole),
        whole=present.coverage_row(found.whole) if found.categories else None,
        worst=tuple(
            outcome_words.worst(one, articles_path=area_path(membership, "knowledge")) for one in failing
        ),
        open_gaps=sum(counted.get(state, 0) for state in ON_THE_LIST),
    )
    return answer(request, view)


@router.get("/b/{slug}/knowledge/coverage.csv")
def coverage_file(tx: HasTx, membership: Views) -> StreamingResponse:
    found = knowledge_coverage(tx, brand=membership.brand, now=app_now(tx))
    pieces = list(csv_out(_cells(found)))  # the transaction ends before an answer is streamed
    return StreamingResponse(
        iter(pieces),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="coverage.csv"'},
    )


def _cells(found: KnowledgeCoverage) -> Iterator[Sequence[str | int]]:
    yield HEADER
    for part in found.categories:
        yield (
            part.category,
            part.tickets,
            part.covered,
            part.partly,
            part.missing,
            part.covered_before,
            part.tickets_before,
        )
