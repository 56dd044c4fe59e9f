"""What a worker does about tickets besides claiming and answering: skip, take more time, write a note."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import TicketId
from marketplace.tickets import notes, pool
from workers_ui.api.pool import hold_out
from workers_ui.api.schemas import ExtensionIn, HoldOut, NoteIn, NoteOut, SkipIn
from workers_ui.deps import ByWorkerToken, HasTx, RequestKey
from workers_ui.idempotency import once

router = APIRouter(tags=["pool"])


@router.post("/pool/{ticket}/skip", status_code=204)
def skip(ticket: UUID, body: SkipIn, tx: HasTx, worker: ByWorkerToken) -> None:
    """Pass on a ticket before any claim: you are not offered it again."""
    pool.skip_ticket(tx, ticket=TicketId(ticket), worker=worker, reason=body.reason, now=app_now(tx))


@router.post("/tickets/{ticket}/claim/extension", response_model=HoldOut)
def extend(ticket: UUID, body: ExtensionIn, tx: HasTx, worker: ByWorkerToken) -> object:
    """More time, once per claim. 409 when it was extended before or no time runs."""
    return hold_out(
        pool.extend_lease(
            tx, ticket=TicketId(ticket), worker=worker, number=body.claim_number, now=app_now(tx)
        )
    )


@router.post("/tickets/{ticket}/notes", status_code=201, response_model=NoteOut)
def write_note(
    ticket: UUID, body: NoteIn, tx: HasTx, worker: ByWorkerToken, key: RequestKey = None
) -> object:
    """An internal note on a ticket that you hold: for the brand and whoever comes next, never the customer."""

    def act() -> dict[str, Any]:
        note = notes.write_note(
            tx,
            ticket=TicketId(ticket),
            worker=worker,
            number=body.claim_number,
            body=body.text,
            now=app_now(tx),
        )
        return {"id": str(note.id), "text": note.body, "written_at": note.written_at.isoformat()}

    asked = ["note", str(ticket), body.model_dump()]
    return once(tx, principal=f"worker:{worker}", key=key, asked=asked, now=app_now(tx), act=act)
