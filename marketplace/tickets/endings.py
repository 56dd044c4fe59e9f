"""How a ticket ends: resolved by the customer, by silence or by the brand; escalated; and reopened."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text

from marketplace.accounts.mail import write_letter
from marketplace.events.commands import record
from marketplace.events.facts import (
    EscalationConfirmed,
    EscalationRejected,
    TicketEscalated,
    TicketReopened,
    TicketResolved,
)
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import (
    BrandId,
    EscalationId,
    ResolutionId,
    TicketId,
    WorkerId,
    new_id,
)
from marketplace.kernel.sweeps import sweep_each
from marketplace.tickets.clocks import due_of, go_on
from marketplace.tickets.credits import credits_of
from marketplace.tickets.escalation_queries import replies_before
from marketplace.tickets.escalation_queues import queue_named
from marketplace.tickets.follow_ups import follow_up_of, is_around
from marketplace.tickets.models import (
    Claim,
    ClaimEnd,
    Escalation,
    EscalationReason,
    EscalationState,
    PoolTicket,
    Resolution,
    ResolvedBy,
    Ticket,
    TicketState,
)
from marketplace.tickets.pool import end_claim, held, live_claim, new_claim
from marketplace.tickets.posting import open_in_pool, ticket_of
from marketplace.tickets.reply_models import EscalationQueue
from marketplace.tickets.terms import terms_of

BY_SILENCE = "silence"
NOTE_LIMIT = 2_000
SWEEP_LIMIT = 100
LETTER = (
    "A worker escalated ticket #{number} to your queue {queue}.\n\n"
    "Please confirm or reject it within {minutes} minutes; afterwards it counts as confirmed. "
    "You find it under Tickets, with the conversation and the worker's note.\n"
)


class NotAnswered(Conflict):
    """This ticket has no answer to confirm: it is not waiting for the customer."""


class NothingToDecide(Conflict):
    """This ticket has no escalation that waits for a decision."""


class NothingNeedless(Conflict):
    """The worker wrote nothing to the customer before this escalation, so nothing of it can have been needless."""


class NoteTooLong(Invalid):
    """A note may have 2,000 characters at most."""


def resolve_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId, by: ResolvedBy, now: datetime) -> Resolution:
    """End an answered ticket well: who replied is credited, and paid in this same transaction.

    Resolving a resolved ticket again returns the standing resolution. Raises NotAnswered.
    """
    row = ticket_of(tx, brand=brand, ticket=ticket)
    if row.state is TicketState.RESOLVED:
        return standing_resolution(tx, row)
    if row.state is not TicketState.ANSWERED:
        raise NotAnswered
    pool = tx.get_one(PoolTicket, ticket, with_for_update=True)
    terms = terms_of(tx, brand=brand, terms=pool.terms_id)
    resolution = Resolution(
        brand_id=brand,
        id=ResolutionId(new_id()),
        ticket_id=ticket,
        number=1 + _resolutions(tx, row),
        by=by,
        credits=credits_of(
            tx,
            brand=brand,
            ticket=ticket,
            earlier_share_basis_points=terms.earlier_share_basis_points,
        ),
        resolved_at=now,
        window_ends_at=now + timedelta(hours=terms.review_window_hours),
    )
    tx.add(resolution)
    _count_resolved(tx, resolution)
    end_claim(tx, pool, end=ClaimEnd.RESOLVED, now=now)
    tx.delete(pool)
    row.state = TicketState.RESOLVED
    record(tx, TicketResolved(brand=brand, ticket=ticket, resolution=resolution.id, by=by.value))
    return resolution


def resolve_silent(database: Database) -> int:
    """Resolve the tickets whose customers have been silent for as long as their brands let them; how many."""
    return sweep_each(
        database,
        "resolve_silent",
        due=_silent,
        act=lambda tx, brand, ticket, now: resolve_if_silent(tx, brand=brand, ticket=ticket, now=now),
    )


def resolve_if_silent(tx: Tx, *, brand: BrandId, ticket: TicketId, now: datetime) -> None:
    """Resolve the ticket unless somebody wrote, or ended it, since it was looked at."""
    row = ticket_of(tx, brand=brand, ticket=ticket)
    silent = row.silence_ends_at is not None and row.silence_ends_at <= now
    if row.state is TicketState.ANSWERED and silent:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.SILENCE, now=now)


def reopen_ticket(tx: Tx, *, ticket: Ticket, resolution: Resolution, now: datetime) -> None:
    """Take a resolution back inside its window: to the same worker if around, else into the pool."""
    resolution.reopened_at = now
    last = tx.scalars(
        select(Claim)
        .where(Claim.brand_id == ticket.brand_id, Claim.ticket_id == ticket.id)
        .order_by(Claim.number.desc())
        .limit(1)
    ).one()
    terms = terms_of(tx, brand=ticket.brand_id, terms=last.terms_id)
    go_on(tx, ticket, now=now)
    ticket.due_at = due_at = due_of(tx, ticket)
    row = open_in_pool(tx, ticket, terms=terms, rank_at=now, due_at=due_at, claim_number=last.number, now=now)
    grace = follow_up_of(tx, brand=ticket.brand_id, channel=ticket.channel).grace
    if is_around(tx, last.worker_id, brand=ticket.brand_id, grace=grace, now=now):
        new_claim(tx, row, worker=last.worker_id, now=now)
    record(tx, TicketReopened(brand=ticket.brand_id, ticket=ticket.id, resolution=resolution.id))


def end_review(tx: Tx, resolution: Resolution, *, now: datetime) -> None:
    """The resolution is judged: what the customer writes from now on opens a ticket that goes on from this one."""
    resolution.window_ends_at = min(resolution.window_ends_at, now)
    tx.flush()


def escalate_ticket(
    tx: Tx,
    *,
    ticket: TicketId,
    worker: WorkerId,
    number: int,
    reason: EscalationReason,
    note: str,
    now: datetime,
    queue: str | None = None,
) -> Escalation:
    """Hand the ticket to a queue of the brand's, the preselected one if none is named; it decides in its time."""
    _check_note(note)
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    chosen = queue_named(tx, brand=row.brand_id, key=queue)
    escalation = Escalation(
        brand_id=row.brand_id,
        id=EscalationId(new_id()),
        ticket_id=ticket,
        number=number,
        claim_id=live_claim(tx, row).id,
        worker_id=worker,
        queue=chosen.key,
        reason=reason,
        note=note,
        state=EscalationState.OPEN,
        escalated_at=now,
        decide_by=now + timedelta(minutes=chosen.decide_minutes),
    )
    tx.add(escalation)
    escalated = ticket_of(tx, brand=row.brand_id, ticket=ticket)
    escalated.state = TicketState.ESCALATED
    end_claim(tx, row, end=ClaimEnd.ESCALATED, now=now)
    tx.delete(row)
    record(
        tx,
        TicketEscalated(
            brand=escalation.brand_id,
            worker=worker,
            ticket=ticket,
            escalation=escalation.id,
            queue=escalation.queue,
            reason=reason.value,
        ),
    )
    _write_to(tx, chosen, escalated, now)
    return escalation


def confirm_escalation(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: TicketId,
    by: str,
    now: datetime,
    note: str = "",
    needless_reason: str = "",
) -> Escalation:
    """The brand (or its silence) agrees that the ticket was its own to answer: the worker earns the fee.

    Unless it says why what he wrote to the customer before was needless. Raises NothingNeedless.
    """
    _check_note(note)
    _check_note(needless_reason)
    escalation = _open_escalation(tx, brand, ticket)
    if needless_reason.strip():
        if replies_before(tx, escalation=escalation) == 0:
            raise NothingNeedless
        escalation.needless_reason = needless_reason.strip()
    _decide(escalation, EscalationState.CONFIRMED, by, note, now)
    record(
        tx,
        EscalationConfirmed(
            brand=brand,
            ticket=ticket,
            escalation=escalation.id,
            needless=escalation.needless_reason is not None,
        ),
    )
    return escalation


def reject_escalation(
    tx: Tx, *, brand: BrandId, ticket: TicketId, by: str, now: datetime, note: str = ""
) -> Escalation:
    """The brand says the ticket could have been answered: nothing is paid, the price goes back."""
    _check_note(note)
    escalation = _open_escalation(tx, brand, ticket)
    _decide(escalation, EscalationState.REJECTED, by, note, now)
    record(tx, EscalationRejected(brand=brand, ticket=ticket, escalation=escalation.id))
    return escalation


def confirm_overdue_escalations(database: Database) -> int:
    """A brand's silence confirms the escalations whose time to decide is over; how many were due."""
    return sweep_each(database, "confirm_overdue_escalations", due=_overdue, act=_confirm_by_silence)


def standing_resolution(tx: Tx, ticket: Ticket) -> Resolution:
    """The resolution that holds for a resolved ticket."""
    return tx.scalars(
        select(Resolution).where(
            Resolution.brand_id == ticket.brand_id,
            Resolution.ticket_id == ticket.id,
            Resolution.reopened_at.is_(None),
        )
    ).one()


def resolution_of(tx: Tx, *, brand: BrandId, resolution: ResolutionId) -> Resolution:
    return tx.get_one(Resolution, (brand, resolution))


def escalation_of(tx: Tx, *, brand: BrandId, escalation: EscalationId) -> Escalation:
    return tx.get_one(Escalation, (brand, escalation))


def _silent(tx: Tx, now: datetime) -> Sequence[tuple[BrandId, TicketId]]:
    rows = tx.execute(
        select(Ticket.brand_id, Ticket.id)
        .where(Ticket.state == TicketState.ANSWERED, Ticket.silence_ends_at <= now)
        .order_by(Ticket.silence_ends_at)
        .limit(SWEEP_LIMIT)
    )
    return [(brand, ticket) for brand, ticket in rows]


def _overdue(tx: Tx, now: datetime) -> Sequence[tuple[BrandId, TicketId]]:
    rows = tx.execute(
        select(Escalation.brand_id, Escalation.ticket_id)
        .where(Escalation.state == EscalationState.OPEN, Escalation.decide_by <= now)
        .order_by(Escalation.decide_by)
        .limit(SWEEP_LIMIT)
    )
    return [(brand, ticket) for brand, ticket in rows]


def _confirm_by_silence(tx: Tx, brand: BrandId, ticket: TicketId, now: datetime) -> None:
    with suppress(NothingToDecide):  # somebody decided between our look and our lock
        confirm_escalation(tx, brand=brand, ticket=ticket, by=BY_SILENCE, now=now)


def _open_escalation(tx: Tx, brand: BrandId, ticket: TicketId) -> Escalation:
    ticket_of(tx, brand=brand, ticket=ticket)
    escalation = tx.scalars(
        select(Escalation)
        .where(
            Escalation.brand_id == brand,
            Escalation.ticket_id == ticket,
            Escalation.state == EscalationState.OPEN,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if escalation is None:
        raise NothingToDecide
    return escalation


def _count_resolved(tx: Tx, resolution: Resolution) -> None:
    """Who resolved a few tickets is no newcomer any more."""
    credited = sorted(UUID(str(share["worker"])) for share in resolution.credits)
    tx.execute(_RESOLVED_ONE_MORE, {"workers": credited})


def _decide(escalation: Escalation, decision: EscalationState, by: str, note: str, now: datetime) -> None:
    escalation.state, escalation.decided_at, escalation.decided_by = decision, now, by
    escalation.decision_note = note.strip()


def _check_note(note: str) -> None:
    if len(note) > NOTE_LIMIT or "\x00" in note:
        raise NoteTooLong


def _write_to(tx: Tx, queue: EscalationQueue, ticket: Ticket, now: datetime) -> None:
    """Tell the queue's people, if it names an address, with nothing of the customer in the letter."""
    if queue.notify_email is None:
        return
    write_letter(
        tx,
        recipient=queue.notify_email,
        subject=f"Ticket #{ticket.number} was escalated to {queue.name}",
        body=LETTER.format(number=ticket.number, queue=queue.name, minutes=queue.decide_minutes),
        now=now,
    )


def _resolutions(tx: Tx, ticket: Ticket) -> int:
    counted = select(func.count()).where(
        Resolution.brand_id == ticket.brand_id, Resolution.ticket_id == ticket.id
    )
    return tx.scalar(counted) or 0


_RESOLVED_ONE_MORE = text("UPDATE worker SET resolved_count = resolved_count + 1 WHERE id = ANY(:workers)")
