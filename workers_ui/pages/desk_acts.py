"""What a worker does with a claimed ticket besides answering it: pass it on, name it, ask again."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from guidance.commands import GuidanceStopped, prepare_suggestion
from knowledge_base.index.retrieval import IndexUnavailable
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets import endings, pool
from marketplace.tickets.models import EscalationReason, ReleaseReason
from workers_ui.deps import AsWorker, CheckedForm, HasServices, HasTx
from workers_ui.pages.answers import see
from workers_ui.pages.desk_page import NOTHING_TYPED, Typed, again, too_late
from workers_ui.pages.spans import span
from workers_ui.pages.typed_text import typed_lines
from workers_ui.pages.worker_forms import ClaimNumber, Short, ThisTicket, TypedText

router = APIRouter()

ASKS_PER_MINUTE = 10


class NoSuchReason(Invalid):
    """Choose one of the reasons."""


@router.post("/worker/t/{ticket}/release", dependencies=[CheckedForm])
def release(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    reason: Short = "",
    then: Short = "pool",
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
        return too_late(request, tx, ticket, worker, NOTHING_TYPED)
    if then == "next":
        again_as_claim = see("/worker/pool", said="Released; what you wrote is kept under Mine.")
        again_as_claim.status_code = 307  # the same form once more, now to claim the next
        return again_as_claim
    return see(
        "/worker/pool", said="Released. The ticket is back in the pool; what you wrote is kept under Mine."
    )


@router.post("/worker/t/{ticket}/escalate", dependencies=[CheckedForm])
def escalate(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    reason: Short = "",
    note: TypedText = "",
    queue: Short = "",
) -> Response:
    values = {"reason": reason, "note": typed_lines(note), "queue": queue}
    if reason not in set(EscalationReason):
        return _unreasoned(request, tx, ticket, worker, values=values)
    try:
        escalated = endings.escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=claim_number,
            reason=EscalationReason(reason),
            note=values["note"],
            queue=queue.replace("\x00", "") or None,
            now=app_now(tx),
        )
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except Invalid as refusal:
        field = "note" if isinstance(refusal, endings.NoteTooLong) else "queue"
        typed = Typed(values=values, errors={field: refusal.detail})
        return again(request, tx, ticket, worker, typed, problem=refusal.detail)
    minutes = int((escalated.decide_by - escalated.escalated_at).total_seconds() // 60)
    said = f"Escalated. The brand decides within {span(minutes)}; a confirmed escalation is paid."
    return see("/worker/pool", said=said)


@router.post("/worker/t/{ticket}/done", dependencies=[CheckedForm])
def mark_done(
    request: Request, tx: HasTx, worker: AsWorker, ticket: ThisTicket, claim_number: ClaimNumber
) -> Response:
    try:
        pool.mark_done(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except Conflict as refusal:
        return again(request, tx, ticket, worker, NOTHING_TYPED, problem=refusal.detail, status=409)
    return see(f"/worker/t/{ticket}", said="Marked as done. The customer, the brand or silence decides.")


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
        return too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except Invalid as refusal:
        typed = Typed(values={"category": known}, errors={"category": refusal.detail})
        return again(request, tx, ticket, worker, typed, problem=refusal.detail)
    return see(f"/worker/t/{ticket}")


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
        return too_late(request, tx, ticket, worker, NOTHING_TYPED)
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
            memory=having.memory,
        )
    except (GuidanceStopped, IndexUnavailable) as refusal:
        return see(f"/worker/t/{ticket}", said=refusal.detail)
    return see(f"/worker/t/{ticket}", said="Guidance has looked again.")


def _unreasoned(
    request: Request, tx: Tx, ticket: TicketId, worker: WorkerId, *, values: dict[str, str]
) -> HTMLResponse:
    sentence = NoSuchReason().detail
    typed = Typed(values=values, errors={"reason": sentence})
    return again(request, tx, ticket, worker, typed, problem=sentence)
