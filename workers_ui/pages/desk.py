"""The desk: a claimed ticket, its guidance, and what a worker can do with it.

Every refusal keeps what was typed: the same page comes back with the text, or, when the claim is over, the
page that shows it as unsent.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from guidance.commands import prepare_suggestion, write_receipt
from guidance.lint import Finding, Severity, blocks_sending
from knowledge_base.retrieval import IndexUnavailable
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets import endings, pool, queries, replies, worker_queries
from marketplace.tickets.models import EscalationReason, ReleaseReason
from marketplace.tickets.unsent import keep_unsent
from workers_ui.deps import AsWorker, CheckedForm, HasServices, HasTx
from workers_ui.idempotency import KeyReused, once
from workers_ui.pages.desk_page import NOTHING_TYPED, Typed, checked_text, desk_page, guidance_of, lost_page
from workers_ui.pages.desk_views import inserted_marks, inserted_ranks, insertable, revision
from workers_ui.pages.worker_forms import ClaimNumber, Short, ThisTicket, to, typed_lines
from workers_ui.pages.worker_forms import Typed as TypedText
from workers_ui.presenters.values import FormState

router = APIRouter()

ASKS_PER_MINUTE = 10
SAID_WARNINGS = 2


@router.get("/worker/t/{ticket}")
def show_desk(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    inserted: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """The desk; of a claim that is over, the thread up to its end and the text that was never sent."""
    try:
        return desk_page(request, tx, ticket=ticket, worker=worker, inserted=inserted)
    except pool.StaleClaim:
        return lost_page(request, tx, ticket=ticket, worker=worker)


@router.post("/worker/t/{ticket}/reply", dependencies=[CheckedForm])
def reply(
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
    """Send the text once; blocking findings send it back, warnings are told after it left."""
    typed = Typed(text=typed_lines(text), inserted=inserted)
    found = checked_text(tx, ticket=ticket, worker=worker, text=typed.text)
    if blocks_sending(found):
        return _not_sent(request, tx, ticket, worker, typed, found)
    try:
        with tx.begin_nested():
            _send_once(tx, ticket, worker, claim_number, typed, idempotency_key)
    except pool.StaleClaim:
        return _too_late(request, tx, ticket, worker, typed.text)
    except KeyReused:
        problem = "An earlier text of yours has gone out already; it stands in the thread. This one was not sent."
        return _again(request, tx, ticket, worker, typed=typed, problem=problem, status=409)
    except Invalid as refusal:
        return _again(request, tx, ticket, worker, typed=typed, problem=refusal.detail)
    return _after_sending(tx, ticket, worker, found, stay=then == "stay")


@router.post("/worker/t/{ticket}/draft", dependencies=[CheckedForm])
def draft(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    text: TypedText = "",
    inserted: Short = "",
    insert: Short = "",
    draft_revision: Annotated[int, pool_form := ClaimNumber.__metadata__[0]] = 0,
) -> Response:
    raise NotImplementedError
