"""Reading tickets: the pool's page, a worker's desk and list, a brand's tickets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.masking import mask
from marketplace.tickets.models import (
    Author,
    Category,
    Claim,
    Message,
    PoolState,
    PoolTicket,
    Ticket,
    TicketState,
    WorkerDraft,
)
from marketplace.tickets.pool import CLOCK_STOPPED, StaleClaim
from marketplace.tickets.posting import TicketNotFound

PAGE_ROWS = 50
DEEPEST_PAGE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A message as its reader may see it: masked for a worker."""

    author: Author
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A ticket in a worker's hands."""

    ticket: TicketId
    brand: BrandId
    number: int
    subject: str
    channel: str
    language: str
    category: str
    categories: tuple[tuple[str, str], ...]
    state: PoolState
    claim_number: int
    claimed_at: datetime
    tagged: bool
    done: bool
    lease_ends_at: datetime | None
    pay_minor: int
    currency: str
    thread: tuple[Line, ...]
    draft: str
    follows: TicketId | None
    silence_ends_at: datetime | None


def desk(tx: Tx, *, ticket: TicketId, worker: WorkerId, now: datetime) -> Desk:
    """The desk of a ticket that `worker` holds. Raises StaleClaim when he does not, or no longer."""
    row = tx.scalars(
        select(PoolTicket).where(
            PoolTicket.ticket_id == ticket,
            PoolTicket.worker_id == worker,
            PoolTicket.state.in_(CLOCK_STOPPED) | (PoolTicket.lease_ends_at > now),
        )
    ).one_or_none()
    if row is None:
        raise StaleClaim
    claim = tx.scalars(
        select(Claim).where(
            Claim.brand_id == row.brand_id, Claim.ticket_id == ticket, Claim.number == row.claim_number
        )
    ).one()
    draft = tx.get(WorkerDraft, (row.brand_id, ticket, worker))
    own = tx.execute(
        select(Ticket.follows_id, Ticket.silence_ends_at).where(
            Ticket.brand_id == row.brand_id, Ticket.id == ticket
        )
    ).one()
    return Desk(
        ticket=row.ticket_id,
        brand=row.brand_id,
        number=row.number,
        subject=row.subject,
        channel=row.channel.value,
        language=row.language,
        category=row.category,
        categories=tuple((one.key, one.name) for one in categories(tx, row.brand_id)),
        state=row.state,
        claim_number=row.claim_number,
        claimed_at=claim.claimed_at,
        tagged=claim.tagged_at is not None,
        done=claim.done_at is not None,
        lease_ends_at=row.lease_ends_at,
        pay_minor=row.pay_minor,
        currency=row.currency,
        thread=masked_thread(tx, brand=row.brand_id, ticket=ticket),
        draft=draft.body if draft else "",
        follows=own.follows_id,
        silence_ends_at=own.silence_ends_at,
    )


def masked_thread(tx: Tx, *, brand: BrandId, ticket: TicketId) -> tuple[Line, ...]:
    """The thread as far as this transaction's scope may read it, personal data masked."""
    return tuple(
        Line(author=line.author, text=mask(line.body).text, written_at=line.written_at)
        for line in thread(tx, brand=brand, ticket=ticket)
    )


def thread(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Sequence[Message]:
    return tx.scalars(
        select(Message).where(Message.brand_id == brand, Message.ticket_id == ticket).order_by(Message.id)
    ).all()


def categories(tx: Tx, brand: BrandId) -> Sequence[Category]:
    return tx.scalars(select(Category).where(Category.brand_id == brand).order_by(Category.name)).all()


def brand_tickets(tx: Tx, *, brand: BrandId, state: str | None = None, page: int = 1) -> Sequence[Ticket]:
    """A brand's tickets, newest first, 50 a page."""
    if not 1 <= page <= DEEPEST_PAGE:
        raise Invalid(f"Pages are numbered from 1 to {DEEPEST_PAGE:,}.")
    wanted = select(Ticket).where(Ticket.brand_id == brand)
    if state is not None:
        if state not in set(TicketState):
            raise Invalid(f"There is no state {state[:40]!r}.")
        wanted = wanted.where(Ticket.state == TicketState(state))
    newest = wanted.order_by(Ticket.posted_at.desc(), Ticket.id.desc())
    return tx.scalars(newest.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS)).all()


def brand_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Ticket:
    """A brand's ticket. Raises TicketNotFound; another brand's is as absent as none."""
    found = tx.get(Ticket, (brand, ticket))
    if found is None:
        raise TicketNotFound
    return found


def waiting_for_screening(tx: Tx, *, brand: BrandId) -> list[TicketId]:
    """The brand's oldest tickets that nobody has screened, PAGE_ROWS at most."""
    oldest = (
        select(Ticket.id)
        .where(Ticket.brand_id == brand, Ticket.state == TicketState.SCREENING)
        .order_by(Ticket.posted_at, Ticket.id)
        .limit(PAGE_ROWS)
    )
    return list(tx.scalars(oldest))


def left_in_screening(tx: Tx, *, before: datetime, limit: int = PAGE_ROWS) -> list[tuple[BrandId, TicketId]]:
    """Tickets posted before then that nobody has screened: their job was lost, or something kept them out.

    What a switch stops, and what belongs to a brand that is not approved, is left alone.
    """
    rows = tx.execute(
        select(Ticket.brand_id, Ticket.id)
        .join(Brand, Brand.id == Ticket.brand_id)
        .where(
            Ticket.state == TicketState.SCREENING,
            Ticket.posted_at < before,
            Brand.approved_at.is_not(None),
            ~func.is_stopped(Ticket.brand_id, Ticket.category, Ticket.channel),
        )
        .order_by(Ticket.posted_at)
        .limit(limit)
    )
    return [(brand, ticket) for brand, ticket in rows]
