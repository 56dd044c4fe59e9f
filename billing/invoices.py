"""Bills for what invoiced brands owe: planned at a month's turn or a threshold, sent by Stripe, settled by payments.

What an invoice bills is counted as billed until it is paid, credited, voided or refused, so that nothing is billed
twice. An invoice takes three stored calls: its draft, its line, its sending. Payments and credit notes settle what is
left of their invoice; more than that is the wallet's. Debts from payments that were taken back are never billed.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, func, or_, select, text

from billing.accounts import (
    BANK,
    FEE_DISCOUNT,
    STRIPE_AVAILABLE,
    STRIPE_FEES,
    STRIPE_PENDING,
    owed_by_brand,
    wallet,
)
from billing.brand_balances import lock_standing
from billing.brand_customers import address, customer_of
from billing.credit_lines import next_first
from billing.fund_split import against_debt
from billing.funds_calls import About, Reaction, store_call
from billing.funds_models import (
    BrandInvoice,
    CreditLine,
    FundsCall,
    FundsOperation,
    InvoiceMovement,
    InvoiceState,
    MovementKind,
    ReversalState,
    TopUpReversal,
)
from billing.funds_port import (
    CreditNote,
    FundsPort,
    InvoicePayment,
    InvoicePhase,
    InvoiceReading,
    invoice_line_params,
    invoice_params,
    invoice_send_params,
)
from billing.gateway import CallRejected, CallUnknown, TopUpStatus
from billing.gateway import TopUpState as PaymentState
from billing.ledger import credit, debit, post
from billing.spend import today
from marketplace.events.commands import record
from marketplace.events.facts import WalletRestored
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import NOBODY, Database, Tx
from marketplace.kernel.ids import BrandId, InvoiceId, new_id

BRANDS_A_SWEEP = 50
INVOICES_A_SWEEP = 20
READ_AGAIN = timedelta(minutes=10)
AFTER_A_REFUSAL = timedelta(hours=24)
STILL_BILLED = (
    InvoiceState.PLANNED,
    InvoiceState.DRAFT,
    InvoiceState.OPEN,
    InvoiceState.PAID,
    InvoiceState.UNCOLLECTIBLE,
)
STILL_READ = (InvoiceState.DRAFT, InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE)
AT_STRIPE = {
    InvoicePhase.DRAFT: InvoiceState.DRAFT,
    InvoicePhase.OPEN: InvoiceState.OPEN,
    InvoicePhase.PAID: InvoiceState.PAID,
    InvoicePhase.VOID: InvoiceState.VOID,
    InvoicePhase.UNCOLLECTIBLE: InvoiceState.UNCOLLECTIBLE,
}

log = structlog.get_logger()


def plan_invoices(database: Database) -> int:
    """Plan an invoice for each brand whose month has turned or whose debt has reached its threshold; how many."""
    with database.transaction() as tx:
        brands = tx.execute(_WITH_A_DEBT, {"limit": BRANDS_A_SWEEP}).scalars().all()
    planned = 0
    for brand in brands:
        with database.transaction() as tx:
            planned += plan_invoice(tx, brand=BrandId(brand), now=app_now(tx)) is not None
    return planned


def plan_invoice(tx: Tx, *, brand: BrandId, now: datetime) -> InvoiceId | None:
    """Bill what is owed and not billed, after the wallet has paid what it can; None while it is not time.

    The line's row is locked first: two sweeps plan one invoice.
    """
    line = tx.get(CreditLine, brand, with_for_update=True)
    if line is None or _is_being_written(tx, brand, now):
        return None
    standing = lock_standing(tx, brand=brand, currency=line.currency)
    unbilled = standing.owed_minor - _taken_back(tx, brand) - _billed(tx, brand)
    local = today(tx, brand, now)
    month_is_over = local >= line.next_invoice_on
    if not month_is_over and unbilled < line.invoice_at_minor:
        return None
    if month_is_over:
        line.next_invoice_on = next_first(local)
    if unbilled <= 0:
        return None
    invoice = InvoiceId(new_id())
    paid = min(unbilled, standing.wallet_minor)
    if paid:
        post(
            tx,
            kind="offset",
            key=f"offset:{invoice}",
            currency=line.currency,
            legs=[debit(wallet(brand), paid), credit(owed_by_brand(brand), paid)],
            now=now,
        )
    if paid == unbilled:
        return None
    tx.add(
        BrandInvoice(
            brand_id=brand,
            id=invoice,
            amount_minor=unbilled - paid,
            currency=line.currency,
            days_until_due=line.days_until_due,
            state=InvoiceState.PLANNED,
            created_at=now,
            read_at=now,
        )
    )
    tx.flush()
    return invoice


def draft_planned(database: Database, port: FundsPort) -> int:
    """Store the first call of planned invoices, once Stripe knows whom to send them to; how many."""
    with database.transaction() as tx:
        has_call = select(FundsCall.id).where(FundsCall.subject_id == BrandInvoice.id)
        planned = tx.execute(
            select(BrandInvoice.brand_id, BrandInvoice.id, CreditLine.billing_email)
            .join(CreditLine, CreditLine.brand_id == BrandInvoice.brand_id)
            .where(BrandInvoice.state == InvoiceState.PLANNED, ~has_call.exists())
            .order_by(BrandInvoice.created_at)
            .limit(INVOICES_A_SWEEP)
        ).all()
    for brand, invoice, email in planned:
        try:
            customer = customer_of(database, port, brand=brand, email=email, scope=NOBODY)
            address(database, port, brand=brand, customer=customer, email=email)
        except (CallUnknown, CallRejected) as error:
            log.warning("invoice.customer_unknown", brand=str(brand), reason=str(error))
            continue
        with database.transaction() as tx:
            _store_draft(tx, brand, invoice, customer, port.environment, app_now(tx))
    return len(planned)


def read_invoices(database: Database, port: FundsPort) -> int:
    """Second net: invoices whose events did not reach us, those not read for longest first; how many were read."""
    with database.transaction() as tx:
        due = tx.scalars(
            select(BrandInvoice.stripe_invoice)
            .where(
                BrandInvoice.state.in_(STILL_READ),
                BrandInvoice.stripe_invoice.is_not(None),
                BrandInvoice.read_at <= app_now(tx) - READ_AGAIN,
            )
            .order_by(BrandInvoice.read_at)
            .limit(INVOICES_A_SWEEP)
        ).all()
    for invoice in due:
        try:
            reading = port.invoice_reading(str(invoice))
        except (CallUnknown, CallRejected) as error:
            log.warning("invoice.unread", invoice=invoice, reason=str(error))
            continue
        with database.transaction() as tx:
            apply_invoice(tx, reading=reading, now=app_now(tx))
    return len(due)


def apply_invoice(tx: Tx, *, reading: InvoiceReading, now: datetime) -> None:
    """Act on an invoice as just read at Stripe: each payment and credit note once, states forward only."""
    row = tx.scalars(
        select(BrandInvoice).where(BrandInvoice.stripe_invoice == reading.invoice_id).with_for_update()
    ).one_or_none()
    if row is None:
        log.info("invoice.not_ours", invoice=reading.invoice_id)
        return
    lock_standing(tx, brand=row.brand_id, currency=row.currency)
    for payment in reading.payments:
        _take_payment(tx, row, payment, now)
    for note in reading.credit_notes:
        _take_credit_note(tx, row, note, now)
    row.number, row.page_url, row.due_on = reading.number, reading.page_url, reading.due_at
    row.read_at = now
    if row.state is not InvoiceState.VOID and reading.phase is not InvoicePhase.DRAFT:
        row.state = AT_STRIPE[reading.phase]
    if row.state is InvoiceState.PAID and left_of(row):
        log.error("invoice.paid_by_nothing_we_see", invoice=row.stripe_invoice, left_minor=left_of(row))
    tx.flush()


def book_payments(database: Database, port: FundsPort) -> int:
    """What Stripe keeps of invoices' payments, and that they can be sent on, once Stripe says so; how many.

    Each is looked at as often as its invoice is read: before `read_invoices`, which notes that.
    """
    with database.transaction() as tx:
        due = tx.execute(
            select(InvoiceMovement.brand_id, InvoiceMovement.invoice_id, InvoiceMovement.payment_intent)
            .join(
                BrandInvoice,
                (BrandInvoice.brand_id == InvoiceMovement.brand_id)
                & (BrandInvoice.id == InvoiceMovement.invoice_id),
            )
            .where(
                InvoiceMovement.payment_intent.is_not(None),
                InvoiceMovement.available_at.is_(None),
                BrandInvoice.read_at <= app_now(tx) - READ_AGAIN,
            )
            .order_by(InvoiceMovement.happened_at)
            .limit(INVOICES_A_SWEEP)
        ).all()
    booked = 0
    for brand, invoice, intent in due:
        try:
            status = port.payment_status(str(intent))
        except (CallUnknown, CallRejected) as error:
            log.warning("invoice.payment_unread", intent=intent, reason=str(error))
            continue
        with database.transaction() as tx:
            booked += _book(tx, brand, str(intent), status, app_now(tx))
            row = tx.get_one(BrandInvoice, (brand, invoice), with_for_update=True)
            if row.state not in STILL_READ:
                row.read_at = app_now(tx)
    return booked


def left_of(row: BrandInvoice) -> int:
    """What is still asked for, in minor units."""
    return max(0, row.amount_minor - row.paid_minor - row.credited_minor)


def _take_payment(tx: Tx, row: BrandInvoice, payment: InvoicePayment, now: datetime) -> None:
    if payment.amount_minor < 1:
        return
    settles, rest = against_debt(payment.amount_minor, owed_minor=left_of(row))
    into = STRIPE_PENDING if payment.payment_intent else BANK
    if not _is_new(tx, row, payment.id, MovementKind.PAYMENT):
        return
    post(
        tx,
        kind="invoice_paid",
        # By the payment itself: the books match it with Stripe's record by that id.
        key=f"inv:{row.stripe_invoice}:{payment.payment_intent or payment.id}",
        currency=row.currency,
        legs=[
            debit(into, payment.amount_minor),
            credit(owed_by_brand(row.brand_id), settles),
            credit(wallet(row.brand_id), rest),
        ],
        now=now,
    )
    row.paid_minor += settles
    _note(tx, row, payment.id, MovementKind.PAYMENT, payment.amount_minor, rest, payment.payment_intent, now)
    record(tx, WalletRestored(brand=row.brand_id, cause="invoice"))


def _take_credit_note(tx: Tx, row: BrandInvoice, note: CreditNote, now: datetime) -> None:
    if note.is_void:
        _take_back_credit(tx, row, note, now)
        return
    whole = note.off_debt_minor + note.kept_minor + note.refunded_minor
    if whole < 1 or not _is_new(tx, row, note.id, MovementKind.CREDIT_NOTE):
        return
    settles, rest = against_debt(note.off_debt_minor, owed_minor=left_of(row))
    post(
        tx,
        kind="credit_note",
        key=f"cn:{note.id}",
        currency=row.currency,
        legs=[
            debit(FEE_DISCOUNT, whole),
            credit(owed_by_brand(row.brand_id), settles),
            credit(wallet(row.brand_id), rest + note.kept_minor),
            credit(STRIPE_AVAILABLE, note.refunded_minor),
        ],
        now=now,
    )
    row.credited_minor += settles
    _note(tx, row, note.id, MovementKind.CREDIT_NOTE, whole, rest + note.kept_minor, None, now)
    record(tx, WalletRestored(brand=row.brand_id, cause="invoice"))


def _take_back_credit(tx: Tx, row: BrandInvoice, note: CreditNote, now: datetime) -> None:
    """A voided credit note: what it took off the debt is owed again. One that never counted has nothing to undo."""
    given = tx.get(InvoiceMovement, (row.brand_id, row.id, note.id, MovementKind.CREDIT_NOTE))
    if given is None or not _is_new(tx, row, note.id, MovementKind.CREDIT_NOTE_VOID):
        return
    amount = given.amount_minor - given.to_wallet_minor
    post(
        tx,
        kind="credit_note",
        key=f"cn:{note.id}:void",
        currency=row.currency,
        legs=[debit(owed_by_brand(row.brand_id), amount), credit(FEE_DISCOUNT, amount)],
        now=now,
    )
    row.credited_minor -= amount
    _note(tx, row, note.id, MovementKind.CREDIT_NOTE_VOID, amount, 0, None, now)


def _is_new(tx: Tx, row: BrandInvoice, object_id: str, kind: MovementKind) -> bool:
    return tx.get(InvoiceMovement, (row.brand_id, row.id, object_id, kind)) is None


def _note(
    tx: Tx,
    row: BrandInvoice,
    object_id: str,
    kind: MovementKind,
    amount_minor: int,
    to_wallet_minor: int,
    payment_intent: str | None,
    now: datetime,
) -> None:
    tx.add(
        InvoiceMovement(
            brand_id=row.brand_id,
            invoice_id=row.id,
            object_id=object_id,
            kind=kind,
            amount_minor=amount_minor,
            to_wallet_minor=to_wallet_minor,
            payment_intent=payment_intent,
            happened_at=now,
        )
    )
    tx.flush()


def _book(tx: Tx, brand: BrandId, intent: str, status: TopUpStatus, now: datetime) -> int:
    if status.state is not PaymentState.PAID or not status.available or status.fee_minor is None:
        return 0
    if status.settled_currency != status.currency:
        log.error("invoice.settled_in_another_currency", intent=intent)
        return 0
    movement = tx.scalars(
        select(InvoiceMovement)
        .where(InvoiceMovement.brand_id == brand, InvoiceMovement.payment_intent == intent)
        .with_for_update()
    ).one()
    if movement.available_at is not None:
        return 0
    fee, transaction = status.fee_minor, status.balance_transaction_id
    if fee:
        post(
            tx,
            kind="stripe_fee",
            key=f"bt:{transaction}",
            currency=status.currency,
            legs=[debit(STRIPE_FEES, fee), credit(STRIPE_PENDING, fee)],
            now=now,
        )
    net = status.gross_minor - fee
    post(
        tx,
        kind="available",
        key=f"avail:{transaction}",
        currency=status.currency,
        legs=[debit(STRIPE_AVAILABLE, net), credit(STRIPE_PENDING, net)],
        now=now,
    )
    movement.available_at = now
    return 1


def _is_being_written(tx: Tx, brand: BrandId, now: datetime) -> bool:
    """One is on its way, or was refused a moment ago: the next would be refused as well."""
    unsent = BrandInvoice.state.in_((InvoiceState.PLANNED, InvoiceState.DRAFT))
    refused = and_(
        BrandInvoice.state == InvoiceState.REFUSED, BrandInvoice.created_at > now - AFTER_A_REFUSAL
    )
    wanted = select(BrandInvoice.id).where(BrandInvoice.brand_id == brand, or_(unsent, refused)).limit(1)
    return tx.scalar(wanted) is not None


def _taken_back(tx: Tx, brand: BrandId) -> int:
    """What is owed for payments that were taken back: a bank has to decide, or the wallet pays it."""
    owed = select(func.coalesce(func.sum(TopUpReversal.owed_minor), 0)).where(
        TopUpReversal.brand_id == brand,
        TopUpReversal.state.in_((ReversalState.OPEN, ReversalState.OWED)),
    )
    return int(tx.scalar(owed) or 0)


def _billed(tx: Tx, brand: BrandId) -> int:
    """What invoices still ask for."""
    rows = tx.scalars(
        select(BrandInvoice).where(BrandInvoice.brand_id == brand, BrandInvoice.state.in_(STILL_BILLED))
    )
    return sum(left_of(row) for row in rows)


def _store_draft(
    tx: Tx, brand: BrandId, invoice: InvoiceId, customer: str, environment: str, now: datetime
) -> None:
    row = tx.get_one(BrandInvoice, (brand, invoice), with_for_update=True)
    known = select(FundsCall.id).where(FundsCall.subject_id == invoice)
    if row.state is not InvoiceState.PLANNED or tx.scalar(known) is not None:
        return
    params = invoice_params(
        environment=environment,
        reference=str(invoice),
        customer=customer,
        currency=row.currency,
        days_until_due=row.days_until_due,
    )
    store_call(tx, brand=brand, operation=FundsOperation.INVOICE, subject=invoice, params=params, now=now)


def _drafted(tx: Tx, about: About, stripe_invoice: str) -> None:
    row = _row(tx, about)
    row.state, row.stripe_invoice = InvoiceState.DRAFT, stripe_invoice
    params = invoice_line_params(
        environment=about.environment,
        reference=str(row.id),
        customer=str(about.params["customer"]),
        invoice=stripe_invoice,
        amount_minor=row.amount_minor,
        currency=row.currency,
    )
    store_call(
        tx,
        brand=row.brand_id,
        operation=FundsOperation.INVOICE_LINE,
        subject=row.id,
        params=params,
        now=about.now,
    )


def _lined(tx: Tx, about: About, _item: str) -> None:
    row = _row(tx, about)
    params = invoice_send_params(invoice=str(row.stripe_invoice))
    store_call(
        tx,
        brand=row.brand_id,
        operation=FundsOperation.INVOICE_SEND,
        subject=row.id,
        params=params,
        now=about.now,
    )


def _sent(tx: Tx, about: About, _invoice: str) -> None:
    row = _row(tx, about)
    row.state, row.sent_at = InvoiceState.OPEN, about.now
    row.read_at = about.now - READ_AGAIN  # its number and page are read at once


def _refused(tx: Tx, about: About, reason: str) -> None:
    """Stripe does not take it: a person must see why, and what it billed is billed by the next."""
    row = _row(tx, about)
    row.state, row.failure = InvoiceState.REFUSED, reason
    log.error("invoice.refused", invoice=str(row.id), reason=reason)


def _row(tx: Tx, about: About) -> BrandInvoice:
    return tx.get_one(BrandInvoice, (about.brand, about.subject), with_for_update=True)


DRAFT_REACTION = Reaction(accepted=_drafted, refused=_refused)
LINE_REACTION = Reaction(accepted=_lined, refused=_refused)
SEND_REACTION = Reaction(accepted=_sent, refused=_refused)

_WITH_A_DEBT = text(
    "SELECT c.brand_id FROM credit_line c JOIN brand b ON b.id = c.brand_id "
    "JOIN ledger_account a ON a.brand_id = c.brand_id AND a.code = 'brand_receivable' AND a.currency = c.currency "
    "AND a.balance_minor > 0 CROSS JOIN LATERAL (SELECT coalesce(sum(i.amount_minor - i.paid_minor "
    "- i.credited_minor), 0) AS minor FROM brand_invoice i WHERE i.brand_id = c.brand_id "
    "AND i.state NOT IN ('void', 'refused')) AS billed "
    "WHERE a.balance_minor - billed.minor >= c.invoice_at_minor "
    "OR c.next_invoice_on <= (app_clock() AT TIME ZONE b.time_zone)::date "
    "ORDER BY c.next_invoice_on LIMIT :limit"
)
