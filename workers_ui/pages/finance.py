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
from billing.bulk_holds import MAY_BE_HELD
from billing.earning_queue import DEEPEST_PAGE, neighbours
from billing.finance_queries import amount_of, earning_story
from billing.holds import release_hold
from billing.models import EarningState
from guidance.queries import receipts_of_ticket
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BatchId, EarningId
from workers_ui import parts
from workers_ui.deps import CheckedForm, HasServices, HasTx, as_uuid, on_platform
from workers_ui.frames import finance_frame, page
from workers_ui.pages import finance_story as story_views
from workers_ui.pages import finance_views as views
from workers_ui.pages.answers import see
from workers_ui.pages.finance_labels import BATCH_BADGES, EARNING_BADGES
from workers_ui.pages.finance_queue import Holder, asked_for
from workers_ui.pages.finance_queue_views import REASON_CHOICES, queue_address
from workers_ui.presenters.finance import BatchesPage, BatchPage, FinanceEarningPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_EARNINGS))]
Submitter = Annotated[Principal, Depends(on_platform(Permission.SUBMIT_BATCHES))]
Approver = Annotated[Principal, Depends(on_platform(Permission.APPROVE_PAYOUTS))]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=DEEPEST_PAGE)]
Seen = Annotated[str, Form(max_length=64)]
Currency = Annotated[str, Form(pattern="^[a-z]{3}$")]

log = structlog.get_logger()
router = APIRouter(prefix="/finance")


@router.get("/earnings/{earning}")
def earning_page(request: Request, tx: HasTx, _staff: Viewer, earning: str) -> HTMLResponse:
    story = earning_story(tx, EarningId(as_uuid(earning)))
    asked = asked_for(tx, dict(request.query_params))
    above, below = neighbours(tx, asked.filter, story.earning.id)
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
        back_href=queue_address(asked.query),
        previous_href=story_views.in_queue(above, asked.query),
        next_href=story_views.in_queue(below, asked.query),
        reasons=REASON_CHOICES if story.earning.state in MAY_BE_HELD else (),
        can_release=story.earning.state is EarningState.HELD,
    )
    return page(request, view)


@router.post("/earnings/{earning}/release", dependencies=[CheckedForm])
def release_earning(tx: HasTx, staff: Holder, earning: str) -> RedirectResponse:
    row = earning_story(tx, EarningId(as_uuid(earning))).earning
    release_hold(tx, brand=row.brand_id, earning=row.id, person=staff.person, is_brand=False, now=app_now(tx))
    return see(f"{views.EARNINGS}/{row.id}", said="Released: it goes on where it was.")


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
