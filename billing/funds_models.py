"""Tables of a brand's money besides top-ups by a page: promo credit, credit line, saved methods, and the way back."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from billing.models import CallState
from marketplace.kernel.db import TIMESTAMP, Base, Json, MinorUnits, state_of
from marketplace.kernel.ids import (
    BrandId,
    InvoiceId,
    PersonId,
    PromoId,
    ReversalId,
    TopUpId,
    WalletRefundId,
    WriteOffId,
)


class BrandCustomer(Base):
    """A brand as Stripe knows it: who owns a saved method, and who gets invoices."""

    __tablename__ = "brand_customer"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    customer: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class AutoTopUpState(StrEnum):
    AWAITING_METHOD = "awaiting_method"
    ON = "on"
    STOPPED = "stopped"
    OFF = "off"


class AutoTopUp(Base):
    """A brand's wish that its wallet fills itself; `saving_top_up_id` is the top-up whose payment saved the method."""

    __tablename__ = "auto_top_up"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "saving_top_up_id"], ["top_up.brand_id", "top_up.id"]),
        CheckConstraint(
            "threshold_minor >= 0 AND amount_minor > 0 AND monthly_limit_minor >= amount_minor",
            name="amounts",
        ),
        CheckConstraint("state <> 'on' OR payment_method IS NOT NULL", name="on_has_a_method"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    state: Mapped[AutoTopUpState] = mapped_column(state_of(AutoTopUpState, "auto_top_up_state"))
    currency: Mapped[str]
    threshold_minor: Mapped[MinorUnits]
    amount_minor: Mapped[MinorUnits]
    monthly_limit_minor: Mapped[MinorUnits]
    saving_top_up_id: Mapped[TopUpId | None]
    payment_method: Mapped[str | None]
    stopped_reason: Mapped[str | None]
    set_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class AutoChargeState(StrEnum):
    ASKED = "asked"  # nobody knows yet whether Stripe took it
    TAKEN = "taken"  # Stripe has the payment; the top-up says how far it is
    DONE = "done"
    REFUSED = "refused"


class AutoCharge(Base):
    """One charge of a saved method, and the month of the brand's zone that it counts in."""

    __tablename__ = "auto_charge"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "top_up_id"], ["top_up.brand_id", "top_up.id"]),
        CheckConstraint("amount_minor > 0", name="positive"),
        Index(
            "uq_auto_charge_live",
            "brand_id",
            unique=True,
            postgresql_where=text("state IN ('asked', 'taken')"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    top_up_id: Mapped[TopUpId] = mapped_column(primary_key=True)
    month: Mapped[date]
    amount_minor: Mapped[MinorUnits]
    state: Mapped[AutoChargeState] = mapped_column(state_of(AutoChargeState, "auto_charge_state"))
    payment_intent: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str | None]


class FundsOperation(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    INVOICE = "invoice"
    INVOICE_LINE = "invoice_line"
    INVOICE_SEND = "invoice_send"


class FundsCall(Base):
    """A request to Stripe about a brand's money, stored before it is made: its parameters and key never change."""

    __tablename__ = "funds_call"
    __table_args__ = (
        UniqueConstraint("operation", "subject_id", "attempt"),
        Index(
            "uq_funds_call_live",
            "operation",
            "subject_id",
            unique=True,
            postgresql_where=text("state IN ('ready', 'in_doubt')"),
        ),
        Index("ix_funds_call_due", "due_at", postgresql_where=text("state IN ('ready', 'in_doubt')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"))
    operation: Mapped[FundsOperation] = mapped_column(state_of(FundsOperation, "funds_operation"))
    subject_id: Mapped[UUID]
    attempt: Mapped[int]
    params: Mapped[Json]
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[CallState] = mapped_column(state_of(CallState, "funds_call_state"))
    tries: Mapped[int] = mapped_column(server_default="0")
    lookups_empty: Mapped[int] = mapped_column(server_default="0")
    outcome: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    first_tried_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class PromoCredit(Base):
    """Credit the platform gave a brand; what is left of it stands on its account."""

    __tablename__ = "promo_credit"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="positive"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[PromoId] = mapped_column(primary_key=True)
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    reason: Mapped[str]
    given_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    given_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class CreditLine(Base):
    """How much an invoiced brand may owe, and when it is invoiced: each month, or earlier at `invoice_at_minor`.

    `next_invoice_on` is the first of a month in the brand's zone.
    """

    __tablename__ = "credit_line"
    __table_args__ = (
        CheckConstraint("limit_minor >= 0 AND invoice_at_minor > 0", name="amounts"),
        CheckConstraint("days_until_due BETWEEN 1 AND 90", name="days"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    currency: Mapped[str]
    limit_minor: Mapped[MinorUnits]
    invoice_at_minor: Mapped[MinorUnits]
    days_until_due: Mapped[int]
    billing_email: Mapped[str]
    next_invoice_on: Mapped[date]
    set_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class InvoiceState(StrEnum):
    PLANNED = "planned"  # not at Stripe yet
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    REFUSED = "refused"  # Stripe did not take it: what it billed is billed again


class BrandInvoice(Base):
    """What a brand owed at one moment, billed at Stripe. What was paid and credited is as last read there."""

    __tablename__ = "brand_invoice"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND paid_minor >= 0 AND credited_minor >= 0", name="amounts"),
        Index(
            "ix_brand_invoice_read",
            "read_at",
            postgresql_where=text("state NOT IN ('planned', 'refused')"),
        ),
        Index(
            "uq_brand_invoice_unsent",
            "brand_id",
            unique=True,
            postgresql_where=text("state IN ('planned', 'draft')"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[InvoiceId] = mapped_column(primary_key=True)
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    days_until_due: Mapped[int]
    state: Mapped[InvoiceState] = mapped_column(state_of(InvoiceState, "invoice_state"))
    stripe_invoice: Mapped[str | None] = mapped_column(unique=True)
    number: Mapped[str | None]
    page_url: Mapped[str | None]
    paid_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    credited_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    failure: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    sent_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    due_on: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    read_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class MovementKind(StrEnum):
    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"
    CREDIT_NOTE_VOID = "credit_note_void"


class InvoiceMovement(Base):
    """A payment or credit note of an invoice, by Stripe's id; what exceeded the debt went to the wallet."""

    __tablename__ = "invoice_movement"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "invoice_id"], ["brand_invoice.brand_id", "brand_invoice.id"]),
        CheckConstraint(
            "amount_minor > 0 AND to_wallet_minor BETWEEN 0 AND amount_minor",
            name="amounts",
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    invoice_id: Mapped[InvoiceId] = mapped_column(primary_key=True)
    object_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[MovementKind] = mapped_column(state_of(MovementKind, "invoice_movement"), primary_key=True)
    amount_minor: Mapped[MinorUnits]
    to_wallet_minor: Mapped[MinorUnits]
    payment_intent: Mapped[str | None]
    available_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    happened_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class RefundState(StrEnum):
    ASKED = "asked"  # out of the wallet's free part; Stripe has not answered
    SENT = "sent"
    ARRIVED = "arrived"
    FAILED = "failed"  # back in the wallet
    REFUSED = "refused"


class WalletRefund(Base):
    """Unreserved money on its way back to where one top-up came from."""

    __tablename__ = "wallet_refund"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "top_up_id"], ["top_up.brand_id", "top_up.id"]),
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint(
            "state IN ('asked', 'refused') OR stripe_refund IS NOT NULL", name="sent_names_its_refund"
        ),
        Index("ix_wallet_refund_look", "look_at", postgresql_where=text("state = 'sent'")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[WalletRefundId] = mapped_column(primary_key=True)
    top_up_id: Mapped[TopUpId]
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    state: Mapped[RefundState] = mapped_column(state_of(RefundState, "refund_state"))
    stripe_refund: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str | None]
    asked_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    look_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class ReversalKind(StrEnum):
    DISPUTE = "dispute"
    FAILED_PAYMENT = "failed_payment"


class ReversalState(StrEnum):
    OPEN = "open"  # a dispute nobody has decided
    WON = "won"
    OWED = "owed"  # lost, or failed: the brand owes what is left of it
    CLEARED = "cleared"
    WRITTEN_OFF = "written_off"


class TopUpReversal(Base):
    """A top-up that was taken back. While it is open or owed, its brand opens no new tickets."""

    __tablename__ = "top_up_reversal"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "top_up_id"], ["top_up.brand_id", "top_up.id"]),
        CheckConstraint(
            "amount_minor > 0 AND fee_minor >= 0 AND owed_minor BETWEEN 0 AND amount_minor", name="amounts"
        ),
        CheckConstraint("state IN ('open', 'owed') OR owed_minor = 0", name="owed_until_cleared"),
        Index("ix_top_up_reversal_freezes", "brand_id", postgresql_where=text("state IN ('open', 'owed')")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ReversalId] = mapped_column(primary_key=True)
    top_up_id: Mapped[TopUpId]
    kind: Mapped[ReversalKind] = mapped_column(state_of(ReversalKind, "reversal_kind"))
    object_id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[ReversalState] = mapped_column(state_of(ReversalState, "reversal_state"))
    currency: Mapped[str]
    amount_minor: Mapped[MinorUnits]
    fee_minor: Mapped[MinorUnits]
    owed_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    reason: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class WriteOffState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


class WriteOff(Base):
    """The platform gives up what a brand owes of a reversal: one person asks, another decides."""

    __tablename__ = "write_off"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "reversal_id"], ["top_up_reversal.brand_id", "top_up_reversal.id"]),
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint(
            "state <> 'approved' OR decided_by IS NOT NULL AND decided_by <> asked_by", name="two_people"
        ),
        Index(
            "uq_write_off_live",
            "brand_id",
            "reversal_id",
            unique=True,
            postgresql_where=text("state = 'asked'"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[WriteOffId] = mapped_column(primary_key=True)
    reversal_id: Mapped[ReversalId]
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    reason: Mapped[str]
    state: Mapped[WriteOffState] = mapped_column(state_of(WriteOffState, "write_off_state"))
    asked_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    decided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
