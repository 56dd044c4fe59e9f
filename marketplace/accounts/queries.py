"""People and brands as pages need them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, exists, func, select

from marketplace.accounts.errors import NoSuchBrand, NoSuchPerson
from marketplace.accounts.fields import is_slug
from marketplace.accounts.models import (
    ApiKey,
    Brand,
    Invite,
    Mail,
    Member,
    MemberRole,
    PasswordReset,
    Person,
    Worker,
)
from marketplace.accounts.tokens import hash_of
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, PersonId, WorkerId

MEMBERS_SHOWN = 500
INVITES_SHOWN = 200
WRITTEN_TO_AT_ONCE = 20
KEYS_SHOWN = 200
BRANDS_SHOWN = 500
MAILBOX_LETTERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandCard:
    """A brand as everybody who may see it sees it; `currency` is None until its first top-up."""

    id: BrandId
    slug: str
    name: str
    currency: str | None
    time_zone: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard:
    id: PersonId
    name: str
    email: str
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProfile:
    """What a worker says of himself: it decides which tickets he is offered."""

    languages: tuple[str, ...]
    skills: tuple[str, ...]
    available: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCard:
    person: PersonId
    name: str
    email: str
    role: MemberRole
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvite:
    """An invite that can still be accepted; `has_login` when the address already has one."""

    brand: BrandId
    brand_name: str
    email: str
    role: MemberRole
    expires_at: datetime
    has_login: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCard:
    """An API key without its secret."""

    id: UUID
    name: str
    last_four: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailCard:
    """A letter as the development mailbox shows it."""

    id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
    sent_at: datetime | None
    attempts: int


def brand_by_slug(tx: Tx, slug: str) -> BrandCard | None:
    """The brand at `/b/{slug}`; None also for a text that no brand could have as its address."""
    if not is_slug(slug):
        return None
    found = tx.scalars(select(Brand).where(Brand.slug == slug)).one_or_none()
    return None if found is None else _brand_card(found)


def brand(tx: Tx, brand_id: BrandId) -> BrandCard:
    """Raises NoSuchBrand."""
    found = tx.get(Brand, brand_id)
    if found is None:
        raise NoSuchBrand
    return _brand_card(found)


def brands(tx: Tx) -> Sequence[BrandCard]:
    """Every brand by address, up to BRANDS_SHOWN."""
    return [_brand_card(one) for one in tx.scalars(select(Brand).order_by(Brand.slug).limit(BRANDS_SHOWN))]


def person(tx: Tx, person_id: PersonId) -> PersonCard:
    """Raises NoSuchPerson."""
    found = tx.get(Person, person_id)
    if found is None:
        raise NoSuchPerson
    return _person_card(found)


def find_person_by_email(tx: Tx, email: str) -> PersonCard | None:
    """The login with this normalised address."""
    found = tx.scalars(select(Person).where(Person.email == email)).one_or_none()
    return None if found is None else _person_card(found)


def worker_profile(tx: Tx, worker: WorkerId) -> WorkerProfile:
    asked = select(Worker.languages, Worker.skills, Worker.available).where(Worker.id == worker)
    row = tx.execute(asked).one()
    return WorkerProfile(languages=tuple(row.languages), skills=tuple(row.skills), available=row.available)


def addresses_of(tx: Tx, *, brand: BrandId, roles: Collection[MemberRole]) -> Sequence[str]:
    """Where the brand's people in one of `roles` are written to, up to WRITTEN_TO_AT_ONCE."""
    return tx.scalars(
        select(Person.email)
        .join(Member, Member.person_id == Person.id)
        .where(Member.brand_id == brand, Member.role.in_(roles))
        .order_by(Person.email)
        .limit(WRITTEN_TO_AT_ONCE)
    ).all()


def members(tx: Tx, brand_id: BrandId) -> Sequence[MemberCard]:
    """The brand's people by name, up to MEMBERS_SHOWN."""
    rows = tx.execute(
        select(Member.person_id, Person.name, Person.email, Member.role, Member.joined_at)
        .join(Person, Person.id == Member.person_id)
        .where(Member.brand_id == brand_id)
        .order_by(func.lower(Person.name), Person.id)
        .limit(MEMBERS_SHOWN)
    )
    return [
        MemberCard(
            person=row.person_id, name=row.name, email=row.email, role=row.role, joined_at=row.joined_at
        )
        for row in rows
    ]


def open_invites(tx: Tx, brand_id: BrandId, now: datetime) -> Sequence[OpenInvite]:
    """The brand's invites that can still be accepted, the first to end first."""
    rows = tx.execute(
        _OPEN_INVITE.where(Invite.brand_id == brand_id, Invite.expires_at > now)
        .order_by(Invite.expires_at, Invite.email)
        .limit(INVITES_SHOWN)
    )
    return [_open_invite(row) for row in rows]


def find_open_invite(tx: Tx, token: str, now: datetime) -> OpenInvite | None:
    """The invite that `token` accepts; None when it was accepted or has ended."""
    row = tx.execute(
        _OPEN_INVITE.where(Invite.token_hash == hash_of(token), Invite.expires_at > now)
    ).one_or_none()
    return None if row is None else _open_invite(row)


def is_reset_open(tx: Tx, token: str, now: datetime) -> bool:
    """Whether `token` can still set a new password."""
    usable = select(PasswordReset.person_id).where(
        PasswordReset.token_hash == hash_of(token),
        PasswordReset.used_at.is_(None),
        PasswordReset.expires_at > now,
    )
    return tx.scalar(usable) is not None


def api_keys(tx: Tx, brand_id: BrandId) -> Sequence[KeyCard]:
    """The brand's keys, live ones first, then the newest first."""
    found = tx.scalars(
        select(ApiKey)
        .where(ApiKey.brand_id == brand_id)
        .order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())
        .limit(KEYS_SHOWN)
    )
    return [
        KeyCard(
            id=key.id,
            name=key.name,
            last_four=key.last_four,
            scopes=tuple(key.scopes),
            created_at=key.created_at,
            revoked_at=key.revoked_at,
        )
        for key in found
    ]


def unsent_mail(tx: Tx) -> int:
    """How many letters wait, or were given up."""
    return tx.scalar(select(func.count()).where(Mail.sent_at.is_(None))) or 0


def mailbox(tx: Tx) -> Sequence[MailCard]:
    """The newest letters, for the development mailbox alone: they hold one-time links."""
    found = tx.scalars(select(Mail).order_by(Mail.id.desc()).limit(MAILBOX_LETTERS))
    return [
        MailCard(
            id=mail.id,
            recipient=mail.recipient,
            subject=mail.subject,
            body=mail.body,
            created_at=mail.created_at,
            sent_at=mail.sent_at,
            attempts=mail.attempts,
        )
        for mail in found
    ]


_OPEN_INVITE = (
    select(
        Invite.brand_id,
        Brand.name,
        Invite.email,
        Invite.role,
        Invite.expires_at,
        exists().where(Person.email == Invite.email).label("has_login"),
    )
    .join(Brand, Brand.id == Invite.brand_id)
    .where(Invite.accepted_at.is_(None))
)


def _open_invite(row: Row[BrandId, str, str, MemberRole, datetime, bool]) -> OpenInvite:
    return OpenInvite(
        brand=row.brand_id,
        brand_name=row.name,
        email=row.email,
        role=row.role,
        expires_at=row.expires_at,
        has_login=row.has_login,
    )


def _brand_card(found: Brand) -> BrandCard:
    return BrandCard(
        id=found.id,
        slug=found.slug,
        name=found.name,
        currency=found.currency,
        time_zone=found.time_zone,
        language=found.language,
    )


def _person_card(found: Person) -> PersonCard:
    return PersonCard(
        id=found.id, name=found.name, email=found.email, locale=found.locale, time_zone=found.time_zone
    )
