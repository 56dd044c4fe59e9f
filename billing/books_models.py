"""Tables of the books: Stripe's record of our balance, what matches it, where the two differ, and each proof."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, JsonList, MinorUnits, StringList, state_of
from marketplace.kernel.ids import PersonId


class Part(StrEnum):
    """What of a balance transaction: the amount before its fee, the fee, or both in one."""

    AMOUNT = "amount"
    FEE = "fee"
    NET = "net"


class BreakKind(StrEnum):
    NOT_IN_LEDGER = "not_in_ledger"
    NOT_IN_STRIPE = "not_in_stripe"
    AMOUNT_DIFFERS = "amount_differs"
    UNKNOWN_TYPE = "unknown_type"
    LATE = "late"


class BalanceTransaction(Base):
    """One movement of our balance at Stripe, signed; `refs` are the ids of Stripe's objects it is about."""

    __tablename__ = "balance_transaction"
    __table_args__ = (
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
        Index("ix_balance_transaction_created", "created_at"),
        Index("ix_balance_transaction_pending", "created_at", postgresql_where=text("status = 'pending'")),
        Index("ix_balance_transaction_source", "source"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    amount_minor: Mapped[MinorUnits]
    fee_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    source: Mapped[str | None]
    refs: Mapped[StringList]
    status: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    imported_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    raw: Mapped[Json]


class BalanceMatch(Base):
    """A part of Stripe's record and the one ledger entry that says the same; the database checks that it does."""

    __tablename__ = "balance_match"
    __table_args__ = (UniqueConstraint("entry_id"),)

    transaction_id: Mapped[str] = mapped_column(ForeignKey("balance_transaction.id"), primary_key=True)
    part: Mapped[Part] = mapped_column(state_of(Part, "match_part"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"))
    matched_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class BookBreak(Base):
    """Where Stripe and the ledger differ; it has an owner, an age, and in the end a note on how it was put right.

    `stripe_minor` and `ledger_minor` are what each side says of it; zero where it says nothing.
    """

    __tablename__ = "book_break"
    __table_args__ = (
        CheckConstraint("num_nonnulls(transaction_id, entry_id) > 0", name="about_something"),
        CheckConstraint("(transaction_id IS NULL) = (part IS NULL)", name="names_its_part"),
        CheckConstraint("resolved_at IS NULL OR length(note) >= 3", name="resolved_with_a_note"),
        CheckConstraint(
            "resolved_by IS NULL OR resolved_at IS NOT NULL AND resolved_by IS NOT DISTINCT FROM owner_id",
            name="resolved_by_its_owner",
        ),
        Index(
            "uq_book_break_live_part",
            "transaction_id",
            "part",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index(
            "uq_book_break_live_entry",
            "entry_id",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_book_break_transaction", "transaction_id"),
        Index("ix_book_break_entry", "entry_id"),
        Index("ix_book_break_resolved", "resolved_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[BreakKind] = mapped_column(state_of(BreakKind, "break_kind"))
    transaction_id: Mapped[str | None] = mapped_column(ForeignKey("balance_transaction.id"))
    part: Mapped[Part | None] = mapped_column(state_of(Part, "break_part"))
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entry.id"))
    stripe_minor: Mapped[MinorUnits]
    ledger_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    owner_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    resolved_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    resolved_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    note: Mapped[str] = mapped_column(server_default="")


class BookRun(Base):
    """One look at the books, and what it found: never changed."""

    __tablename__ = "book_run"
    __table_args__ = (Index("ix_book_run_ran", "ran_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    ok: Mapped[bool]
    imported: Mapped[int]
    matched: Mapped[int]
    open_breaks: Mapped[int]
    statements: Mapped[JsonList]


class ManualPosting(Base):
    """A correction by hand between the platform's own accounts: one person proposes it, another posts it."""

    __tablename__ = "manual_posting"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="positive"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
        CheckConstraint("length(reason) >= 3", name="says_why"),
        CheckConstraint("debit <> credit", name="two_accounts"),
        CheckConstraint("approved_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_at_a_time"),
        Index("ix_manual_posting_break", "break_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    break_id: Mapped[UUID] = mapped_column(ForeignKey("book_break.id"))
    debit: Mapped[str] = mapped_column(ForeignKey("ledger_account_kind.code"))
    credit: Mapped[str] = mapped_column(ForeignKey("ledger_account_kind.code"))
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    reason: Mapped[str]
    proposed_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    approved_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class ConnectedBalance(Base):
    """What a worker's account at Stripe holds in the currency in which it holds least, as last read."""

    __tablename__ = "connected_balance"
    __table_args__ = (
        CheckConstraint("(lowest_minor < 0) = (negative_since IS NOT NULL)", name="negative_has_its_time"),
        Index("ix_connected_balance_read", "read_at"),
    )

    account: Mapped[str] = mapped_column(primary_key=True)
    lowest_minor: Mapped[MinorUnits] = mapped_column(BigInteger)
    currency: Mapped[str]
    read_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    negative_since: Mapped[datetime | None] = mapped_column(TIMESTAMP)
