"""A rejected earning: with a reason, a reply that shows it, and a moment in which it can be undone.

Before the payout the pay goes back to the brand with the platform's fee; after it the worker owes it. What was the
brand's own answer is never rejected: its worker sent what he was given (decision 22). A brand that rejects too much
is frozen by the database as it writes the rejection that is one too many.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from billing.accounts import held, owed_by_worker, platform_fee
from billing.holds import KEPT, NotDisputable, PayMoves, close, keep, lock_earning, open_hold, put_back
from billing.judgement_models import (
    EarningHold,
    EarningRejection,
    HoldCause,
    HoldEnd,
    Judge,
    RejectionFreeze,
    RejectionReason,
    RejectionState,
)
from billing.ledger import Account, debit, post
from billing.models import Earning, EarningKind, EarningState
from billing.reservations import back_to_brand
from billing.spend import give_back
from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import EarningRejected, RejectionsFrozen
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import (
    BrandId,
    EarningId,
    PersonId,
    RejectionFreezeId,
    RejectionId,
    ReplyId,
    new_id,
)
from marketplace.kernel.sweeps import sweep_each
from marketplace.tickets.endings import end_review, resolution_of
from marketplace.tickets.models import Reply, ReplyState

NOTE_LIMIT = 2_000
UNDO_WITHIN = timedelta(seconds=60)
SWEEP_LIMIT = 100
THE_BRANDS_OWN = "HC011"
BRAND_IS_FROZEN = "HC012"
HAS_LEFT = (ReplyState.QUEUED, ReplyState.SENT, ReplyState.FAILED)


class RejectionNoteNeeded(Invalid):
    """Say what is wrong with the reply, in 1 to 2,000 characters: the worker reads it."""


class NotThisReply(Invalid):
    """Name the reply of this worker on this ticket that shows what is wrong."""


class ReviewIsOver(Conflict):
    """The review window is over, so you cannot reject this pay. You can dispute it until it is sent."""


class YourOwnAnswer(Conflict):
    """The worker sent the answer that your knowledge gave, so the pay stays. Correct the article instead."""


class RejectedAlready(Conflict):
    """This pay is rejected already."""


class PayIsGone(Conflict):
    """This pay was taken back already, so there is nothing to reject."""


class RejectingFrozen(Conflict):
    """You rejected too much of what was decided lately. You can reject again when our people have looked at it."""


class NoSuchRejection(NotFound):
    """There is no such rejection."""


class TooLateToUndo(Conflict):
    """This rejection counts already. The worker can appeal it."""


def reject(
    tx: Tx,
    *,
    brand: BrandId,
    earning: EarningId,
    reply: ReplyId,
    reason: RejectionReason,
    note: str,
    judge: Judge,
    person: PersonId | None,
    now: datetime,
) -> EarningRejection:
    """Reject a resolution's pay. It counts in a minute, and the pay is held until then if it is not sent.

    A brand rejects inside the review window, or what it disputed in it; the platform's people at any time. Raises
    ReviewIsOver, YourOwnAnswer, RejectedAlready, RejectingFrozen, PayMoves, PayIsGone, NotThisReply.
    """
    said = words_within(note, NOTE_LIMIT, RejectionNoteNeeded)
    row = lock_earning(tx, brand=brand, earning=earning)
    _check_open(tx, row, judge=judge, now=now)
    _check_reply(tx, row, reply)
    rejection = EarningRejection(
        brand_id=brand,
        id=RejectionId(new_id()),
        earning_id=earning,
        ticket_id=row.ticket_id,
        worker_id=row.worker_id,
        reply_id=reply,
        judge=judge,
        reason=reason,
        note=said,
        rejected_at=now,
        rejected_by=person,
        counts_at=now + UNDO_WITHIN,
        state=RejectionState.WAITING,
    )
    with _judged(tx):
        tx.add(rejection)
    if row.state is not EarningState.SENT and row.state not in KEPT:
        cause = HoldCause.DISPUTE if judge is Judge.BRAND else HoldCause.QA
        keep(tx, row, cause=cause, reason=said, person=person, now=now)
    freeze = tx.get(RejectionFreeze, (brand, rejection.id))
    if freeze is not None:
        record(tx, RejectionsFrozen(brand=brand, freeze=RejectionFreezeId(freeze.id)))
    return rejection


def undo(tx: Tx, *, brand: BrandId, rejection: RejectionId, person: PersonId | None, now: datetime) -> None:
    """Before it counts: the pay is where it was. Raises TooLateToUndo."""
    row, waiting = _locked(tx, brand, rejection)
    if waiting.state is not RejectionState.WAITING:
        raise TooLateToUndo
    _call_off(tx, row, waiting, RejectionState.UNDONE, HoldEnd.RELEASED, person=person, now=now)


def settle_rejections(database: Database) -> int:
    """Let the rejections count whose moment to be undone is over; how many were looked at."""
    return sweep_each(database, "settle_rejections", due=_due, act=_settle)


def frozen_since(tx: Tx, *, brand: BrandId) -> RejectionFreeze | None:
    """The freeze that holds for the brand now."""
    return tx.scalars(
        select(RejectionFreeze).where(RejectionFreeze.brand_id == brand, RejectionFreeze.lifted_at.is_(None))
    ).one_or_none()


def _check_open(tx: Tx, row: Earning, *, judge: Judge, now: datetime) -> None:
    if row.kind is not EarningKind.RESOLUTION:
        raise NotDisputable
    match row.state:
        case EarningState.REJECTED | EarningState.CLAWED_BACK:
            raise RejectedAlready
        case EarningState.REVERSED:
            raise PayIsGone
        case EarningState.BATCHED | EarningState.SENDING:
            raise PayMoves
    if _waiting(tx, row) is not None:
        raise RejectedAlready
    if judge is Judge.BRAND and not _in_review(tx, row, now):
        raise ReviewIsOver


def _in_review(tx: Tx, row: Earning, now: datetime) -> bool:
    """Inside the window, or kept by a dispute that the brand opened in it."""
    if row.state is EarningState.DISPUTED:
        return open_hold(tx, row).opened_at < row.window_ends_at
    return row.state in (EarningState.IN_WINDOW, EarningState.HELD) and now < row.window_ends_at


def _check_reply(tx: Tx, row: Earning, reply: ReplyId) -> None:
    shown = tx.get(Reply, (row.brand_id, reply))
    mine = shown is not None and (shown.ticket_id, shown.worker_id) == (row.ticket_id, row.worker_id)
    if shown is None or not mine or shown.state not in HAS_LEFT:
        raise NotThisReply


def _waiting(tx: Tx, row: Earning) -> EarningRejection | None:
    return tx.scalars(
        select(EarningRejection).where(
            EarningRejection.brand_id == row.brand_id,
            EarningRejection.earning_id == row.id,
            EarningRejection.state == RejectionState.WAITING,
        )
    ).one_or_none()


def _due(tx: Tx, now: datetime) -> Sequence[tuple[BrandId, RejectionId]]:
    rows = tx.execute(_DUE, {"now": now, "limit": SWEEP_LIMIT})
    return [(BrandId(row.brand_id), RejectionId(row.id)) for row in rows]


def _settle(tx: Tx, brand: BrandId, rejection: RejectionId, now: datetime) -> None:
    row, waiting = _locked(tx, brand, rejection)
    if waiting.state is not RejectionState.WAITING:
        return  # undone between our look and our lock
    if waiting.judge is Judge.BRAND and frozen_since(tx, brand=brand) is not None:
        _call_off(tx, row, waiting, RejectionState.CALLED_OFF, HoldEnd.FROZEN, person=None, now=now)
    elif row.state in KEPT:
        hold = open_hold(tx, row)
        _count(tx, row, waiting, EarningState.REJECTED, hold, now=now)
        _give_to_brand(
            tx,
            row,
            source=held(brand, row.worker_id),
            key=f"qa_reject:{waiting.id}",
            kind="qa_reject",
            now=now,
        )
    elif row.state is EarningState.SENT:
        _count(tx, row, waiting, EarningState.CLAWED_BACK, None, now=now)
        _give_to_brand(
            tx, row, source=owed_by_worker(row.worker_id), key=f"clawback:{row.id}", kind="clawback", now=now
        )
    else:
        waiting.state, waiting.settled_at = RejectionState.CALLED_OFF, now


def _count(
    tx: Tx,
    row: Earning,
    waiting: EarningRejection,
    state: EarningState,
    hold: EarningHold | None,
    *,
    now: datetime,
) -> None:
    waiting.state, waiting.settled_at = RejectionState.COUNTED, now
    tx.flush()
    if hold is not None:
        close(hold, ended_as=HoldEnd.REJECTED, person=waiting.rejected_by, now=now)
    row.state = state
    if row.resolution_id is not None:
        end_review(tx, resolution_of(tx, brand=row.brand_id, resolution=row.resolution_id), now=now)
    record(
        tx,
        EarningRejected(
            brand=row.brand_id,
            worker=row.worker_id,
            rejection=waiting.id,
            earning=row.id,
            ticket=row.ticket_id,
            reason=waiting.reason.value,
        ),
    )


def _give_to_brand(tx: Tx, row: Earning, *, source: Account, key: str, kind: str, now: datetime) -> None:
    """The pay and the platform's fee for it, to where the price came from; the room under the spend cap with it."""
    whole = row.amount_minor + row.fee_minor
    post(
        tx,
        kind=kind,
        key=key,
        currency=row.currency,
        legs=[
            debit(source, row.amount_minor),
            debit(platform_fee(row.brand_id), row.fee_minor),
            *back_to_brand(
                tx,
                brand=row.brand_id,
                ticket=row.ticket_id,
                amount_minor=whole,
                spent_minor=_still_spent(tx, row),
            ),
        ],
        now=now,
        ticket=row.ticket_id,
    )
    give_back(tx, brand=row.brand_id, ticket=row.ticket_id, amount_minor=whole)


def _still_spent(tx: Tx, row: Earning) -> int:
    """What the other workers of the resolution and the platform keep of its price."""
    kept = tx.scalar(
        select(func.coalesce(func.sum(Earning.amount_minor + Earning.fee_minor), 0)).where(
            Earning.brand_id == row.brand_id,
            Earning.resolution_id == row.resolution_id,
            Earning.id != row.id,
            Earning.state.not_in((EarningState.REJECTED, EarningState.CLAWED_BACK)),
        )
    )
    return int(kept or 0)


def _call_off(
    tx: Tx,
    row: Earning,
    waiting: EarningRejection,
    state: RejectionState,
    ended_as: HoldEnd,
    *,
    person: PersonId | None,
    now: datetime,
) -> None:
    waiting.state, waiting.settled_at = state, now
    if row.state in KEPT:
        put_back(tx, row, open_hold(tx, row), ended_as=ended_as, person=person, now=now)


def _locked(tx: Tx, brand: BrandId, rejection: RejectionId) -> tuple[Earning, EarningRejection]:
    """The earning and its rejection, as they stand once the earning is locked. Raises NoSuchRejection."""
    seen = tx.get(EarningRejection, (brand, rejection))
    if seen is None:
        raise NoSuchRejection
    row = lock_earning(tx, brand=brand, earning=seen.earning_id)
    return row, tx.get_one(EarningRejection, (brand, rejection), populate_existing=True)


@contextmanager
def _judged(tx: Tx) -> Iterator[None]:
    """Let the database judge a rejection as it is written, and say what it found in our words."""
    try:
        with tx.begin_nested():
            yield
            tx.flush()
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == THE_BRANDS_OWN:
            raise YourOwnAnswer from error
        if state == BRAND_IS_FROZEN:
            raise RejectingFrozen from error
        raise


_DUE = text(
    "SELECT r.brand_id, r.id FROM earning_rejection r WHERE r.state = 'waiting' AND (r.counts_at <= :now "
    "OR r.judge = 'brand' AND EXISTS (SELECT FROM rejection_freeze f "
    "WHERE f.brand_id = r.brand_id AND f.lifted_at IS NULL)) ORDER BY r.counts_at LIMIT :limit"
)
