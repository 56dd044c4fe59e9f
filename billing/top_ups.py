"""Money into a brand's wallet: asked for, paid at Stripe, credited once when Stripe says it succeeded."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, or_, select, update

from billing.accounts import STRIPE_AVAILABLE, STRIPE_FEES, STRIPE_PENDING, wallet
from billing.gateway import CallRejected, CallUnknown, PaymentGateway, TopUpCheckout, TopUpStatus
from billing.gateway import TopUpState as AtStripe
from billing.ledger import credit, debit, post
from billing.models import TopUp, TopUpState
from billing.reversals import has_failed, take_failed
from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import WalletFunded
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId, TopUpId, new_id
from marketplace.kernel.money import Money

CURRENCIES = ("usd", "eur", "gbp", "cad", "aud", "chf", "jpy")
LOWEST_TOP_UP_MINOR = 100
HIGHEST_TOP_UP_MINOR = 99_999_999
SWEEP_LIMIT = 50
LOOK_AGAIN = timedelta(seconds=5)
LONGEST_LOOK = timedelta(hours=1)
UNPAID = (TopUpState.OPEN, TopUpState.PROCESSING)

log = structlog.get_logger()


class BadAmount(Invalid):
    """A top-up is at least 1.00 and at most 999,999.99."""


class OtherCurrency(Conflict):
    """A brand has one currency, fixed by its first price or top-up."""


class TopUpNotFound(NotFound):
    """There is no such top-up."""


class UnknownCurrency(Invalid):
    """Choose one of the currencies we take."""


def fix_currency(tx: Tx, *, brand: BrandId, currency: str) -> None:
    """Give a brand its currency, once. Raises OtherCurrency when it has another."""
    fixed = update(Brand).where(Brand.id == brand, (Brand.currency.is_(None)) | (Brand.currency == currency))
    if tx.execute(fixed.values(currency=currency).returning(Brand.id)).first() is None:
        raise OtherCurrency


def ask_top_up(tx: Tx, *, brand: BrandId, amount: Money, person: PersonId | None, now: datetime) -> TopUp:
    """Write down the wish, with the id its Stripe call will carry; nothing is credited yet."""
    if not LOWEST_TOP_UP_MINOR <= amount.amount_minor <= HIGHEST_TOP_UP_MINOR:
        raise BadAmount
    if amount.currency not in CURRENCIES:
        raise UnknownCurrency(f"Choose a currency we take: {', '.join(CURRENCIES)}.")
    fix_currency(tx, brand=brand, currency=amount.currency)
    top_up = TopUp(
        brand_id=brand,
        id=TopUpId(new_id()),
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        state=TopUpState.CREATED,
        requested_by=person,
        created_at=now,
        due_at=now + LOOK_AGAIN,
    )
    tx.add(top_up)
    tx.flush()
    return top_up


def open_checkout(
    database: Database, gateway: PaymentGateway, *, brand: BrandId, top_up: TopUpId, return_url: str
) -> str:
    """The page at Stripe where the brand pays; calling again gives the same page (same key)."""
    with database.transaction(Scope(brand=brand)) as tx:
        row = _top_up(tx, brand, top_up)
        if row.checkout_url is not None:
            return row.checkout_url
        amount, currency = row.amount_minor, row.currency
    checkout = gateway.create_top_up_checkout(
        reference=str(top_up),
        amount_minor=amount,
        currency=currency,
        success_url=return_url,
        cancel_url=return_url,
        key=f"top_up:{top_up}",
    )
    keep_checkout(database, brand=brand, top_up=top_up, checkout=checkout)
    return checkout.url


def keep_checkout(database: Database, *, brand: BrandId, top_up: TopUpId, checkout: TopUpCheckout) -> None:
    """The page's address and id, by which its payment is asked for."""
    with database.transaction(Scope(brand=brand)) as tx:
        row = _top_up(tx, brand, top_up)
        row.checkout_session, row.checkout_url = checkout.session_id, checkout.url
        if row.state is TopUpState.CREATED:
            row.state = TopUpState.OPEN


def settle_due(database: Database, gateway: PaymentGateway) -> int:
    """Ask Stripe about up to 50 top-ups with a page that are due, unfinished or not yet available; how many."""
    with database.transaction() as tx:
        now = app_now(tx)
        due = tx.execute(
            select(TopUp.brand_id, TopUp.id)
            .where(
                or_(
                    TopUp.state.in_(UNPAID),
                    and_(TopUp.state == TopUpState.PAID, TopUp.available_at.is_(None)),
                ),
                TopUp.checkout_session.is_not(None),
                TopUp.due_at <= now,
            )
            .order_by(TopUp.due_at)
            .limit(SWEEP_LIMIT)
        ).all()
    for brand, top_up in due:
        settle(database, gateway, brand=brand, top_up=top_up)
    return len(due)


def settle(database: Database, gateway: PaymentGateway, *, brand: BrandId, top_up: TopUpId) -> None:
    """Read one top-up's state at Stripe and act on it: credit once, or close it. Unknown: later."""
    with database.transaction(Scope(brand=brand)) as tx:
        session = _top_up(tx, brand, top_up).checkout_session
    if session is None:
        return
    try:
        status = gateway.top_up_status(session)
    except (CallUnknown, CallRejected) as error:
        log.warning("top_up.unread", top_up=str(top_up), reason=str(error))
        status = None
    with database.transaction(Scope(brand=brand)) as tx:
        apply_status(tx, brand=brand, top_up=top_up, status=status, now=app_now(tx))


def apply_status(
    tx: Tx, *, brand: BrandId, top_up: TopUpId, status: TopUpStatus | None, now: datetime
) -> None:
    """Act on what was just read at Stripe, forward only: an older reading than the last one changes nothing."""
    row = _top_up(tx, brand, top_up)
    row.due_at = now + min(max(LOOK_AGAIN, (now - row.created_at) / 10), LONGEST_LOOK)
    if status is None:
        return
    if row.state in UNPAID:
        match status.state:
            case AtStripe.PAID:
                _credit(tx, row, status, now)
            case AtStripe.PROCESSING:
                row.state = TopUpState.PROCESSING
            case AtStripe.FAILED:
                row.state = TopUpState.FAILED
            case AtStripe.EXPIRED:
                row.state = TopUpState.EXPIRED
            case AtStripe.OPEN:
                pass
    elif row.state is TopUpState.PAID and status.state is AtStripe.FAILED and row.payment_intent:
        take_failed(tx, top_up=row, payment_intent=row.payment_intent, now=now)
    if row.state is TopUpState.PAID and row.available_at is None and status.available:
        _make_available(tx, row, status, now)


def _credit(tx: Tx, row: TopUp, status: TopUpStatus, now: datetime) -> None:
    """The wallet gets the gross amount once Stripe has booked it; Stripe's fee is the platform's expense."""
    intent, fee = status.payment_intent_id, status.fee_minor
    if intent is None or fee is None or status.balance_transaction_id is None:
        row.state = TopUpState.PROCESSING
        return
    paid = (status.reference, status.gross_minor, status.currency, status.settled_currency)
    if paid != (str(row.id), row.amount_minor, row.currency, row.currency):
        log.error("top_up.differs", top_up=str(row.id), paid=status.gross_minor, asked=row.amount_minor)
        return
    post(
        tx,
        kind="top_up",
        key=f"topup:{intent}",
        legs=[debit(STRIPE_PENDING, row.amount_minor), credit(wallet(row.brand_id), row.amount_minor)],
        currency=row.currency,
        now=now,
    )
    if fee:
        post(
            tx,
            kind="stripe_fee",
            key=f"bt:{status.balance_transaction_id}",
            legs=[debit(STRIPE_FEES, fee), credit(STRIPE_PENDING, fee)],
            currency=row.currency,
            now=now,
        )
    row.state, row.payment_intent = TopUpState.PAID, intent
    row.balance_transaction = status.balance_transaction_id
    record(tx, WalletFunded(brand=row.brand_id, top_up=row.id))


def _make_available(tx: Tx, row: TopUp, status: TopUpStatus, now: datetime) -> None:
    """What Stripe kept back for some days can be sent on from now. Of a payment that failed only its fee is left."""
    gross = 0 if has_failed(tx, brand=row.brand_id, top_up=row.id) else row.amount_minor
    net = gross - (status.fee_minor or 0)
    more, less = (STRIPE_AVAILABLE, STRIPE_PENDING) if net >= 0 else (STRIPE_PENDING, STRIPE_AVAILABLE)
    post(
        tx,
        kind="available",
        key=f"avail:{row.balance_transaction}",
        legs=[debit(more, abs(net)), credit(less, abs(net))],
        currency=row.currency,
        now=now,
    )
    row.available_at = now


def _top_up(tx: Tx, brand: BrandId, top_up: TopUpId) -> TopUp:
    row = tx.get(TopUp, (brand, top_up), with_for_update=True)
    if row is None:
        raise TopUpNotFound
    return row
