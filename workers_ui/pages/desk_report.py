"""A worker says that a passage is wrong: from the desk, or later from a ticket that was his."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from guidance.wrong_passages import report_shown_passage
from knowledge_base.report_models import PassageReport, ReportReason
from knowledge_base.reports import TooManyReports
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Invalid
from marketplace.kernel.ids import PassageId, TicketId, WorkerId
from marketplace.tickets import pool
from workers_ui.deps import AsWorker, CheckedForm, HasTx, as_uuid
from workers_ui.pages.answers import see
from workers_ui.pages.desk_acts import NoSuchReason
from workers_ui.pages.desk_page import Typed, desk_page, desk_part, lost_page
from workers_ui.pages.typed_text import typed_lines
from workers_ui.pages.worker_forms import Short, ThisTicket, TypedText, by_script

router = APIRouter()

HEARD = "Heard. The brand is told, and what becomes of it stands under Mine."


@router.post("/worker/t/{ticket}/wrong", dependencies=[CheckedForm])
def report(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    passage: Annotated[str, Form(max_length=100)] = "",
    reason: Short = "",
    words: TypedText = "",
) -> Response:
    """One report per worker and passage; a second one changes nothing and is heard all the same."""
    try:
        _report(tx, ticket, worker, passage=passage, reason=reason, words=typed_lines(words))
    except (Invalid, TooManyReports) as refusal:
        return _again(request, tx, ticket, worker, passage=passage, words=words, refusal=refusal)
    if by_script(request):
        try:
            return desk_part(request, tx, ticket=ticket, worker=worker, part="guidance", toast=HEARD)
        except pool.StaleClaim:
            pass  # not his any more: the page shows what he may still see
    return see(f"/worker/t/{ticket}", said=HEARD)


def _report(
    tx: Tx, ticket: TicketId, worker: WorkerId, *, passage: str, reason: str, words: str
) -> PassageReport:
    if reason not in set(ReportReason):
        raise NoSuchReason
    return report_shown_passage(
        tx,
        ticket=ticket,
        passage=PassageId(as_uuid(passage)),
        worker=worker,
        reason=ReportReason(reason),
        note=words,
        now=app_now(tx),
    )


def _again(
    request: Request,
    tx: Tx,
    ticket: TicketId,
    worker: WorkerId,
    *,
    passage: str,
    words: str,
    refusal: AppError,
) -> Response:
    """The same page with the words that were typed, at the passage they are about."""
    typed = Typed(
        values={"wrong_passage": passage, "words": typed_lines(words)},
        errors={"words": refusal.detail},
        problem=refusal.detail,
    )
    status = 429 if isinstance(refusal, TooManyReports) else 422
    try:
        return desk_page(request, tx, ticket=ticket, worker=worker, typed=typed, status=status)
    except pool.StaleClaim:
        return lost_page(request, tx, ticket=ticket, worker=worker, typed=typed, status=status)
