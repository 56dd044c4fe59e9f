"""People, brands and how they prove who they are."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, StringList, state_of
from marketplace.kernel.ids import BrandId, PersonId, WorkerId


class MemberRole(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    REVIEWER = "reviewer"
    AGENT = "agent"
    FINANCE = "finance"


class StaffRole(StrEnum):
    FINANCE = "finance"
    OPERATOR = "operator"


class WorkerStatus(StrEnum):
    ACTIVE = "active"
    RESTRICTED = "restricted"


class Person(Base):
    """A login. What the person may do hangs on worker, member and staff rows."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_is_lower_case"),)

    id: Mapped[PersonId] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    locale: Mapped[str] = mapped_column(server_default="en")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    suspended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    suspended_for: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class SignedIn(Base):
    """A server-side session; the browser holds the token, this row only its SHA-256."""

    __tablename__ = "session"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Worker(Base):
    """A person who answers tickets for pay. The lanes are the kinds of tickets he may claim (`tickets/lanes.py`)."""

    __tablename__ = "worker"
    __table_args__ = (
        CheckConstraint("cardinality(languages) BETWEEN 1 AND 10", name="speaks_something"),
        CheckConstraint("cardinality(skills) <= 20", name="skills_limit"),
        Index(
            "ix_worker_newcomer_seen",
            "seen_at",
            postgresql_where=text("resolved_count < 10 AND available AND status = 'active'"),
        ),
    )

    id: Mapped[WorkerId] = mapped_column(primary_key=True)
    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), unique=True)
    country: Mapped[str]
    languages: Mapped[StringList]
    terms_accepted_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    status: Mapped[WorkerStatus] = mapped_column(
        state_of(WorkerStatus, "worker_status"), server_default=WorkerStatus.ACTIVE
    )
    email_cap: Mapped[int] = mapped_column(server_default="3")
    chat_cap: Mapped[int] = mapped_column(server_default="1")
    warned_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    seen_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    skills: Mapped[StringList] = mapped_column(server_default="{}")
    available: Mapped[bool] = mapped_column(server_default="true")
    resolved_count: Mapped[int] = mapped_column(server_default="0")
    email_lanes: Mapped[StringList] = mapped_column(
        Computed("worker_lanes('email'::text, languages, skills)", persisted=True)
    )
    chat_lanes: Mapped[StringList] = mapped_column(
        Computed("worker_lanes('chat'::text, languages, skills)", persisted=True)
    )


class Brand(Base):
    """A tenant. Its currency is fixed by its first top-up; without approval its tickets stay in screening."""

    __tablename__ = "brand"
    __table_args__ = (
        CheckConstraint("approved_at IS NULL OR refused_at IS NULL", name="approved_or_refused"),
    )

    id: Mapped[BrandId] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    currency: Mapped[str | None]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    language: Mapped[str] = mapped_column(server_default="en")
    dial_salt: Mapped[str]
    ticket_count: Mapped[int] = mapped_column(server_default="0")
    approved_at: Mapped[datetime | None] = mapped_column(TIMESTAMP, server_default=text("app_now()"))
    approved_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    refused_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    refused_for: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Member(Base):
    """A person's role at a brand."""

    __tablename__ = "member"

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    role: Mapped[MemberRole] = mapped_column(state_of(MemberRole, "member_role"))
    joined_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Staff(Base):
    """A person of the platform; never also a worker (a trigger holds it)."""

    __tablename__ = "staff"

    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[StaffRole] = mapped_column(state_of(StaffRole, "staff_role"), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class Invite(Base):
    """A one-time, expiring invitation to a brand."""

    __tablename__ = "invite"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), index=True)
    email: Mapped[str]
    role: Mapped[MemberRole] = mapped_column(state_of(MemberRole, "invite_role"))
    invited_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    accepted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class PasswordReset(Base):
    """A one-time, expiring right to set a new password."""

    __tablename__ = "password_reset"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[PersonId] = mapped_column(ForeignKey("person.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    used_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class ApiKey(Base):
    """A brand system's key: only its SHA-256 and last four characters are kept."""

    __tablename__ = "api_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), index=True)
    name: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    last_four: Mapped[str]
    scopes: Mapped[StringList]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    revoked_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Mail(Base):
    """An outgoing e-mail: the outbox of the mail port, and the development mailbox."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_unsent", "id", postgresql_where=text("sent_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    sent_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    attempts: Mapped[int] = mapped_column(server_default="0")
