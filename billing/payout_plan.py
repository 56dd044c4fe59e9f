"""What a batch drafted now would hold: whose earnings, where they go, what is kept against a debt, what is new.

Set by set, so that a batch of 10,000 workers is drafted in seconds. Workers who must wait are left out before the
limit is counted, so that they hold up nobody.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from billing.models import LedgerAccount, Payout, PayoutState, ReviewCause
from billing.payout_rules import goes_out, minimum_payout_minor, netted, review_cause
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, EarningId, WorkerId
from marketplace.kernel.money import step

WORKERS_PER_BATCH = 10_000
EARNINGS_PER_BATCH = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEarning:
    brand: BrandId
    earning: EarningId
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPayout:
    """One worker's: all his earnings together are `amount_minor` to send and `netted_minor` that he owed."""

    worker: WorkerId
    destination: str
    bank: str | None
    earnings: tuple[PlannedEarning, ...]
    amount_minor: int
    netted_minor: int
    review: ReviewCause | None


def planned_payouts(tx: Tx, *, currency: str, now: datetime) -> list[PlannedPayout]:
    """The oldest payable earnings of workers who can be paid, locked; earnings that another draft holds are left."""
    asked = {
        "currency": currency,
        "minimum": minimum_payout_minor(currency),
        "workers": WORKERS_PER_BATCH,
        "earnings": EARNINGS_PER_BATCH,
    }
    by_worker: dict[WorkerId, list[Row[Any]]] = {}
    for row in tx.execute(_PAYABLE, asked):
        by_worker.setdefault(WorkerId(row.worker_id), []).append(row)
    owed = owed_minor(tx, by_worker.keys(), currency=currency)
    for worker, planned in _netted_in_plans(tx, by_worker.keys(), currency=currency).items():
        owed[worker] = owed.get(worker, 0) - planned
    paid_to = _last_destinations(tx, by_worker.keys())
    found = (
        _planned(rows, owed.get(worker, 0), paid_to.get(worker), currency=currency, now=now)
        for worker, rows in by_worker.items()
    )
    return [one for one in found if one is not None]


def _planned(
    rows: Sequence[Row[Any]], owed: int, paid_to: str | None, *, currency: str, now: datetime
) -> PlannedPayout | None:
    first = rows[0]
    earned = sum(row.amount_minor for row in rows)
    kept = _kept(earned, max(owed, 0), currency)
    minimum, is_leaving = minimum_payout_minor(currency), first.leaving_at is not None
    # Another draft may hold some of them: then they are not enough any more.
    if not (earned >= minimum or is_leaving):
        return None
    if not goes_out(amount_minor=earned - kept, minimum_minor=minimum, is_leaving=is_leaving):
        return None
    review = review_cause(
        was_paid_before=paid_to is not None,
        same_destination=paid_to == first.account,
        bank_changed_at=first.bank_changed_at,
        now=now,
    )
    return PlannedPayout(
        worker=WorkerId(first.worker_id),
        destination=first.account,
        bank=first.bank,
        earnings=tuple(
            PlannedEarning(
                brand=BrandId(row.brand_id), earning=EarningId(row.id), amount_minor=row.amount_minor
            )
            for row in rows
        ),
        amount_minor=earned - kept,
        netted_minor=kept,
        review=review if earned > kept else None,
    )


def _kept(earned: int, owed: int, currency: str) -> int:
    """What of `earned` goes against a debt; what is sent comes in steps that its currency is paid out in."""
    [kept] = netted([earned], owed)
    return kept - (-(earned - kept) % step(currency))


def owed_minor(tx: Tx, workers: Collection[WorkerId], *, currency: str) -> dict[WorkerId, int]:
    """What each owes of what was paid out, less what is being asked back from his account at Stripe."""
    balances = tx.execute(
        select(LedgerAccount.worker_id, LedgerAccount.balance_minor).where(
            LedgerAccount.code == "worker_receivable",
            LedgerAccount.currency == currency,
            LedgerAccount.worker_id.in_(workers),
            LedgerAccount.balance_minor > 0,
        )
    )
    owed = {WorkerId(worker): int(balance) for worker, balance in balances if worker is not None}
    asked_back = tx.execute(
        select(Payout.worker_id, func.sum(Payout.reversing_minor))
        .where(Payout.worker_id.in_(list(owed)), Payout.currency == currency, Payout.reversing_minor > 0)
        .group_by(Payout.worker_id)
    )
    for worker, amount in asked_back:
        owed[worker] -= int(amount)
    return owed


def _netted_in_plans(tx: Tx, workers: Collection[WorkerId], *, currency: str) -> Mapping[WorkerId, int]:
    """What batches that are not released yet will net."""
    rows = tx.execute(
        select(Payout.worker_id, func.sum(Payout.netted_minor))
        .where(
            Payout.worker_id.in_(workers),
            Payout.currency == currency,
            Payout.state == PayoutState.PLANNED,
            Payout.netted_minor > 0,
        )
        .group_by(Payout.worker_id)
    )
    return {worker: int(amount) for worker, amount in rows}


def _last_destinations(tx: Tx, workers: Collection[WorkerId]) -> Mapping[WorkerId, str]:
    """Where each was paid last; only those who ever were."""
    rows = tx.execute(
        select(Payout.worker_id, Payout.destination)
        .where(Payout.worker_id.in_(workers), Payout.paid_at.is_not(None))
        .order_by(Payout.worker_id, Payout.paid_at.desc())
        .ext(distinct_on(Payout.worker_id))
    )
    return {worker: destination for worker, destination in rows}


_PAYABLE = text(
    "WITH able AS ("
    "SELECT e.worker_id, min(e.accrued_at) AS since, count(*) AS earnings "
    "FROM earning e JOIN stripe_account a ON a.worker_id = e.worker_id "
    "WHERE e.state = 'payable' AND e.currency = :currency AND a.transfers_active AND a.account IS NOT NULL "
    "AND NOT EXISTS (SELECT FROM payout_hold h WHERE h.worker_id = e.worker_id AND h.lifted_at IS NULL) "
    "AND NOT EXISTS (SELECT FROM bank_pause b WHERE b.worker_id = e.worker_id) "
    "GROUP BY e.worker_id, a.leaving_at "
    "HAVING sum(e.amount_minor) >= :minimum OR a.leaving_at IS NOT NULL"
    "), counted AS ("
    "SELECT worker_id, row_number() OVER oldest AS place, sum(earnings) OVER oldest AS so_far "
    "FROM able WINDOW oldest AS (ORDER BY since, worker_id)) "
    "SELECT e.id, e.brand_id, e.worker_id, e.amount_minor, a.account, a.bank, a.bank_changed_at, a.leaving_at "
    "FROM earning e JOIN stripe_account a ON a.worker_id = e.worker_id "
    "WHERE e.state = 'payable' AND e.currency = :currency AND e.worker_id IN ("
    "SELECT worker_id FROM counted WHERE place <= :workers AND (so_far <= :earnings OR place = 1)) "
    "ORDER BY e.worker_id, e.id FOR UPDATE OF e SKIP LOCKED"
)
