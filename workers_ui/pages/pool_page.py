"""Putting the pool together for its page: the cards this worker may claim, his filters, his room, his presence."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from guidance.coverage import coverage_of
from marketplace.accounts.models import WorkerStatus
from marketplace.accounts.payable_countries import Payability, payability
from marketplace.accounts.queries import worker_profile
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.tickets import pool_queries, worker_queries
from marketplace.tickets.counts import waiting_in
from marketplace.tickets.pool_choices import brands_waiting, not_for
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
    now = app_now(tx)
    found = pool_queries.pool_for(tx, worker=worker, filters=query_of(chosen), page=number)
    lanes = pool_queries.lanes_of_worker(tx, worker=worker)
    profile = worker_profile(tx, worker)
    kept_away = not_for(tx, worker)
    view = PoolPage(
        frame=worker_frame(request, tx),
        rows=rows_of(found.cards, coverage_of(tx, [card.ticket for card in found.cards]), now),
        waiting=waiting_in(tx, lanes),
        rooms=tuple(
            ChannelRoom(channel=channel_name(room.channel), held=room.held, cap=room.cap)
            for room in worker_queries.rooms_of(tx, worker=worker, now=now)
        ),
        available=profile.available,
        suspended=_is_suspended(request),
        filters=form_of(
            chosen, brands=brands_waiting(tx, lanes), languages=profile.languages, skills=profile.skills
        ),
        searched_up_to=None if found.searched_all else pool_queries.SEARCHED,
        not_brands=kept_away.brands,
        newcomer=not kept_away.newcomers_tickets,
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
