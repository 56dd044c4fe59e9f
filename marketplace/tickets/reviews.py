"""Replies that wait for their brand's approval: sent, or given back; by a reviewer, by time, or by what comes between.

Whoever decides locks the ticket, then asks whether the review still waits: of two who come at once, one decides.
Whoever lets a reply leave names its `Grounds`: while what it rests on has changed, it leaves only after somebody at the
brand has read what did.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, select

from marketplace.events.commands import record
from marketplace.events.facts import ReplyApproved, ReplyAwaitsApproval, ReplyReturned
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, ReplyId, ReviewId, TicketId, new_id
from marketplace.kernel.sweeps import sweep_each
from marketplace.tickets.lease_plan import clock_of
from marketplace.tickets.models import PoolState, PoolTicket, Reply, ReplyState, Ticket
from marketplace.tickets.outgoing import queue_reply
from marketplace.tickets.pool import keep_draft
from marketplace.tickets.posting import ticket_of
from marketplace.tickets.probation import count_review
from marketplace.tickets.reply_models import (
    AfterLimit,
    ProbationPolicy,
    ReplyReview,
    ReviewReason,
    ReviewState,
)

NOTE_LIMIT = 2_000
SWEEP_LIMIT = 100
THE_TIME_LIMIT = "the time limit"
THE_CUSTOMER = "the customer"


class ReviewNotFound(NotFound):
    """There is no such review here."""


class ReviewDecided(Conflict):
    """This reply was decided already: by somebody else, by its time limit, or by a new message of the customer."""


class GroundsChanged(Conflict):
    """What this reply rests on has changed since it was written. Read what changed, then send it all the same or
    return it."""


class NothingChanged(Conflict):
    """What this reply rests on has not changed. Approve it, or return it with a reason."""


class BadReviewNote(Invalid):
    """A note may have 2,000 characters at most; with "something else" it must say what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing a reply rests on that does not hold as it did: which, and what became of it, in words."""

    title: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All of them, and a `mark` that is another when anything changes again."""

    mark: str
    changes: tuple[Change, ...]


class Grounds(Protocol):
    """What replies rest on, which this house knows nothing of."""

    def hold_and_compare(self, tx: Tx, *, brand: BrandId, reply: ReplyId) -> Changes | None:
        """What has changed under `reply`, None when nothing has; until the transaction ends nothing more does."""


def ask_approval(
    tx: Tx, reply: Reply, *, pool: PoolTicket, rule: ProbationPolicy, now: datetime
) -> ReplyReview:
    """Let `reply` wait for the brand: the claim stays, its clock stops, and it does not count towards the cap."""
    review = ReplyReview(
        brand_id=reply.brand_id,
        id=ReviewId(new_id()),
        reply_id=reply.id,
        ticket_id=reply.ticket_id,
        worker_id=reply.worker_id,
        state=ReviewState.WAITING,
        reason=None,
        after_limit=rule.after_limit,
        asked_at=now,
        decide_by=now + timedelta(minutes=rule.limit_minutes),
    )
    tx.add(review)
    pool.state, pool.lease_ends_at = PoolState.IN_REVIEW, None
    record(
        tx,
        ReplyAwaitsApproval(
            brand=reply.brand_id, worker=reply.worker_id, ticket=reply.ticket_id, review=review.id
        ),
    )
    return review


def approve_reply(
    tx: Tx, *, brand: BrandId, review: ReviewId, by: str, now: datetime, grounds: Grounds, read: str = ""
) -> ReplyReview:
    """The reply leaves as it is; `read` is the mark of the changes that whoever approves it has read.

    Raises ReviewDecided, GroundsChanged.
    """
    waiting, ticket = _waiting(tx, brand, review)
    changed = grounds.hold_and_compare(tx, brand=brand, reply=waiting.reply_id)
    if changed is not None:
        if read != changed.mark:
            raise GroundsChanged
        waiting.changes_read = [asdict(one) for one in changed.changes]
    _send(tx, waiting, ticket, state=ReviewState.APPROVED, by=by, now=now)
    return waiting


def return_reply(
    tx: Tx, *, brand: BrandId, review: ReviewId, reason: ReviewReason, note: str, by: str, now: datetime
) -> ReplyReview:
    """The reply does not leave: its worker has it back as a draft, with the reason and time to better it."""
    if len(note) > NOTE_LIMIT or "\x00" in note or (reason is ReviewReason.OTHER and not note.strip()):
        raise BadReviewNote
    waiting, _ = _waiting(tx, brand, review)
    waiting.reason, waiting.note = reason, note.strip()
    _give_back(tx, waiting, state=ReviewState.REJECTED, by=by, now=now)
    _restart_clock(tx, waiting, now)
    if not _reply(tx, waiting).as_shown:
        count_review(tx, brand=brand, worker=waiting.worker_id, approved=False, now=now)
    return waiting


def return_outdated(
    tx: Tx, *, brand: BrandId, review: ReviewId, by: str, now: datetime, grounds: Grounds
) -> ReplyReview:
    """What the reply rests on has changed: its worker has it back, and it counts against nobody.

    Raises ReviewDecided, NothingChanged.
    """
    waiting, _ = _waiting(tx, brand, review)
    if grounds.hold_and_compare(tx, brand=brand, reply=waiting.reply_id) is None:
        raise NothingChanged
    _give_back(tx, waiting, state=ReviewState.OUTDATED, by=by, now=now)
    _restart_clock(tx, waiting, now)
    return waiting


def decide_overdue_reviews(database: Database, grounds: Grounds) -> int:
    """Replies that nobody reviewed in time leave or come back, as the brand's rule was; how many were due.

    One whose grounds changed comes back in any case: nobody has read what changed.
    """

    def act(tx: Tx, brand: BrandId, review: ReviewId, now: datetime) -> None:
        _decide_by_time(tx, brand, review, now, grounds)

    return sweep_each(database, "decide_overdue_reviews", due=_overdue, act=act)


def overtake_review(tx: Tx, *, ticket: Ticket, now: datetime) -> bool:
    """The customer wrote while a reply waited: it answers too little now, so its worker has it back.

    Whether one waited; what becomes of the claim is the caller's to say. The ticket is locked by the caller.
    """
    waiting = _locked(tx, ReplyReview.ticket_id == ticket.id)
    if waiting is None:
        return False
    _give_back(tx, waiting, state=ReviewState.OVERTAKEN, by=THE_CUSTOMER, now=now)
    return True


def _overdue(tx: Tx, now: datetime) -> Sequence[tuple[BrandId, ReviewId]]:
    rows = tx.execute(
        select(ReplyReview.brand_id, ReplyReview.id)
        .where(ReplyReview.state == ReviewState.WAITING, ReplyReview.decide_by <= now)
        .order_by(ReplyReview.decide_by)
        .limit(SWEEP_LIMIT)
    )
    return [(brand, review) for brand, review in rows]


def _decide_by_time(tx: Tx, brand: BrandId, review: ReviewId, now: datetime, grounds: Grounds) -> None:
    try:
        waiting, ticket = _waiting(tx, brand, review)
    except ReviewDecided:
        return  # somebody was faster than our look
    changed = grounds.hold_and_compare(tx, brand=brand, reply=waiting.reply_id)
    if changed is None and waiting.after_limit is AfterLimit.SEND:
        _send(tx, waiting, ticket, state=ReviewState.TIMED_OUT_SENT, by=THE_TIME_LIMIT, now=now)
        return
    state = ReviewState.OUTDATED if changed else ReviewState.TIMED_OUT_RETURNED
    _give_back(tx, waiting, state=state, by=THE_TIME_LIMIT, now=now)
    _restart_clock(tx, waiting, now)


def _waiting(tx: Tx, brand: BrandId, review: ReviewId) -> tuple[ReplyReview, Ticket]:
    """The review and its ticket, locked in the order of everybody else. Raises ReviewNotFound, ReviewDecided."""
    named = select(ReplyReview.ticket_id).where(ReplyReview.brand_id == brand, ReplyReview.id == review)
    ticket = tx.scalars(named).one_or_none()
    if ticket is None:
        raise ReviewNotFound
    row = ticket_of(tx, brand=brand, ticket=TicketId(ticket))
    found = _locked(tx, (ReplyReview.brand_id == brand) & (ReplyReview.id == review))
    if found is None:
        raise ReviewDecided
    return found, row


def _locked(tx: Tx, which: ColumnElement[bool]) -> ReplyReview | None:
    return tx.scalars(
        select(ReplyReview)
        .where(which, ReplyReview.state == ReviewState.WAITING)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _send(tx: Tx, review: ReplyReview, ticket: Ticket, *, state: ReviewState, by: str, now: datetime) -> None:
    _decide(tx, review, state, by, now)
    queue_reply(tx, _reply(tx, review), pool=_pool_row(tx, review), ticket=ticket, now=now)
    # A brand that lets the time pass has nothing against the reply, as with an escalation.
    count_review(tx, brand=review.brand_id, worker=review.worker_id, approved=True, now=now)
    record(
        tx,
        ReplyApproved(
            brand=review.brand_id, worker=review.worker_id, ticket=review.ticket_id, review=review.id, by=by
        ),
    )


def _give_back(tx: Tx, review: ReplyReview, *, state: ReviewState, by: str, now: datetime) -> None:
    """The reply is no reply any more, and its text is its worker's draft again."""
    _decide(tx, review, state, by, now)
    reply = _reply(tx, review)
    reply.state = ReplyState.RECALLED
    keep_draft(
        tx,
        brand=review.brand_id,
        ticket=review.ticket_id,
        worker=review.worker_id,
        body=reply.body,
        now=now,
    )
    record(
        tx,
        ReplyReturned(
            brand=review.brand_id,
            worker=review.worker_id,
            ticket=review.ticket_id,
            review=review.id,
            reason=review.reason.value if review.reason else state.value,
            by=by,
        ),
    )


def _decide(tx: Tx, review: ReplyReview, state: ReviewState, by: str, now: datetime) -> None:
    """Written before the pool's row moves: what still waits then is called off by the database."""
    review.state, review.decided_by, review.decided_at = state, by, now
    tx.flush()


def _restart_clock(tx: Tx, review: ReplyReview, now: datetime) -> None:
    row = _pool_row(tx, review)
    seconds = clock_of(tx, row.brand_id, row.channel).reply_seconds
    row.state, row.lease_ends_at = PoolState.CLAIMED, now + timedelta(seconds=seconds)
    tx.flush()


def _reply(tx: Tx, review: ReplyReview) -> Reply:
    return tx.get_one(Reply, (review.brand_id, review.reply_id), with_for_update=True)


def _pool_row(tx: Tx, review: ReplyReview) -> PoolTicket:
    return tx.get_one(PoolTicket, review.ticket_id, with_for_update={"key_share": True})
