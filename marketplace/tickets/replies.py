"""A worker's reply: written under a live claim, labelled, delivered; and what the customer writes back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete, select

from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import CustomerWrote, ReplySent
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, MessageId, ReplyId, TicketId, WorkerId, new_id
from marketplace.tickets.endings import reopen_ticket, standing_resolution
from marketplace.tickets.linked import conversation_from, open_linked
from marketplace.tickets.models import (
    Author,
    Message,
    PoolTicket,
    Reply,
    ReplyState,
    Ticket,
    TicketState,
    WorkerDraft,
)
from marketplace.tickets.outgoing import queue_reply
from marketplace.tickets.pool import give_follow_up, held, live_claim
from marketplace.tickets.posting import TEXT_LIMIT, ticket_of
from marketplace.tickets.probation import find_rule_for
from marketplace.tickets.reviews import ask_approval, overtake_review

REPLY_LIMIT = 5_000
DELIVERY_LIMIT = 100


class BadReply(Invalid):
    """A reply has 1 to 5,000 characters."""


class BadMessage(Invalid):
    """A message has 1 to 20,000 characters."""


class MessageIdTaken(Conflict):
    """Another message of this ticket has this external id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A reply on its way: the whole text, label included."""

    brand: BrandId
    ticket: TicketId
    reply: ReplyId
    external_id: str
    text: str


class Delivery(Protocol):
    """Takes a reply to the customer's channel. Raises on failure; called again with the same reply later."""

    def deliver(self, outgoing: Outgoing) -> None: ...


class ApiFeed:
    """The first real channel: the brand's own systems read `reply_sent` facts from the event feed."""

    def deliver(self, outgoing: Outgoing) -> None:
        """The fact written with the delivery is the delivery."""


def affiliation_label(brand_name: str) -> str:
    """The sentence every reply ends with (a customer is told who answers)."""
    return f"Answered by an independent paid expert, not an employee of {brand_name}."


def send_reply(tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, body: str, now: datetime) -> Reply:
    """Queue `body` for the customer, with its affiliation label and that label's proof.

    The lease clock stops until the customer writes; the claim stays. On probation it waits for the brand first.
    Raises StaleClaim, ReplyInReview, BadReply.
    """
    if not body.strip() or len(body) > REPLY_LIMIT or "\x00" in body:
        raise BadReply
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    label = affiliation_label(_brand_name(tx, row.brand_id))
    reply = Reply(
        brand_id=row.brand_id,
        id=ReplyId(new_id()),
        ticket_id=ticket,
        claim_id=live_claim(tx, row).id,
        worker_id=worker,
        message_id=None,
        body=body,
        label=label,
        label_proof=label_proof(body, label),
        state=ReplyState.DRAFT,
        written_at=now,
    )
    tx.add(reply)
    tx.flush()
    tx.execute(
        delete(WorkerDraft).where(
            WorkerDraft.brand_id == row.brand_id,
            WorkerDraft.ticket_id == ticket,
            WorkerDraft.worker_id == worker,
        )
    )
    rule = find_rule_for(tx, brand=row.brand_id, worker=worker)
    if rule is None:
        answered = ticket_of(tx, brand=row.brand_id, ticket=ticket)
        queue_reply(tx, reply, pool=row, ticket=answered, now=now)
    else:
        reply.state = ReplyState.AWAITING_APPROVAL
        ask_approval(tx, reply, pool=row, rule=rule, now=now)
    return reply


def deliver_queued(tx: Tx, *, delivery: Delivery, now: datetime) -> int:
    """Deliver up to 100 queued replies; how many left. Each leaves once: the row is locked and its state moves."""
    queued = tx.execute(
        select(Reply, Ticket.external_id)
        .join(Ticket, (Ticket.brand_id == Reply.brand_id) & (Ticket.id == Reply.ticket_id))
        .where(Reply.state == ReplyState.QUEUED)
        .order_by(Reply.id)
        .limit(DELIVERY_LIMIT)
        .with_for_update(of=Reply, skip_locked=True)
    ).all()
    for reply, external_id in queued:
        text = f"{reply.body}\n\n{reply.label}"
        delivery.deliver(
            Outgoing(
                brand=reply.brand_id,
                ticket=reply.ticket_id,
                reply=reply.id,
                external_id=external_id,
                text=text,
            )
        )
        reply.state, reply.sent_at = ReplyState.SENT, now
        record(
            tx,
            ReplySent(
                brand=reply.brand_id,
                worker=reply.worker_id,
                ticket=reply.ticket_id,
                reply=reply.id,
                external_id=external_id,
                text=text,
            ),
        )
    return len(queued)


def customer_writes(
    tx: Tx, *, brand: BrandId, ticket: TicketId, text: str, external_id: str | None, now: datetime
) -> Message:
    """A further message of the customer: it restarts the clock, or reopens a resolved ticket in its window.

    After the window a new ticket goes on from the settled one; the message's own row says which ticket it went
    to. The same external id again is the same message.
    """
    if not text.strip() or len(text) > TEXT_LIMIT or "\x00" in text:
        raise BadMessage
    conversation = conversation_from(tx, brand=brand, ticket=ticket)
    known = _message(tx, conversation, external_id)
    if known is not None:
        if known.body != text:
            raise MessageIdTaken
        return known
    row = conversation[-1]
    if _is_settled(tx, row, now):
        return open_linked(tx, follows=row, text=text, external_id=external_id, now=now)
    message = Message(
        brand_id=brand,
        id=MessageId(new_id()),
        ticket_id=row.id,
        author=Author.CUSTOMER,
        external_id=external_id,
        body=text,
        written_at=now,
    )
    _go_on(tx, row, now)
    tx.add(message)
    record(tx, CustomerWrote(brand=brand, ticket=row.id, message=message.id))
    return message


def label_proof(body: str, label: str) -> str:
    """SHA-256 over the text and the label it left with: what was sent cannot be denied later."""
    return hashlib.sha256(f"{body}\n\n{label}".encode()).hexdigest()


def _is_settled(tx: Tx, ticket: Ticket, now: datetime) -> bool:
    """Resolved, and past its review window: what comes now is a new ticket."""
    return ticket.state is TicketState.RESOLVED and standing_resolution(tx, ticket).window_ends_at <= now


def _go_on(tx: Tx, ticket: Ticket, now: datetime) -> None:
    """What a customer's message does to the ticket it belongs to."""
    match ticket.state:
        case TicketState.ANSWERED:
            give_follow_up(tx, _pool_row(tx, ticket), now=now)
        case TicketState.CLAIMED if overtake_review(tx, ticket=ticket, now=now):
            give_follow_up(tx, _pool_row(tx, ticket), now=now)
        case TicketState.RESOLVED:
            reopen_ticket(tx, ticket=ticket, resolution=standing_resolution(tx, ticket), now=now)
        case _:
            pass  # still waiting for an answer: the message joins the thread
    tx.flush()


def _pool_row(tx: Tx, ticket: Ticket) -> PoolTicket:
    return tx.get_one(PoolTicket, ticket.id, with_for_update=True)


def _message(tx: Tx, conversation: Sequence[Ticket], external_id: str | None) -> Message | None:
    if external_id is None:
        return None
    return tx.scalars(
        select(Message).where(
            Message.brand_id == conversation[0].brand_id,
            Message.ticket_id.in_([ticket.id for ticket in conversation]),
            Message.external_id == external_id,
        )
    ).first()


def _brand_name(tx: Tx, brand: BrandId) -> str:
    return tx.scalars(select(Brand.name).where(Brand.id == brand)).one()
