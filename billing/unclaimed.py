"""Money that nobody claims: payable for years without a sign of its worker, it goes to unclaimed property.

The clock starts with the last thing heard of the worker, or of his account: he was here, something became payable,
Stripe closed the account. It starts anew whenever he comes back.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select, text, update

from billing.accounts import UNCLAIMED, owed_by_worker, payable
from billing.ledger import credit, debit, lock_accounts, post
from billing.models import Earning, EarningState
from billing.payout_models import Escheatment
from billing.payout_plan import owed_minor
from billing.payout_rules import DORMANT, netted
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import EscheatmentId, WorkerId, new_id
from marketplace.kernel.money import Money

SWEEP_LIMIT = 50
SHOWN = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dormant:
    """What waits for a worker in one currency; unless he is heard of, it goes to unclaimed property at `goes_at`."""

    worker: WorkerId
    amount: Money
    since: datetime

    @property
    def goes_at(self) -> datetime:
        return self.since + DORMANT


def waiting_for(tx: Tx, *, worker: WorkerId) -> list[Dormant]:
    """What is payable to `worker`, each with the clock it is under."""
    return _read(tx, worker=worker, before=None, limit=SHOWN)


def longest_waiting(tx: Tx, *, before: datetime) -> list[Dormant]:
    """Whose clock has run since `before`, the oldest first."""
    return _read(tx, worker=None, before=before, limit=SHOWN)


def escheat_due(tx: Tx, *, now: datetime) -> int:
    """Post what has been dormant for too long; how many workers' sums, 50 at most."""
    due = _read(tx, worker=None, before=now - DORMANT, limit=SWEEP_LIMIT)
    for one in due:
        _escheat(tx, one, now)
    return len(due)


def _escheat(tx: Tx, dormant: Dormant, now: datetime) -> None:
    worker, currency = dormant.worker, dormant.amount.currency
    mine = (
        Earning.worker_id == worker,
        Earning.currency == currency,
        Earning.state == EarningState.PAYABLE,
    )
    tx.execute(select(Earning.id).where(*mine).order_by(Earning.id).with_for_update()).all()
    by_brand = tx.execute(
        select(Earning.brand_id, func.sum(Earning.amount_minor)).where(*mine).group_by(Earning.brand_id)
    ).all()
    total = sum(int(amount) for _, amount in by_brand)
    if not total:
        return
    accounts = [owed_by_worker(worker), *(payable(brand, worker) for brand, _ in by_brand)]
    lock_accounts(tx, ((account, currency) for account in accounts))
    [kept] = netted([total], owed_minor(tx, [worker], currency=currency).get(worker, 0))
    row = Escheatment(
        id=EscheatmentId(new_id()),
        worker_id=worker,
        currency=currency,
        amount_minor=total - kept,
        dormant_since=dormant.since,
        posted_at=now,
    )
    post(
        tx,
        kind="escheat",
        key=f"escheat:{row.id}",
        currency=currency,
        legs=[
            *(debit(payable(brand, worker), int(amount)) for brand, amount in by_brand),
            credit(owed_by_worker(worker), kept),
            credit(UNCLAIMED, total - kept),
        ],
        now=now,
    )
    tx.execute(update(Earning).where(*mine).values(state=EarningState.UNCLAIMED))
    if row.amount_minor:
        tx.add(row)
        tx.flush()
    log.warning("payable.unclaimed", worker=str(worker), amount=total - kept, currency=currency)


def _read(tx: Tx, *, worker: WorkerId | None, before: datetime | None, limit: int) -> list[Dormant]:
    asked = {"worker": worker, "before": before, "limit": limit}
    return [
        Dormant(
            worker=WorkerId(row.worker_id),
            amount=Money(amount_minor=int(row.amount), currency=row.currency),
            since=row.since,
        )
        for row in tx.execute(_WAITING, asked)
    ]


_WAITING = text(
    "SELECT * FROM (SELECT e.worker_id, e.currency, sum(e.amount_minor) AS amount, "
    "greatest(w.seen_at, max(e.payable_at), (SELECT max(h.placed_at) FROM payout_hold h "
    "WHERE h.worker_id = e.worker_id AND h.cause = 'account_closed' AND h.lifted_at IS NULL)) AS since "
    "FROM earning e JOIN worker w ON w.id = e.worker_id "
    "WHERE e.state = 'payable' AND (CAST(:worker AS uuid) IS NULL OR e.worker_id = :worker) "
    "GROUP BY e.worker_id, e.currency, w.seen_at) AS waiting "
    "WHERE CAST(:before AS timestamptz) IS NULL OR since <= :before ORDER BY since, worker_id LIMIT :limit"
)
