"""Top-ups that are taken back: disputed by the payer's bank, or failed after they had succeeded.

Workers are never touched: what was spent is the brand's debt, and no new ticket of it opens until that is settled.
An open dispute is only noted as owed. What is owed for good is collected: from the wallet, then from tickets nobody has
claimed, which await funds again.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, text

from billing.accounts import (
    BAD_DEBT_BRAND,
    DISPUTE_LOSS,
    STRIPE_AVAILABLE,
    STRIPE_PENDING,
    owed_by_brand,
    wallet,
)
from billing.brand_balances import lock_standing
from billing.fund_split import against_debt
from billing.funds_models import ReversalKind, ReversalState, TopUpReversal
from billing.funds_port import DisputePhase, DisputeReading, FundsPort
from billing.ledger import credit, debit, post
from billing.models import TopUp
from marketplace.events.commands import record
from marketplace.events.facts import BrandFrozen, BrandThawed
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, ReversalId, TicketId, TopUpId, new_id
from marketplace.tickets import posting

DEBTS_A_SWEEP = 20
TICKETS_A_SWEEP = 100
DISPUTES_LOOKED_BACK = timedelta(days=3)
FREEZES = (ReversalState.OPEN, ReversalState.OWED)

log = structlog.get_logger()


def take_failed(tx: Tx, *, top_up: TopUp, payment_intent: str, now: datetime) -> None:
    """A payment that was credited failed after all: out of the wallet as far as it goes, the rest is owed."""
    if has_failed(tx, brand=top_up.brand_id, top_up=top_up.id):
        return
    brand, amount = top_up.brand_id, top_up.amount_minor
    standing = lock_standing(tx, brand=brand, currency=top_up.currency)
    taken = min(amount, standing.wallet_minor)
    fresh = post(
        tx,
        kind="top_up_failed",
        key=f"topup_fail:{payment_intent}",
        currency=top_up.currency,
        legs=[
            debit(wallet(brand), taken),
            debit(owed_by_brand(brand), amount - taken),
            credit(STRIPE_AVAILABLE if top_up.available_at else STRIPE_PENDING, amount),
        ],
        now=now,
    )
    if fresh:
        _write(
            tx,
            top_up,
            kind=ReversalKind.FAILED_PAYMENT,
            object_id=payment_intent,
            state=ReversalState.OWED if taken < amount else ReversalState.CLEARED,
            amount_minor=amount,
            fee_minor=0,
            owed_minor=amount - taken,
            reason="The payer's bank took the payment back.",
            now=now,
        )


def has_failed(tx: Tx, *, brand: BrandId, top_up: TopUpId) -> bool:
    """Whether this top-up failed after it was credited."""
    wanted = select(TopUpReversal.id).where(
        TopUpReversal.brand_id == brand,
        TopUpReversal.top_up_id == top_up,
        TopUpReversal.kind == ReversalKind.FAILED_PAYMENT,
    )
    return tx.scalar(wanted) is not None


def look_at_disputes(database: Database, port: FundsPort) -> int:
    """Second net: disputes of the last days that no event told us of; how many there are."""
    with database.transaction() as tx:
        since = app_now(tx) - DISPUTES_LOOKED_BACK
        still_open = tx.scalars(
            select(TopUpReversal.object_id)
            .where(TopUpReversal.kind == ReversalKind.DISPUTE, TopUpReversal.state == ReversalState.OPEN)
            .order_by(TopUpReversal.opened_at)
            .limit(DEBTS_A_SWEEP)
        ).all()
    found = {*still_open, *port.disputes_since(since)}
    for dispute in sorted(found):
        reading = port.dispute_reading(dispute)
        with database.transaction() as tx:
            apply_dispute(tx, reading=reading, now=app_now(tx))
    return len(found)


def apply_dispute(tx: Tx, *, reading: DisputeReading, now: datetime) -> None:
    """Act on a dispute as just read at Stripe, forward only."""
    top_up = tx.scalars(
        select(TopUp).where(TopUp.payment_intent == reading.payment_intent).with_for_update()
    ).one_or_none()
    if top_up is None or reading.currency != top_up.currency:
        log.error("dispute.needs_a_person", dispute=reading.dispute_id, intent=reading.payment_intent)
        return
    if reading.withdrawn_minor == 0:
        return  # an inquiry: no money has moved
    lock_standing(tx, brand=top_up.brand_id, currency=top_up.currency)
    row = _of_object(tx, reading.dispute_id) or _withdraw(tx, top_up, reading, now)
    if reading.reinstated_minor:
        _reinstate(tx, row, reading, now)
    elif reading.phase is DisputePhase.LOST and row.state is ReversalState.OPEN:
        row.state = ReversalState.OWED
    tx.flush()


def collect_debts(database: Database) -> int:
    """Take what is owed for good from brands that have it, or have unclaimed tickets; how much was done."""
    with database.transaction() as tx:
        owed = tx.execute(
            select(TopUpReversal.brand_id, TopUpReversal.id)
            .where(TopUpReversal.state == ReversalState.OWED)
            .order_by(TopUpReversal.opened_at)
            .limit(DEBTS_A_SWEEP)
        ).all()
    return sum(_collect(database, brand, ReversalId(reversal)) for brand, reversal in owed)


def _collect(database: Database, brand: BrandId, reversal: ReversalId) -> int:
    """One ticket a transaction: none waits for a ticket while it holds the brand's money."""
    done = 0
    while done < TICKETS_A_SWEEP:
        with database.transaction() as tx:
            collect_from_wallet(tx, brand=brand, reversal=reversal, now=app_now(tx))
            row = tx.get_one(TopUpReversal, (brand, reversal))
            ticket = _unclaimed(tx, brand) if row.owed_minor else None
        if ticket is None:
            return done
        with database.transaction() as tx:
            posting.unpublish(tx, brand=brand, ticket=ticket)
        done += 1
    return done


def collect_from_wallet(tx: Tx, *, brand: BrandId, reversal: ReversalId, now: datetime) -> None:
    """What is free in the wallet settles the debt, as far as it goes."""
    row = tx.get_one(TopUpReversal, (brand, reversal))
    standing = lock_standing(tx, brand=brand, currency=row.currency)
    tx.refresh(row)
    if row.state is not ReversalState.OWED:
        return
    taken, _ = against_debt(standing.wallet_minor, owed_minor=row.owed_minor)
    if taken:
        post(
            tx,
            kind="offset",
            key=f"offset:{row.id}:{row.owed_minor}",
            currency=row.currency,
            legs=[debit(wallet(brand), taken), credit(owed_by_brand(brand), taken)],
            now=now,
        )
        row.owed_minor -= taken
    if row.owed_minor == 0:
        close(tx, row, state=ReversalState.CLEARED, now=now)


def close(tx: Tx, row: TopUpReversal, *, state: ReversalState, now: datetime) -> None:
    """Nothing of it is owed any more; the brand thaws with its last one."""
    row.state, row.owed_minor, row.closed_at = state, 0, now
    tx.flush()
    left = select(func.count()).where(
        TopUpReversal.brand_id == row.brand_id, TopUpReversal.state.in_(FREEZES)
    )
    if not tx.scalar(left):
        record(tx, BrandThawed(brand=row.brand_id, reversal=row.id))


def _withdraw(tx: Tx, top_up: TopUp, reading: DisputeReading, now: datetime) -> TopUpReversal:
    """Stripe has taken the money, and its fee: the brand owes the one, the platform loses the other."""
    amount, fee = reading.withdrawn_minor, reading.fee_minor
    post(
        tx,
        kind="dispute",
        key=f"dp:{reading.dispute_id}:withdrawn",
        currency=top_up.currency,
        legs=[
            debit(owed_by_brand(top_up.brand_id), amount),
            debit(DISPUTE_LOSS, fee),
            credit(STRIPE_AVAILABLE, amount + fee),
        ],
        now=now,
    )
    return _write(
        tx,
        top_up,
        kind=ReversalKind.DISPUTE,
        object_id=reading.dispute_id,
        state=ReversalState.OPEN,
        amount_minor=amount,
        fee_minor=fee,
        owed_minor=amount,
        reason=reading.reason,
        now=now,
    )


def _reinstate(tx: Tx, row: TopUpReversal, reading: DisputeReading, now: datetime) -> None:
    """Won: what is still owed is owed no more; what the brand paid of it meanwhile is its own again."""
    if row.state is ReversalState.WON:
        return
    settled, rest = against_debt(reading.reinstated_minor, owed_minor=row.owed_minor)
    written_off = row.state is ReversalState.WRITTEN_OFF
    post(
        tx,
        kind="dispute_won",
        key=f"dp:{reading.dispute_id}:reinstated",
        currency=row.currency,
        legs=[
            debit(STRIPE_AVAILABLE, reading.reinstated_minor + reading.fee_returned_minor),
            credit(owed_by_brand(row.brand_id), settled),
            credit(BAD_DEBT_BRAND if written_off else wallet(row.brand_id), rest),
            credit(DISPUTE_LOSS, reading.fee_returned_minor),
        ],
        now=now,
    )
    close(tx, row, state=ReversalState.WON, now=now)


def _write(
    tx: Tx,
    top_up: TopUp,
    *,
    kind: ReversalKind,
    object_id: str,
    state: ReversalState,
    amount_minor: int,
    fee_minor: int,
    owed_minor: int,
    reason: str,
    now: datetime,
) -> TopUpReversal:
    row = TopUpReversal(
        brand_id=top_up.brand_id,
        id=ReversalId(new_id()),
        top_up_id=top_up.id,
        kind=kind,
        object_id=object_id,
        state=state,
        currency=top_up.currency,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        owed_minor=owed_minor,
        reason=reason,
        opened_at=now,
        closed_at=None if state in FREEZES else now,
    )
    tx.add(row)
    tx.flush()
    if state in FREEZES:
        record(tx, BrandFrozen(brand=row.brand_id, reversal=row.id, reason=reason))
    return row


def _of_object(tx: Tx, object_id: str) -> TopUpReversal | None:
    wanted = select(TopUpReversal).where(TopUpReversal.object_id == object_id)
    return tx.scalars(wanted.execution_options(populate_existing=True)).one_or_none()


def _unclaimed(tx: Tx, brand: BrandId) -> TicketId | None:
    found = tx.execute(_UNCLAIMED, {"brand": brand}).scalar_one_or_none()
    return None if found is None else TicketId(found)


# The one that can wait longest goes first. Whoever claims it meanwhile keeps it.
_UNCLAIMED = text(
    "SELECT ticket_id FROM pool_ticket WHERE brand_id = :brand AND state = 'open' AND claim_number = 0 "
    "ORDER BY rank_at DESC, ticket_id DESC LIMIT 1"
)
