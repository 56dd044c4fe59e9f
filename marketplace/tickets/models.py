"""Tables of the ticket's life: what was asked, who held it, what was answered, how it ended."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, JsonList, MinorUnits, state_of
from marketplace.kernel.ids import (
    BrandId,
    ClaimId,
    CustomerId,
    EscalationId,
    MessageId,
    NoteId,
    PersonId,
    ReplyId,
    ResolutionId,
    TermsId,
    TicketId,
    WorkerId,
)


class Channel(StrEnum):
    EMAIL = "email"
    CHAT = "chat"


class TicketState(StrEnum):
    SCREENING = "screening"
    HELD_BACK = "held_back"
    AWAITING_FUNDS = "awaiting_funds"
    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class PoolState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    IN_REVIEW = "in_review"


class ClaimEnd(StrEnum):
    RELEASED = "released"
    EXPIRED = "expired"
    HANDED_OVER = "handed_over"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    SIGNED_OUT = "signed_out"
    TAKEN_BACK = "taken_back"
    SUSPENDED = "suspended"


class ReleaseReason(StrEnum):
    NOT_MY_SKILL = "not_my_skill"
    NO_TIME = "no_time"
    UNCLEAR = "unclear"
    KNOWLEDGE_MISSING = "knowledge_missing"
    OTHER = "other"


class EscalationReason(StrEnum):
    NO_GROUNDED_ANSWER = "no_grounded_answer"
    NEEDS_BRAND_ACTION = "needs_brand_action"
    POLICY_EXCEPTION = "policy_exception"
    SENSITIVE = "sensitive"
    OTHER = "other"


class EscalationState(StrEnum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class ReplyState(StrEnum):
    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    RECALLED = "recalled"


class Author(StrEnum):
    CUSTOMER = "customer"
    WORKER = "worker"
    BRAND = "brand"


class ResolvedBy(StrEnum):
    CUSTOMER = "customer"
    SILENCE = "silence"
    BRAND = "brand"


class Category(Base):
    """A kind of ticket at a brand; one of them is the default. `skill` is what its workers must have."""

    __tablename__ = "category"
    __table_args__ = (
        Index("uq_category_default", "brand_id", unique=True, postgresql_where=text("is_default")),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    is_default: Mapped[bool] = mapped_column(server_default="false")
    skill: Mapped[str | None]


class Terms(Base):
    """What one category pays, as an immutable version. total = pay + fee.

    A version with `base_terms_id` is that one at a surge; it holds for single tickets, never for the category.
    """

    __tablename__ = "terms"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "category"], ["category.brand_id", "category.key"]),
        UniqueConstraint("brand_id", "category", "version"),
        CheckConstraint("total_minor > 0 AND pay_minor > 0 AND fee_minor >= 0", name="positive"),
        CheckConstraint("total_minor = pay_minor + fee_minor", name="parts_make_the_total"),
        CheckConstraint("escalation_fee_minor BETWEEN 0 AND pay_minor", name="escalation_fee_within_pay"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency"),
        ForeignKeyConstraint(["brand_id", "base_terms_id"], ["terms.brand_id", "terms.id"]),
        CheckConstraint(
            "surge_basis_points >= 0 AND (surge_basis_points > 0) = (base_terms_id IS NOT NULL)",
            name="surge_has_a_base",
        ),
        Index(
            "uq_terms_surge",
            "brand_id",
            "base_terms_id",
            "surge_basis_points",
            unique=True,
            postgresql_where=text("base_terms_id IS NOT NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[TermsId] = mapped_column(primary_key=True)
    category: Mapped[str]
    version: Mapped[int]
    total_minor: Mapped[MinorUnits]
    fee_basis_points: Mapped[int]
    fee_minor: Mapped[MinorUnits]
    pay_minor: Mapped[MinorUnits]
    escalation_fee_minor: Mapped[MinorUnits]
    earlier_share_basis_points: Mapped[int]
    currency: Mapped[str]
    review_window_hours: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    created_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    base_terms_id: Mapped[TermsId | None]
    surge_basis_points: Mapped[int] = mapped_column(server_default="0")


class LeaseClock(Base):
    """How long a worker has, by channel: to read and tag, to reply first, to follow up, and how much one
    extension adds. NULL brand: default."""

    __tablename__ = "lease_clock"
    __table_args__ = (
        UniqueConstraint(
            "brand_id", "channel", name="uq_lease_clock_owner", postgresql_nulls_not_distinct=True
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    brand_id: Mapped[BrandId | None] = mapped_column(ForeignKey("brand.id"))
    channel: Mapped[Channel] = mapped_column(state_of(Channel, "lease_channel"))
    read_seconds: Mapped[int]
    reply_seconds: Mapped[int]
    follow_up_seconds: Mapped[int]
    extension_seconds: Mapped[int] = mapped_column(server_default="900")


class Customer(Base):
    """Who asked. Personal data: masked wherever a worker can look."""

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("brand_id", "email"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[CustomerId] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    email: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Ticket(Base):
    """A customer's case. `state` is kept by this package's commands alone.

    `follows_id` names the settled ticket that this one goes on from; `silence_ends_at` is when an answered
    ticket resolves by itself.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "customer_id"], ["customer.brand_id", "customer.id"]),
        ForeignKeyConstraint(["brand_id", "category"], ["category.brand_id", "category.key"]),
        ForeignKeyConstraint(["brand_id", "terms_id"], ["terms.brand_id", "terms.id"]),
        ForeignKeyConstraint(["brand_id", "follows_id"], ["ticket.brand_id", "ticket.id"]),
        UniqueConstraint("brand_id", "external_id"),
        UniqueConstraint("brand_id", "number"),
        Index("ix_ticket_state", "brand_id", "state", "posted_at"),
        Index("ix_ticket_category", "brand_id", "category", "state", "posted_at"),
        Index("ix_ticket_customer", "brand_id", "customer_id", "posted_at"),
        CheckConstraint("state <> 'answered' OR silence_ends_at IS NOT NULL", name="answered_waits_until"),
        Index("ix_ticket_silence", "silence_ends_at", postgresql_where=text("state = 'answered'")),
        Index(
            "uq_ticket_follows",
            "brand_id",
            "follows_id",
            unique=True,
            postgresql_where=text("follows_id IS NOT NULL"),
        ),
        Index(
            "ix_ticket_awaiting", "brand_id", "posted_at", postgresql_where=text("state = 'awaiting_funds'")
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[TicketId] = mapped_column(primary_key=True)
    number: Mapped[int]
    external_id: Mapped[str]
    fingerprint: Mapped[str]
    customer_id: Mapped[CustomerId]
    channel: Mapped[Channel] = mapped_column(state_of(Channel, "ticket_channel"))
    language: Mapped[str]
    category: Mapped[str]
    subject: Mapped[str]
    context: Mapped[str] = mapped_column(server_default="")
    priority: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[TicketState] = mapped_column(state_of(TicketState, "ticket_state"))
    terms_id: Mapped[TermsId | None]
    reservation: Mapped[int] = mapped_column(server_default="0")
    posted_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    answered_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    silence_ends_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    follows_id: Mapped[TicketId | None]


class Message(Base):
    """One line of the thread, as written; masked on the way to a worker."""

    __tablename__ = "message"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        UniqueConstraint("brand_id", "ticket_id", "external_id"),
        Index("ix_message_thread", "brand_id", "ticket_id", "id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[MessageId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    author: Mapped[Author] = mapped_column(state_of(Author, "message_author"))
    external_id: Mapped[str | None]
    body: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class PoolTicket(Base):
    """What a worker may see before claiming, and where claims, order and leases are decided.

    A row lives from funding until the ticket ends; nothing personal is in it, so it needs no
    row-level security. `lane` is channel, language and skill in one word: who may claim it follows from that, and
    the order of claims is one index of it. A row that is `newcomers_first` is offered to newcomers before others.
    """

    __tablename__ = "pool_ticket"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "terms_id"], ["terms.brand_id", "terms.id"]),
        CheckConstraint(
            "(state = 'open') = (worker_id IS NULL) AND (state = 'claimed') = (lease_ends_at IS NOT NULL)",
            name="state_matches_holder",
        ),
        Index(
            "ix_pool_ticket_lane",
            "lane",
            "newcomers_first",
            "rank_at",
            "ticket_id",
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_pool_ticket_brand",
            "lane",
            "brand_id",
            "newcomers_first",
            "rank_at",
            "ticket_id",
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_pool_ticket_newcomers",
            "waiting_since",
            postgresql_where=text("newcomers_first AND state = 'open'"),
        ),
        Index("ix_pool_ticket_waiting", "brand_id", "waiting_since", postgresql_where=text("state = 'open'")),
        Index(
            "ix_pool_ticket_due",
            "brand_id",
            "due_at",
            postgresql_where=text("state IN ('open', 'claimed')"),
        ),
        Index(
            "ix_pool_ticket_in_review",
            "brand_id",
            "waiting_since",
            postgresql_where=text("state = 'in_review'"),
        ),
        Index("ix_pool_ticket_lease", "lease_ends_at", postgresql_where=text("state = 'claimed'")),
        Index("ix_pool_ticket_worker", "worker_id", postgresql_where=text("worker_id IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    brand_id: Mapped[BrandId]
    number: Mapped[int]
    subject: Mapped[str]
    channel: Mapped[Channel] = mapped_column(state_of(Channel, "pool_channel"))
    language: Mapped[str]
    category: Mapped[str]
    terms_id: Mapped[TermsId]
    pay_minor: Mapped[MinorUnits]
    currency: Mapped[str]
    expected_minutes: Mapped[int]
    state: Mapped[PoolState] = mapped_column(state_of(PoolState, "pool_state"))
    rank_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    waiting_since: Mapped[datetime] = mapped_column(TIMESTAMP)
    claim_number: Mapped[int] = mapped_column(server_default="0")
    # No foreign key: the claim beside it has one, and each costs every claim a lock.
    worker_id: Mapped[WorkerId | None]
    lease_ends_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    skill: Mapped[str] = mapped_column(server_default="general")
    newcomers_first: Mapped[bool] = mapped_column(server_default="false")
    surge_basis_points: Mapped[int] = mapped_column(server_default="0")
    lane: Mapped[str] = mapped_column(Computed("lane_of((channel)::text, language, skill)", persisted=True))


class Claim(Base):
    """One worker's hold on a ticket. `number` is the fencing token: it only grows.

    Its terms have no foreign key: each claim would lock the one row that all claims of a category share. The pool's
    row has one, the claim copies it, and terms are never changed nor deleted.
    """

    __tablename__ = "claim"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        UniqueConstraint("brand_id", "ticket_id", "number"),
        Index("uq_claim_live", "ticket_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_claim_worker", "worker_id", "claimed_at"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_has_a_reason"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ClaimId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    number: Mapped[int]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    terms_id: Mapped[TermsId]
    claimed_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    tagged_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    extended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    done_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    end_reason: Mapped[ClaimEnd | None] = mapped_column(state_of(ClaimEnd, "claim_end"))


class Release(Base):
    """A worker gave a ticket back, or skipped it before any claim, and is not offered it again."""

    __tablename__ = "release"
    __table_args__ = (ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),)

    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    brand_id: Mapped[BrandId]
    reason: Mapped[ReleaseReason] = mapped_column(state_of(ReleaseReason, "release_reason"))
    released_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    skipped: Mapped[bool] = mapped_column(server_default="false")


class WorkerDraft(Base):
    """A worker's unsent text; it survives a lost lease."""

    __tablename__ = "worker_draft"
    __table_args__ = (ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),)

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    body: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Reply(Base):
    """A worker's answer, with the affiliation label it leaves with and that label's proof.

    It joins the thread as a message when it leaves: one that waits for approval, or never left, has none. `as_shown`:
    it is the brand's own answer as guidance showed it, so that what comes of it is not its worker's.
    """

    __tablename__ = "reply"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "claim_id"], ["claim.brand_id", "claim.id"]),
        ForeignKeyConstraint(["brand_id", "message_id"], ["message.brand_id", "message.id"]),
        CheckConstraint(
            "state <> 'sent' OR (label <> '' AND label_proof <> '' AND sent_at IS NOT NULL)",
            name="sent_carries_its_label",
        ),
        CheckConstraint(
            "message_id IS NOT NULL OR state IN ('draft', 'awaiting_approval', 'recalled')",
            name="leaves_in_the_thread",
        ),
        Index("ix_reply_ticket", "brand_id", "ticket_id", "id"),
        Index("ix_reply_queued", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_reply_as_shown", "worker_id", "id", postgresql_where=text("as_shown")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ReplyId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    claim_id: Mapped[ClaimId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    message_id: Mapped[MessageId | None]
    body: Mapped[str]
    label: Mapped[str]
    label_proof: Mapped[str]
    state: Mapped[ReplyState] = mapped_column(state_of(ReplyState, "reply_state"))
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    sent_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    as_shown: Mapped[bool] = mapped_column(server_default="false")


class Escalation(Base):
    """A ticket handed to one of the brand's queues by a worker, until the brand confirms or rejects it.

    `needless_reason`: confirmed, but what the worker wrote to the customer before was needless, so no fee.
    """

    __tablename__ = "escalation"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "claim_id"], ["claim.brand_id", "claim.id"]),
        ForeignKeyConstraint(["brand_id", "queue"], ["escalation_queue.brand_id", "escalation_queue.key"]),
        UniqueConstraint("brand_id", "ticket_id", "number"),
        CheckConstraint(
            "needless_reason IS NULL OR state = 'confirmed' AND decided_by <> 'silence' AND needless_reason <> ''",
            name="needless_is_said_by_somebody",
        ),
        Index("ix_escalation_open", "decide_by", postgresql_where=text("state = 'open'")),
        Index("ix_escalation_brand", "brand_id", "decide_by", postgresql_where=text("state = 'open'")),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[EscalationId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    number: Mapped[int]
    claim_id: Mapped[ClaimId]
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    queue: Mapped[str]
    reason: Mapped[EscalationReason] = mapped_column(state_of(EscalationReason, "escalation_reason"))
    note: Mapped[str]
    state: Mapped[EscalationState] = mapped_column(state_of(EscalationState, "escalation_state"))
    escalated_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    decide_by: Mapped[datetime] = mapped_column(TIMESTAMP)
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[str | None]
    decision_note: Mapped[str] = mapped_column(server_default="")
    needless_reason: Mapped[str | None]


class Resolution(Base):
    """The evidence that a ticket ended well, and for whom it pays."""

    __tablename__ = "resolution"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        UniqueConstraint("brand_id", "ticket_id", "number"),
        Index(
            "uq_resolution_standing", "ticket_id", unique=True, postgresql_where=text("reopened_at IS NULL")
        ),
        Index("ix_resolution_resolved", "brand_id", "resolved_at"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[ResolutionId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    number: Mapped[int]
    by: Mapped[ResolvedBy] = mapped_column(state_of(ResolvedBy, "resolved_by"))
    credits: Mapped[JsonList]
    resolved_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    window_ends_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    reopened_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Note(Base):
    """An internal note on a ticket, for the brand and for whoever works on it next; never for the customer."""

    __tablename__ = "note"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        CheckConstraint("num_nonnulls(worker_id, person_id) = 1", name="one_author"),
        Index("ix_note_ticket", "brand_id", "ticket_id", "id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[NoteId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    worker_id: Mapped[WorkerId | None] = mapped_column(ForeignKey("worker.id"))
    person_id: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    body: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class BrandMute(Base):
    """A worker does not want to see this brand's tickets."""

    __tablename__ = "brand_mute"

    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    muted_at: Mapped[datetime] = mapped_column(TIMESTAMP)
