"""What a brand reads of its tickets: the list with its customers, and what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from marketplace.accounts.models import Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, MessageId, ReplyId, TicketId
from marketplace.tickets.models import (
    Category,
    Channel,
    Customer,
    Escalation,
    EscalationState,
    Message,
    PoolState,
    PoolTicket,
    Reply,
    ReplyState,
    Resolution,
    Ticket,
    TicketState,
)
from marketplace.tickets.queries import DEEPEST_PAGE, PAGE_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """A ticket in the brand's list, its customer in clear. `changed_at` is when anything was last written."""

    id: TicketId
    number: int
    subject: str
    customer_name: str | None
    customer_email: str | None
    category: str
    channel: Channel
    state: TicketState
    posted_at: datetime
    due_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLine:
    """A worker's reply and who wrote it."""

    id: ReplyId
    message: MessageId
    worker_name: str
    label: str
    state: ReplyState
    written_at: datetime
    sent_at: datetime | None


def ticket_lines(
    tx: Tx, *, brand: BrandId, state: TicketState | None = None, page: int = 1
) -> list[TicketLine]:
    """One page of the brand's tickets, newest first. Raises Invalid for a page that cannot be."""
    if not 1 <= page <= DEEPEST_PAGE:
        raise Invalid(f"Pages are numbered from 1 to {DEEPEST_PAGE:,}.")
    wanted = _ticket_lines(brand)
    # Both orders are the same and each has its index: by number in all, by time in one state.
    if state is None:
        wanted = wanted.order_by(Ticket.number.desc())
    else:
        wanted = wanted.where(Ticket.state == state).order_by(Ticket.posted_at.desc(), Ticket.id.desc())
    rows = tx.execute(wanted.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS))
    return [TicketLine(**row._mapping) for row in rows]


def lines_of(tx: Tx, *, brand: BrandId, tickets: Sequence[TicketId]) -> list[TicketLine]:
    """These tickets as the list shows them, in this order."""
    rows = tx.execute(_ticket_lines(brand).where(Ticket.id.in_(tickets)))
    lines = {row.id: TicketLine(**row._mapping) for row in rows}
    return [lines[ticket] for ticket in tickets if ticket in lines]


def customer_of(tx: Tx, ticket: Ticket) -> Customer:
    return tx.get_one(Customer, (ticket.brand_id, ticket.customer_id))


def category_name(tx: Tx, *, brand: BrandId, key: str) -> str:
    return tx.get_one(Category, (brand, key)).name


def replies_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[ReplyLine]:
    """The ticket's replies, oldest first."""
    rows = tx.execute(
        select(
            Reply.id,
            Reply.message_id.label("message"),
            Person.name.label("worker_name"),
            Reply.label,
            Reply.state,
            Reply.written_at,
            Reply.sent_at,
        )
        .join(Worker, Worker.id == Reply.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(Reply.brand_id == brand, Reply.ticket_id == ticket)
        .order_by(Reply.id)
    )
    return [ReplyLine(**row._mapping) for row in rows]


def escalations_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[tuple[Escalation, str]]:
    """The ticket's escalations with the names of the workers who raised them, oldest first."""
    rows = tx.execute(
        select(Escalation, Person.name)
        .join(Worker, Worker.id == Escalation.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(Escalation.brand_id == brand, Escalation.ticket_id == ticket)
        .order_by(Escalation.number)
    )
    return [(escalation, name) for escalation, name in rows]


def resolutions_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Sequence[Resolution]:
    """The ticket's resolutions, taken-back ones too, oldest first."""
    return tx.scalars(
        select(Resolution)
        .where(Resolution.brand_id == brand, Resolution.ticket_id == ticket)
        .order_by(Resolution.number)
    ).all()


def undecided_escalations(tx: Tx, *, brand: BrandId) -> int:
    """How many escalations wait for the brand's word."""
    waiting = select(func.count()).where(
        Escalation.brand_id == brand, Escalation.state == EscalationState.OPEN
    )
    return tx.scalar(waiting) or 0


def oldest_waiting_since(tx: Tx, *, brand: BrandId) -> datetime | None:
    """Since when the brand's longest-waiting open ticket has waited."""
    return tx.scalar(
        select(func.min(PoolTicket.waiting_since)).where(
            PoolTicket.brand_id == brand, PoolTicket.state == PoolState.OPEN
        )
    )


def _ticket_lines(brand: BrandId) -> Select[*tuple[Any, ...]]:
    written = (
        select(func.max(Message.written_at))
        .where(Message.brand_id == Ticket.brand_id, Message.ticket_id == Ticket.id)
        .scalar_subquery()
    )
    resolved = (
        select(func.max(Resolution.resolved_at))
        .where(Resolution.brand_id == Ticket.brand_id, Resolution.ticket_id == Ticket.id)
        .scalar_subquery()
    )
    escalated = (
        select(func.max(func.coalesce(Escalation.decided_at, Escalation.escalated_at)))
        .where(Escalation.brand_id == Ticket.brand_id, Escalation.ticket_id == Ticket.id)
        .scalar_subquery()
    )
    return (
        select(
            Ticket.id,
            Ticket.number,
            Ticket.subject,
            Customer.name.label("customer_name"),
            Customer.email.label("customer_email"),
            Category.name.label("category"),
            Ticket.channel,
            Ticket.state,
            Ticket.posted_at,
            Ticket.due_at,
            # greatest() leaves out what is NULL.
            func.greatest(Ticket.posted_at, written, resolved, escalated).label("changed_at"),
        )
        .join(Customer, (Customer.brand_id == Ticket.brand_id) & (Customer.id == Ticket.customer_id))
        .join(Category, (Category.brand_id == Ticket.brand_id) & (Category.key == Ticket.category))
        .where(Ticket.brand_id == brand)
    )
