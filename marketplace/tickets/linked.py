"""A settled ticket's question comes back: a new ticket goes on from it, and from that one the next."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.events.commands import record
from marketplace.events.facts import TicketFollowedUp
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, TicketId, new_id
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Message, Ticket
from marketplace.tickets.posting import SUBJECT_LIMIT, NewTicket, post_ticket, ticket_of

CHAIN_LIMIT = 100
RE = "Re: "


class ChainTooLong(Conflict):
    """This conversation went on over 100 tickets. Post the question as a new one."""


def conversation_from(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[Ticket]:
    """The ticket and those that go on from it, oldest first, locked: a further message belongs to the last."""
    chain = [ticket_of(tx, brand=brand, ticket=ticket)]
    while (following := find_follower(tx, brand=brand, ticket=chain[-1].id)) is not None:
        if len(chain) == CHAIN_LIMIT:
            raise ChainTooLong
        chain.append(ticket_of(tx, brand=brand, ticket=following))
    return chain


def find_follower(tx: Tx, *, brand: BrandId, ticket: TicketId) -> TicketId | None:
    """The ticket that goes on from this one; there is at most one."""
    goes_on = select(Ticket.id).where(Ticket.brand_id == brand, Ticket.follows_id == ticket)
    return tx.scalars(goes_on).one_or_none()


def open_linked(tx: Tx, *, follows: Ticket, text: str, external_id: str | None, now: datetime) -> Message:
    """A new ticket of the same customer, about the same thing, whose first message is `text`."""
    made, _ = post_ticket(
        tx,
        brand=follows.brand_id,
        ticket=NewTicket(
            external_id=_external_id(follows, external_id),
            subject=_subject(follows.subject),
            text=text,
            channel=follows.channel,
            language=follows.language,
            category=follows.category,
            priority=follows.priority,
        ),
        follows=follows,
        message_external_id=external_id,
        now=now,
    )
    record(tx, TicketFollowedUp(brand=made.brand_id, ticket=made.id, follows=follows.id))
    first = select(Message).where(Message.brand_id == made.brand_id, Message.ticket_id == made.id)
    return tx.scalars(first.order_by(Message.id).limit(1)).one()


def _external_id(follows: Ticket, message: str | None) -> str:
    """The brand has no number for this ticket: it gets one by which the same message makes the same ticket."""
    name = message if message is not None else str(new_id())
    return f"follow-up-{hashlib.sha256(f'{follows.id}/{name}'.encode()).hexdigest()[:32]}"


def _subject(subject: str) -> str:
    return subject if subject.startswith(RE) else f"{RE}{subject}"[:SUBJECT_LIMIT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A settled ticket as the worker of the next one may know it: its subject is masked."""

    number: int
    subject: str


def find_followed(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Followed | None:
    found = tx.get(Ticket, (brand, ticket))
    return None if found is None else Followed(number=found.number, subject=mask(found.subject).text)
