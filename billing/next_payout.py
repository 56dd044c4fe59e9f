"""What a worker's next payout would be, by currency, and what it waits for."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select

from billing.models import Earning, EarningState, StripeAccount
from billing.payout_holds import held_among
from billing.payout_plan import owed_minor
from billing.payout_rules import goes_out, minimum_payout_minor
from billing.payouts_stop import standing_stop
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.kernel.money import Money


class Waits(StrEnum):
    """What a payable sum waits for; the first of them that is so."""

    NOTHING = "nothing"  # the next batch takes it
    ACCOUNT = "account"
    HOLD = "hold"
    SMALL = "small"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPayout:
    """`payable` less `netted`, which the worker owes, is what a batch drafted now would send; `reason` in words."""

    payable: Money
    netted: Money
    minimum: Money
    waits: Waits
    reason: str = ""


def next_payouts(tx: Tx, *, worker: WorkerId) -> list[NextPayout]:
    """One per currency in which anything is payable to `worker`."""
    sums = tx.execute(
        select(Earning.currency, func.sum(Earning.amount_minor))
        .where(Earning.worker_id == worker, Earning.state == EarningState.PAYABLE)
        .group_by(Earning.currency)
        .order_by(Earning.currency)
    )
    return [_next(tx, worker, currency, int(amount)) for currency, amount in sums]


def _next(tx: Tx, worker: WorkerId, currency: str, payable: int) -> NextPayout:
    kept = min(payable, owed_minor(tx, [worker], currency=currency).get(worker, 0))
    waits, reason = _waits(tx, worker, currency, payable, kept)
    return NextPayout(
        payable=Money(amount_minor=payable, currency=currency),
        netted=Money(amount_minor=kept, currency=currency),
        minimum=Money(amount_minor=minimum_payout_minor(currency), currency=currency),
        waits=waits,
        reason=reason,
    )


def _waits(tx: Tx, worker: WorkerId, currency: str, payable: int, kept: int) -> tuple[Waits, str]:
    account = tx.get(StripeAccount, worker)
    minimum = minimum_payout_minor(currency)
    is_leaving = account is not None and account.leaving_at is not None
    enough = payable >= minimum or is_leaving
    if account is None or account.account is None or not account.transfers_active:
        return Waits.ACCOUNT, ""
    if (held := held_among(tx, [worker]).get(worker)) is not None:
        return Waits.HOLD, held
    if not enough or not goes_out(amount_minor=payable - kept, minimum_minor=minimum, is_leaving=is_leaving):
        return Waits.SMALL, ""
    if (stop := standing_stop(tx)) is not None:
        return Waits.STOP, stop.reason
    return Waits.NOTHING, ""
