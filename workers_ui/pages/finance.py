"""Finance's pages: the earnings queue, one earning's story, pay runs signed by two people."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from billing.batch_queries import (
    batch_as_seen,
    batch_card,
    batch_to_sign,
    batches_page,
    payout_rows,
    ready_to_pay,
)
from billing.batches import (
    NothingToPay,
    approve_batch,
    draft_batch,
    release_batch,
    submit_batch,
    void_batch,
)
from billing.finance_queries import (
    DEEPEST_PAGE,
    EarningFilter,
    amount_of,
    earning_story,
    earning_totals,
    earnings_page,
    worker_name,
)
from billing.models import EarningState
from guidance.queries import receipts_of_ticket
from marketplace.accounts.permissions import Permission
from marketplace.accounts.queries import brand_by_slug
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid, NotFound
from marketplace.kernel.ids import BatchId, EarningId, WorkerId
from workers_ui import parts
from workers_ui.deps import CheckedForm, HasServices, HasTx, as_uuid, on_platform
from workers_ui.frames import finance_frame, page
from workers_ui.pages import finance_story as story_views
from workers_ui.pages import finance_views as views
from workers_ui.pages.answers import see
from workers_ui.pages.finance_labels import BATCH_BADGES, EARNING_BADGES
from workers_ui.presenters.finance import BatchesPage, BatchPage, FinanceEarningPage, FinanceEarningsPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_EARNINGS))]
Submitter = Annotated[Principal, Depends(on_platform(Permission.SUBMIT_BATCHES))]
Approver = Annotated[Principal, Depends(on_platform(Permission.APPROVE_PAYOUTS))]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=DEEPEST_PAGE)]
Seen = Annotated[str, Form(max_length=64)]
Currency = Annotated[str, Form(pattern="^[a-z]{3}$")]

log = structlog.get_logger()
router = APIRouter(prefix="/finance")


class NoSuchState(Invalid):
    """There is no such state of earnings."""


@router.get("/earnings")
def earnings(
    request: Request,
    tx: HasTx,
    _staff: Viewer,
    state: Annotated[str, Query(max_length=20)] = "",
    worker: Annotated[str, Query(max_length=36)] = "",
    brand: Annotated[str, Query(max_length=40)] = "",
    number: PageNumber = 1,
) -> HTMLResponse:
    wanted, worker_label, brand_label = _wanted(tx, state=state, worker=worker, brand=brand)
    query = {"state": state, "worker": worker, "brand": brand}
    lines = earnings_page(tx, wanted, page=number)
    totals = earning_totals(tx, EarningFilter(worker=wanted.worker, brand=wanted.brand))
    view = FinanceEarningsPage(
        frame=finance_frame(request, tx),
        tabs=views.earning_tabs(totals, wanted, query),
        sums=views.state_sums(totals, wanted.state),
        rows=tuple(views.earning_row(line, query) for line in lines),
        callouts=views.narrowings(query, worker=worker_label, brand=brand_label),
        pager=views.pager(views.EARNINGS, query, page=number, shown=len(lines)),
    )
    return page(request, view)


@router.get("/earnings/{earning}")
def earning_page(request: Request, tx: HasTx, _staff: Viewer, earning: str) -> HTMLResponse:
    story = earning_story(tx, EarningId(as_uuid(earning)))
    receipts = receipts_of_ticket(tx, brand=story.earning.brand_id, ticket=story.ticket.id)
    live = next((one.batch for one in story.payouts if one.live), None)
    view = FinanceEarningPage(
        frame=finance_frame(request, tx),
        earning=str(story.earning.id),
        ticket_number=f"#{story.ticket.number}",
        subject=story.subject,
        worker=story.worker_names[story.earning.worker_id],
        brand=story.brand_name,
        amount=amount_of(story.earning),
        state=EARNING_BADGES[story.earning.state],
        steps=story_views.steps(story, receipts),
        postings=story_views.postings(story),
        batch=str(live.id) if live else "",
        batch_number=str(live.number) if live else "",
    )
    return page(request, view)


@router.get("/batches")
def batches(request: Request, tx: HasTx, _staff: Viewer, number: PageNumber = 1) -> HTMLResponse:
    return _batches(request, tx, number=number)


@router.post("/batches", dependencies=[CheckedForm], response_model=None)
def draft(
    request: Request, tx: HasTx, staff: Submitter, currency: Currency
) -> HTMLResponse | RedirectResponse:
    try:
        with tx.begin_nested():  # a batch of nothing must not stay behind
            batch = draft_batch(tx, currency=currency, author=staff.person, now=app_now(tx))
    except NothingToPay as refusal:
        return _batches(request, tx, form=FormState(problem=refusal.detail), status=409)
    log.info("batch.drafted", batch=str(batch.id), person=str(staff.person))
    return see(
        f"{views.BATCHES}/{batch.id}", said=f"Batch {batch.number} is drafted. Look at it, then submit it."
    )


@router.get("/batches/{batch}")
def batch_page(
    request: Request, tx: HasTx, staff: Viewer, batch: str, number: PageNumber = 1
) -> HTMLResponse:
    card = batch_card(tx, BatchId(as_uuid(batch)))
    rows = payout_rows(tx, card.batch.id, page=number)
    view = BatchPage(
        frame=finance_frame(request, tx),
        batch=str(card.batch.id),
        number=str(card.batch.number),
        state=BATCH_BADGES[card.batch.state],
        amount=card.amount,
        payout_count=card.payouts,
        earning_count=card.earnings,
        content_hash=card.batch.content_hash,
        lines=tuple(views.payout_line(row) for row in rows),
        signatures=views.signatures(card),
        actions=views.batch_actions(card, staff.person),
        void_action=views.void_action(card),
        paid=card.paid if views.is_under_way(card) else None,
        failed_count=card.refused,
        pager=views.batch_pager(card, page=number, shown=len(rows)),
    )
    return page(request, view)


@router.post("/batches/{batch}/submission", dependencies=[CheckedForm])
def submit(tx: HasTx, staff: Submitter, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    submit_batch(tx, batch=seen.id, person=staff.person, now=app_now(tx))
    return _signed("submitted", seen.id, staff, said="Submitted. Now a second person has to approve it.")


@router.post("/batches/{batch}/approval", dependencies=[CheckedForm])
def approve(tx: HasTx, staff: Approver, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    approve_batch(tx, batch=seen.id, person=staff.person, now=app_now(tx))
    return _signed("approved", seen.id, staff, said="Approved. It can be released now.")


@router.post("/batches/{batch}/release", dependencies=[CheckedForm])
def release(
    tx: HasTx, having: HasServices, staff: Approver, batch: str, content_hash: Seen = ""
) -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    environment = parts.environment(having.settings)
    release_batch(tx, batch=seen.id, person=staff.person, environment=environment, now=app_now(tx))
    return _signed("released", seen.id, staff, said="Released. The transfers are on their way to Stripe.")


@router.post("/batches/{batch}/void", dependencies=[CheckedForm])
def void(tx: HasTx, staff: Submitter, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_as_seen(tx, BatchId(as_uuid(batch)), content_hash)
    void_batch(tx, batch=seen.id, now=app_now(tx))
    return _signed("voided", seen.id, staff, said="Given up. Its earnings are payable again.")


def _signed(act: str, batch: BatchId, staff: Principal, *, said: str) -> RedirectResponse:
    log.info(f"batch.{act}", batch=str(batch), person=str(staff.person))
    return see(f"{views.BATCHES}/{batch}", said=said)


def _batches(
    request: Request, tx: Tx, *, number: int = 1, form: FormState = EMPTY_FORM, status: int = 200
) -> HTMLResponse:
    cards = batches_page(tx, page=number)
    ready = ready_to_pay(tx)
    view = BatchesPage(
        frame=finance_frame(request, tx),
        rows=tuple(views.batch_row(card) for card in cards),
        payable=views.payable_sums(ready),
        form=form,
        callouts=views.left_out(ready),
        pager=views.pager(views.BATCHES, {}, page=number, shown=len(cards)),
    )
    return page(request, view, status=status)


def _wanted(tx: Tx, *, state: str, worker: str, brand: str) -> tuple[EarningFilter, str, str]:
    """The filter that the address asks for, with the names of the worker and the brand in it."""
    if state and state not in set(EarningState):
        raise NoSuchState
    worker_id = WorkerId(as_uuid(worker)) if worker else None
    worker_label = worker_name(tx, worker_id) if worker_id else ""
    card = brand_by_slug(tx, brand) if brand else None
    if worker_label is None or (brand and card is None):
        raise NotFound
    wanted = EarningFilter(
        state=EarningState(state) if state else None, worker=worker_id, brand=card.id if card else None
    )
    return wanted, worker_label, card.name if card else ""
