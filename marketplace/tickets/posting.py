"""A ticket's way into the pool: posted once, screened, admitted, funded, opened."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import (
    TicketAdmitted,
    TicketAwaitsFunds,
    TicketHeldBack,
    TicketOpened,
    TicketPosted,
    TicketUnpublished,
)
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, CustomerId, MessageId, TicketId, new_id
from marketplace.tickets.clocks import Start, promised, start_clocks
from marketplace.tickets.lanes import GENERAL
from marketplace.tickets.masking import mask
from marketplace.tickets.models import (
    Author,
    Category,
    Channel,
    Customer,
    Message,
    PoolState,
    PoolTicket,
    Terms,
    Ticket,
    TicketState,
)
from marketplace.tickets.ranks import rank_of
from marketplace.tickets.terms import UnknownCategory

EXTERNAL_ID_LIMIT = 200
SUBJECT_LIMIT = 200
TEXT_LIMIT = 20_000
HIGHEST_PRIORITY = 2
EXPECTED_MINUTES = 5
NEWCOMERS_SHARE_PERCENT = 10
NEWCOMER_SEEN = timedelta(minutes=10)


class TicketNotFound(NotFound):
    """There is no such ticket here."""


class ExternalIdTaken(Conflict):
    """A ticket with this external id exists and says something else."""


class BadTicket(Invalid):
    """A ticket needs an external id, a subject of at most 200 characters and a text of at most 20,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket as a brand posts it. `context` is the conversation before `text`, if any."""

    external_id: str
    subject: str
    text: str
    channel: Channel = Channel.EMAIL
    language: str = "en"
    category: str | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    priority: int = 0
    context: str = ""


def post_ticket(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: NewTicket,
    now: datetime,
    follows: Ticket | None = None,
    message_external_id: str | None = None,
) -> tuple[Ticket, bool]:
    """The ticket with this external id, and whether this call made it.

    The same body again is the same ticket; another body raises ExternalIdTaken naming what differs. One that
    `follows` another is its customer's.
    """
    _check(ticket)
    fingerprint = _fingerprint(ticket)
    known = _by_external_id(tx, brand, ticket.external_id)
    if known is not None:
        return _same_or_refused(tx, known, ticket, fingerprint), False
    start = promised(tx, brand=brand, channel=ticket.channel, now=now)
    made = _insert(tx, brand, ticket, fingerprint, start, now, follows)
    if made is None:  # another request posted it between our look and our insert
        known = _by_external_id(tx, brand, ticket.external_id)
        if known is None:
            raise ExternalIdTaken
        return _same_or_refused(tx, known, ticket, fingerprint), False
    tx.add(
        Message(
            brand_id=brand,
            id=MessageId(new_id()),
            ticket_id=made.id,
            author=Author.CUSTOMER,
            external_id=message_external_id,
            body=ticket.text,
            written_at=now,
        )
    )
    start_clocks(tx, made, start, now=now)
    record(tx, TicketPosted(brand=brand, ticket=made.id))
    return made, True


def admit(tx: Tx, *, brand: BrandId, ticket: TicketId) -> None:
    """Screening found nothing against the ticket: let it in. Again, or later: nothing happens."""
    if _move(tx, brand, ticket, TicketState.SCREENING, TicketState.AWAITING_FUNDS):
        record(tx, TicketAdmitted(brand=brand, ticket=ticket))


def hold_back(tx: Tx, *, brand: BrandId, ticket: TicketId, reason: str) -> None:
    """The brand keeps the ticket."""
    for before in (TicketState.SCREENING, TicketState.AWAITING_FUNDS):
        if _move(tx, brand, ticket, before, TicketState.HELD_BACK):
            record(tx, TicketHeldBack(brand=brand, ticket=ticket, reason=reason))


def await_funds(tx: Tx, *, brand: BrandId, ticket: TicketId, reason: str = "wallet") -> None:
    """Its price could not be reserved: nobody is shown the ticket until there is money, or room under the cap."""
    record(tx, TicketAwaitsFunds(brand=brand, ticket=ticket, reason=reason))


def fund(tx: Tx, *, brand: BrandId, ticket: TicketId, terms: Terms, now: datetime) -> None:
    """Its price is reserved: open the ticket under `terms`, for anyone to claim."""
    row = ticket_of(tx, brand=brand, ticket=ticket)
    row.terms_id = terms.id
    rank_at = rank_of(due_at=row.due_at, priority=row.priority)
    open_in_pool(tx, row, terms=terms, rank_at=rank_at, due_at=row.due_at, claim_number=0, now=now)
    record(tx, TicketOpened(brand=brand, ticket=ticket))


def unpublish(tx: Tx, *, brand: BrandId, ticket: TicketId) -> bool:
    """Take a ticket out of the pool that nobody ever claimed, to await funds again; False when somebody did.

    A subscriber returns its reservation in this transaction. Its clocks run on: the customer still waits.
    """
    row = ticket_of(tx, brand=brand, ticket=ticket)
    shown = tx.get(PoolTicket, ticket, populate_existing=True)
    if shown is None or shown.state is not PoolState.OPEN or shown.claim_number:
        return False
    row.state = TicketState.AWAITING_FUNDS
    tx.delete(shown)
    record(tx, TicketUnpublished(brand=brand, ticket=ticket))
    return True


def open_in_pool(
    tx: Tx,
    ticket: Ticket,
    *,
    terms: Terms,
    rank_at: datetime,
    due_at: datetime,
    claim_number: int,
    now: datetime,
) -> PoolTicket:
    """Show the ticket in the pool; its next claim has the number after `claim_number`."""
    ticket.state = TicketState.OPEN
    opening = _opening(tx, ticket, now)
    row = PoolTicket(
        ticket_id=ticket.id,
        brand_id=ticket.brand_id,
        number=ticket.number,
        subject=mask(ticket.subject).text,
        channel=ticket.channel,
        language=ticket.language,
        category=ticket.category,
        terms_id=terms.id,
        pay_minor=terms.pay_minor,
        currency=terms.currency,
        expected_minutes=opening.median_minutes or EXPECTED_MINUTES,
        state=PoolState.OPEN,
        rank_at=rank_at,
        due_at=due_at,
        waiting_since=now,
        claim_number=claim_number,
        skill=opening.skill or GENERAL,
        newcomers_first=opening.newcomer_around and claim_number == 0 and _is_for_newcomers(ticket.id),
        surge_basis_points=terms.surge_basis_points,
    )
    tx.add(row)
    tx.flush()
    return row


def _opening(tx: Tx, ticket: Ticket, now: datetime) -> Row[Any]:
    """What its category asks for and takes, and whether a newcomer is around to be offered it first."""
    asked = {"brand": ticket.brand_id, "category": ticket.category, "seen_after": now - NEWCOMER_SEEN}
    return tx.execute(_OPENING, asked).one()


def _is_for_newcomers(ticket: TicketId) -> bool:
    """A share of the tickets, always the same ones, is offered to newcomers first."""
    return int.from_bytes(hashlib.sha256(ticket.bytes).digest()[:4]) % 100 < NEWCOMERS_SHARE_PERCENT


def ticket_of(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Ticket:
    """The brand's ticket, locked; another brand's is as absent as none."""
    found = lock_tickets(tx, brand=brand, tickets=[ticket])
    if not found:
        raise TicketNotFound
    return found[0]


def lock_tickets(tx: Tx, *, brand: BrandId, tickets: Sequence[TicketId]) -> Sequence[Ticket]:
    """Those of `tickets` that are the brand's, by id, as they stand once all of them are locked.

    Rows in the pool are locked first, as claims do, and all of them before any money moves: transactions in one
    order never deadlock. What was read before the lock is read again: somebody may have moved the ticket meanwhile.
    """
    tx.execute(_LOCK_IN_POOL, {"brand": brand, "tickets": list(tickets)})
    return tx.scalars(
        select(Ticket)
        .where(Ticket.brand_id == brand, Ticket.id.in_(tickets))
        .order_by(Ticket.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _check(ticket: NewTicket) -> None:
    sizes = (
        (ticket.external_id, EXTERNAL_ID_LIMIT),
        (ticket.subject, SUBJECT_LIMIT),
        (ticket.text, TEXT_LIMIT),
    )
    if any(not value.strip() or len(value) > limit for value, limit in sizes):
        raise BadTicket
    if len(ticket.context) > TEXT_LIMIT:
        raise BadTicket(f"The context may have {TEXT_LIMIT:,} characters at most.")
    if any("\x00" in value for value in (*(value for value, _ in sizes), ticket.context)):
        raise BadTicket("A ticket's text cannot hold NUL characters.")
    if not 0 <= ticket.priority <= HIGHEST_PRIORITY:
        raise BadTicket(f"A priority is 0, 1 or {HIGHEST_PRIORITY}.")


def _fingerprint(ticket: NewTicket) -> str:
    return hashlib.sha256(json.dumps(asdict(ticket), sort_keys=True).encode()).hexdigest()


def _by_external_id(tx: Tx, brand: BrandId, external_id: str) -> Ticket | None:
    wanted = select(Ticket).where(Ticket.brand_id == brand, Ticket.external_id == external_id)
    return tx.scalars(wanted).one_or_none()


def _same_or_refused(tx: Tx, known: Ticket, ticket: NewTicket, fingerprint: str) -> Ticket:
    if known.fingerprint == fingerprint:
        return known
    raise ExternalIdTaken(
        f"Ticket {known.external_id!r} exists and differs in: {', '.join(_differences(tx, known, ticket))}. "
        "It stays as it is; a new ticket needs a number of its own."
    )


def _differences(tx: Tx, known: Ticket, ticket: NewTicket) -> list[str]:
    first = select(Message.body).where(Message.brand_id == known.brand_id, Message.ticket_id == known.id)
    customer = tx.get(Customer, (known.brand_id, known.customer_id))
    pairs = {
        "subject": (known.subject, ticket.subject),
        "text": (tx.scalar(first.order_by(Message.id).limit(1)), ticket.text),
        "channel": (known.channel, ticket.channel),
        "language": (known.language, ticket.language),
        "category": (known.category, ticket.category or known.category),
        "priority": (known.priority, ticket.priority),
        "context": (known.context, ticket.context),
        "customer": (customer and customer.email, ticket.customer_email or (customer and customer.email)),
    }
    return [name for name, (before, after) in pairs.items() if before != after] or ["its details"]


def _insert(
    tx: Tx,
    brand: BrandId,
    ticket: NewTicket,
    fingerprint: str,
    start: Start,
    now: datetime,
    follows: Ticket | None,
) -> Ticket | None:
    category = _category(tx, brand, ticket.category)
    number = tx.scalar(
        update(Brand)
        .where(Brand.id == brand)
        .values(ticket_count=Brand.ticket_count + 1)
        .returning(Brand.ticket_count)
    )
    values = {
        "brand_id": brand,
        "id": TicketId(new_id()),
        "number": number,
        "external_id": ticket.external_id,
        "fingerprint": fingerprint,
        "customer_id": follows.customer_id if follows else _customer(tx, brand, ticket, now),
        "follows_id": follows.id if follows else None,
        "channel": ticket.channel,
        "language": ticket.language,
        "category": category,
        "subject": ticket.subject,
        "context": ticket.context,
        "priority": ticket.priority,
        "state": TicketState.SCREENING,
        "posted_at": now,
        "due_at": start.due_at,
    }
    return tx.scalars(insert(Ticket).values(values).on_conflict_do_nothing().returning(Ticket)).one_or_none()


def _category(tx: Tx, brand: BrandId, key: str | None) -> str:
    """`key` if the brand has it; the brand's default when none is named."""
    if key is None:
        wanted = select(Category.key).where(Category.brand_id == brand, Category.is_default)
    else:
        wanted = select(Category.key).where(Category.brand_id == brand, Category.key == key)
    found = tx.scalar(wanted)
    if found is None:
        raise UnknownCategory
    return found


def _customer(tx: Tx, brand: BrandId, ticket: NewTicket, now: datetime) -> CustomerId:
    """The brand's customer with this e-mail address, else a new one."""
    email = ticket.customer_email.strip().lower() if ticket.customer_email else None
    made = insert(Customer).values(
        brand_id=brand, id=new_id(), name=ticket.customer_name, email=email, created_at=now
    )
    kept = made.on_conflict_do_update(
        index_elements=[Customer.brand_id, Customer.email],
        set_={"name": text("coalesce(customer.name, excluded.name)")},
    )
    return tx.execute(kept.returning(Customer.id)).scalar_one()


def _move(tx: Tx, brand: BrandId, ticket: TicketId, before: TicketState, after: TicketState) -> bool:
    moved = update(Ticket).where(Ticket.brand_id == brand, Ticket.id == ticket, Ticket.state == before)
    return tx.execute(moved.values(state=after).returning(Ticket.id)).first() is not None


_LOCK_IN_POOL = text(
    "SELECT FROM pool_ticket WHERE ticket_id = ANY(:tickets) AND brand_id = :brand "
    "ORDER BY ticket_id FOR NO KEY UPDATE"
)
_OPENING = text(
    "SELECT c.skill, s.median_minutes, EXISTS (SELECT FROM worker WHERE resolved_count < 10 AND available "
    "AND status = 'active' AND seen_at > :seen_after) AS newcomer_around "
    "FROM category c LEFT JOIN category_stat s ON s.brand_id = c.brand_id AND s.category = c.key "
    "WHERE c.brand_id = :brand AND c.key = :category"
)
