"""The port through which a brand's money is asked for, given back and billed, in our words.

The three ends of a call are those of `billing.gateway`: a value, CallRejected (nothing happened) or CallUnknown (it may
have happened); only CredentialsRefused stands beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.funds_models import FundsOperation
from billing.gateway import TopUpCheckout, TopUpStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider made of a stored call. With a `refusal` the object exists, and nothing was paid by it."""

    object_id: str
    refusal: str | None = None


class RefundPhase(StrEnum):
    SENT = "sent"
    ARRIVED = "arrived"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReading:
    """A refund as of this call."""

    refund_id: str
    phase: RefundPhase
    reason: str | None


class DisputePhase(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeReading:
    """A dispute as of this call; what it moved on the platform's balance, in the currency of that balance.

    `withdrawn_minor` and `reinstated_minor` are without fees; `fee_minor` is what the dispute cost beside, and
    `fee_returned_minor` what came back of it. An inquiry moves nothing.
    """

    dispute_id: str
    payment_intent: str | None
    phase: DisputePhase
    reason: str
    currency: str
    withdrawn_minor: int
    fee_minor: int
    reinstated_minor: int
    fee_returned_minor: int


class InvoicePhase(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayment:
    """Money for an invoice; without a `payment_intent` it did not come through the provider."""

    id: str
    amount_minor: int
    payment_intent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """`off_debt_minor` was not paid yet, `refunded_minor` went back to the payer, `kept_minor` stays as credit."""

    id: str
    off_debt_minor: int
    kept_minor: int
    refunded_minor: int
    is_void: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReading:
    """An invoice as of this call."""

    invoice_id: str
    phase: InvoicePhase
    number: str | None
    page_url: str | None
    due_at: datetime | None
    payments: tuple[InvoicePayment, ...]
    credit_notes: tuple[CreditNote, ...]


class FundsPort(Protocol):
    """What brands' money asks of a payment provider. Keys are ours and stored before the call."""

    @property
    def environment(self) -> str: ...

    def create_customer(self, *, brand_ref: str, name: str, email: str | None, key: str) -> str:
        """The id under which the provider knows a brand; without an address it cannot be sent invoices."""
        ...

    def address_customer(self, *, customer: str, name: str, email: str, key: str) -> None:
        """Whom invoices go to from now on."""
        ...

    def create_saving_checkout(
        self,
        *,
        reference: str,
        customer: str,
        amount_minor: int,
        currency: str,
        success_url: str,
        cancel_url: str,
        key: str,
    ) -> TopUpCheckout:
        """A page like that of a top-up, which also keeps the method for charges while nobody is there."""
        ...

    def saved_method(self, session_id: str) -> str | None:
        """The method that a paid checkout kept; None when it kept none, or is not paid."""
        ...

    def payment_status(self, payment_intent: str) -> TopUpStatus:
        """How far a payment is that has no page."""
        ...

    def execute(self, operation: FundsOperation, params: Mapping[str, object], *, key: str) -> Answer:
        """Make a stored call, with its parameters exactly as they were stored."""
        ...

    def find(self, operation: FundsOperation, params: Mapping[str, object]) -> Answer | None:
        """What came of a call whose answer was lost, by our name on it. One made moments ago may be missing."""
        ...

    def refund_reading(self, refund_id: str) -> RefundReading: ...

    def dispute_reading(self, dispute_id: str) -> DisputeReading: ...

    def disputes_since(self, moment: datetime) -> list[str]:
        """Ids of disputes that were opened since then, newest first."""
        ...

    def invoice_reading(self, invoice_id: str) -> InvoiceReading: ...


def charge_params(
    *, environment: str, reference: str, customer: str, method: str, amount_minor: int, currency: str
) -> dict[str, object]:
    """A charge of a saved method while nobody is there to confirm it."""
    return {
        "amount": amount_minor,
        "currency": currency,
        "customer": customer,
        "payment_method": method,
        "confirm": True,
        "off_session": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {"env": environment, "top_up_ref": reference},
    }


def refund_params(
    *, environment: str, reference: str, payment_intent: str, amount_minor: int
) -> dict[str, object]:
    return {
        "payment_intent": payment_intent,
        "amount": amount_minor,
        "metadata": {"env": environment, "refund_ref": reference},
    }


def invoice_params(
    *, environment: str, reference: str, customer: str, currency: str, days_until_due: int
) -> dict[str, object]:
    """An empty draft; its one line and its sending are calls of their own."""
    return {
        "customer": customer,
        "currency": currency,
        "collection_method": "send_invoice",
        "days_until_due": days_until_due,
        "pending_invoice_items_behavior": "exclude",
        "auto_advance": False,
        "metadata": {"env": environment, "invoice_ref": reference},
    }


def invoice_line_params(
    *, environment: str, reference: str, customer: str, invoice: str, amount_minor: int, currency: str
) -> dict[str, object]:
    return {
        "customer": customer,
        "invoice": invoice,
        "amount": amount_minor,
        "currency": currency,
        "description": "Customer service tickets on credit",
        "metadata": {"env": environment, "invoice_ref": reference},
    }


def invoice_send_params(*, invoice: str) -> dict[str, object]:
    return {"invoice": invoice}
