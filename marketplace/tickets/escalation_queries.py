"""Reading a brand's escalations: what waits in which queue and for how long, and what was said of one's own."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from marketplace.accounts.models import Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, EscalationId, TicketId, WorkerId
from marketplace.tickets.models import Escalation, EscalationReason, EscalationState, Reply, Ticket
from marketplace.tickets.reply_models import EscalationQueue

ESCALATIONS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEscalation:
    id: EscalationId
    ticket: TicketId
    number: int
    subject: str
    queue: str
    queue_name: str
    reason: EscalationReason
    note: str
    worker_name: str
    escalated_at: datetime
    decide_by: datetime


def waiting_escalations(
    tx: Tx, *, brand: BrandId, queue: str | None = None, limit: int = ESCALATIONS_SHOWN
) -> list[WaitingEscalation]:
    """What waits for the brand's word, the most pressing first; of one queue if it is named."""
    wanted = (
        select(
            Escalation.id,
            Escalation.ticket_id.label("ticket"),
            Ticket.number,
            Ticket.subject,
            Escalation.queue,
            EscalationQueue.name.label("queue_name"),
            Escalation.reason,
            Escalation.note,
            Person.name.label("worker_name"),
            Escalation.escalated_at,
            Escalation.decide_by,
        )
        .join(Ticket, (Ticket.brand_id == Escalation.brand_id) & (Ticket.id == Escalation.ticket_id))
        .join(
            EscalationQueue,
            (EscalationQueue.brand_id == Escalation.brand_id) & (EscalationQueue.key == Escalation.queue),
        )
        .join(Worker, Worker.id == Escalation.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(Escalation.brand_id == brand, Escalation.state == EscalationState.OPEN)
    )
    if queue is not None:
        wanted = wanted.where(Escalation.queue == queue)
    rows = tx.execute(wanted.order_by(Escalation.decide_by, Escalation.id).limit(limit))
    return [WaitingEscalation(**row._mapping) for row in rows]


def waiting_by_queue(tx: Tx, *, brand: BrandId) -> list[tuple[EscalationQueue, int]]:
    """Each queue in use, and each retired one in which something still waits, with how much."""
    counted = (
        select(Escalation.queue, func.count().label("waiting"))
        .where(Escalation.brand_id == brand, Escalation.state == EscalationState.OPEN)
        .group_by(Escalation.queue)
        .subquery()
    )
    rows = tx.execute(
        select(EscalationQueue, func.coalesce(counted.c.waiting, 0))
        .outerjoin(counted, counted.c.queue == EscalationQueue.key)
        .where(
            EscalationQueue.brand_id == brand,
            EscalationQueue.retired_at.is_(None) | (counted.c.waiting > 0),
        )
        .order_by(EscalationQueue.is_default.desc(), EscalationQueue.name, EscalationQueue.key)
    )
    return [(queue, waiting) for queue, waiting in rows]


def replies_before(tx: Tx, *, escalation: Escalation) -> int:
    """How many replies its worker had sent under the claim that he escalated."""
    counted = select(func.count()).where(
        Reply.brand_id == escalation.brand_id,
        Reply.claim_id == escalation.claim_id,
        Reply.message_id.is_not(None),
    )
    return tx.scalar(counted) or 0


def queue_names(tx: Tx, *, brand: BrandId) -> dict[str, str]:
    """The names of all queues that the brand has or had, by key."""
    named = select(EscalationQueue.key, EscalationQueue.name).where(EscalationQueue.brand_id == brand)
    return {key: name for key, name in tx.execute(named)}


def find_own_escalation(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> Escalation | None:
    """The newest escalation that `worker` raised on `ticket`."""
    own = select(Escalation).where(Escalation.ticket_id == ticket, Escalation.worker_id == worker)
    return tx.scalars(own.order_by(Escalation.number.desc()).limit(1)).one_or_none()
