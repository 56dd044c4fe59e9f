"""Holds: workers to whom nothing is sent for now. What they earn stays payable and waits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from billing.bank_payouts import paused
from billing.models import Earning, EarningState
from billing.payout_models import HoldCause, PayoutHold
from marketplace.accounts.fields import words_within
from marketplace.accounts.models import Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid, NotFound
from marketplace.kernel.ids import PayoutHoldId, PersonId, WorkerId, new_id
from marketplace.kernel.money import Money

REASON_LIMIT = 300
BANK_REFUSES = "Their bank refused the last three payouts, so it has to be another bank first."
HOLDS_SHOWN = 200


class HoldReasonNeeded(Invalid):
    """Say why, in 1 to 300 characters: the worker reads it."""


class NoSuchHold(NotFound):
    """There is no such hold, or it is lifted already."""


class NoSuchWorker(NotFound):
    """There is no worker with this e-mail address."""


def hold_worker(
    tx: Tx, *, worker: WorkerId, cause: HoldCause, reason: str, by: PersonId | None, now: datetime
) -> None:
    """From now on nothing is sent to `worker`; held twice for one cause, the first reason stands."""
    tx.execute(
        insert(PayoutHold)
        .values(
            id=PayoutHoldId(new_id()),
            worker_id=worker,
            cause=cause,
            reason=words_within(reason, REASON_LIMIT, HoldReasonNeeded),
            placed_by=by,
            placed_at=now,
        )
        .on_conflict_do_nothing()
    )


def lift_cause(tx: Tx, *, worker: WorkerId, cause: HoldCause, now: datetime) -> None:
    """What was read at Stripe holds no longer."""
    tx.execute(
        update(PayoutHold)
        .where(PayoutHold.worker_id == worker, PayoutHold.cause == cause, PayoutHold.lifted_at.is_(None))
        .values(lifted_at=now)
    )


def lift_hold(tx: Tx, *, hold: PayoutHoldId, by: PersonId, now: datetime) -> WorkerId:
    """Somebody lets a hold go; until the worker was paid, another one approves the batches he is in."""
    worker = tx.execute(
        update(PayoutHold)
        .where(PayoutHold.id == hold, PayoutHold.lifted_at.is_(None))
        .values(lifted_by=by, lifted_at=now)
        .returning(PayoutHold.worker_id)
    ).scalar_one_or_none()
    if worker is None:
        raise NoSuchHold
    return worker


def held_among(tx: Tx, workers: Collection[WorkerId]) -> dict[WorkerId, str]:
    """Those of `workers` to whom nothing may be sent, each with a reason."""
    rows = tx.execute(
        select(PayoutHold.worker_id, PayoutHold.reason).where(
            PayoutHold.worker_id.in_(workers), PayoutHold.lifted_at.is_(None)
        )
    )
    refused_by_bank = tx.scalars(select(Worker.id).where(Worker.id.in_(workers), paused(Worker.id)))
    return {worker: reason for worker, reason in rows} | dict.fromkeys(refused_by_bank, BANK_REFUSES)


def worker_by_email(tx: Tx, email: str) -> WorkerId:
    """Raises NoSuchWorker."""
    found = tx.scalars(
        select(Worker.id)
        .join(Person, Person.id == Worker.person_id)
        .where(func.lower(Person.email) == email.strip().lower())
    ).one_or_none()
    if found is None:
        raise NoSuchWorker
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One live hold, with what waits behind it, by currency."""

    hold: PayoutHoldId
    worker: WorkerId
    worker_name: str
    cause: HoldCause
    reason: str
    placed_at: datetime
    placed_by: str | None
    waiting: tuple[Money, ...]


def live_holds(tx: Tx) -> list[Held]:
    """The longest first, 200 at most."""
    placer = aliased(Person)
    rows = tx.execute(
        select(PayoutHold, Person.name, placer.name)
        .join(Worker, Worker.id == PayoutHold.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .outerjoin(placer, placer.id == PayoutHold.placed_by)
        .where(PayoutHold.lifted_at.is_(None))
        .order_by(PayoutHold.placed_at, PayoutHold.id)
        .limit(HOLDS_SHOWN)
    ).all()
    waiting = _waiting(tx, {hold.worker_id for hold, _, _ in rows})
    return [
        Held(
            hold=hold.id,
            worker=hold.worker_id,
            worker_name=name,
            cause=hold.cause,
            reason=hold.reason,
            placed_at=hold.placed_at,
            placed_by=by,
            waiting=tuple(waiting.get(hold.worker_id, ())),
        )
        for hold, name, by in rows
    ]


def _waiting(tx: Tx, workers: Collection[WorkerId]) -> dict[WorkerId, list[Money]]:
    rows = tx.execute(
        select(Earning.worker_id, Earning.currency, func.sum(Earning.amount_minor))
        .where(Earning.worker_id.in_(workers), Earning.state == EarningState.PAYABLE)
        .group_by(Earning.worker_id, Earning.currency)
        .order_by(Earning.currency)
    )
    found: dict[WorkerId, list[Money]] = {}
    for worker, currency, amount in rows:
        found.setdefault(worker, []).append(Money(amount_minor=int(amount), currency=currency))
    return found
