"""The pool and the claim: who wins goes to the desk, who loses is told and offered the next best."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.sessions import Principal
from marketplace.kernel.db import Scope, Tx
from marketplace.kernel.errors import AppError, NotFound
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets import pool, pool_queries
from marketplace.tickets.worker_stops import with_reason
from workers_ui.deps import (
    AsWorker,
    CheckedFormBefore,
    HasServices,
    HasTx,
    IsSignedInBefore,
    session_token,
)
from workers_ui.errors import status_of
from workers_ui.pages.answers import see
from workers_ui.pages.pool_filters import chosen_in, keep
from workers_ui.pages.pool_page import pool_page
from workers_ui.pages.worker_forms import ThisTicket, by_script
from workers_ui.presenters.values import Notice, Tone
from workers_ui.presenters.worker import PoolRowTaken
from workers_ui.services import Services
from workers_ui.templating import Templates, retarget

router = APIRouter()


@router.get("/worker/pool")
def show_pool(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    number: Annotated[int, Query(alias="page", ge=1, le=pool_queries.DEEPEST_PAGE)] = 1,
    sets_filters: Annotated[bool, Query(alias="set")] = False,
) -> Response:
    """The pool through the filters of the address; `set` makes them the ones of the bare address."""
    chosen = chosen_in(request, worker)
    if sets_filters:
        return keep(chosen, worker)
    return pool_page(request, tx, worker, chosen=chosen, number=number)


@router.post("/worker/pool", dependencies=[CheckedFormBefore])
async def claim_next(request: Request, having: HasServices, principal: IsSignedInBefore) -> Response:
    """Claim the best ticket there is."""
    return await _claim(request, having, principal, None)


@router.post("/worker/pool/{ticket}/claim", dependencies=[CheckedFormBefore])
async def claim(
    request: Request, having: HasServices, principal: IsSignedInBefore, ticket: ThisTicket
) -> Response:
    return await _claim(request, having, principal, ticket)


async def _claim(
    request: Request, having: Services, principal: Principal, ticket: TicketId | None
) -> Response:
    """A claim that shares its commit with those that arrive beside it; a refusal is shown in the pool."""
    if principal.worker is None:
        raise NotFound
    try:
        hold = await having.claims.claim(session_token(request) or "", ticket)
    except tuple(pool.REFUSALS.values()) as refusal:
        return await run_in_threadpool(_answer_refusal, request, having, principal.worker, ticket, refusal)
    return see(f"/worker/t/{hold.ticket}")


def _answer_refusal(
    request: Request, having: Services, worker: WorkerId, ticket: TicketId | None, refusal: AppError
) -> Response:
    lost = isinstance(refusal, pool.AlreadyClaimed | pool.GoneFromPool)
    with having.database.transaction(Scope(worker=worker)) as tx:
        if ticket is not None and lost and by_script(request):
            return _taken(request, tx, worker, ticket)
        return _refused(request, tx, worker, with_reason(tx, refusal, worker=worker, ticket=ticket))


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
        next_pay=best.pay if best else None,
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
    chosen = chosen_in(request, worker)
    return pool_page(request, tx, worker, chosen=chosen, callouts=(notice,), status=status_of(refusal))
