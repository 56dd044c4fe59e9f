"""The free part of a wallet on its way back to where it came from.

The money leaves the free balance the moment it is asked for, so that no ticket can take it meanwhile; it goes back
there when Stripe refuses, or when the payer's bank does, however late. Promo credit and debts are never paid out.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Text, cast, select, text

from billing.accounts import STRIPE_AVAILABLE, reserved, wallet
from billing.brand_balances import Standing, lock_standing
from billing.funds_calls import About, Reaction, store_call
from billing.funds_models import FundsOperation, RefundState, WalletRefund
from billing.funds_port import FundsPort, RefundPhase, RefundReading, refund_params
from billing.gateway import CallRejected, CallUnknown
from billing.ledger import credit, debit, post
from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import WalletRestored
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, PersonId, TopUpId, WalletRefundId, new_id
from marketplace.kernel.money import Money

REFUNDS_A_SWEEP = 50
TOP_UPS_A_REFUND = 20
LOOK_AGAIN = timedelta(minutes=10)

log = structlog.get_logger()


class BadRefund(Invalid):
    """Say how much you want back: at least 0.01."""


class RefundTooHigh(Conflict):
    """Only what is free in the wallet, is not owed and came from payments can be paid back."""


def refundable(tx: Tx, *, brand: BrandId, currency: str) -> Money:
    """How much of the wallet can go back now; its accounts are locked."""
    standing = lock_standing(tx, brand=brand, currency=currency)
    paid = payable_back(tx, brand=brand, currency=currency)
    return Money(amount_minor=min(_free(standing), paid), currency=currency)


def payable_back(tx: Tx, *, brand: BrandId, currency: str) -> int:
    """What of the newest payments has not gone back, whatever the wallet holds."""
    return sum(left for _, left, _ in _top_ups(tx, brand, currency))


def ask_refund(
    tx: Tx, *, brand: BrandId, amount_minor: int, person: PersonId | None, environment: str, now: datetime
) -> list[WalletRefundId]:
    """Take `amount_minor` out of the wallet and store one refund for each payment it goes back to, newest first.

    Raises BadRefund and RefundTooHigh.
    """
    currency = tx.get_one(Brand, brand).currency
    if amount_minor < 1:
        raise BadRefund
    if currency is None:
        raise RefundTooHigh
    standing = lock_standing(tx, brand=brand, currency=currency)
    if amount_minor > _free(standing):
        raise RefundTooHigh
    parts, left = [], amount_minor
    for top_up, paid, intent in _top_ups(tx, brand, currency):
        part = min(left, paid)
        if part:
            parts.append((top_up, part, intent))
            left -= part
    if left:
        raise RefundTooHigh
    return [
        _ask_one(
            tx, brand, top_up, Money(amount_minor=part, currency=currency), intent, person, environment, now
        )
        for top_up, part, intent in parts
    ]


def look_at_refunds(database: Database, port: FundsPort) -> int:
    """Read refunds that have not arrived; how many."""
    with database.transaction() as tx:
        due = tx.execute(
            select(WalletRefund.brand_id, WalletRefund.id, WalletRefund.stripe_refund)
            .where(WalletRefund.state == RefundState.SENT, WalletRefund.look_at <= app_now(tx))
            .order_by(WalletRefund.look_at)
            .limit(REFUNDS_A_SWEEP)
        ).all()
    for brand, refund, at_stripe in due:
        try:
            reading = port.refund_reading(str(at_stripe))
        except (CallUnknown, CallRejected) as error:
            log.warning("refund.unread", refund=str(refund), reason=str(error))
            continue
        with database.transaction() as tx:
            apply_refund(tx, reading=reading, now=app_now(tx))
            tx.get_one(WalletRefund, (brand, refund)).look_at = app_now(tx) + LOOK_AGAIN
    return len(due)


def apply_refund(tx: Tx, *, reading: RefundReading, now: datetime) -> None:
    """Act on a refund as just read at Stripe, forward only: one that failed restores the wallet once."""
    row = tx.scalars(
        select(WalletRefund).where(WalletRefund.stripe_refund == reading.refund_id).with_for_update()
    ).one_or_none()
    if row is None:
        log.error("refund.needs_a_person", refund=reading.refund_id)
        return
    if row.state is RefundState.FAILED or reading.phase is RefundPhase.SENT:
        return
    if reading.phase is RefundPhase.ARRIVED:
        row.state = RefundState.ARRIVED
        return
    post(
        tx,
        kind="refund_failed",
        key=f"refund_fail:{reading.refund_id}",
        currency=row.currency,
        legs=[debit(STRIPE_AVAILABLE, row.amount_minor), credit(wallet(row.brand_id), row.amount_minor)],
        now=now,
    )
    row.state, row.failure = RefundState.FAILED, reading.reason or "The payer's bank did not take it."
    record(tx, WalletRestored(brand=row.brand_id, cause="refund"))


def is_asked(tx: Tx, *, reference: str) -> bool:
    """Whether this refund is one of ours that Stripe has not answered for."""
    asked = select(cast(WalletRefund.id, Text)).where(WalletRefund.state == RefundState.ASKED)
    return tx.scalar(asked.where(cast(WalletRefund.id, Text) == reference)) is not None


def _free(standing: Standing) -> int:
    """What the brand has, less what it owes; nothing while one of its payments is disputed or owed."""
    return 0 if standing.is_frozen else max(0, standing.wallet_minor - standing.owed_minor)


def _ask_one(
    tx: Tx,
    brand: BrandId,
    top_up: TopUpId,
    amount: Money,
    payment_intent: str,
    person: PersonId | None,
    environment: str,
    now: datetime,
) -> WalletRefundId:
    refund = WalletRefundId(new_id())
    tx.add(
        WalletRefund(
            brand_id=brand,
            id=refund,
            top_up_id=top_up,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            state=RefundState.ASKED,
            asked_by=person,
            asked_at=now,
            look_at=now,
        )
    )
    post(
        tx,
        kind="refund_hold",
        key=f"refund_hold:{refund}",
        currency=amount.currency,
        legs=[debit(wallet(brand), amount.amount_minor), credit(reserved(brand), amount.amount_minor)],
        now=now,
    )
    params = refund_params(
        environment=environment,
        reference=str(refund),
        payment_intent=payment_intent,
        amount_minor=amount.amount_minor,
    )
    store_call(tx, brand=brand, operation=FundsOperation.REFUND, subject=refund, params=params, now=now)
    return refund


def _accepted(tx: Tx, about: About, stripe_refund: str) -> None:
    row = tx.get_one(WalletRefund, (about.brand, about.subject), with_for_update=True)
    post(
        tx,
        kind="refund",
        key=f"refund:{stripe_refund}",
        currency=row.currency,
        legs=[debit(reserved(row.brand_id), row.amount_minor), credit(STRIPE_AVAILABLE, row.amount_minor)],
        now=about.now,
    )
    row.state, row.stripe_refund = RefundState.SENT, stripe_refund


def _refused(tx: Tx, about: About, reason: str) -> None:
    row = tx.get_one(WalletRefund, (about.brand, about.subject), with_for_update=True)
    post(
        tx,
        kind="refund_release",
        key=f"refund_release:{row.id}",
        currency=row.currency,
        legs=[
            debit(reserved(row.brand_id), row.amount_minor),
            credit(wallet(row.brand_id), row.amount_minor),
        ],
        now=about.now,
    )
    row.state, row.failure = RefundState.REFUSED, reason
    record(tx, WalletRestored(brand=row.brand_id, cause="refund"))


def _top_ups(tx: Tx, brand: BrandId, currency: str) -> list[tuple[TopUpId, int, str]]:
    """Payments with something left to pay back: what is left, and where it goes."""
    rows = tx.execute(_WITH_SOMETHING_LEFT, {"brand": brand, "currency": currency, "limit": TOP_UPS_A_REFUND})
    return [(TopUpId(row.id), row.left_minor, row.payment_intent) for row in rows]


REACTION = Reaction(accepted=_accepted, refused=_refused)

_WITH_SOMETHING_LEFT = text(
    "SELECT t.id, t.payment_intent, t.amount_minor - coalesce(r.gone, 0) AS left_minor FROM top_up t "
    "LEFT JOIN (SELECT top_up_id, sum(amount_minor)::bigint AS gone FROM wallet_refund "
    "WHERE brand_id = :brand AND state IN ('asked', 'sent', 'arrived') GROUP BY top_up_id) r "
    "ON r.top_up_id = t.id "
    "WHERE t.brand_id = :brand AND t.state = 'paid' AND t.currency = :currency "
    "AND t.amount_minor > coalesce(r.gone, 0) "
    "AND NOT EXISTS (SELECT FROM top_up_reversal d WHERE d.brand_id = t.brand_id AND d.top_up_id = t.id "
    "AND d.state <> 'won') "
    "ORDER BY t.created_at DESC, t.id DESC LIMIT :limit"
)
