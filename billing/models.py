"""Tables of money: the ledger, earnings, payouts in batches, calls to Stripe, top-ups."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from billing.bonus_models import Bonus, Tip
from billing.judgement_models import RejectionAppeal
from billing.payout_models import TransferReversal
from marketplace.kernel.db import TIMESTAMP, Base, Json, MinorUnits, state_of
from marketplace.kernel.ids import (
    BatchId,
    BonusId,
    BrandId,
    EarningId,
    EscalationId,
    PayoutId,
    PersonId,
    RecallId,
    RejectionAppealId,
    ResolutionId,
    TermsId,
    TicketId,
    TipId,
    TopUpId,
    TransferReversalId,
    WorkerId,
)


class Side(StrEnum):
    DEBIT = "D"
    CREDIT = "C"


class AccountKind(Base):
    """The chart of accounts: a code, its normal side, and whether its balance may never go below zero."""

    __tablename__ = "ledger_account_kind"

    code: Mapped[str] = mapped_column(primary_key=True)
    normal: Mapped[Side] = mapped_column(state_of(Side, "normal_side"))
    floor_zero: Mapped[bool]


class LedgerAccount(Base):
    """One account of one owner and currency. Only accounts with a floor keep a balance (a locked row)."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        UniqueConstraint(
            "code",
            "brand_id",
            "worker_id",
            "currency",
            name="uq_ledger_account_owner",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("NOT floor_zero OR balance_minor >= 0", name="floor"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
        Index("ix_ledger_account_worker", "worker_id"),
        Index("ix_ledger_account_brand", "brand_id"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(ForeignKey("ledger_account_kind.code"))
    brand_id: Mapped[BrandId | None] = mapped_column(ForeignKey("brand.id"))
    worker_id: Mapped[WorkerId | None] = mapped_column(ForeignKey("worker.id"))
    currency: Mapped[str]
    normal: Mapped[Side] = mapped_column(state_of(Side, "account_normal_side"))
    floor_zero: Mapped[bool]
    balance_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")


class LedgerTxn(Base):
    """One balanced set of postings under one key. Never changed: another `reverses` it, once, or `corrects` it."""

    __tablename__ = "ledger_txn"
    __table_args__ = (
        Index("ix_ledger_txn_ticket", "ticket_id"),
        Index("ix_ledger_txn_corrects", "corrects", postgresql_where=text("corrects IS NOT NULL")),
        CheckConstraint("num_nonnulls(reverses, corrects) <= 1", name="one_link"),
        CheckConstraint("id <> reverses AND id <> corrects", name="other"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]
    ticket_id: Mapped[TicketId | None]
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_txn.id"), unique=True)
    corrects: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_txn.id"))
    effective_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    posted_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class LedgerEntry(Base):
    """One leg: a positive amount on one side of one account."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="positive"),
        UniqueConstraint("account_id", "account_version"),
        Index("ix_ledger_entry_account", "account_id", "id"),
        Index("ix_ledger_entry_txn", "txn_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    txn_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_txn.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    side: Mapped[Side] = mapped_column(state_of(Side, "entry_side"))
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    account_version: Mapped[int | None] = mapped_column(BigInteger)
    balance_after_minor: Mapped[int | None] = mapped_column(BigInteger)


class EarningKind(StrEnum):
    RESOLUTION = "resolution"
    ESCALATION = "escalation"
    RECALL = "recall"
    TIP = "tip"
    BONUS = "bonus"
    RESTORED = "restored"


class EarningState(StrEnum):
    IN_WINDOW = "in_window"
    PAYABLE = "payable"
    BATCHED = "batched"
    SENDING = "sending"
    SENT = "sent"
    REVERSED = "reversed"
    HELD = "held"
    DISPUTED = "disputed"
    REJECTED = "rejected"
    CLAWED_BACK = "clawed_back"
    UNCLAIMED = "unclaimed"  # the worker was not heard of for too long


class Earning(Base):
    """What one cause pays one worker: a resolution, a confirmed escalation, a recall by the brand, a tip, a bonus, or
    an appeal that restored rejected pay.

    `surge_minor` is the part that a surge added; `fee_minor` the platform's fee for it, which goes where the pay goes.
    """

    __tablename__ = "earning"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "resolution_id"], ["resolution.brand_id", "resolution.id"]),
        ForeignKeyConstraint(["brand_id", "escalation_id"], ["escalation.brand_id", "escalation.id"]),
        ForeignKeyConstraint(["brand_id", "recall_id"], ["recall.brand_id", "recall.id"]),
        ForeignKeyConstraint(["brand_id", "terms_id"], ["terms.brand_id", "terms.id"]),
        UniqueConstraint("brand_id", "resolution_id", "worker_id"),
        UniqueConstraint("brand_id", "escalation_id"),
        UniqueConstraint("brand_id", "recall_id", "worker_id"),
        ForeignKeyConstraint(["brand_id", "tip_id"], [Tip.brand_id, Tip.id]),
        ForeignKeyConstraint(["brand_id", "bonus_id"], [Bonus.brand_id, Bonus.id]),
        ForeignKeyConstraint(
            ["brand_id", "appeal_id"], [RejectionAppeal.brand_id, RejectionAppeal.id], use_alter=True
        ),
        *(
            Index(f"uq_earning_{cause}", cause, unique=True, postgresql_where=text(f"{cause} IS NOT NULL"))
            for cause in ("tip_id", "bonus_id", "appeal_id")
        ),
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint(
            "num_nonnulls(resolution_id, escalation_id, recall_id, tip_id, bonus_id, appeal_id) = 1",
            name="one_cause",
        ),
        CheckConstraint("surge_minor BETWEEN 0 AND amount_minor AND fee_minor >= 0", name="parts"),
        Index("ix_earning_id", "id"),
        Index("ix_earning_worker", "worker_id", "accrued_at"),
        Index("ix_earning_maturing", "window_ends_at", postgresql_where=text("state = 'in_window'")),
        Index("ix_earning_state", "state", "accrued_at"),
        Index(
            "ix_earning_decided",
            "brand_id",
            "payable_at",
            postgresql_where=text("kind = 'resolution' AND payable_at IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[EarningId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    kind: Mapped[EarningKind] = mapped_column(state_of(EarningKind, "earning_kind"))
    resolution_id: Mapped[ResolutionId | None]
    escalation_id: Mapped[EscalationId | None]
    recall_id: Mapped[RecallId | None]
    tip_id: Mapped[TipId | None]
    bonus_id: Mapped[BonusId | None]
    appeal_id: Mapped[RejectionAppealId | None]
    terms_id: Mapped[TermsId]
    amount_minor: Mapped[MinorUnits]
    surge_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    fee_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    currency: Mapped[str]
    state: Mapped[EarningState] = mapped_column(state_of(EarningState, "earning_state"))
    accrued_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    window_ends_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    payable_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class BatchState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RELEASING = "releasing"
    DONE = "done"
    DONE_WITH_FAILURES = "done_with_failures"
    VOID = "void"


class PayoutBatch(Base):
    """A pay run: what is paid to whom, bound by a content hash that two different people sign; three, over a sum.

    `shortfall_minor` is what the platform lacks at Stripe to send the rest, while sending waits for it.
    """

    __tablename__ = "payout_batch"
    __table_args__ = (
        CheckConstraint("approved_by IS NULL OR approved_by <> submitted_by", name="four_eyes"),
        CheckConstraint(
            "state NOT IN ('approved', 'releasing', 'done', 'done_with_failures') OR "
            "(submitted_by IS NOT NULL AND approved_by IS NOT NULL AND approved_hash IS NOT NULL "
            "AND approved_hash = content_hash)",
            name="approved_by_two",
        ),
        CheckConstraint(
            "seconded_by IS NULL OR (seconded_by <> submitted_by AND seconded_by <> approved_by)",
            name="six_eyes",
        ),
        CheckConstraint("shortfall_minor > 0", name="shortfall"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
    )

    id: Mapped[BatchId] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    currency: Mapped[str]
    state: Mapped[BatchState] = mapped_column(state_of(BatchState, "batch_state"))
    content_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    created_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    submitted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    submitted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    approved_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    approved_hash: Mapped[str | None]
    second_over_minor: Mapped[int | None] = mapped_column(BigInteger)
    seconded_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    seconded_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    released_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    released_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    voided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    shortfall_minor: Mapped[int | None] = mapped_column(BigInteger)
    shortfall_note: Mapped[str | None]


class PayoutState(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    VOID = "void"
    NETTED = "netted"  # all of it went against what the worker owed: nothing to send
    CANCELLED = "cancelled"  # after the release, before anything was asked of Stripe


class ReviewCause(StrEnum):
    """Why finance looks at a payout before its batch is submitted."""

    FIRST_PAYOUT = "first_payout"
    BANK_CHANGED = "bank_changed"


class Payout(Base):
    """Our one Stripe transfer to one worker in one batch.

    `amount_minor` is sent, after `netted_minor` of its earnings went against what the worker owed. `bank` is the
    account that Stripe passed money on to when the batch was drafted, None where that was not read yet. Of what was
    sent, `reversed_minor` came back and `reversing_minor` is being asked back.
    """

    __tablename__ = "payout"
    __table_args__ = (
        UniqueConstraint("batch_id", "worker_id"),
        CheckConstraint("amount_minor % money_step(currency) = 0", name="whole_steps"),
        CheckConstraint(
            "amount_minor >= 0 AND netted_minor >= 0 AND amount_minor + netted_minor > 0", name="positive"
        ),
        CheckConstraint(
            "reversing_minor >= 0 AND reversed_minor >= 0 AND reversing_minor + reversed_minor <= amount_minor",
            name="reversed",
        ),
        CheckConstraint("state <> 'netted' OR amount_minor = 0", name="nothing_to_send"),
        CheckConstraint(
            "(state = 'accepted') = (stripe_transfer IS NOT NULL)", name="accepted_names_its_transfer"
        ),
        Index("ix_payout_worker", "worker_id", "created_at"),
        Index(
            "ix_payout_unreviewed",
            "batch_id",
            postgresql_where=text("review IS NOT NULL AND reviewed_by IS NULL"),
        ),
        Index(
            "ix_payout_under_way",
            "batch_id",
            "id",
            postgresql_where=text("state IN ('planned', 'sending', 'unknown')"),
        ),
    )

    id: Mapped[PayoutId] = mapped_column(primary_key=True)
    batch_id: Mapped[BatchId] = mapped_column(ForeignKey("payout_batch.id"))
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    currency: Mapped[str]
    amount_minor: Mapped[MinorUnits]
    netted_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    reversing_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    reversed_minor: Mapped[MinorUnits] = mapped_column(server_default="0")
    destination: Mapped[str]
    bank: Mapped[str | None]
    review: Mapped[ReviewCause | None] = mapped_column(state_of(ReviewCause, "review_cause"))
    reviewed_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    state: Mapped[PayoutState] = mapped_column(state_of(PayoutState, "payout_state"))
    attempt: Mapped[int] = mapped_column(server_default="0")
    failure: Mapped[str | None]
    stripe_transfer: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    paid_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class PayoutLine(Base):
    """An earning in a payout; at most one live line per earning."""

    __tablename__ = "payout_line"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "earning_id"], ["earning.brand_id", "earning.id"]),
        Index("ix_payout_line_earning", "earning_id"),
        Index("uq_payout_line_live", "earning_id", unique=True, postgresql_where=text("NOT dropped")),
    )

    payout_id: Mapped[PayoutId] = mapped_column(ForeignKey("payout.id"), primary_key=True)
    earning_id: Mapped[EarningId] = mapped_column(primary_key=True)
    brand_id: Mapped[BrandId]
    amount_minor: Mapped[MinorUnits]
    dropped: Mapped[bool] = mapped_column(server_default="false")


class StripeAccount(Base):
    """A worker's account at Stripe, as last read from Stripe.

    `bank` names the bank account behind it. `leaving_at`: the worker asked for all that is payable, however little.
    """

    __tablename__ = "stripe_account"

    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    account: Mapped[str | None] = mapped_column(unique=True)
    transfers_active: Mapped[bool] = mapped_column(server_default="false")
    payouts_enabled: Mapped[bool] = mapped_column(server_default="false")
    disabled_reason: Mapped[str | None]
    bank: Mapped[str | None]
    bank_changed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    leaving_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    read_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class CallState(StrEnum):
    READY = "ready"
    IN_DOUBT = "in_doubt"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETIRED = "retired"


class CallKind(StrEnum):
    TRANSFER = "transfer"
    TRANSFER_REVERSAL = "transfer_reversal"


class StripeCall(Base):
    """A request to Stripe, stored before it is made: its parameters and key never change.

    It belongs to a payout or to the reversal of one, as `operation` (a CallKind) says.
    """

    __tablename__ = "stripe_call"
    __table_args__ = (
        UniqueConstraint("payout_id", "attempt"),
        UniqueConstraint("reversal_id", "attempt"),
        CheckConstraint("num_nonnulls(payout_id, reversal_id) = 1", name="one_purpose"),
        Index(
            "uq_stripe_call_live_reversal",
            "reversal_id",
            unique=True,
            postgresql_where=text("state IN ('ready', 'in_doubt')"),
        ),
        Index(
            "uq_stripe_call_live",
            "payout_id",
            unique=True,
            postgresql_where=text("state IN ('ready', 'in_doubt')"),
        ),
        Index("ix_stripe_call_due", "due_at", postgresql_where=text("state IN ('ready', 'in_doubt')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    operation: Mapped[str]
    payout_id: Mapped[PayoutId | None] = mapped_column(ForeignKey("payout.id"))
    reversal_id: Mapped[TransferReversalId | None] = mapped_column(ForeignKey(TransferReversal.id))
    attempt: Mapped[int]
    params: Mapped[Json]
    fingerprint: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[CallState] = mapped_column(state_of(CallState, "call_state"))
    tries: Mapped[int] = mapped_column(server_default="0")
    lookups_empty: Mapped[int] = mapped_column(server_default="0")
    outcome: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    first_tried_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class TopUpState(StrEnum):
    CREATED = "created"
    OPEN = "open"
    PROCESSING = "processing"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


class TopUp(Base):
    """Money a brand adds to its wallet; credited once, when Stripe says it succeeded."""

    __tablename__ = "top_up"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint("(state = 'paid') = (payment_intent IS NOT NULL)", name="paid_names_its_payment"),
        Index(
            "ix_top_up_unavailable",
            "due_at",
            postgresql_where=text("state = 'paid' AND available_at IS NULL"),
        ),
        Index(
            "ix_top_up_open", "due_at", postgresql_where=text("state IN ('created', 'open', 'processing')")
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[TopUpId] = mapped_column(primary_key=True)
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    state: Mapped[TopUpState] = mapped_column(state_of(TopUpState, "top_up_state"))
    checkout_session: Mapped[str | None] = mapped_column(unique=True)
    checkout_url: Mapped[str | None]
    payment_intent: Mapped[str | None] = mapped_column(unique=True)
    balance_transaction: Mapped[str | None]
    available_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    requested_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
