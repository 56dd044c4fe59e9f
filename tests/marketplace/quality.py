"""Tickets at a chosen point of their life, for figures: resolved, rated, reopened, escalated and decided."""

from uuid import uuid4

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.endings import (
    confirm_escalation,
    escalate_ticket,
    reject_escalation,
    resolve_ticket,
)
from marketplace.tickets.models import EscalationReason, ResolvedBy
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from tests.builders import an_open_ticket


def an_answered_ticket(tx: Tx, brand: BrandId, worker: WorkerId, **changes: object) -> TicketId:
    """Of a customer of its own, unless one is named."""
    named = {"customer_email": f"{uuid4().hex[:12]}@example.com"} | changes
    ticket = an_open_ticket(tx, brand, **named)
    claim = claim_ticket(tx, ticket=ticket, worker=worker)
    now = app_now(tx)
    send_reply(tx, ticket=ticket, worker=worker, number=claim.number, body="On its way.", now=now)
    return ticket


def a_resolved_ticket(tx: Tx, brand: BrandId, worker: WorkerId, **changes: object) -> TicketId:
    ticket = an_answered_ticket(tx, brand, worker, **changes)
    resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    tx.flush()
    return ticket


def an_escalated_ticket(tx: Tx, brand: BrandId, worker: WorkerId) -> TicketId:
    ticket = an_open_ticket(tx, brand)
    claim = claim_ticket(tx, ticket=ticket, worker=worker)
    escalate_ticket(
        tx,
        ticket=ticket,
        worker=worker,
        number=claim.number,
        reason=EscalationReason.NO_GROUNDED_ANSWER,
        note="",
        now=app_now(tx),
    )
    return ticket


def a_decided_escalation(tx: Tx, brand: BrandId, worker: WorkerId, *, good: bool, by: str = "Mo") -> TicketId:
    ticket = an_escalated_ticket(tx, brand, worker)
    decide = confirm_escalation if good else reject_escalation
    decide(tx, brand=brand, ticket=ticket, by=by, now=app_now(tx))
    tx.flush()
    return ticket
