"""The worker's appeal against a rejection, once, and the people who decide it and lift a brand's freeze.

Whoever had a part in the rejection decides no appeal; the database holds that. Pay that is restored is an earning of
its own: the brand's promo credit and wallet pay it as far as they go, and what is missing the brand owes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.accounts import owed_by_brand, payable, platform_fee, promo, wallet
from billing.judgement_models import (
    AppealEnd,
    EarningRejection,
    RejectionAppeal,
    RejectionFreeze,
    RejectionState,
)
from billing.ledger import balance, credit, debit, lock_accounts, post
from billing.models import Earning, EarningKind, EarningState
from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import RejectionAppealDecided, RejectionAppealed, RejectionsUnfrozen
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from marketplace.kernel.ids import (
    BrandId,
    EarningId,
    PersonId,
    RejectionAppealId,
    RejectionFreezeId,
    RejectionId,
    WorkerId,
    new_id,
)

TEXT_LIMIT = 2_000
APPEAL_WITHIN = timedelta(days=30)
DECIDED_BEFORE = "HC013"


class AppealTextNeeded(Invalid):
    """Say why the rejection is wrong, in 1 to 2,000 characters."""


class AnswerNeeded(Invalid):
    """Say why you decide so, in 1 to 2,000 characters: the worker and the brand read it."""


class LiftReasonNeeded(Invalid):
    """Say what you found, in 1 to 2,000 characters: it is kept."""


class NothingToAppeal(NotFound):
    """There is no rejection of your pay by that name."""


class AppealedAlready(Conflict):
    """You appealed this rejection already. A rejection is appealed once."""


class TooLateToAppeal(Conflict):
    """A rejection can be appealed for 30 days."""


class NoSuchAppeal(NotFound):
    """There is no such appeal."""


class AppealOver(Conflict):
    """This appeal is decided already."""


class DecidedBefore(NotAllowed):
    """You had a part in this rejection, so somebody else decides the appeal."""


class NotFrozen(Conflict):
    """This brand is not frozen from rejecting."""


def appeal(tx: Tx, *, worker: WorkerId, rejection: RejectionId, said: str, now: datetime) -> RejectionAppeal:
    """Raises NothingToAppeal, AppealedAlready, TooLateToAppeal, AppealTextNeeded."""
    words = words_within(said, TEXT_LIMIT, AppealTextNeeded)
    against = tx.scalars(
        select(EarningRejection).where(
            EarningRejection.id == rejection,
            EarningRejection.worker_id == worker,
            EarningRejection.state == RejectionState.COUNTED,
        )
    ).one_or_none()
    if against is None or against.settled_at is None:
        raise NothingToAppeal
    if now - against.settled_at > APPEAL_WITHIN:
        raise TooLateToAppeal
    row = RejectionAppeal(
        brand_id=against.brand_id,
        id=RejectionAppealId(new_id()),
        rejection_id=rejection,
        worker_id=worker,
        said=words,
        appealed_at=now,
        answer="",
    )
    try:
        with tx.begin_nested():
            tx.add(row)
            tx.flush()
    except IntegrityError as error:
        raise AppealedAlready from error
    record(tx, RejectionAppealed(brand=row.brand_id, worker=worker, appeal=row.id, rejection=rejection))
    return row


def decide_appeal(
    tx: Tx,
    *,
    appeal_id: RejectionAppealId,
    end: AppealEnd,
    answer: str,
    person: PersonId,
    now: datetime,
) -> RejectionAppeal:
    """Uphold the rejection, or reverse it and restore the pay. Raises NoSuchAppeal, AppealOver, DecidedBefore."""
    words = words_within(answer, TEXT_LIMIT, AnswerNeeded)
    row = tx.scalars(
        select(RejectionAppeal).where(RejectionAppeal.id == appeal_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NoSuchAppeal
    if row.ended_as is not None:
        raise AppealOver
    with _judged(tx):
        row.ended_as, row.answer, row.decided_at, row.decided_by = end, words, now, person
    if end is AppealEnd.REVERSED:
        _restore(tx, row, now)
    record(
        tx,
        RejectionAppealDecided(
            brand=row.brand_id,
            worker=row.worker_id,
            appeal=row.id,
            rejection=row.rejection_id,
            outcome=end.value,
        ),
    )
    return row


def lift_freeze(tx: Tx, *, brand: BrandId, reason: str, person: PersonId, now: datetime) -> RejectionFreeze:
    """Let a brand reject again; it is counted anew from now on. Raises NotFrozen, LiftReasonNeeded."""
    words = words_within(reason, TEXT_LIMIT, LiftReasonNeeded)
    freeze = tx.scalars(
        select(RejectionFreeze)
        .where(RejectionFreeze.brand_id == brand, RejectionFreeze.lifted_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if freeze is None:
        raise NotFrozen
    freeze.lifted_at, freeze.lifted_by, freeze.lift_reason = now, person, words
    record(tx, RejectionsUnfrozen(brand=brand, freeze=RejectionFreezeId(freeze.id)))
    return freeze


def _restore(tx: Tx, row: RejectionAppeal, now: datetime) -> None:
    """Pay the rejected earning again, with the platform's fee, as a payable earning of its own."""
    against = tx.get_one(EarningRejection, (row.brand_id, row.rejection_id))
    lost = tx.get_one(Earning, (row.brand_id, against.earning_id))
    whole = lost.amount_minor + lost.fee_minor
    lock_accounts(tx, [(promo(lost.brand_id), lost.currency), (wallet(lost.brand_id), lost.currency)])
    promised = min(whole, balance(tx, promo(lost.brand_id), currency=lost.currency).amount_minor)
    paid = min(whole - promised, balance(tx, wallet(lost.brand_id), currency=lost.currency).amount_minor)
    post(
        tx,
        kind="restore",
        key=f"restore:{row.id}",
        currency=lost.currency,
        legs=[
            debit(promo(lost.brand_id), promised),
            debit(wallet(lost.brand_id), paid),
            debit(owed_by_brand(lost.brand_id), whole - promised - paid),
            credit(payable(lost.brand_id, lost.worker_id), lost.amount_minor),
            credit(platform_fee(lost.brand_id), lost.fee_minor),
        ],
        now=now,
        ticket=lost.ticket_id,
    )
    tx.add(
        Earning(
            brand_id=lost.brand_id,
            id=EarningId(new_id()),
            ticket_id=lost.ticket_id,
            worker_id=lost.worker_id,
            kind=EarningKind.RESTORED,
            appeal_id=row.id,
            terms_id=lost.terms_id,
            amount_minor=lost.amount_minor,
            surge_minor=lost.surge_minor,
            fee_minor=lost.fee_minor,
            currency=lost.currency,
            state=EarningState.PAYABLE,
            accrued_at=now,
            window_ends_at=now,
            payable_at=now,
        )
    )
    tx.flush()


@contextmanager
def _judged(tx: Tx) -> Iterator[None]:
    """Let the database say at once whether this person may decide."""
    try:
        with tx.begin_nested():
            yield
            tx.flush()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == DECIDED_BEFORE:
            raise DecidedBefore from error
        raise
