"""Tickets, for a brand's own systems."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets import endings, posting, queries, replies
from marketplace.tickets.models import Escalation, ResolvedBy, Ticket
from workers_ui.api.review_schemas import ConfirmationIn, RejectionIn
from workers_ui.api.schemas import (
    EscalationOut,
    MessageIn,
    MessageOut,
    ResolutionOut,
    TicketIn,
    TicketOut,
)
from workers_ui.deps import HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter(tags=["tickets"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_WRITE))]


@router.post("/tickets", status_code=201, response_model=TicketOut)
def post_ticket(
    body: TicketIn, tx: HasTx, brand: Writes, response: Response, key: RequestKey = None
) -> object:
    """Post a ticket. The same external id with the same body is the same ticket (200)."""

    def act() -> dict[str, Any]:
        ticket, made = posting.post_ticket(
            tx,
            brand=brand,
            ticket=posting.NewTicket(
                external_id=body.external_id,
                subject=body.subject,
                text=body.text,
                channel=body.channel,
                language=body.language,
                category=body.category,
                customer_name=body.customer.name,
                customer_email=body.customer.email,
                priority=body.priority,
                context=body.context,
            ),
            now=app_now(tx),
        )
        return {"status": 201 if made else 200, "ticket": _ticket(ticket)}

    asked = ["ticket", body.model_dump()]
    answer = once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)
    response.status_code = answer["status"]
    return answer["ticket"]


@router.get("/tickets", response_model=list[TicketOut])
def list_tickets(tx: HasTx, brand: Reads, state: str = "", page: int = 1) -> object:
    """The brand's tickets, newest first, 50 a page."""
    found = queries.brand_tickets(tx, brand=brand, state=state or None, page=page)
    return [_ticket(ticket) for ticket in found]


@router.get("/tickets/{ticket}", response_model=TicketOut)
def read_ticket(ticket: UUID, tx: HasTx, brand: Reads) -> object:
    return _ticket(queries.brand_ticket(tx, brand=brand, ticket=TicketId(ticket)))


@router.post("/tickets/{ticket}/messages", status_code=201, response_model=MessageOut)
def customer_writes(
    ticket: UUID, body: MessageIn, tx: HasTx, brand: Writes, key: RequestKey = None
) -> object:
    """A further message of the customer: it goes back to the worker, or reopens the ticket in its window; after
    that it opens a ticket that goes on from this one."""

    def act() -> dict[str, Any]:
        message = replies.customer_writes(
            tx,
            brand=brand,
            ticket=TicketId(ticket),
            text=body.text,
            external_id=body.external_id,
            now=app_now(tx),
        )
        tx.flush()
        return {
            "id": str(message.id),
            "ticket_state": _state(tx, brand, message.ticket_id),
            "ticket": str(message.ticket_id),
            "opened_linked": message.ticket_id != ticket,
        }

    asked = ["message", str(ticket), body.model_dump()]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.post("/tickets/{ticket}/confirmation", response_model=ResolutionOut)
def customer_confirms(ticket: UUID, tx: HasTx, brand: Writes) -> object:
    """The customer says that the answer helped: the ticket is resolved and its worker paid."""
    return _resolve(tx, brand, ticket, ResolvedBy.CUSTOMER)


@router.post("/tickets/{ticket}/resolution", response_model=ResolutionOut)
def brand_resolves(ticket: UUID, tx: HasTx, brand: Writes) -> object:
    """The brand accepts the answer for the customer."""
    return _resolve(tx, brand, ticket, ResolvedBy.BRAND)


@router.post("/tickets/{ticket}/escalation/confirmation", response_model=EscalationOut)
def confirm_escalation(ticket: UUID, tx: HasTx, brand: Writes, body: ConfirmationIn | None = None) -> object:
    """The ticket is the brand's to answer: the worker earns the escalation fee, unless you say why the replies
    before it were needless."""
    said = body or ConfirmationIn()
    return escalation_out(
        endings.confirm_escalation(
            tx,
            brand=brand,
            ticket=TicketId(ticket),
            by="API",
            note=said.note,
            needless_reason=said.needless_reason,
            now=app_now(tx),
        )
    )


@router.post("/tickets/{ticket}/escalation/rejection", response_model=EscalationOut)
def reject_escalation(ticket: UUID, tx: HasTx, brand: Writes, body: RejectionIn | None = None) -> object:
    """The ticket could have been answered: nothing is paid for the escalation."""
    note = body.note if body else ""
    return escalation_out(
        endings.reject_escalation(
            tx, brand=brand, ticket=TicketId(ticket), by="API", note=note, now=app_now(tx)
        )
    )


def _resolve(tx: Tx, brand: BrandId, ticket: UUID, by: ResolvedBy) -> dict[str, object]:
    resolution = endings.resolve_ticket(tx, brand=brand, ticket=TicketId(ticket), by=by, now=app_now(tx))
    return {
        "id": resolution.id,
        "by": resolution.by,
        "resolved_at": resolution.resolved_at,
        "window_ends_at": resolution.window_ends_at,
    }


def _state(tx: Tx, brand: BrandId, ticket: UUID) -> str:
    return queries.brand_ticket(tx, brand=brand, ticket=TicketId(ticket)).state.value


def _ticket(ticket: Ticket) -> dict[str, object]:
    return TicketOut(
        id=ticket.id,
        number=ticket.number,
        external_id=ticket.external_id,
        state=ticket.state.value,
        category=ticket.category,
        channel=ticket.channel.value,
        language=ticket.language,
        subject=ticket.subject,
        posted_at=ticket.posted_at,
        due_at=ticket.due_at,
        follows=ticket.follows_id,
    ).model_dump(mode="json")


def escalation_out(escalation: Escalation) -> dict[str, Any]:
    return EscalationOut(
        id=escalation.id,
        state=escalation.state.value,
        reason=escalation.reason.value,
        note=escalation.note,
        queue=escalation.queue,
        decide_by=escalation.decide_by,
        decision_note=escalation.decision_note or "",
        needless_reason=escalation.needless_reason,
    ).model_dump(mode="json")
