"""The desk: a claimed ticket, its guidance, the draft and the reply.

Every refusal keeps what was typed: the same page comes back with the text, or, when the claim is over, the
page that shows it as unsent.
"""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import StringConstraints

from guidance.commands import write_receipt
from guidance.findings import Finding, Severity
from guidance.lint import blocks_sending
from guidance.reply_check import warnings_mark
from guidance.slots import filled_in
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import SuggestionId, TicketId, WorkerId
from marketplace.tickets import pool, replies, worker_queries
from marketplace.tickets.models import ReplyState
from workers_ui.deps import AsWorker, CheckedForm, HasServices, HasTx
from workers_ui.idempotency import KeyReused, once
from workers_ui.pages.answers import see
from workers_ui.pages.desk_findings import checked, fixed
from workers_ui.pages.desk_flows import find_inserted_walk, flow_mark
from workers_ui.pages.desk_page import (
    Typed,
    again,
    checked_text,
    desk_page,
    find_guidance,
    lost_page,
    too_late,
)
from workers_ui.pages.desk_views import insertable, inserted_marks, inserted_ranks, revision
from workers_ui.pages.typed_text import typed_lines
from workers_ui.pages.worker_forms import ClaimNumber, Short, ThisTicket, TypedText, by_script

router = APIRouter()

Shown = Annotated[UUID | None, Form()]

CHECKS_PER_MINUTE = 120
"""The page asks at each pause in typing, twice a second at most."""

SENT = "Sent to the customer."
LOOKED_AT_FIRST = "Written. The brand looks at it first; it leaves when it is approved."
LATEST_REVISION = 2**53
SLOTS_FILLED = 50
SlotText = Annotated[str, StringConstraints(max_length=200)]
NONE_TYPED: list[str] = []
SENT_ANOTHER = "Another text went out from this form before; it stands in the thread. This one was not sent."


@router.get("/worker/t/{ticket}")
def show_desk(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    inserted: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """The desk; of a claim that is over, the thread up to its end and the text that was never sent."""
    try:
        return desk_page(request, tx, ticket=ticket, worker=worker, typed=Typed(inserted=inserted))
    except pool.StaleClaim:
        return lost_page(request, tx, ticket=ticket, worker=worker)


@router.post("/worker/t/{ticket}/reply", dependencies=[CheckedForm])
def send(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    text: TypedText = "",
    inserted: Short = "",
    suggestion: Shown = None,
    seen: Short = "",
    idempotency_key: Short = "",
    then: Short = "next",
) -> Response:
    """Send the text once; what blocks sends it back, and so does what warns unless it was `seen` with this text."""
    typed = Typed(text=typed_lines(text), inserted=inserted)
    shown = SuggestionId(suggestion) if suggestion else None
    try:
        found = checked_text(tx, ticket=ticket, worker=worker, text=typed_lines(text), shown=shown)
    except Invalid as refusal:
        return again(request, tx, ticket, worker, typed, problem=refusal.detail)
    typed = replace(typed, found=found)
    if blocks_sending(found):
        return again(request, tx, ticket, worker, typed, problem=_not_yet(found))
    try:
        if (mark := warnings_mark(typed_lines(text), found)) and seen != mark:
            pool.held(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
            typed = replace(typed, confirms=True)
            return again(request, tx, ticket, worker, typed, problem=_look_first(found))
        with tx.begin_nested():  # a refused reply must not leave its key behind, marked as used
            sent = _send_once(tx, ticket, worker, claim_number, typed, shown, idempotency_key)
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, typed)
    except KeyReused:
        return again(request, tx, ticket, worker, typed, problem=SENT_ANOTHER, status=409)
    except pool.ReplyInReview as refusal:
        return again(request, tx, ticket, worker, typed, problem=refusal.detail, status=409)
    except Invalid as refusal:
        return again(request, tx, ticket, worker, typed, problem=refusal.detail)
    said = LOOKED_AT_FIRST if sent["state"] == ReplyState.AWAITING_APPROVAL else SENT
    return _after_sending(tx, ticket, worker, said=said, stay=then == "stay")


@router.post("/worker/t/{ticket}/check", dependencies=[CheckedForm])
def check(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    having: HasServices,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    text: TypedText = "",
    inserted: Short = "",
    suggestion: Shown = None,
    fix: Short = "",
) -> Response:
    """What is found in the text, after the fix at one place, if one is asked for; nothing is kept.

    The page's script asks at each pause in typing and gets the list alone; a button asks for the whole page.
    """
    having.limiter.hit("reply-check", str(worker), CHECKS_PER_MINUTE)
    body, shown = typed_lines(text), SuggestionId(suggestion) if suggestion else None
    try:
        pool.held(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
        found = checked_text(tx, ticket=ticket, worker=worker, text=body, shown=shown)
        if (mended := fixed(body, found, fix)) != body:
            body, found = mended, checked_text(tx, ticket=ticket, worker=worker, text=mended, shown=shown)
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, Typed(text=body, inserted=inserted))
    except (Invalid, pool.ReplyInReview) as refusal:
        typed = Typed(text=body, inserted=inserted)
        return again(request, tx, ticket, worker, typed, problem=refusal.detail)
    if by_script(request):
        return HTMLResponse(having.templates.part(checked(found, body, ticket=str(ticket))))
    typed = Typed(text=body, inserted=inserted, found=found, asked=True)
    return desk_page(request, tx, ticket=ticket, worker=worker, typed=typed)


@router.post("/worker/t/{ticket}/draft", dependencies=[CheckedForm])
def save_draft(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    text: TypedText = "",
    inserted: Short = "",
    insert: Short = "",
    fill: Short = "",
    slot_name: Annotated[list[SlotText], Form(max_length=SLOTS_FILLED)] = NONE_TYPED,
    slot_value: Annotated[list[SlotText], Form(max_length=SLOTS_FILLED)] = NONE_TYPED,
    draft_revision: Annotated[int, Form(ge=0, le=LATEST_REVISION)] = 0,
) -> Response:
    """Keep the text: the page's script asks by itself; without it, a button that may add guidance does."""
    body, marks = typed_lines(text), inserted
    try:
        pool.held(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
        if insert:
            found = find_guidance(tx, ticket=ticket, worker=worker)
            asked = f"{inserted},{insert}"
            walked = find_inserted_walk(tx, ticket=ticket, worker=worker, inserted=asked)
            by_flow = walked.draft if walked and insert in flow_mark(walked) else ""
            body = _appended(body, by_flow or insertable(insert, found))
            marks = ",".join((*inserted_marks(asked, found), *flow_mark(walked)))
        if insert or fill:
            body = filled_in(body, dict(zip(slot_name, slot_value, strict=False)))
        saved = _keep(tx, ticket, worker, claim_number, body, draft_revision)
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, Typed(text=body))
    except Invalid as refusal:
        return again(request, tx, ticket, worker, Typed(text=body, inserted=marks), problem=refusal.detail)
    if _wants_page(request):
        return see(f"/worker/t/{ticket}?inserted={marks}" if marks else f"/worker/t/{ticket}")
    return JSONResponse({"revision": saved})


def _send_once(
    tx: Tx,
    ticket: TicketId,
    worker: WorkerId,
    number: int,
    typed: Typed,
    shown: SuggestionId | None,
    idempotency_key: str,
) -> dict[str, Any]:
    body, now = typed.text or "", app_now(tx)

    def act() -> dict[str, Any]:
        guidance = find_guidance(tx, ticket=ticket, worker=worker, shown=shown)
        ranks = inserted_ranks(inserted_marks(typed.inserted, guidance), guidance)
        walked = find_inserted_walk(tx, ticket=ticket, worker=worker, inserted=typed.inserted)
        sent = replies.send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=now)
        write_receipt(
            tx,
            reply=sent,
            inserted=ranks,
            now=now,
            shown=shown,
            walked=walked,
            found=typed.found or (),
        )
        return {"id": str(sent.id), "state": sent.state.value, "label": sent.label}

    asked = ["reply", str(ticket), number, body, typed.inserted, str(shown)]
    return once(tx, principal=f"worker:{worker}", key=idempotency_key or None, asked=asked, now=now, act=act)


def _keep(tx: Tx, ticket: TicketId, worker: WorkerId, number: int, body: str, known: int) -> int:
    """Save the draft and give its revision. A save that started before a reply and arrives after it would
    bring the sent text back as a draft: it is let go."""
    now = app_now(tx)
    replied = revision(worker_queries.find_last_reply_at(tx, ticket=ticket, worker=worker))
    if known < replied:
        return replied
    pool.save_draft(tx, ticket=ticket, worker=worker, number=number, body=body, now=now)
    return revision(now)


def _appended(text: str, more: str) -> str:
    return f"{text.rstrip()}\n\n{more}".lstrip() if more else text


def _after_sending(tx: Tx, ticket: TicketId, worker: WorkerId, *, said: str, stay: bool) -> Response:
    if stay:
        return see(f"/worker/t/{ticket}", said=said)
    following = worker_queries.find_next_claimed(tx, worker=worker, now=app_now(tx))
    return see(f"/worker/t/{following}" if following else "/worker/pool", said=said)


def _not_yet(found: tuple[Finding, ...]) -> str:
    blocking = sum(one.severity is Severity.BLOCK for one in found)
    return f"Not sent yet: {'one thing' if blocking == 1 else f'{blocking} things'} to fix first."


def _look_first(found: tuple[Finding, ...]) -> str:
    what = "this" if len(found) == 1 else f"these {len(found)} things"
    return f"Not sent yet: look at {what} once. If the text is right, send it anyway."


def _wants_page(request: Request) -> bool:
    """A form without script asks for HTML; the page's script and its farewell beacon do not."""
    return "text/html" in request.headers.get("accept", "")
