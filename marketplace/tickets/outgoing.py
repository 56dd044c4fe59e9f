"""A reply on its way out: it joins the thread, the lease clock stops, and silence begins to count.

Whoever lets a reply leave goes through here: its worker, a reviewer, or the time limit of a review.
"""

from datetime import datetime

from marketplace.events.commands import record
from marketplace.events.facts import ReplyQueued
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import MessageId, new_id
from marketplace.tickets.follow_ups import follow_up_of
from marketplace.tickets.models import (
    Author,
    Message,
    PoolState,
    PoolTicket,
    Reply,
    ReplyState,
    Ticket,
    TicketState,
)


def queue_reply(tx: Tx, reply: Reply, *, pool: PoolTicket, ticket: Ticket, now: datetime) -> None:
    """Hand `reply` to delivery; the rows are locked by the caller."""
    message = Message(
        brand_id=reply.brand_id,
        id=MessageId(new_id()),
        ticket_id=reply.ticket_id,
        author=Author.WORKER,
        external_id=None,
        body=reply.body,
        written_at=now,
    )
    tx.add(message)
    tx.flush()
    reply.message_id, reply.written_at, reply.state = message.id, now, ReplyState.QUEUED
    pool.state, pool.lease_ends_at = PoolState.ANSWERED, None
    silence = follow_up_of(tx, brand=ticket.brand_id, channel=ticket.channel).silence
    ticket.state, ticket.answered_at, ticket.silence_ends_at = TicketState.ANSWERED, now, now + silence
    record(
        tx, ReplyQueued(brand=reply.brand_id, worker=reply.worker_id, ticket=reply.ticket_id, reply=reply.id)
    )
