"""Claims: won, held, given back. The database decides; this module asks and explains."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, true, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.events.commands import facts_written, record
from marketplace.events.facts import LeaseExtended, TicketReleased, TicketWidened
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, NotAllowed, NotFound
from marketplace.kernel.ids import BrandId, ClaimId, TicketId, WorkerId, new_id
from marketplace.tickets.follow_ups import follow_up_of, is_around
from marketplace.tickets.lease_plan import clock_of
from marketplace.tickets.models import (
    Category,
    Claim,
    ClaimEnd,
    PoolState,
    PoolTicket,
    Release,
    ReleaseReason,
    Ticket,
    TicketState,
    WorkerDraft,
)
from marketplace.tickets.switch_queries import is_worker_stopped

DRAFT_LIMIT = 10_000
NEWCOMERS_FIRST = timedelta(minutes=2)
SWEEP_LIMIT = 100
CLOCK_STOPPED = (PoolState.ANSWERED, PoolState.IN_REVIEW)
"""The claim stays and no lease runs: somebody else is to say something."""


class AlreadyClaimed(Conflict):
    """Someone else holds this ticket."""


class GoneFromPool(NotFound):
    """This ticket is no longer in the pool."""


class AtYourLimit(Conflict):
    """You hold as many tickets of this kind as you may at once. Answer or release one first."""


class GivenBackBefore(Conflict):
    """You gave this ticket back before, so it goes to somebody else."""


class OwnBrand(NotAllowed):
    """Members of a brand cannot work on its tickets."""


class WorkerRestricted(NotAllowed):
    """Your account cannot claim at the moment. The reason, and how to appeal, are at /worker/standing."""


class NotEligible(NotAllowed):
    """This ticket needs a language or a skill that your profile does not name. You can add it under Settings."""


class KeptForNewcomers(Conflict):
    """This ticket is offered to newcomers first, for two minutes. Take another one meanwhile."""


class Stopped(Conflict):
    """The brand has stopped tickets like this one for now."""


class StoppedHere(NotAllowed):
    """Your work on this brand's tickets is stopped for now. The reason is at /worker/standing."""


class AlreadyExtended(Conflict):
    """The time for this answer was extended once; it cannot be extended again."""


class NothingToExtend(Conflict):
    """No time is running on this ticket: it waits for somebody else."""


class ReplyInReview(Conflict):
    """Your reply waits for the brand's approval. When that is decided, you can go on here."""


class StaleClaim(Conflict):
    """Your time on this ticket is over. Your text is kept; claim the ticket again if it is still open."""


class PoolEmpty(NotFound):
    """Nothing is waiting that you may claim right now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A live claim: `number` is the fencing token that every later write carries."""

    ticket: TicketId
    number: int
    lease_ends_at: datetime | None


REFUSALS: Mapping[str, type[AppError]] = {
    "taken": AlreadyClaimed,
    "gone": GoneFromPool,
    "capped": AtYourLimit,
    "released": GivenBackBefore,
    "own_brand": OwnBrand,
    "restricted": WorkerRestricted,
    "not_eligible": NotEligible,
    "newcomers": KeptForNewcomers,
    "stopped": Stopped,
    "stopped_here": StoppedHere,
    "none": PoolEmpty,
}
_CLAIM = text("SELECT outcome, claim_number, lease_ends_at FROM claim_ticket(:ticket, :worker, :claim)")
_CLAIM_NEXT = text(
    "SELECT outcome, ticket_id, claim_number, lease_ends_at FROM claim_next_ticket(:worker, :claim)"
)

_EXPIRE = text("SELECT expire_lease(:ticket, :now)")


def claim_ticket(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> Hold:
    """Give `ticket` to `worker` until its lease ends; a ticket already his goes on under the same lease.

    Raises AlreadyClaimed when another worker holds it, and a sentence of its own for each other refusal.
    """
    row = tx.execute(_CLAIM, {"ticket": ticket, "worker": worker, "claim": new_id()}).one()
    if row.outcome in REFUSALS:
        raise REFUSALS[row.outcome]
    facts_written(tx)
    return Hold(ticket=ticket, number=row.claim_number, lease_ends_at=row.lease_ends_at)


def claim_next(tx: Tx, *, worker: WorkerId) -> Hold:
    """Give `worker` the best ticket he may have; PoolEmpty when there is none."""
    row = tx.execute(_CLAIM_NEXT, {"worker": worker, "claim": new_id()}).one()
    if row.outcome in REFUSALS:
        raise REFUSALS[row.outcome]
    facts_written(tx)
    return Hold(ticket=row.ticket_id, number=row.claim_number, lease_ends_at=row.lease_ends_at)


def live_holds(tx: Tx, *, worker: WorkerId, now: datetime) -> list[Hold]:
    """The claims of `worker` whose clock runs, the most urgent first."""
    rows = tx.scalars(
        select(PoolTicket)
        .where(
            PoolTicket.worker_id == worker,
            PoolTicket.state == PoolState.CLAIMED,
            PoolTicket.lease_ends_at > now,
        )
        .order_by(PoolTicket.lease_ends_at)
    )
    return [
        Hold(ticket=row.ticket_id, number=row.claim_number, lease_ends_at=row.lease_ends_at) for row in rows
    ]


def held(tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, now: datetime) -> PoolTicket:
    """The pool's row, locked, if `worker` still holds it under `number`; StaleClaim otherwise.

    Nothing may be written while a reply waits for the brand: ReplyInReview.
    """
    row = tx.scalars(
        select(PoolTicket)
        .where(
            PoolTicket.ticket_id == ticket,
            PoolTicket.worker_id == worker,
            PoolTicket.claim_number == number,
            PoolTicket.state.in_(CLOCK_STOPPED) | (PoolTicket.lease_ends_at > now),
            ~is_worker_stopped(worker, PoolTicket.brand_id),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise StaleClaim
    if row.state is PoolState.IN_REVIEW:
        raise ReplyInReview
    return row


def confirm_category(
    tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, category: str, now: datetime
) -> Hold:
    """The worker has read the ticket and says what it is about: the clock moves on to the first reply."""
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    if tx.get(Category, (row.brand_id, category)) is None:
        raise Invalid("Choose one of the brand's categories.")
    row.category = category
    tx.execute(
        update(Ticket).where(Ticket.brand_id == row.brand_id, Ticket.id == ticket).values(category=category)
    )
    live = live_claim(tx, row)
    if live.tagged_at is None and row.state is PoolState.CLAIMED:
        live.tagged_at = now
        row.lease_ends_at = now + timedelta(seconds=clock_of(tx, row.brand_id, row.channel).reply_seconds)
    tx.flush()
    return Hold(ticket=ticket, number=number, lease_ends_at=row.lease_ends_at)


def save_draft(tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, body: str, now: datetime) -> None:
    """Keep the worker's unsent text; it outlives the lease."""
    if len(body) > DRAFT_LIMIT or "\x00" in body:
        raise Invalid(f"A draft may have {DRAFT_LIMIT:,} characters at most.")
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    keep_draft(tx, brand=row.brand_id, ticket=ticket, worker=worker, body=body, now=now)


def keep_draft(
    tx: Tx, *, brand: BrandId, ticket: TicketId, worker: WorkerId, body: str, now: datetime
) -> None:
    """Put `body` in the place of what the worker had not sent of this ticket."""
    saved = insert(WorkerDraft).values(
        brand_id=brand, ticket_id=ticket, worker_id=worker, body=body, saved_at=now
    )
    tx.execute(
        saved.on_conflict_do_update(
            index_elements=[WorkerDraft.brand_id, WorkerDraft.ticket_id, WorkerDraft.worker_id],
            set_={"body": saved.excluded.body, "saved_at": saved.excluded.saved_at},
        )
    )


def mark_done(tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, now: datetime) -> None:
    """The worker believes this is done. It resolves nothing: nobody pays himself."""
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    if row.state is not PoolState.ANSWERED:
        raise Conflict("Send the customer a reply first.")
    live_claim(tx, row).done_at = now


def release_ticket(
    tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, reason: ReleaseReason, now: datetime
) -> None:
    """Give the ticket back with a reason; its waiting time is kept, and this worker is not offered it again."""
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    tx.add(Release(ticket_id=ticket, worker_id=worker, brand_id=row.brand_id, reason=reason, released_at=now))
    _give_back(tx, row, worker, end=ClaimEnd.RELEASED, reason=reason.value, now=now)


def skip_ticket(tx: Tx, *, ticket: TicketId, worker: WorkerId, reason: ReleaseReason, now: datetime) -> None:
    """Pass on a ticket before any claim: this worker is not offered it again. Raises GoneFromPool."""
    brand = tx.scalar(select(PoolTicket.brand_id).where(PoolTicket.ticket_id == ticket))
    if brand is None:
        raise GoneFromPool
    skipped = insert(Release).values(
        ticket_id=ticket, worker_id=worker, brand_id=brand, reason=reason, released_at=now, skipped=True
    )
    tx.execute(skipped.on_conflict_do_nothing())


def extend_lease(tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, now: datetime) -> Hold:
    """More time, once per claim, by the brand's clock for the channel. Raises AlreadyExtended, StaleClaim."""
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    if row.lease_ends_at is None:
        raise NothingToExtend
    live = live_claim(tx, row)
    if live.extended_at is not None:
        raise AlreadyExtended
    live.extended_at = now
    row.lease_ends_at += timedelta(seconds=clock_of(tx, row.brand_id, row.channel).extension_seconds)
    record(tx, LeaseExtended(brand=row.brand_id, worker=worker, ticket=ticket, claim_number=number))
    return Hold(ticket=ticket, number=number, lease_ends_at=row.lease_ends_at)


def return_claims(
    tx: Tx, *, worker: WorkerId, end: ClaimEnd, now: datetime, brand: BrandId | None = None
) -> int:
    """Give back every ticket whose clock runs for `worker`, in its old place; how many. His texts are kept.

    With `brand`, only that brand's.
    """
    running = (
        select(PoolTicket)
        .where(
            PoolTicket.worker_id == worker,
            PoolTicket.state == PoolState.CLAIMED,
            PoolTicket.brand_id == brand if brand is not None else true(),
        )
        .order_by(PoolTicket.ticket_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    rows = tx.scalars(running).all()
    for row in rows:
        _give_back(tx, row, worker, end=end, reason=end.value, now=now)
    return len(rows)


def open_to_everybody(tx: Tx, *, now: datetime) -> int:
    """Offer up to 100 tickets to everybody whose time for newcomers is over; how many."""
    over = (
        select(PoolTicket.ticket_id)
        .where(
            PoolTicket.newcomers_first,
            PoolTicket.state == PoolState.OPEN,
            PoolTicket.waiting_since <= now - NEWCOMERS_FIRST,
        )
        .order_by(PoolTicket.waiting_since)
        .limit(SWEEP_LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    )
    opened = tx.execute(
        update(PoolTicket)
        .where(PoolTicket.ticket_id.in_(over))
        .values(newcomers_first=False)
        .returning(PoolTicket.brand_id, PoolTicket.ticket_id)
    ).all()
    for brand, ticket in opened:
        record(tx, TicketWidened(brand=brand, ticket=ticket))
    return len(opened)


def expire_leases(tx: Tx, *, now: datetime) -> int:
    """Return up to 100 tickets whose lease has run out; how many there were."""
    overdue = (
        select(PoolTicket.ticket_id)
        .where(PoolTicket.state == PoolState.CLAIMED, PoolTicket.lease_ends_at <= now)
        .order_by(PoolTicket.lease_ends_at)
        .limit(SWEEP_LIMIT)
    )
    in_order = sorted(tx.scalars(overdue).all())  # as claims lock them: two of us never deadlock
    return sum(expire_lease(tx, ticket=ticket, now=now) for ticket in in_order)


def expire_lease(tx: Tx, *, ticket: TicketId, now: datetime) -> bool:
    """Return one ticket if its lease has run out; whether it had."""
    expired = bool(tx.scalar(_EXPIRE, {"ticket": ticket, "now": now}))
    if expired:
        facts_written(tx)
    return expired


def back_to_pool(tx: Tx, row: PoolTicket, *, end: ClaimEnd, now: datetime) -> None:
    """End the live claim and open the ticket again, in its old place."""
    end_claim(tx, row, end=end, now=now)
    row.state, row.worker_id, row.lease_ends_at = PoolState.OPEN, None, None
    set_ticket_state(tx, row.brand_id, row.ticket_id, TicketState.OPEN)


def _give_back(
    tx: Tx, row: PoolTicket, worker: WorkerId, *, end: ClaimEnd, reason: str, now: datetime
) -> None:
    number = row.claim_number
    back_to_pool(tx, row, end=end, now=now)
    record(
        tx,
        TicketReleased(
            brand=row.brand_id, worker=worker, ticket=row.ticket_id, claim_number=number, reason=reason
        ),
    )


def end_claim(tx: Tx, row: PoolTicket, *, end: ClaimEnd, now: datetime) -> None:
    ended = update(Claim).where(Claim.ticket_id == row.ticket_id, Claim.ended_at.is_(None))
    tx.execute(ended.values(ended_at=now, end_reason=end))


def live_claim(tx: Tx, row: PoolTicket) -> Claim:
    return tx.scalars(
        select(Claim).where(
            Claim.brand_id == row.brand_id, Claim.ticket_id == row.ticket_id, Claim.ended_at.is_(None)
        )
    ).one()


def set_ticket_state(tx: Tx, brand: BrandId, ticket: TicketId, state: TicketState) -> None:
    tx.execute(update(Ticket).where(Ticket.brand_id == brand, Ticket.id == ticket).values(state=state))


def give_follow_up(tx: Tx, row: PoolTicket, *, now: datetime) -> None:
    """A customer's message restarts the clock: for the same worker if he is around, else in the pool."""
    grace = follow_up_of(tx, brand=row.brand_id, channel=row.channel).grace
    if row.worker_id is not None and is_around(tx, row.worker_id, brand=row.brand_id, grace=grace, now=now):
        follow_up = timedelta(seconds=clock_of(tx, row.brand_id, row.channel).follow_up_seconds)
        row.state, row.lease_ends_at = PoolState.CLAIMED, now + follow_up
        set_ticket_state(tx, row.brand_id, row.ticket_id, TicketState.CLAIMED)
    else:
        back_to_pool(tx, row, end=ClaimEnd.HANDED_OVER, now=now)
        row.waiting_since = now


def new_claim(tx: Tx, row: PoolTicket, *, worker: WorkerId, now: datetime) -> None:
    """Give an open row to `worker` without a race (the row is locked): a reopened ticket's way back to him."""
    follow_up = timedelta(seconds=clock_of(tx, row.brand_id, row.channel).follow_up_seconds)
    row.claim_number += 1
    row.state, row.worker_id, row.lease_ends_at = PoolState.CLAIMED, worker, now + follow_up
    tx.add(
        Claim(
            brand_id=row.brand_id,
            id=ClaimId(new_id()),
            ticket_id=row.ticket_id,
            number=row.claim_number,
            worker_id=worker,
            terms_id=row.terms_id,
            claimed_at=now,
        )
    )
    set_ticket_state(tx, row.brand_id, row.ticket_id, TicketState.CLAIMED)
