"""What a brand's knowledge does not answer: the list by cost, one gap, and what people do about it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from guidance import gap_queries, gaps, ticket_drafts
from guidance.gap_models import GapState
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_out import MEDIA_TYPE, csv_out
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import GapId, TicketId
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_gaps_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for, pager, refused
from workers_ui.pages.brand_ticket import ticket_page
from workers_ui.pages.receipt_views import alias
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.gaps import GapPage, GapsPage
from workers_ui.presenters.values import EMPTY_FORM, FilterTab, FormState
from workers_ui.services import Services

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]

SECTION = "gaps"
TABS: tuple[tuple[str, str, tuple[GapState, ...]], ...] = (
    ("open", "Open", gap_queries.ON_THE_LIST),
    ("closed", "Closed", (GapState.CLOSED,)),
    ("dismissed", "Dismissed", (GapState.DISMISSED,)),
)
GAPS_HEADER = (
    "gap",
    "key_words",
    "state",
    "tickets",
    "tickets_30_days",
    "tickets_30_days_before",
    "escalations",
    "reopens",
)
COSTS_HEADER = ("unpaid_time", "escalation_fees", "work_taken_back", "cost", "currency")
LINES_HEADER = ("ticket", "what", "how", "lost_at", "amount", "currency")

log = structlog.get_logger()


@router.get("/b/{slug}/knowledge/gaps")
def list_gaps(
    request: Request,
    tx: HasTx,
    membership: Views,
    state: Annotated[str, Query(pattern="^(open|closed|dismissed)$")] = "open",
    page: Annotated[int, Query(ge=1, le=gap_queries.MAX_PAGES)] = 1,
) -> HTMLResponse:
    """The costliest first."""
    states = next(states for key, _, states in TABS if key == state)
    found = gap_queries.gaps(tx, brand=membership.brand, states=states, page=page, now=app_now(tx))
    counted = gap_queries.count_gaps(tx, brand=membership.brand)
    base = _path(membership)
    view = GapsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current=SECTION),
        states=tuple(
            FilterTab(
                label=label,
                href=f"{base}?state={key}",
                count=sum(counted.get(one, 0) for one in of),
                current=key == state,
            )
            for key, label, of in TABS
        ),
        rows=tuple(
            present.gap_row(line, slug=membership.slug, shows_costs=_shows_costs(membership))
            for line in found.lines
        ),
        shows_costs=_shows_costs(membership),
        any_gap=bool(counted),
        pager=pager(
            f"{base}?state={state}&page=",
            page=found.page,
            has_more=found.has_more,
            first=(found.page - 1) * gap_queries.PAGE_SIZE + 1,
            shown=len(found.lines),
        ),
    )
    return answer(request, view)


@router.get("/b/{slug}/knowledge/gaps.csv")
def gaps_file(tx: HasTx, membership: Views) -> StreamingResponse:
    """Every gap, the costliest first; costs for those who may see prices."""
    lines = gap_queries.all_gaps(tx, brand=membership.brand, now=app_now(tx))
    return _file("gaps.csv", _gap_cells(lines, shows_costs=_shows_costs(membership)))


@router.get("/b/{slug}/knowledge/gaps/{gap}")
def read_gap(request: Request, tx: HasTx, having: HasServices, membership: Views, gap: str) -> HTMLResponse:
    return answer(request, _gap_page(request, tx, having, membership, _gap_id(gap)))


@router.get("/b/{slug}/knowledge/gaps/{gap}/costs.csv")
def costs_file(tx: HasTx, membership: Manages, gap: str) -> StreamingResponse:
    """Every line of what the gap costs: they add up to its cost."""
    lines = gap_queries.cost_lines(tx, brand=membership.brand, gap=_gap_id(gap))
    return _file("gap-costs.csv", _line_cells(lines))


@router.post("/b/{slug}/knowledge/gaps/{gap}/article", dependencies=[CheckedForm])
def begin_article(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Manages,
    principal: IsSignedIn,
    gap: str,
    ticket: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Draft an article from one of the gap's resolved tickets."""
    found = _gap_id(gap)
    try:
        article = ticket_drafts.begin_article(
            tx,
            brand=membership.brand,
            ticket=TicketId(as_uuid(ticket)),
            author=principal.person,
            now=app_now(tx),
            gap=found,
        )
    except Conflict as error:
        view = _gap_page(request, tx, having, membership, found, form=refused({}, error))
        return answer(request, view, status=status_of(error))
    log.info("gap.article_begun", brand=str(membership.brand), gap=str(found), article=str(article))
    return see(f"{area_path(membership, 'knowledge')}/{article}", said=BEGUN)


@router.post("/b/{slug}/tickets/{ticket}/article", dependencies=[CheckedForm])
def begin_from_ticket(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, ticket: str
) -> Response:
    """Draft an article from a resolved ticket; the gap that its question is in is being written from now on."""
    found = TicketId(as_uuid(ticket))
    try:
        article = ticket_drafts.begin_article(
            tx,
            brand=membership.brand,
            ticket=found,
            author=principal.person,
            now=app_now(tx),
            gap=gap_queries.gap_of_ticket(tx, brand=membership.brand, ticket=found),
        )
    except Conflict as error:
        view = ticket_page(request, tx, membership, found, form=refused({}, error))
        return answer(request, view, status=status_of(error))
    log.info("ticket.article_begun", brand=str(membership.brand), ticket=str(found), article=str(article))
    return see(f"{area_path(membership, 'knowledge')}/{article}", said=BEGUN)


BEGUN = "A draft is begun. Read it, fill what stands in braces, and publish it when it is right."


@router.post("/b/{slug}/knowledge/gaps/{gap}/dismissal", dependencies=[CheckedForm])
def dismiss(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Manages,
    principal: IsSignedIn,
    gap: str,
    reason: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
) -> Response:
    """Take it off the list, with a reason."""
    found, because = _gap_id(gap), typed_lines(reason)
    try:
        gaps.dismiss_gap(
            tx,
            brand=membership.brand,
            gap=found,
            because=because,
            by=principal.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        form = refused({"reason": because}, error, field="reason" if isinstance(error, Invalid) else "")
        view = _gap_page(request, tx, having, membership, found, form=form)
        return answer(request, view, status=status_of(error))
    return see(_path(membership), said="Dismissed. Questions of this kind no longer bring it up.")


@router.post("/b/{slug}/knowledge/gaps/{gap}/return", dependencies=[CheckedForm])
def bring_back(request: Request, tx: HasTx, having: HasServices, membership: Manages, gap: str) -> Response:
    """Put a dismissed gap on the list again."""
    found = _gap_id(gap)
    try:
        gaps.bring_back_gap(tx, brand=membership.brand, gap=found)
    except Conflict as error:
        view = _gap_page(request, tx, having, membership, found, form=refused({}, error))
        return answer(request, view, status=status_of(error))
    return see(f"{_path(membership)}/{found}", said="It is on the list again.")


def _gap_page(
    request: Request,
    tx: Tx,
    having: Services,
    membership: Membership,
    gap: GapId,
    *,
    form: FormState = EMPTY_FORM,
) -> GapPage:
    detail = gap_queries.gap_detail(tx, brand=membership.brand, gap=gap, now=app_now(tx))
    shows_costs, line = _shows_costs(membership), detail.line
    return GapPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        row=present.gap_row(line, slug=membership.slug, shows_costs=shows_costs),
        first_at=line.first_at,
        last_at=line.last_at,
        examples=tuple(
            present.example(one, threshold=having.settings.answer_threshold) for one in detail.examples
        ),
        parts=present.cost_parts(line.costs) if shows_costs else (),
        whole=line.costs.whole if shows_costs else None,
        lines=tuple(present.cost_line(one) for one in detail.costs) if shows_costs else (),
        more_lines=detail.more_costs,
        sources=tuple(
            present.source(one, slug=membership.slug, alias=alias(one.worker)) for one in detail.resolved
        ),
        is_open=present.is_open(detail),
        article_href=present.article_href(membership.slug, line),
        article_title=line.article_title or "",
        closed_at=line.closed_at,
        dismissed_by=detail.dismissed_by or "",
        dismissed_at=detail.dismissed_at,
        dismissed_because=detail.dismissed_because,
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        form=form,
    )


def _gap_cells(lines: Sequence[gap_queries.GapLine], *, shows_costs: bool) -> Iterator[Sequence[str | int]]:
    yield (*GAPS_HEADER, *(COSTS_HEADER if shows_costs else ()))
    for line in lines:
        costs = line.costs
        parts = (costs.unpaid, costs.fees, costs.reopened, costs.whole)
        amounts = [present.plain_amount(part).split(" ")[0] for part in parts]
        told = (
            line.name,
            ", ".join(line.key_words),
            present.STATES[line.state].label,
            line.tickets,
            line.recent,
            line.before,
            line.escalations,
            line.reopens,
        )
        yield (*told, *((*amounts, costs.whole.currency.upper()) if shows_costs else ()))


def _line_cells(lines: Sequence[gap_queries.CostLine]) -> Iterator[Sequence[str | int]]:
    yield LINES_HEADER
    for line in lines:
        amount, currency = present.plain_amount(line.amount).split(" ")
        what, how = present.LOSSES[line.kind], present.cost_how(line)
        yield (line.number, what, how, line.at.isoformat(), amount, currency)


def _file(name: str, cells: Iterable[Sequence[str | int]]) -> StreamingResponse:
    pieces = list(csv_out(cells))  # the transaction ends before an answer is streamed
    return StreamingResponse(
        iter(pieces),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _shows_costs(membership: Membership) -> bool:
    return allowed(membership.role, Permission.VIEW_PRICES)


def _path(membership: Membership) -> str:
    return f"{area_path(membership, 'knowledge')}/{SECTION}"


def _gap_id(text: str) -> GapId:
    return GapId(as_uuid(text))
