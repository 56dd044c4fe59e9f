"""The pool and the claim: who wins goes to the desk, who loses is told and offered the next best."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from guidance.coverage import coverage_of
from marketplace.accounts.payable_countries import Payability, payability
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets import pool, pool_queries, worker_queries
from marketplace.tickets.counts import waiting_in
from workers_ui.deps import AsWorker, CheckedForm, HasTx
from workers_ui.errors import status_of
from workers_ui.frames import page, worker_frame
from workers_ui.pages.answers import see
from workers_ui.pages.pool_views import pager_of, rows_of
from workers_ui.pages.worker_forms import ThisTicket, by_script
from workers_ui.presenters.values import Notice, Tone
from workers_ui.presenters.worker import PoolPage, PoolRowTaken
from workers_ui.templating import Templates, retarget

router = APIRouter()

REFUSALS = (
    pool.AlreadyClaimed,
    pool.GoneFromPool,
    pool.AtYourLimit,
    pool.GivenBackBefore,
    pool.OwnBrand,
    pool.WorkerRestricted,
    pool.NotEligible,
    pool.KeptForNewcomers,
    pool.Stopped,
    pool.PoolEmpty,
)
NOT_PAYABLE = Notice(
    text="Payouts do not reach your country yet. What you earn stays yours and waits.",
    tone=Tone.WARN,
    href="/worker/earnings",
    link_label="Payout set-up",
)


@router.get("/worker/pool")
def show_pool(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    number: Annotated[int, Query(alias="page", ge=1, le=pool_queries.DEEPEST_PAGE)] = 1,
) -> HTMLResponse:
    return _pool_page(request, tx, worker, number=number)


@router.post("/worker/pool", dependencies=[CheckedForm])
def claim_next(request: Request, tx: HasTx, worker: AsWorker) -> Response:
    """Claim the best ticket there is."""
    try:
        hold = pool.claim_next(tx, worker=worker)
    except REFUSALS as refusal:
        return _refused(request, tx, worker, refusal)
    return see(f"/worker/t/{hold.ticket}")


@router.post("/worker/pool/{ticket}/claim", dependencies=[CheckedForm])
def claim(request: Request, tx: HasTx, worker: AsWorker, ticket: ThisTicket) -> Response:
    try:
        hold = pool.claim_ticket(tx, ticket=ticket, worker=worker)
    except (pool.AlreadyClaimed, pool.GoneFromPool) as lost:
        if by_script(request):
            return _taken(request, tx, worker, ticket)
        return _refused(request, tx, worker, lost)
    except REFUSALS as refusal:
        return _refused(request, tx, worker, refusal)
    return see(f"/worker/t/{hold.ticket}")


def _taken(request: Request, tx: Tx, worker: WorkerId, ticket: TicketId) -> HTMLResponse:
    """The row that was lost, with the way to the next best; the rest of the page stays as it is."""
    templates: Templates = request.app.state.services.templates
    lost = pool_queries.find_in_pool(tx, ticket)
    best = pool_queries.next_best(tx, worker=worker)
    row = PoolRowTaken(
        ticket=str(ticket),
        subject=lost.subject if lost else "This ticket",
        brand=lost.brand if lost else "",
        next_ticket=str(best.ticket) if best else "",
        next_subject=best.subject if best else "",
    )
    toast = f"Taken. Next best: {best.subject}" if best else "Taken. Nothing else waits right now."
    return HTMLResponse(templates.part(row), 409, retarget(f"ticket-{ticket}", toast=toast))


def _refused(request: Request, tx: Tx, worker: WorkerId, refusal: AppError) -> HTMLResponse:
    """The pool as it is now, with why this claim was not possible and what to take instead."""
    lost = isinstance(refusal, pool.AlreadyClaimed | pool.GoneFromPool)
    best = pool_queries.next_best(tx, worker=worker) if lost else None
    notice = Notice(
        text=f"Taken: {refusal.detail}" if lost else refusal.detail,
        tone=Tone.WARN,
        href=f"#ticket-{best.ticket}" if best else "",
        link_label=f"Next best: {best.subject}" if best else "",
    )
    return _pool_page(request, tx, worker, callouts=(notice,), status=status_of(refusal))


def _pool_page(
    request: Request,
    tx: Tx,
    worker: WorkerId,
    *,
    number: int = 1,
    callouts: tuple[Notice, ...] = (),
    status: int = 200,
) -> HTMLResponse:
    now = app_now(tx)
    found = pool_queries.pool_for(tx, worker=worker, page=number)
    coverage = coverage_of(tx, [card.ticket for card in found.cards])
    room = worker_queries.room_of(tx, worker=worker, now=now)
    view = PoolPage(
        frame=worker_frame(request, tx),
        rows=rows_of(found.cards, coverage, now),
        waiting=waiting_in(tx, pool_queries.lanes_of_worker(tx, worker=worker)),
        claims_held=room.held,
        claim_cap=room.cap,
        callouts=(*callouts, *_about_country(request)),
        pager=pager_of(found),
    )
    return page(request, view, status=status)


def _about_country(request: Request) -> tuple[Notice, ...]:
    """Said before the first claim and at every one: whether the pay can arrive."""
    principal: Principal = request.state.principal
    payable = principal.country is not None and payability(principal.country) is not Payability.NONE
    return () if payable else (NOT_PAYABLE,)
