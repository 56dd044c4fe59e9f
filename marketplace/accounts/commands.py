"""How people come, join, are let back in, change roles and go.

Whether an address is taken, an invite spent or a role given twice is decided by a constraint or a conditional
update; a savepoint keeps the caller's transaction usable after a refusal.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import delete, func, null, select, text, update
from sqlalchemy.exc import IntegrityError

from marketplace.accounts import letters, passwords, tokens
from marketplace.accounts.errors import (
    AlreadyMember,
    AlreadyStaff,
    AlreadyWorker,
    EmailTaken,
    InviteEnded,
    LastOwner,
    NoSuchBrand,
    NoSuchMember,
    ResetEnded,
    SignInRefused,
    SlugTaken,
    StaffCannotBeWorkers,
    TermsNotAccepted,
    TooManyInvites,
)
from marketplace.accounts.fields import (
    clean_name,
    known_country,
    known_slug,
    known_time_zone,
    language_tag,
    language_tags,
    normalised_email,
)
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import (
    Brand,
    Invite,
    Member,
    MemberRole,
    PasswordReset,
    Person,
    Staff,
    StaffRole,
    Worker,
)
from marketplace.accounts.sessions import sign_out_everywhere
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, PersonId, WorkerId, new_id

OPEN_INVITES_PER_BRAND = 100
STAFF_AND_WORKER = "23001"  # restrict_violation, which the trigger between the two raises
OPEN_RESETS_PER_PERSON = 3  # so that nobody can fill somebody else's mailbox


def sign_up_worker(
    tx: Tx,
    *,
    name: str,
    email: str,
    password: str,
    country: str,
    languages: Sequence[str],
    accepts_terms: bool,
    now: datetime,
    time_zone: str = "UTC",
    locale: str = "en",
) -> WorkerId:
    """Make a login for a new person and let them work.

    Raises TermsNotAccepted, BadName, BadEmail, UnknownCountry, UnknownTimeZone, BadLanguages, WeakPassword,
    EmailTaken.
    """
    if not accepts_terms:
        raise TermsNotAccepted
    known_country(country)
    language_tags(languages)
    person = _add_person(
        tx, name=name, email=email, password=password, now=now, time_zone=time_zone, locale=locale
    )
    return become_worker(
        tx, person=person, country=country, languages=languages, accepts_terms=accepts_terms, now=now
    )


def become_worker(
    tx: Tx, *, person: PersonId, country: str, languages: Sequence[str], accepts_terms: bool, now: datetime
) -> WorkerId:
    """Let somebody who has a login already, such as a brand's member, work too.

    Raises TermsNotAccepted, UnknownCountry, BadLanguages, AlreadyWorker, StaffCannotBeWorkers.
    """
    if not accepts_terms:
        raise TermsNotAccepted
    worker = Worker(
        id=WorkerId(new_id()),
        person_id=person,
        country=known_country(country),
        languages=language_tags(languages),
        terms_accepted_at=now,
        seen_at=now,
    )
    with _refusing(tx, {"uq_worker_person_id": AlreadyWorker, STAFF_AND_WORKER: StaffCannotBeWorkers}):
        tx.add(worker)
    return worker.id


def set_worker_profile(
    tx: Tx, *, worker: WorkerId, languages: Sequence[str], skills: Sequence[str], available: bool
) -> None:
    """What `worker` speaks, knows and whether he wants tickets now; it decides which he is offered.

    `skills` are words of the platform's vocabulary. Raises BadLanguages.
    """
    row = tx.get_one(Worker, worker, with_for_update={"key_share": True})
    row.languages, row.skills, row.available = language_tags(languages), sorted(set(skills)), available
    tx.flush()


def set_time_zone(tx: Tx, *, person: PersonId, time_zone: str) -> None:
    """By which clock `person` reads times. Raises UnknownTimeZone."""
    zone = known_time_zone(time_zone)
    tx.execute(update(Person).where(Person.id == person).values(time_zone=zone))


def create_brand(
    tx: Tx, *, slug: str, name: str, time_zone: str, language: str, now: datetime, approved: bool = True
) -> BrandId:
    """Open a tenant; its first owner comes by invite. Raises BadSlug, BadName, SlugTaken and their like.

    Whoever opens one as staff approves it by that; one that is not `approved` waits for an operator.
    """
    brand = Brand(
        id=BrandId(new_id()),
        slug=known_slug(slug),
        name=clean_name(name),
        time_zone=known_time_zone(time_zone),
        language=language_tag(language),
        dial_salt=tokens.new_token(),
        approved_at=now if approved else null(),
        created_at=now,
    )
    with _refusing(tx, {"uq_brand_slug": SlugTaken}):
        tx.add(brand)
    return brand.id


def invite_member(
    tx: Tx,
    *,
    brand: BrandId,
    email: str,
    role: MemberRole,
    invited_by: PersonId | None,
    base_url: str,
    now: datetime,
    invite_hours: int,
) -> str:
    """Invite whoever reads mail at `email` and return the token; an earlier open invite to them ends.

    Raises BadEmail, NoSuchBrand, AlreadyMember, TooManyInvites.
    """
    address = normalised_email(email)
    name = _locked_brand(tx, brand).name
    if _is_member(tx, brand, address):
        raise AlreadyMember
    is_open = (Invite.brand_id == brand) & Invite.accepted_at.is_(None)
    tx.execute(delete(Invite).where(is_open, (Invite.email == address) | (Invite.expires_at <= now)))
    if (tx.scalar(select(func.count()).where(is_open)) or 0) >= OPEN_INVITES_PER_BRAND:
        raise TooManyInvites
    token, expires_at = tokens.new_token(), now + timedelta(hours=invite_hours)
    tx.add(
        Invite(
            token_hash=tokens.hash_of(token),
            brand_id=brand,
            email=address,
            role=role,
            invited_by=invited_by,
            expires_at=expires_at,
        )
    )
    words = letters.invitation(brand=name, role=role, link=f"{base_url}/invite/{token}", ends=expires_at)
    write_letter(tx, recipient=address, subject=words.subject, body=words.body, now=now)
    return token


def withdraw_invites(tx: Tx, *, brand: BrandId, email: str) -> None:
    """End the open invites of `brand` to this address, if any. Raises BadEmail."""
    address = normalised_email(email)
    tx.execute(
        delete(Invite).where(Invite.brand_id == brand, Invite.email == address, Invite.accepted_at.is_(None))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Who joined which brand, as what."""

    person: PersonId
    brand: BrandId
    role: MemberRole


def accept_invite(tx: Tx, *, token: str, name: str, password: str, now: datetime) -> Joined:
    """Join the brand: a new person under `name` with a new password, a known one by their own password.

    Raises InviteEnded, BadName, WeakPassword, SignInRefused (a known person's password is wrong),
    AlreadyMember.
    """
    with tx.begin_nested():
        invite = _spend_invite(tx, token, now)
        person = _person_who_joins(tx, email=invite.email, name=name, password=password, now=now)
        with _refusing(tx, {"pk_member": AlreadyMember}):
            tx.add(Member(brand_id=invite.brand_id, person_id=person, role=invite.role, joined_at=now))
        return Joined(person=person, brand=invite.brand_id, role=invite.role)


def request_password_reset(tx: Tx, *, email: str, base_url: str, reset_minutes: int, now: datetime) -> None:
    """Send a one-time link to whoever has this login; to the caller it all looks the same if nobody has.

    One statement does it either way and writes to the log either way, so the time tells nothing. Past
    OPEN_RESETS_PER_PERSON open links no more letters go out. Raises BadEmail.
    """
    address = normalised_email(email)
    token, ends = tokens.new_token(), now + timedelta(minutes=reset_minutes)
    words = letters.password_reset(link=f"{base_url}/reset/{token}", minutes=reset_minutes)
    tx.execute(
        _ASK_FOR_RESET,
        {
            **{"token_hash": tokens.hash_of(token), "email": address, "expires_at": ends, "now": now},
            **{
                "mail": new_id(),
                "subject": words.subject,
                "body": words.body,
                "most": OPEN_RESETS_PER_PERSON,
            },
        },
    )


def reset_password(tx: Tx, *, token: str, password: str, now: datetime) -> PersonId:
    """Set a new password by a one-time link and end every session and every other link of that person.

    Raises ResetEnded, WeakPassword.
    """
    with tx.begin_nested():
        person = tx.get_one(Person, _spend_reset(tx, token, now))
        passwords.check_strength(password, email=person.email)
        person.password_hash = passwords.hash_password(password)
        unused = (PasswordReset.person_id == person.id) & PasswordReset.used_at.is_(None)
        tx.execute(update(PasswordReset).where(unused).values(used_at=now))
        sign_out_everywhere(tx, person.id)
        return person.id


def add_staff(tx: Tx, *, email: str, name: str, password: str, role: StaffRole, now: datetime) -> PersonId:
    """Give a platform role to the person with this e-mail; a known person keeps their name and password.

    Raises BadEmail, BadName, WeakPassword, AlreadyStaff, StaffCannotBeWorkers.
    """
    with tx.begin_nested():
        known = _person_by_email(tx, normalised_email(email))
        person = known.id if known else _add_person(tx, name=name, email=email, password=password, now=now)
        with _refusing(tx, {"pk_staff": AlreadyStaff, STAFF_AND_WORKER: StaffCannotBeWorkers}):
            tx.add(Staff(person_id=person, role=role, added_at=now))
        return person


def change_role(tx: Tx, *, brand: BrandId, person: PersonId, role: MemberRole) -> None:
    """Give a member another role. Raises NoSuchMember, LastOwner."""
    member = _locked_member(tx, brand, person)
    if role is not MemberRole.OWNER:
        _keep_an_owner(tx, member)
    member.role = role
    tx.flush()


def remove_member(tx: Tx, *, brand: BrandId, person: PersonId) -> None:
    """Take a member's role away; their next request finds it gone. Raises NoSuchMember, LastOwner."""
    member = _locked_member(tx, brand, person)
    _keep_an_owner(tx, member)
    tx.delete(member)
    tx.flush()


def _add_person(
    tx: Tx,
    *,
    name: str,
    email: str,
    password: str,
    now: datetime,
    time_zone: str = "UTC",
    locale: str = "en",
) -> PersonId:
    address = normalised_email(email)
    passwords.check_strength(password, email=address)
    person = Person(
        id=PersonId(new_id()),
        email=address,
        name=clean_name(name),
        password_hash=passwords.hash_password(password),
        locale=language_tag(locale),
        time_zone=known_time_zone(time_zone),
        created_at=now,
    )
    with _refusing(tx, {"uq_person_email": EmailTaken}):
        tx.add(person)
    return person.id


def _person_who_joins(tx: Tx, *, email: str, name: str, password: str, now: datetime) -> PersonId:
    person = _person_by_email(tx, email)
    if person is None:
        return _add_person(tx, name=name, email=email, password=password, now=now)
    if not passwords.is_password(password, person.password_hash):
        raise SignInRefused
    return person.id


def _person_by_email(tx: Tx, address: str) -> Person | None:
    return tx.scalars(select(Person).where(Person.email == address)).one_or_none()


def _is_member(tx: Tx, brand: BrandId, address: str) -> bool:
    found = select(Member.person_id).join(Person, Person.id == Member.person_id)
    return tx.scalar(found.where(Member.brand_id == brand, Person.email == address)) is not None


def _spend_invite(tx: Tx, token: str, now: datetime) -> Invite:
    """Mark the invite accepted; of two at once the second waits here and finds it spent."""
    spent = (
        update(Invite)
        .where(
            Invite.token_hash == tokens.hash_of(token), Invite.accepted_at.is_(None), Invite.expires_at > now
        )
        .values(accepted_at=now)
        .returning(Invite)
    )
    invite = tx.scalars(spent).one_or_none()
    if invite is None:
        raise InviteEnded
    return invite


def _spend_reset(tx: Tx, token: str, now: datetime) -> PersonId:
    """Mark the link used; of two at once the second waits here and finds it spent."""
    is_usable = PasswordReset.used_at.is_(None) & (PasswordReset.expires_at > now)
    spent = (
        update(PasswordReset)
        .where(PasswordReset.token_hash == tokens.hash_of(token), is_usable)
        .values(used_at=now)
        .returning(PasswordReset.person_id)
    )
    person = tx.scalars(spent).one_or_none()
    if person is None:
        raise ResetEnded
    return person


def _locked_brand(tx: Tx, brand: BrandId) -> Brand:
    """The brand, held so that its team changes one step at a time."""
    found = tx.scalars(select(Brand).where(Brand.id == brand).with_for_update(key_share=True)).one_or_none()
    if found is None:
        raise NoSuchBrand
    return found


def _locked_member(tx: Tx, brand: BrandId, person: PersonId) -> Member:
    _locked_brand(tx, brand)
    member = tx.get(Member, (brand, person), populate_existing=True)
    if member is None:
        raise NoSuchMember
    return member


def _keep_an_owner(tx: Tx, member: Member) -> None:
    """Raises LastOwner when `member` is the only owner left."""
    owners = select(func.count()).where(Member.brand_id == member.brand_id, Member.role == MemberRole.OWNER)
    if member.role is MemberRole.OWNER and tx.scalar(owners) == 1:
        raise LastOwner


@contextmanager
def _refusing(tx: Tx, refusals: Mapping[str, type[AppError]]) -> Iterator[None]:
    """Run the block in a savepoint; a violated constraint or SQLSTATE among `refusals` becomes ours."""
    try:
        with tx.begin_nested():
            yield
    except IntegrityError as error:
        refusal = _matching(error.orig, refusals)
        if refusal is None:
            raise
        raise refusal from error


def _matching(violation: object, refusals: Mapping[str, type[AppError]]) -> type[AppError] | None:
    if not isinstance(violation, psycopg.Error):
        return None
    return refusals.get(violation.diag.constraint_name or violation.sqlstate or "")


# The last part makes an unknown address cost the same flush of the write-ahead log as a known one.
_ASK_FOR_RESET = text(
    "WITH asked AS (INSERT INTO password_reset (token_hash, person_id, expires_at) "
    "SELECT :token_hash, p.id, :expires_at FROM person p WHERE p.email = :email AND :most > ("
    "SELECT count(*) FROM password_reset r "
    "WHERE r.person_id = p.id AND r.used_at IS NULL AND r.expires_at > :now) "
    "RETURNING person_id), "
    "posted AS (INSERT INTO mail (id, recipient, subject, body, created_at) "
    "SELECT :mail, :email, :subject, :body, :now FROM asked RETURNING id) "
    "SELECT count(*), pg_logical_emit_message(true, 'humancloud', '') FROM posted"
)
