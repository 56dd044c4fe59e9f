"""Who is signed in: server-side sessions with an absolute end.

The browser holds a random token, the row its SHA-256. Everything a person may do is read anew with each
request, so a role that is taken away is gone with the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text

from marketplace.accounts import passwords
from marketplace.accounts.errors import BadEmail, SignInRefused, SignInSuspended
from marketplace.accounts.fields import normalised_email
from marketplace.accounts.models import MemberRole, Person, SignedIn, StaffRole, WorkerStatus
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.tokens import hash_of, new_token
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, PersonId, WorkerId

SESSIONS_PER_PERSON = 20  # the oldest ends when there is one more
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A fresh session: the token for the cookie, shown to nobody else, and the forms' token."""

    token: str
    csrf_token: str
    person: PersonId
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's role at a brand."""

    brand: BrandId
    slug: str
    name: str
    role: MemberRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The person behind a request and everything they are at this moment; `warned_at` until it is read."""

    person: PersonId
    name: str
    email: str
    locale: str
    time_zone: str
    worker: WorkerId | None
    worker_status: WorkerStatus | None
    warned_at: datetime | None
    country: str | None
    brands: tuple[Membership, ...]
    staff: frozenset[StaffRole]
    csrf_token: str
    session_hash: bytes

    def membership(self, slug: str) -> Membership | None:
        return next((one for one in self.brands if one.slug == slug), None)

    def may_at(self, brand: BrandId, permission: Permission) -> bool:
        return any(one.brand == brand and allowed(one.role, permission) for one in self.brands)

    def may_on_platform(self, permission: Permission) -> bool:
        return any(allowed(role, permission) for role in self.staff)


def sign_in(
    tx: Tx, *, email: str, password: str, session_hours: int, now: datetime, replaces: str | None = None
) -> Signed:
    """Begin a session for the person with this e-mail and password, ending the one that it `replaces`.

    Raises SignInRefused, after the same work, whether the person or the password is wrong; SignInBusy.
    """
    person = _person_by_email(tx, email)
    if (
        not passwords.is_password(password, None if person is None else person.password_hash)
        or person is None
    ):
        raise SignInRefused
    _hold_password(tx, person)
    if passwords.needs_rehash(person.password_hash):
        person.password_hash = passwords.hash_password(password)
    if replaces is not None:
        sign_out(tx, replaces)
    return begin_session(tx, person=person.id, session_hours=session_hours, now=now)


def begin_session(tx: Tx, *, person: PersonId, session_hours: int, now: datetime) -> Signed:
    """A new session, always under a new token, for somebody who has just proved who they are.

    Raises SignInSuspended.
    """
    _refuse_suspended(tx, person)
    signed = Signed(
        token=new_token(),
        csrf_token=new_token(),
        person=person,
        expires_at=now + timedelta(hours=session_hours),
    )
    tx.add(
        SignedIn(
            token_hash=hash_of(signed.token),
            person_id=person,
            csrf_token=signed.csrf_token,
            created_at=now,
            expires_at=signed.expires_at,
        )
    )
    tx.flush()
    tx.execute(_END_OLD_SESSIONS, {"person": person, "now": now, "kept": SESSIONS_PER_PERSON})
    return signed


def principal_of(tx: Tx, token: str, now: datetime) -> Principal | None:
    """The person signed in with `token`; None when it is unknown or its session has ended."""
    session_hash = hash_of(token)
    row = tx.execute(_PRINCIPAL, {"session": session_hash, "now": now}).one_or_none()
    return None if row is None else _principal(row, session_hash)


def sign_out(tx: Tx, token: str) -> None:
    """End the session of `token`, if it has one."""
    tx.execute(delete(SignedIn).where(SignedIn.token_hash == hash_of(token)))


def is_signed_in(tx: Tx, person: PersonId, now: datetime) -> bool:
    """Whether `person` has a session left."""
    live = select(SignedIn.person_id).where(SignedIn.person_id == person, SignedIn.expires_at > now).limit(1)
    return tx.scalar(live) is not None


def sign_out_everywhere(tx: Tx, person: PersonId) -> None:
    """End every session of `person`."""
    tx.execute(delete(SignedIn).where(SignedIn.person_id == person))


def seen(tx: Tx, worker: WorkerId, now: datetime) -> None:
    """Note that `worker` is here, by at most one write a minute."""
    tx.execute(_SEEN, {"worker": worker, "now": now, "before": now - SEEN_EVERY})


def end_expired_sessions(tx: Tx, now: datetime) -> None:
    """Remove sessions past their end; a sweep's job, for nobody can use them any more."""
    tx.execute(delete(SignedIn).where(SignedIn.expires_at <= now))


def _person_by_email(tx: Tx, email: str) -> Person | None:
    try:
        address = normalised_email(email)
    except BadEmail:
        return None
    return tx.scalars(select(Person).where(Person.email == address)).one_or_none()


def _refuse_suspended(tx: Tx, person: PersonId) -> None:
    """Held, so that a suspension that comes at this moment ends the session, or this finds it."""
    held = select(Person.suspended_at, Person.suspended_for).where(Person.id == person)
    row = tx.execute(held.with_for_update(key_share=True)).one_or_none()
    if row is not None and row.suspended_at is not None:
        raise SignInSuspended(
            f"Your sign-in is suspended: {row.suspended_for} {SignInSuspended.HOW_TO_OBJECT}"
        )


def _hold_password(tx: Tx, person: Person) -> None:
    """A password reset that came between reading the hash and here must not leave us a session behind."""
    held = select(Person.password_hash).where(Person.id == person.id).with_for_update(key_share=True)
    if tx.scalars(held).one_or_none() != person.password_hash:
        raise SignInRefused


def _principal(row: Row[Any], session_hash: bytes) -> Principal:
    return Principal(
        person=PersonId(row.person),
        name=row.name,
        email=row.email,
        locale=row.locale,
        time_zone=row.time_zone,
        worker=None if row.worker is None else WorkerId(row.worker),
        worker_status=None if row.worker is None else WorkerStatus(row.status),
        warned_at=row.warned_at,
        country=row.country,
        brands=_memberships(row.brands),
        staff=frozenset(StaffRole(role) for role in row.staff),
        csrf_token=row.csrf_token,
        session_hash=session_hash,
    )


def _memberships(found: Sequence[Sequence[str]]) -> tuple[Membership, ...]:
    return tuple(
        Membership(brand=BrandId(UUID(brand)), slug=slug, name=name, role=MemberRole(role))
        for brand, slug, name, role in found
    )


_PRINCIPAL = text(
    "SELECT p.id AS person, p.name, p.email, p.locale, p.time_zone, w.id AS worker, w.country, w.status, w.warned_at, "
    "s.csrf_token, "
    "(SELECT coalesce(json_agg(json_build_array(b.id, b.slug, b.name, m.role) "
    "ORDER BY b.slug COLLATE \"C\"), '[]') "
    "FROM member m JOIN brand b ON b.id = m.brand_id WHERE m.person_id = p.id) AS brands, "
    "ARRAY(SELECT role::text FROM staff WHERE person_id = p.id) AS staff "
    "FROM session s JOIN person p ON p.id = s.person_id LEFT JOIN worker w ON w.person_id = p.id "
    "WHERE s.token_hash = :session AND s.expires_at > :now AND p.suspended_at IS NULL"
)
_END_OLD_SESSIONS = text(
    "DELETE FROM session WHERE person_id = :person AND (expires_at <= :now OR token_hash IN ("
    "SELECT token_hash FROM session WHERE person_id = :person "
    "ORDER BY created_at DESC, expires_at DESC OFFSET :kept))"
)
_SEEN = text("UPDATE worker SET seen_at = :now WHERE id = :worker AND seen_at <= :before")
