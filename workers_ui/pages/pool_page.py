"""Putting the pool together for its page: the cards this worker may claim, his filters, his room, his presence."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from guidance.coverage import coverage_of
from marketplace.accounts.models import WorkerStatus
from marketplace.accounts.payable_countries import Payability, payability
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.tickets import pool_queries
from marketplace.tickets.pool_choices import brands_waiting, worker_in_pool
from workers_ui.frames import page, worker_frame
from workers_ui.pages.pool_filters import Chosen, form_of, query_of
from workers_ui.pages.pool_views import channel_name, pager_of, rows_of
from workers_ui.presenters.values import Notice, Tone
from workers_ui.presenters.worker import ChannelRoom, PoolPage

NOT_PAYABLE = Notice(
    text="Payouts do not reach your country yet. What you earn stays yours and waits.",
    tone=Tone.WARN,
    href="/worker/earnings",
    link_label="Payout set-up",
)


def pool_page(
    request: Request,
    tx: Tx,
    worker: WorkerId,
    *,
    chosen: Chosen,
    number: int = 1,
    callouts: tuple[Notice, ...] = (),
    status: int = 200,
) -> HTMLResponse:
    here = worker_in_pool(tx, worker)
    found = pool_queries.pool_for(tx, worker=worker, lanes=here.lanes, filters=query_of(chosen), page=number)
    coverage = coverage_of(tx, [card.ticket for card in found.cards])
    view = PoolPage(
        frame=worker_frame(request, tx, here),
        rows=rows_of(found.cards, coverage, app_now(tx)),
        waiting=here.waiting,
        rooms=tuple(
            ChannelRoom(channel=channel_name(room.channel), held=room.held, cap=room.cap)
            for room in here.rooms
        ),
        available=here.available,
        suspended=_is_suspended(request),
        filters=form_of(
            chosen, brands=brands_waiting(tx, here.lanes), languages=here.languages, skills=here.skills
        ),
        searched_up_to=None if found.searched_all else pool_queries.SEARCHED,
        not_brands=here.not_brands,
        newcomer=here.newcomer,
        callouts=(*callouts, *_about_country(request)),
        pager=pager_of(found, chosen),
    )
    return page(request, view, status=status)


def _is_suspended(request: Request) -> bool:
    principal: Principal = request.state.principal
    return principal.worker_status is WorkerStatus.RESTRICTED


def _about_country(request: Request) -> tuple[Notice, ...]:
    """Said before the first claim and at every one: whether the pay can arrive."""
    principal: Principal = request.state.principal
    payable = principal.country is not None and payability(principal.country) is not Payability.NONE
    return () if payable else (NOT_PAYABLE,)
