"""Escalated tickets, waiting and decided, for figures."""

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.endings import confirm_escalation, escalate_ticket, reject_escalation
from marketplace.tickets.models import EscalationReason
from marketplace.tickets.pool import claim_ticket
from tests.builders import an_open_ticket


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
