"""The desk: a claimed ticket, its guidance, and what a worker can do with it.

Every refusal keeps what was typed: the same page comes back with the text, or, when the claim is over, the
page that shows it as unsent.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from guidance.commands import prepare_suggestion, write_receipt
from guidance.lint import Finding, Severity, blocks_sending
from knowledge_base.retrieval import IndexUnavailable
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets import endings, pool, replies, worker_queries
from marketplace.tickets.models import EscalationReason, ReleaseReason
from marketplace.tickets.unsent import keep_unsent
from workers_ui.deps import AsWorker, CheckedForm, HasServices, HasTx
from workers_ui.idempotency import KeyReused, once
from workers_ui.pages.desk_page import (
    NOTHING_TYPED,
    Typed,
    checked_text,
    desk_page,
    find_guidance,
    lost_page,
)
from workers_ui.pages.desk_views import inserted_marks, inserted_ranks, insertable, revision
from workers_ui.pages.worker_forms import ClaimNumber, Short, ThisTicket, TypedText, to, typed_lines

router = APIRouter()

ASKS_PER_MINUTE = 10
WARNINGS_SAID = 2
LATEST_REVISION = 2**53
SENT_ANOTHER = "Another text went out from this form before; it stands in the thread. This one was not sent."


class NoSuchReason(Invalid):
    """Choose one of the reasons."""


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
    idempotency_key: Short = "",
    then: Short = "next",
) -> Response:
    """Send the text once; what blocks sends it back, what warns is told after it left."""
    typed = Typed(text=typed_lines(text), inserted=inserted)
    found = checked_text(tx, ticket=ticket, worker=worker, text=typed_lines(text))
    if blocks_sending(found):
        return _again(request, tx, ticket, worker, typed, problem=_not_yet(found))
    try:
        with tx.begin_nested():  # a refused reply must not leave its key behind, marked as used
            _send_once(tx, ticket, worker, claim_number, typed, idempotency_key)
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, typed)
    except KeyReused:
        return _again(request, tx, ticket, worker, typed, problem=SENT_ANOTHER, status=409)
    except Invalid as refusal:
        return _again(request, tx, ticket, worker, typed, problem=refusal.detail)
    return _after_sending(tx, ticket, worker, found, stay=then == "stay")


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
    draft_revision: Annotated[int, Form(ge=0, le=LATEST_REVISION)] = 0,
) -> Response:
    """Keep the text: the page's script asks by itself; without it, a button that may add guidance does."""
    body, marks = typed_lines(text), inserted
    try:
        pool.held(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
        if insert:
            found = find_guidance(tx, ticket=ticket, worker=worker)
            body = _appended(body, insertable(insert, found))
            marks = ",".join(inserted_marks(f"{inserted},{insert}", found))
        saved = _keep(tx, ticket, worker, claim_number, body, draft_revision)
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, Typed(text=body))
    except Invalid as refusal:
        return _again(request, tx, ticket, worker, Typed(text=body, inserted=marks), problem=refusal.detail)
    if _wants_page(request):
        return to(f"/worker/t/{ticket}?inserted={marks}" if marks else f"/worker/t/{ticket}")
    return JSONResponse({"revision": saved})


@router.post("/worker/t/{ticket}/release", dependencies=[CheckedForm])
def release(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    reason: Short = "",
) -> Response:
    if reason not in set(ReleaseReason):
        return _unreasoned(request, tx, ticket, worker, values={"reason": reason})
    try:
        pool.release_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=claim_number,
            reason=ReleaseReason(reason),
            now=app_now(tx),
        )
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, NOTHING_TYPED)
    return to("/worker/pool", "Released. The ticket is back in the pool; what you wrote is kept under Mine.")


@router.post("/worker/t/{ticket}/escalate", dependencies=[CheckedForm])
def escalate(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    reason: Short = "",
    note: TypedText = "",
) -> Response:
    values = {"reason": reason, "note": typed_lines(note)}
    if reason not in set(EscalationReason):
        return _unreasoned(request, tx, ticket, worker, values=values)
    try:
        endings.escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=claim_number,
            reason=EscalationReason(reason),
            note=values["note"],
            now=app_now(tx),
        )
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except endings.NoteTooLong as refusal:
        typed = Typed(values=values, errors={"note": refusal.detail})
        return _again(request, tx, ticket, worker, typed, problem=refusal.detail)
    return to("/worker/pool", "Escalated. The brand decides within 24 hours; a confirmed escalation is paid.")


@router.post("/worker/t/{ticket}/done", dependencies=[CheckedForm])
def mark_done(
    request: Request, tx: HasTx, worker: AsWorker, ticket: ThisTicket, claim_number: ClaimNumber
) -> Response:
    try:
        pool.mark_done(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except Conflict as refusal:
        return _again(request, tx, ticket, worker, NOTHING_TYPED, problem=refusal.detail, status=409)
    return to(f"/worker/t/{ticket}", "Marked as done. The customer, the brand or silence decides.")


@router.post("/worker/t/{ticket}/category", dependencies=[CheckedForm])
def confirm_category(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    category: Short = "",
) -> Response:
    known = category.replace("\x00", "")
    try:
        pool.confirm_category(
            tx, ticket=ticket, worker=worker, number=claim_number, category=known, now=app_now(tx)
        )
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except Invalid as refusal:
        typed = Typed(values={"category": known}, errors={"category": refusal.detail})
        return _again(request, tx, ticket, worker, typed, problem=refusal.detail)
    return to(f"/worker/t/{ticket}")


@router.post("/worker/t/{ticket}/ask-again", dependencies=[CheckedForm])
def ask_again(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    having: HasServices,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
) -> Response:
    """Have the guidance prepared anew: the customer wrote, or the knowledge changed."""
    having.limiter.hit("ask-again", str(worker), ASKS_PER_MINUTE)
    try:
        row = pool.held(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, NOTHING_TYPED)
    rescope(tx, Scope(worker=worker, brand=row.brand_id))
    try:
        prepare_suggestion(
            tx,
            having.retriever,
            brand=row.brand_id,
            ticket=ticket,
            weight=having.settings.hybrid_weight,
            threshold=having.settings.answer_threshold,
            now=app_now(tx),
        )
    except IndexUnavailable as refusal:
        return to(f"/worker/t/{ticket}", refusal.detail)
    return to(f"/worker/t/{ticket}", "Guidance has looked again.")


def _send_once(
    tx: Tx, ticket: TicketId, worker: WorkerId, number: int, typed: Typed, idempotency_key: str
) -> None:
    body, now = typed.text or "", app_now(tx)

    def act() -> dict[str, Any]:
        guidance = find_guidance(tx, ticket=ticket, worker=worker)
        ranks = inserted_ranks(inserted_marks(typed.inserted, guidance), guidance)
        sent = replies.send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=now)
        write_receipt(tx, reply=sent, inserted=ranks, now=now)
        return {"id": str(sent.id), "state": sent.state.value, "label": sent.label}

    asked = ["reply", str(ticket), number, body, typed.inserted]
    once(tx, principal=f"worker:{worker}", key=idempotency_key or None, asked=asked, now=now, act=act)


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


def _after_sending(
    tx: Tx, ticket: TicketId, worker: WorkerId, found: tuple[Finding, ...], *, stay: bool
) -> Response:
    warnings = [one.message for one in found if one.severity is Severity.WARN][:WARNINGS_SAID]
    said = " ".join(["Sent to the customer.", *(["Look again:", *warnings] if warnings else [])])
    if stay:
        return to(f"/worker/t/{ticket}", said)
    following = worker_queries.find_next_claimed(tx, worker=worker, now=app_now(tx))
    return to(f"/worker/t/{following}" if following else "/worker/pool", said)


def _not_yet(found: tuple[Finding, ...]) -> str:
    blocking = sum(one.severity is Severity.BLOCK for one in found)
    return f"Not sent yet: {'one thing' if blocking == 1 else f'{blocking} things'} to fix first."


def _unreasoned(
    request: Request, tx: Tx, ticket: TicketId, worker: WorkerId, *, values: dict[str, str]
) -> HTMLResponse:
    sentence = NoSuchReason().detail
    typed = Typed(values=values, errors={"reason": sentence})
    return _again(request, tx, ticket, worker, typed, problem=sentence)


def _again(
    request: Request,
    tx: Tx,
    ticket: TicketId,
    worker: WorkerId,
    typed: Typed,
    *,
    problem: str,
    status: int = 422,
) -> HTMLResponse:
    """The desk once more, with what was typed and why it was refused."""
    try:
        refused = typed.because(problem)
        return desk_page(request, tx, ticket=ticket, worker=worker, typed=refused, status=status)
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, typed)


def _too_late(
    request: Request, tx: Tx, ticket: TicketId, worker: WorkerId, typed: Typed
) -> HTMLResponse:
    """The claim is over: what was typed is kept and shown as unsent."""
    if typed.text:
        keep_unsent(tx, ticket=ticket, worker=worker, body=typed.text, now=app_now(tx))
    late = typed.because(pool.StaleClaim().detail)
    return lost_page(request, tx, ticket=ticket, worker=worker, typed=late, status=409)


def _wants_page(request: Request) -> bool:
    """A form without script asks for HTML; the page's script and its farewell beacon do not."""
    return "text/html" in request.headers.get("accept", "")
