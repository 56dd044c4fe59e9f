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
    waits_for_second,
)
from billing.batches import (
    NothingToPay,
    approve_batch,
    confirm_payouts,
    draft_batch,
    release_batch,
    second_batch,
    submit_batch,
    void_batch,
)
from billing.bulk_holds import MAY_BE_HELD
from billing.earning_queue import DEEPEST_PAGE, neighbours
from billing.finance_queries import amount_of, earning_story
from billing.holds import release_hold
from billing.models import BatchState, EarningState
from billing.payout_holds import (
    HoldReasonNeeded,
    NoSuchWorker,
    hold_worker,
    lift_hold,
    live_holds,
    worker_by_email,
)
from billing.payout_models import HoldCause
from billing.payouts_stop import StopReasonNeeded, resume_payouts, standing_stop, stop_payouts, thrower_name
from billing.sending import cancel_payout
from billing.unclaimed import waiting_for
from guidance.queries import receipts_of_ticket
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BatchId, EarningId, PayoutHoldId, PayoutId
from workers_ui import parts
from workers_ui.deps import CheckedForm, HasServices, HasTx, as_uuid, on_platform
from workers_ui.frames import finance_frame, page
from workers_ui.pages import finance_story as story_views
from workers_ui.pages import finance_views as views
from workers_ui.pages.answers import see
from workers_ui.pages.finance_labels import BATCH_BADGES, EARNING_BADGES
from workers_ui.pages.finance_queue import Holder, asked_for
from workers_ui.pages.finance_queue_views import REASON_CHOICES, queue_address
from workers_ui.presenters.finance import BatchesPage, BatchPage, FinanceEarningPage, HoldsPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_EARNINGS))]
Submitter = Annotated[Principal, Depends(on_platform(Permission.SUBMIT_BATCHES))]
Approver = Annotated[Principal, Depends(on_platform(Permission.APPROVE_PAYOUTS))]
Stopper = Annotated[Principal, Depends(on_platform(Permission.STOP_PAYOUTS))]
Typed = Annotated[str, Form(max_length=2_000)]
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
    is_released = card.batch.state is BatchState.RELEASING
    view = BatchPage(
        frame=finance_frame(request, tx),
        batch=str(card.batch.id),
        number=str(card.batch.number),
        state=BATCH_BADGES[card.batch.state],
        amount=card.amount,
        payout_count=card.payouts,
        earning_count=card.earnings,
        content_hash=card.batch.content_hash,
        lines=tuple(views.payout_line(row, may_cancel=is_released) for row in rows),
        signatures=views.signatures(card),
        actions=views.batch_actions(card, staff.person, needs_second=waits_for_second(tx, card)),
        callouts=views.batch_callouts(card, standing_stop(tx)),
        void_action=views.void_action(card),
        paid=card.paid if views.is_under_way(card) else None,
        failed_count=card.refused,
        pager=views.batch_pager(card, page=number, shown=len(rows)),
    )
    return page(request, view)


@router.post("/batches/{batch}/confirmation", dependencies=[CheckedForm])
def confirm(tx: HasTx, staff: Submitter, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    confirm_payouts(tx, batch=seen.id, payouts=None, person=staff.person, now=app_now(tx))
    return _signed("confirmed", seen.id, staff, said="Confirmed. You may submit the batch now.")


@router.post("/batches/{batch}/second-approval", dependencies=[CheckedForm])
def second(tx: HasTx, staff: Approver, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    second_batch(tx, batch=seen.id, person=staff.person, now=app_now(tx))
    return _signed("seconded", seen.id, staff, said="Approved by both. It can be released now.")


@router.post("/batches/{batch}/submission", dependencies=[CheckedForm])
def submit(tx: HasTx, staff: Submitter, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    submit_batch(tx, batch=seen.id, person=staff.person, now=app_now(tx))
    return _signed("submitted", seen.id, staff, said="Submitted. Now a second person has to approve it.")


@router.post("/batches/{batch}/approval", dependencies=[CheckedForm])
def approve(tx: HasTx, staff: Approver, batch: str, content_hash: Seen = "") -> RedirectResponse:
    seen = batch_to_sign(tx, BatchId(as_uuid(batch)), content_hash)
    approve_batch(tx, batch=seen.id, person=staff.person, now=app_now(tx))
    return _signed("approved", seen.id, staff, said="Approved.")


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


@router.post("/payouts/stop", dependencies=[CheckedForm], response_model=None)
def stop(request: Request, tx: HasTx, staff: Stopper, reason: Typed = "") -> HTMLResponse | RedirectResponse:
    try:
        stop_payouts(tx, reason=reason, by=staff.person, now=app_now(tx))
    except StopReasonNeeded as refusal:
        wrong = FormState(values={"reason": reason}, errors={"reason": refusal.detail})
        return _batches(request, tx, stop_form=wrong, status=422)
    return see(
        views.BATCHES, said="All payouts are stopped. Nothing new leaves until somebody lets them run."
    )


@router.post("/payouts/resume", dependencies=[CheckedForm])
def resume(tx: HasTx, staff: Stopper) -> RedirectResponse:
    resume_payouts(tx, by=staff.person, now=app_now(tx))
    return see(views.BATCHES, said="Payouts run again, from where they stood.")


@router.post("/payouts/{payout}/cancel", dependencies=[CheckedForm])
def cancel(tx: HasTx, staff: Submitter, payout: str) -> RedirectResponse:
    cancelled = cancel_payout(tx, payout=PayoutId(as_uuid(payout)), now=app_now(tx))
    return _signed(
        "payout_cancelled", cancelled.batch_id, staff, said="Not sent. Its earnings are payable again."
    )


@router.get("/held-workers")
def holds(request: Request, tx: HasTx, _staff: Viewer) -> HTMLResponse:
    return _holds(request, tx)


@router.post("/held-workers", dependencies=[CheckedForm], response_model=None)
def hold(
    request: Request, tx: HasTx, staff: Submitter, email: Typed = "", reason: Typed = ""
) -> HTMLResponse | RedirectResponse:
    try:
        worker = worker_by_email(tx, email)
        hold_worker(
            tx,
            worker=worker,
            cause=HoldCause.PERSON,
            reason=reason,
            by=staff.person,
            now=app_now(tx),
        )
    except (NoSuchWorker, HoldReasonNeeded) as refusal:
        field = "email" if isinstance(refusal, NoSuchWorker) else "reason"
        wrong = FormState(values={"email": email, "reason": reason}, errors={field: refusal.detail})
        return _holds(request, tx, form=wrong, status=422)
    log.info("worker.held", worker=str(worker), person=str(staff.person))
    return see(views.HOLDS, said="Held. Nothing is sent to them until somebody lifts it.")


@router.post("/held-workers/{hold}/lift", dependencies=[CheckedForm])
def lift(tx: HasTx, staff: Submitter, hold: str) -> RedirectResponse:
    worker = lift_hold(tx, hold=PayoutHoldId(as_uuid(hold)), by=staff.person, now=app_now(tx))
    log.info("worker.hold_lifted", worker=str(worker), person=str(staff.person))
    return see(views.HOLDS, said="Lifted. Somebody else approves the next batch they are in.")


def _holds(request: Request, tx: Tx, *, form: FormState = EMPTY_FORM, status: int = 200) -> HTMLResponse:
    rows = []
    for held in live_holds(tx):
        clocks = [one.goes_at for one in waiting_for(tx, worker=held.worker)]
        rows.append(views.hold_row(held, min(clocks, default=None)))
    view = HoldsPage(frame=finance_frame(request, tx), rows=tuple(rows), form=form)
    return page(request, view, status=status)


def _signed(act: str, batch: BatchId, staff: Principal, *, said: str) -> RedirectResponse:
    log.info(f"batch.{act}", batch=str(batch), person=str(staff.person))
    return see(f"{views.BATCHES}/{batch}", said=said)


def _batches(
    request: Request,
    tx: Tx,
    *,
    number: int = 1,
    form: FormState = EMPTY_FORM,
    stop_form: FormState = EMPTY_FORM,
    status: int = 200,
) -> HTMLResponse:
    cards = batches_page(tx, page=number)
    ready = ready_to_pay(tx)
    stop = standing_stop(tx)
    view = BatchesPage(
        frame=finance_frame(request, tx),
        rows=tuple(views.batch_row(card) for card in cards),
        payable=views.payable_sums(ready),
        switch=views.payouts_switch(stop, thrower_name(tx, stop), stop_form),
        form=form,
        callouts=views.left_out(ready),
        pager=views.pager(views.BATCHES, {}, page=number, shown=len(cards)),
    )
    return page(request, view, status=status)
