"""Walking a flow: each answer is a form, so it works by keyboard, on a phone, and without script."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import Field

from guidance.flow import MAX_ANSWERS
from marketplace.kernel.clock import app_now
from marketplace.tickets import pool
from workers_ui.deps import AsWorker, CheckedForm, HasTx
from workers_ui.pages.desk_flows import NOTHING_ASKED, Asked
from workers_ui.pages.desk_page import Typed, desk_page, desk_part, too_late
from workers_ui.pages.worker_forms import ClaimNumber, Short, ThisTicket, by_script

router = APIRouter()

LARGEST_VERSION = 2**31 - 1
Answer = Annotated[str | None, Form(max_length=2_000)]
Answers = Annotated[list[Annotated[str, Field(max_length=2_000)]], Form(max_length=MAX_ANSWERS)]


@router.post("/worker/t/{ticket}/flow", dependencies=[CheckedForm])
def answer_flow(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    answers: Answers = [],  # noqa: B006 - FastAPI copies it
    flow: Short = "",
    flow_version: Annotated[int | None, Form(ge=1, le=LARGEST_VERSION)] = None,
    answer: Answer = None,
    back: Short = "",
    inserted: Short = "",
) -> Response:
    """The next question or the outcome; `back` takes the last answer away, and no flow closes the panel's walk."""
    asked = (
        Asked(key=flow, version=flow_version, answers=tuple(answers), answer=answer)
        if flow
        else NOTHING_ASKED
    )
    if back:
        asked = Asked(key=flow, version=flow_version, answers=tuple(answers[:-1]))
    try:
        pool.held(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, Typed())
    if by_script(request):
        return desk_part(request, tx, ticket=ticket, worker=worker, part="flows", toast="", asked=asked)
    return desk_page(request, tx, ticket=ticket, worker=worker, typed=Typed(inserted=inserted), asked=asked)
