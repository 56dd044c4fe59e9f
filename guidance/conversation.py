"""What a ticket's customer says and asks, as the engine reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import select

from guidance.slots import TicketFacts, facts_of
from knowledge_base.index.hybrid import Query
from knowledge_base.languages import language_of
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, MessageId, TicketId
from marketplace.tickets.models import Author, Customer, Message, Ticket

THREAD_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A ticket's thread, oldest first, up to what its customer wrote last."""

    ticket: Ticket
    thread: Sequence[Message]
    customer_name: str | None

    @property
    def query(self) -> Query:
        """The whole of it; without earlier context, the first message is asked under its subject.

        What the customer wrote last tells the language, else all he wrote.
        """
        spoken = language_of(self.asked) or language_of("\n".join(self.said_by_customer))
        return _query(self.ticket, self.thread, language=spoken)

    @property
    def asked(self) -> str:
        """What the customer wrote last, in one message or several; a ticket's first has its subject over it."""
        last = list(takewhile(lambda message: message.author is Author.CUSTOMER, reversed(self.thread)))
        subject = self.ticket.subject if len(last) == len(self.thread) else ""
        return "\n\n".join([subject, *(message.body for message in reversed(last))])

    @property
    def said_by_customer(self) -> list[str]:
        written = (message.body for message in self.thread if message.author is Author.CUSTOMER)
        return [self.ticket.subject, self.ticket.context, *written]

    @property
    def facts(self) -> TicketFacts:
        """What of it may fill a slot."""
        return facts_of(self.said_by_customer, customer_name=self.customer_name)


def conversation_of(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Conversation:
    row = tx.get_one(Ticket, (brand, ticket))
    thread = tx.scalars(
        select(Message).where(Message.brand_id == brand, Message.ticket_id == ticket).order_by(Message.id)
    ).all()
    last = max(at for at, message in enumerate(thread) if message.author is Author.CUSTOMER)
    customer = tx.get(Customer, (brand, row.customer_id))
    return Conversation(
        ticket=row, thread=thread[: last + 1], customer_name=customer.name if customer else None
    )


def asked_in(tx: Tx, *, brand: BrandId, ticket: TicketId, message: MessageId | None) -> Query:
    """What the engine asks for the ticket as it stood at `message`; without one, at its customer's first."""
    row = tx.get_one(Ticket, (brand, ticket))
    thread = tx.scalars(
        select(Message)
        .where(Message.brand_id == brand, Message.ticket_id == ticket)
        .order_by(Message.id)
        .limit(THREAD_LIMIT)
    ).all()
    last = next((at for at, one in enumerate(thread) if one.id == message), 0)
    return _query(row, thread[: last + 1])


def _query(ticket: Ticket, thread: Sequence[Message], *, language: str | None = None) -> Query:
    first, *others = [message.body for message in thread]
    turns = [ticket.context, first] if ticket.context else [f"{ticket.subject}. {first}"]
    return Query.of([*turns, *others], language=language)
