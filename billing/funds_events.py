"""Events about brands' money: each is read anew at Stripe, and what is done about it goes forward only."""

from collections.abc import Mapping

from billing.inbox_events import Act, ComesTooEarly, Handler, StripeEvent
from billing.invoices import apply_invoice
from billing.reversals import apply_dispute
from billing.stripe_connection import StripeConnection
from billing.stripe_funds import StripeFunds
from billing.wallet_refunds import apply_refund, is_asked
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database


def dispute_moved(_database: Database, connection: StripeConnection, event: StripeEvent) -> Act:
    reading = StripeFunds(connection).dispute_reading(event.object_id)
    return lambda tx: apply_dispute(tx, reading=reading, now=app_now(tx))


def refund_moved(database: Database, connection: StripeConnection, event: StripeEvent) -> Act:
    """Raises ComesTooEarly while our own call has not noted which refund Stripe made of it."""
    with database.transaction() as tx:
        if is_asked(tx, reference=event.metadata.get("refund_ref", "")):
            raise ComesTooEarly
    reading = StripeFunds(connection).refund_reading(event.object_id)
    return lambda tx: apply_refund(tx, reading=reading, now=app_now(tx))


def invoice_moved(_database: Database, connection: StripeConnection, event: StripeEvent) -> Act:
    reading = StripeFunds(connection).invoice_reading(_invoice_of(event))
    return lambda tx: apply_invoice(tx, reading=reading, now=app_now(tx))


def _invoice_of(event: StripeEvent) -> str:
    """The invoice itself, or the one that a credit note or a payment names."""
    named = event.snapshot.get("invoice")
    return named if isinstance(named, str) else event.object_id


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(
        (
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
            "charge.dispute.closed",
        ),
        dispute_moved,
    ),
    **dict.fromkeys(("refund.created", "refund.updated", "refund.failed"), refund_moved),
    **dict.fromkeys(
        (
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_failed",
            "invoice.overdue",
            "invoice.voided",
            "invoice.marked_uncollectible",
            "invoice_payment.paid",
            "credit_note.created",
            "credit_note.voided",
        ),
        invoice_moved,
    ),
}
