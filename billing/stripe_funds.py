"""What a brand's money asks of Stripe: FundsPort over our connection."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, cast

import stripe

from billing.funds_models import FundsOperation
from billing.funds_port import (
    Answer,
    CreditNote,
    DisputePhase,
    DisputeReading,
    FundsPort,
    InvoicePayment,
    InvoicePhase,
    InvoiceReading,
    RefundPhase,
    RefundReading,
)
from billing.gateway import CallUnknown, TopUpCheckout, TopUpState, TopUpStatus
from billing.stripe_connection import StripeConnection, call

if TYPE_CHECKING:
    from stripe.params import (
        CustomerCreateParams,
        InvoiceCreateParams,
        InvoiceItemCreateParams,
        PaymentIntentCreateParams,
        RefundCreateParams,
    )

PAGE_SIZE = 100
FIND_LIMIT = 1_000
PAID_OR_ON_ITS_WAY = frozenset({"succeeded", "processing"})
Listed = TypeVar("Listed", bound=stripe.StripeObject)

WITHOUT_PAYMENT = "The saved payment method was refused."


class StripeFunds(FundsPort):
    """Stripe, or fake Stripe."""

    def __init__(self, connection: StripeConnection) -> None:
        self._environment = connection.environment
        self._client = connection.client

    @property
    def environment(self) -> str:
        return self._environment

    def create_customer(self, *, brand_ref: str, name: str, email: str | None, key: str) -> str:
        wanted: CustomerCreateParams = {
            "name": name,
            "metadata": {"env": self._environment, "brand_ref": brand_ref},
        }
        if email is not None:
            wanted["email"] = email
        return call(lambda: self._client.v1.customers.create(wanted, {"idempotency_key": key}), _customer_id)

    def address_customer(self, *, customer: str, name: str, email: str, key: str) -> None:
        call(
            lambda: self._client.v1.customers.update(
                customer, {"name": name, "email": email}, {"idempotency_key": key}
            ),
            lambda _: None,
        )

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
        ours = {"env": self._environment, "top_up_ref": reference}
        return call(
            lambda: self._client.v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "client_reference_id": reference,
                    "customer": customer,
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": currency,
                                "unit_amount": amount_minor,
                                "product_data": {"name": "Prepaid ticket credit"},
                            },
                        }
                    ],
                    # A payer's own currency would settle to another amount than the wallet is credited.
                    "adaptive_pricing": {"enabled": False},
                    "payment_intent_data": {"metadata": ours, "setup_future_usage": "off_session"},
                    "metadata": ours,
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                },
                {"idempotency_key": key},
            ),
            _checkout,
        )

    def saved_method(self, session_id: str) -> str | None:
        return call(
            lambda: self._client.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]}),
            _saved_method,
        )

    def payment_status(self, payment_intent: str) -> TopUpStatus:
        return call(
            lambda: self._client.v1.payment_intents.retrieve(
                payment_intent, {"expand": ["latest_charge.balance_transaction"]}
            ),
            _payment_status,
        )

    def execute(self, operation: FundsOperation, params: Mapping[str, object], *, key: str) -> Answer:
        return self._senders()[operation](params, key)

    def find(self, operation: FundsOperation, params: Mapping[str, object]) -> Answer | None:
        return self._finders()[operation](params)

    def refund_reading(self, refund_id: str) -> RefundReading:
        return call(lambda: self._client.v1.refunds.retrieve(refund_id), _refund)

    def dispute_reading(self, dispute_id: str) -> DisputeReading:
        return call(lambda: self._client.v1.disputes.retrieve(dispute_id), _dispute)

    def disputes_since(self, moment: datetime) -> list[str]:
        def listed() -> list[stripe.Dispute]:
            first = self._client.v1.disputes.list(
                {"created": {"gte": int(moment.timestamp())}, "limit": PAGE_SIZE}
            )
            return list(islice(first.auto_paging_iter(), FIND_LIMIT))

        return call(listed, lambda found: [dispute.id for dispute in found])

    def invoice_reading(self, invoice_id: str) -> InvoiceReading:
        payments = call(lambda: self._payments(invoice_id), lambda found: tuple(map(_invoice_payment, found)))
        notes = call(lambda: self._credit_notes(invoice_id), lambda found: tuple(map(_credit_note, found)))
        return call(
            lambda: self._client.v1.invoices.retrieve(invoice_id),
            lambda invoice: _invoice(invoice, payments, notes),
        )

    def _senders(self) -> Mapping[FundsOperation, Callable[[Mapping[str, object], str], Answer]]:
        return {
            FundsOperation.CHARGE: self._charge,
            FundsOperation.REFUND: self._refund,
            FundsOperation.INVOICE: self._create_invoice,
            FundsOperation.INVOICE_LINE: self._add_line,
            FundsOperation.INVOICE_SEND: self._send_invoice,
        }

    def _finders(self) -> Mapping[FundsOperation, Callable[[Mapping[str, object]], Answer | None]]:
        return {
            FundsOperation.CHARGE: self._find_charge,
            FundsOperation.REFUND: self._find_refund,
            FundsOperation.INVOICE: self._find_invoice,
            FundsOperation.INVOICE_LINE: self._find_line,
            FundsOperation.INVOICE_SEND: self._find_sent,
        }

    def _charge(self, params: Mapping[str, object], key: str) -> Answer:
        wanted = cast("PaymentIntentCreateParams", dict(params))
        return call(
            lambda: self._client.v1.payment_intents.create(wanted, {"idempotency_key": key}), _charged
        )

    def _refund(self, params: Mapping[str, object], key: str) -> Answer:
        wanted = cast("RefundCreateParams", dict(params))
        return call(lambda: self._client.v1.refunds.create(wanted, {"idempotency_key": key}), _refunded)

    def _create_invoice(self, params: Mapping[str, object], key: str) -> Answer:
        wanted = cast("InvoiceCreateParams", dict(params))
        return call(lambda: self._client.v1.invoices.create(wanted, {"idempotency_key": key}), _made)

    def _add_line(self, params: Mapping[str, object], key: str) -> Answer:
        wanted = cast("InvoiceItemCreateParams", dict(params))
        return call(lambda: self._client.v1.invoice_items.create(wanted, {"idempotency_key": key}), _made)

    def _send_invoice(self, params: Mapping[str, object], key: str) -> Answer:
        """Sending finalizes a draft: from here on Stripe writes to the brand."""
        return call(
            lambda: self._client.v1.invoices.send_invoice(
                str(params["invoice"]), None, {"idempotency_key": key}
            ),
            _made,
        )

    def _find_charge(self, params: Mapping[str, object]) -> Answer | None:
        ours = call(
            lambda: _all(
                self._client.v1.payment_intents.list(
                    {"customer": str(params["customer"]), "limit": PAGE_SIZE}
                )
            ),
            lambda found: [_charged(one) for one in found if _is_named(one, params, "top_up_ref")],
        )
        paid = [one for one in ours if one.refusal is None]
        return _only(paid) if paid else next(iter(ours), None)

    def _find_refund(self, params: Mapping[str, object]) -> Answer | None:
        intent = str(params["payment_intent"])
        return _only(
            call(
                lambda: _all(self._client.v1.refunds.list({"payment_intent": intent, "limit": PAGE_SIZE})),
                lambda found: [_refunded(one) for one in found if _is_named(one, params, "refund_ref")],
            )
        )

    def _find_invoice(self, params: Mapping[str, object]) -> Answer | None:
        return _only(
            call(
                lambda: _all(
                    self._client.v1.invoices.list({"customer": str(params["customer"]), "limit": PAGE_SIZE})
                ),
                lambda found: [_made(one) for one in found if _is_named(one, params, "invoice_ref")],
            )
        )

    def _find_line(self, params: Mapping[str, object]) -> Answer | None:
        return _only(
            call(
                lambda: _all(
                    self._client.v1.invoice_items.list(
                        {"invoice": str(params["invoice"]), "limit": PAGE_SIZE}
                    )
                ),
                lambda found: [_made(one) for one in found if _is_named(one, params, "invoice_ref")],
            )
        )

    def _find_sent(self, params: Mapping[str, object]) -> Answer | None:
        return call(
            lambda: self._client.v1.invoices.retrieve(str(params["invoice"])),
            lambda invoice: None if invoice.status == "draft" else _made(invoice),
        )

    def _payments(self, invoice_id: str) -> list[stripe.InvoicePayment]:
        return _all(
            self._client.v1.invoice_payments.list(
                {"invoice": invoice_id, "status": "paid", "limit": PAGE_SIZE}
            )
        )

    def _credit_notes(self, invoice_id: str) -> list[stripe.CreditNote]:
        return _all(self._client.v1.credit_notes.list({"invoice": invoice_id, "limit": PAGE_SIZE}))


def _all(first: "stripe.ListObject[Listed]") -> list[Listed]:
    found = list(islice(first.auto_paging_iter(), FIND_LIMIT + 1))
    if len(found) > FIND_LIMIT:
        raise CallUnknown(f"More than {FIND_LIMIT} objects where ours is looked for.")
    return found


def _is_named(
    found: stripe.PaymentIntent | stripe.Refund | stripe.Invoice | stripe.InvoiceItem,
    params: Mapping[str, object],
    name: str,
) -> bool:
    """Whether it carries what the stored call wrote on it."""
    written = cast("Mapping[str, str]", params["metadata"])
    carried = found.metadata.to_dict() if found.metadata else {}
    return bool(written[name]) and carried.get(name) == written[name]


def _only(found: list[Answer]) -> Answer | None:
    """Two objects of one call are for a person to look at: we would not know which is ours."""
    if len(found) > 1:
        raise CallUnknown(f"Stripe holds {len(found)} objects for one stored call.")
    return found[0] if found else None


def _customer_id(customer: stripe.Customer) -> str:
    return customer.id


def _checkout(session: stripe.checkout.Session) -> TopUpCheckout:
    if session.url is None:
        raise ValueError("a checkout without a page")
    return TopUpCheckout(session_id=session.id, url=session.url)


def _saved_method(session: stripe.checkout.Session) -> str | None:
    intent = session.payment_intent
    if not isinstance(intent, stripe.PaymentIntent) or intent.status != "succeeded":
        return None
    return _id(intent.payment_method)


def _charged(intent: stripe.PaymentIntent) -> Answer:
    if intent.status in PAID_OR_ON_ITS_WAY:
        return Answer(object_id=intent.id)
    error = intent.last_payment_error
    return Answer(object_id=intent.id, refusal=(error and error.message) or WITHOUT_PAYMENT)


def _refunded(refund: stripe.Refund) -> Answer:
    return Answer(object_id=refund.id)


def _made(found: stripe.Invoice | stripe.InvoiceItem) -> Answer:
    return Answer(object_id=found.id)


def _payment_status(intent: stripe.PaymentIntent) -> TopUpStatus:
    charge = intent.latest_charge
    transaction = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
    booked = transaction if isinstance(transaction, stripe.BalanceTransaction) else None
    metadata = intent.metadata.to_dict() if intent.metadata else {}
    return TopUpStatus(
        session_id="",
        reference=metadata.get("top_up_ref", ""),
        state=_payment_state(intent.status),
        currency=intent.currency,
        gross_minor=intent.amount,
        payment_intent_id=intent.id,
        fee_minor=booked.fee if booked else None,
        settled_currency=booked.currency if booked else None,
        balance_transaction_id=booked.id if booked else None,
        available=booked is not None and booked.status == "available",
    )


def _payment_state(status: str) -> TopUpState:
    match status:
        case "succeeded":
            return TopUpState.PAID
        case "requires_payment_method" | "canceled":
            return TopUpState.FAILED
    return TopUpState.PROCESSING


def _refund(refund: stripe.Refund) -> RefundReading:
    match refund.status:
        case "succeeded":
            phase = RefundPhase.ARRIVED
        case "failed" | "canceled":
            phase = RefundPhase.FAILED
        case _:
            phase = RefundPhase.SENT
    # The reason is absent, not empty, while nothing has failed.
    reason = getattr(refund, "failure_reason", None)
    return RefundReading(refund_id=refund.id, phase=phase, reason=reason)


def _dispute(dispute: stripe.Dispute) -> DisputeReading:
    moves = dispute.balance_transactions
    out = [move for move in moves if move.amount < 0]
    back = [move for move in moves if move.amount >= 0]
    match dispute.status:
        case "won":
            phase = DisputePhase.WON
        case "lost":
            phase = DisputePhase.LOST
        case _:
            phase = DisputePhase.OPEN
    return DisputeReading(
        dispute_id=dispute.id,
        payment_intent=_id(dispute.payment_intent),
        phase=phase,
        reason=dispute.reason,
        currency=moves[0].currency if moves else dispute.currency,
        withdrawn_minor=-sum(move.amount for move in out),
        fee_minor=sum(move.fee for move in out),
        reinstated_minor=sum(move.amount for move in back),
        fee_returned_minor=-sum(move.fee for move in back),
    )


def _invoice_payment(payment: stripe.InvoicePayment) -> InvoicePayment:
    intent = getattr(payment.payment, "payment_intent", None)
    return InvoicePayment(id=payment.id, amount_minor=payment.amount_paid or 0, payment_intent=_id(intent))


def _credit_note(note: stripe.CreditNote) -> CreditNote:
    refunded = sum(refund.amount_refunded for refund in note.refunds)
    return CreditNote(
        id=note.id,
        off_debt_minor=note.pre_payment_amount,
        kept_minor=note.post_payment_amount - refunded,
        refunded_minor=refunded,
        is_void=note.status == "void",
    )


def _invoice(
    invoice: stripe.Invoice, payments: tuple[InvoicePayment, ...], notes: tuple[CreditNote, ...]
) -> InvoiceReading:
    return InvoiceReading(
        invoice_id=invoice.id,
        phase=InvoicePhase(invoice.status or "draft"),
        number=invoice.number,
        page_url=invoice.hosted_invoice_url,
        due_at=datetime.fromtimestamp(invoice.due_date, UTC) if invoice.due_date else None,
        payments=payments,
        credit_notes=notes,
    )


def _id(reference: object) -> str | None:
    """Stripe gives an id, or the object where it was expanded, or nothing."""
    if reference is None or isinstance(reference, str):
        return reference
    return str(cast("stripe.PaymentIntent", reference).id)
