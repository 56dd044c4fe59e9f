"""Internal notes on a claimed ticket: for the brand and whoever comes next, never for the customer."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from marketplace.kernel.clock import app_now
from marketplace.tickets import notes, pool
from workers_ui.deps import AsWorker, CheckedForm, HasTx
from workers_ui.pages.answers import see
from workers_ui.pages.desk_page import Typed, again, desk_part, too_late
from workers_ui.pages.typed_text import typed_lines
from workers_ui.pages.worker_forms import ClaimNumber, ThisTicket, TypedText, by_script

router = APIRouter()


@router.post("/worker/t/{ticket}/notes", dependencies=[CheckedForm])
def write(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    ticket: ThisTicket,
    claim_number: ClaimNumber,
    internal_note: TypedText = "",
) -> Response:
    body = typed_lines(internal_note)
    typed = Typed(values={"internal_note": body})
    try:
        notes.write_note(tx, ticket=ticket, worker=worker, number=claim_number, body=body, now=app_now(tx))
    except pool.StaleClaim:
        # What was written as a note is no reply: it is given back to be copied, not kept as an unsent one.
        return too_late(request, tx, ticket, worker, typed)
    except (notes.BadNote, notes.TooManyNotes) as refusal:
        refused = Typed(values=typed.values, errors={"internal_note": refusal.detail})
        return again(request, tx, ticket, worker, refused, problem=refusal.detail)
    if by_script(request):
        return desk_part(request, tx, ticket=ticket, worker=worker, part="notes", toast="Note added.")
    return see(f"/worker/t/{ticket}", said="Note added.")
