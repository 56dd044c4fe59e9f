"""A brand ends a ticket's time in the pool: it takes the ticket back to answer itself, or withdraws it.

Decided under the pool's row and the ticket's row, locked in the order in which claims lock them. What it pays
follows from the evidence: nothing while nobody holds the ticket and nobody replied, the escalation fee to whoever
holds or escalated it before the first reply, the full price to those who replied after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update

from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import TicketTakenBack, TicketWithdrawn
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, RecallId, TermsId, TicketId, WorkerId, new_id
from marketplace.kernel.money import BASIS_POINTS
from marketplace.tickets.credits import credits_of
from marketplace.tickets.models import (
    ClaimEnd,
    Escalation,
    EscalationState,
    PoolState,
    PoolTicket,
    Ticket,
    TicketState,
)
from marketplace.tickets.pool import end_claim
from marketplace.tickets.posting import TicketNotFound, ticket_of
from marketplace.tickets.recall_models import Recall, RecallKind, RecallPay
from marketplace.tickets.terms import terms_of

REASON_LIMIT = 300
UNFUNDED = frozenset({TicketState.SCREENING, TicketState.HELD_BACK, TicketState.AWAITING_FUNDS})
IN_THE_POOL = frozenset({TicketState.OPEN, TicketState.CLAIMED, TicketState.ANSWERED})
MAY_BE_WITHDRAWN = UNFUNDED | IN_THE_POOL | {TicketState.ESCALATED}
MAY_BE_TAKEN_BACK = MAY_BE_WITHDRAWN - {TicketState.HELD_BACK}


class ReasonNeeded(Invalid):
    """Say why, in 1 to 300 characters."""


class KeptAlready(Conflict):
    """You keep this ticket already: no worker sees it."""


class TicketIsOver(Conflict):
    """This ticket is over: it was resolved, withdrawn or has expired."""


class JustOpening(Conflict):
    """This ticket is entering the pool at this very moment. Try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A ticket and its row in the pool, both locked."""

    ticket: Ticket
    pool: PoolTicket | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What a recall owes, by which terms, to whom."""

    pays: RecallPay
    credits: Sequence[dict[str, object]] = ()
    terms: TermsId | None = None
    worker: WorkerId | None = None


def take_back(tx: Tx, *, brand: BrandId, ticket: TicketId, reason: str, by: str, now: datetime) -> Recall:
    """The brand answers this one itself. Taking a ticket back twice is taking it back once.

    Raises KeptAlready when the brand keeps it anyway, TicketIsOver when there is nothing left to answer.
    """
    said = checked_reason(reason)
    found = _locked(tx, brand, ticket, now)
    if found.ticket.state is TicketState.HELD_BACK:
        standing = _standing(tx, found.ticket, RecallKind.TAKE_BACK)
        if standing is None:
            raise KeptAlready
        return standing
    if found.ticket.state not in MAY_BE_TAKEN_BACK:
        raise TicketIsOver
    recall = _recall(tx, found, kind=RecallKind.TAKE_BACK, reason=said, by=by, now=now)
    found.ticket.state = TicketState.HELD_BACK
    record(
        tx,
        TicketTakenBack(
            brand=brand, worker=recall.worker_id, ticket=ticket, recall=recall.id, pays=recall.pays.value
        ),
    )
    return recall


def withdraw(tx: Tx, *, brand: BrandId, ticket: TicketId, reason: str, by: str, now: datetime) -> Recall:
    """Nobody answers this one any more. Withdrawing a ticket twice is withdrawing it once.

    Raises TicketIsOver when it was resolved or has expired.
    """
    said = checked_reason(reason)
    found = _locked(tx, brand, ticket, now)
    if found.ticket.state is TicketState.WITHDRAWN:
        standing = _standing(tx, found.ticket, RecallKind.WITHDRAWAL)
        if standing is not None:
            return standing
    if found.ticket.state not in MAY_BE_WITHDRAWN:
        raise TicketIsOver
    recall = _recall(tx, found, kind=RecallKind.WITHDRAWAL, reason=said, by=by, now=now)
    found.ticket.state = TicketState.WITHDRAWN
    record(
        tx,
        TicketWithdrawn(
            brand=brand, worker=recall.worker_id, ticket=ticket, recall=recall.id, pays=recall.pays.value
        ),
    )
    return recall


def would_pay(tx: Tx, *, brand: BrandId, ticket: TicketId) -> RecallPay:
    """What recalling the ticket would pay as things stand; decided again, under locks, when it is done."""
    row = tx.get(Ticket, (brand, ticket))
    if row is None:
        raise TicketNotFound
    pool = tx.scalars(
        select(PoolTicket).where(PoolTicket.brand_id == brand, PoolTicket.ticket_id == ticket)
    ).one_or_none()
    return _due(tx, _Found(ticket=row, pool=pool)).pays


def recall_of(tx: Tx, *, brand: BrandId, recall: RecallId) -> Recall:
    return tx.get_one(Recall, (brand, recall))


def recalls_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Sequence[Recall]:
    """How often and why the brand recalled a ticket, oldest first."""
    return tx.scalars(
        select(Recall).where(Recall.brand_id == brand, Recall.ticket_id == ticket).order_by(Recall.number)
    ).all()


def checked_reason(text: str) -> str:
    """`text` as it is kept. Raises ReasonNeeded."""
    return words_within(text, REASON_LIMIT, ReasonNeeded)


def _locked(tx: Tx, brand: BrandId, ticket: TicketId, now: datetime) -> _Found:
    """Both rows, the pool's first. A lease that has run out is over: its ticket is open again."""
    tx.execute(_EXPIRE, {"brand": brand, "ticket": ticket, "now": now})
    pool = _pool_row(tx, brand, ticket)
    row = ticket_of(tx, brand=brand, ticket=ticket)
    if row.state in IN_THE_POOL and pool is None:
        raise JustOpening
    return _Found(ticket=row, pool=pool)


_EXPIRE = text(
    "SELECT expire_lease(ticket_id, :now) FROM pool_ticket WHERE ticket_id = :ticket AND brand_id = :brand "
    "AND state = 'claimed' AND lease_ends_at <= :now"
)


def _pool_row(tx: Tx, brand: BrandId, ticket: TicketId) -> PoolTicket | None:
    return tx.scalars(
        select(PoolTicket)
        .where(PoolTicket.brand_id == brand, PoolTicket.ticket_id == ticket)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _standing(tx: Tx, ticket: Ticket, kind: RecallKind) -> Recall | None:
    """The recall that holds: the newest, if it is of this kind."""
    newest = tx.scalars(
        select(Recall)
        .where(Recall.brand_id == ticket.brand_id, Recall.ticket_id == ticket.id)
        .order_by(Recall.number.desc())
        .limit(1)
    ).one_or_none()
    return newest if newest is not None and newest.kind is kind else None


def _recall(tx: Tx, found: _Found, *, kind: RecallKind, reason: str, by: str, now: datetime) -> Recall:
    """Write down what is owed, end the claim and take the ticket out of the pool."""
    ticket = found.ticket
    due = _due(tx, found)
    recall = Recall(
        brand_id=ticket.brand_id,
        id=RecallId(new_id()),
        ticket_id=ticket.id,
        number=1 + _recalls(tx, ticket),
        kind=kind,
        found=ticket.state,
        pays=due.pays,
        credits=list(due.credits),
        terms_id=due.terms,
        worker_id=due.worker,
        reason=reason,
        by=by,
        recalled_at=now,
    )
    tx.add(recall)
    _close_escalation(tx, ticket, by=by, now=now)
    if found.pool is not None:
        end_claim(tx, found.pool, end=ClaimEnd.TAKEN_BACK, now=now)
        tx.delete(found.pool)  # a reply in review is called off by this: `call_off_review` in the migrations
    return recall


def _due(tx: Tx, found: _Found) -> _Due:
    ticket, pool = found.ticket, found.pool
    escalation = _open_escalation(tx, ticket)
    if pool is None and escalation is None:
        return _Due(pays=RecallPay.NOTHING)  # no money stands behind it
    terms = pool.terms_id if pool is not None else ticket.terms_id
    assert terms is not None, "a ticket of the pool has terms"
    share = terms_of(tx, brand=ticket.brand_id, terms=terms).earlier_share_basis_points
    replied = credits_of(tx, brand=ticket.brand_id, ticket=ticket.id, earlier_share_basis_points=share)
    worker = pool.worker_id if pool is not None and pool.state is not PoolState.OPEN else None
    if replied:
        return _Due(pays=RecallPay.FULL_PRICE, credits=replied, terms=terms, worker=worker)
    entitled = worker or (escalation and escalation.worker_id)
    if entitled is None:
        return _Due(pays=RecallPay.NOTHING, terms=terms)
    fee = [{"worker": str(entitled), "weight": BASIS_POINTS}]
    return _Due(pays=RecallPay.ESCALATION_FEE, credits=fee, terms=terms, worker=worker)


def _open_escalation(tx: Tx, ticket: Ticket) -> Escalation | None:
    if ticket.state is not TicketState.ESCALATED:
        return None
    return tx.scalars(
        select(Escalation).where(
            Escalation.brand_id == ticket.brand_id,
            Escalation.ticket_id == ticket.id,
            Escalation.state == EscalationState.OPEN,
        )
    ).one_or_none()


def _close_escalation(tx: Tx, ticket: Ticket, *, by: str, now: datetime) -> None:
    """Who recalls an escalated ticket agrees that it was the brand's; the recall pays for it."""
    tx.execute(
        update(Escalation)
        .where(
            Escalation.brand_id == ticket.brand_id,
            Escalation.ticket_id == ticket.id,
            Escalation.state == EscalationState.OPEN,
        )
        .values(state=EscalationState.CONFIRMED, decided_at=now, decided_by=by)
    )


def _recalls(tx: Tx, ticket: Ticket) -> int:
    counted = select(func.count()).where(Recall.brand_id == ticket.brand_id, Recall.ticket_id == ticket.id)
    return tx.scalar(counted) or 0
