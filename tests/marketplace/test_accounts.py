"""How people sign up, join brands, are let back in, change roles and go."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from marketplace.accounts import passwords, queries
from marketplace.accounts.commands import (
    OPEN_INVITES_PER_BRAND,
    OPEN_RESETS_PER_PERSON,
    accept_invite,
    add_staff,
    become_worker,
    change_role,
    create_brand,
    remove_member,
    request_password_reset,
    reset_password,
    sign_up_worker,
    withdraw_invites,
)
from marketplace.accounts.errors import (
    AlreadyMember,
    AlreadyStaff,
    AlreadyWorker,
    BadEmail,
    BadLanguages,
    BadName,
    BadSlug,
    EmailTaken,
    InviteEnded,
    LastOwner,
    NoSuchBrand,
    NoSuchMember,
    NoSuchPerson,
    PasswordHoldsEmail,
    PasswordTooShort,
    ResetEnded,
    SignInRefused,
    SlugTaken,
    StaffCannotBeWorkers,
    TermsNotAccepted,
    TooManyInvites,
    UnknownCountry,
    UnknownTimeZone,
)
from marketplace.accounts.models import Invite, MemberRole, PasswordReset, Person, Staff, StaffRole, Worker
from marketplace.accounts.sessions import principal_of, sign_in
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, PersonId, new_id
from tests.marketplace.people import (
    BASE_URL,
    PASSWORD,
    a_brand,
    a_finance_person,
    a_member,
    a_worker,
    an_invite,
    at_once,
    refusals,
)

# --- Signing up


def test_a_person_who_signs_up_can_sign_in_and_is_a_worker(db: Database) -> None:
    with db.transaction() as tx:
        worker = sign_up_worker(
            tx,
            name="  Ada   Lovelace ",
            email=" Ada@Example.ORG ",
            password=PASSWORD,
            country="gb",
            languages=["EN", "pt-br", "en"],
            accepts_terms=True,
            now=app_now(tx),
        )
    with db.transaction() as tx:
        row = tx.get_one(Worker, worker)
        signed = sign_in(tx, email="ADA@example.org", password=PASSWORD, session_hours=1, now=app_now(tx))
        principal = principal_of(tx, signed.token, app_now(tx))
    assert principal is not None
    assert (principal.name, principal.email, principal.country) == ("Ada Lovelace", "ada@example.org", "GB")
    assert principal.worker == worker
    assert row.languages == ["en", "pt-BR"]
    assert row.terms_accepted_at is not None


BAD_SIGN_UPS: list[tuple[dict[str, Any], type[AppError]]] = [
    ({"accepts_terms": False}, TermsNotAccepted),
    ({"country": "XX"}, UnknownCountry),
    ({"country": "DE\x00"}, UnknownCountry),
    ({"languages": []}, BadLanguages),
    ({"languages": ["english please"]}, BadLanguages),
    ({"languages": [f"a{chr(97 + n)}" for n in range(11)]}, BadLanguages),
    ({"name": "  "}, BadName),
    ({"name": "x" * 101}, BadName),
    ({"name": "Ada\r\nBcc: all@example.org"}, BadName),
    ({"name": "Ada\x00"}, BadName),
    ({"name": "\ud800"}, BadName),
    ({"name": "evil \u202e name"}, BadName),
    ({"email": "ada"}, BadEmail),
    ({"email": "ada@localhost"}, BadEmail),
    ({"email": "ada@example.org\nBcc: x@example.org"}, BadEmail),
    ({"email": "ada@@example.org"}, BadEmail),
    ({"email": "ada\x00@example.org"}, BadEmail),
    ({"email": "a" * 250 + "@example.org"}, BadEmail),
    ({"password": "short"}, PasswordTooShort),
    ({"password": "my ada.lovelace key"}, PasswordHoldsEmail),
    ({"time_zone": "Mars/Olympus"}, UnknownTimeZone),
    ({"time_zone": "../etc/passwd"}, UnknownTimeZone),
    ({"time_zone": "Europe"}, UnknownTimeZone),
]


def test_a_sign_up_that_lacks_something_is_refused_by_name_and_leaves_nobody(
    db: Database, subtests: pytest.Subtests
) -> None:
    valid: dict[str, Any] = {
        **{"name": "Ada", "email": "ada.lovelace@example.org", "password": PASSWORD, "country": "DE"},
        **{"languages": ["en"], "accepts_terms": True},
    }
    for changed, refusal in BAD_SIGN_UPS:
        with subtests.test(**changed), db.transaction() as tx, pytest.raises(refusal):
            sign_up_worker(tx, **{**valid, **changed}, now=app_now(tx))
    with db.transaction() as tx:
        assert tx.scalars(select(Person)).all() == []


def test_an_address_in_use_is_refused_and_the_transaction_stays_usable(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
    with db.transaction() as tx:
        with pytest.raises(EmailTaken, match="Sign in instead"):
            a_worker(tx, email="ADA@example.org")
        a_worker(tx, email="bob@example.org")
    with db.transaction() as tx:
        assert set(tx.scalars(select(Person.email))) == {"ada@example.org", "bob@example.org"}


def test_of_two_sign_ups_with_one_address_at_once_one_wins(db: Database) -> None:
    def sign_up() -> None:
        with db.transaction() as tx:
            a_worker(tx, email="ada@example.org")

    for _ in range(3):
        outcomes = at_once(sign_up, sign_up)
        assert refusals(outcomes) == [EmailTaken]
        with db.transaction() as tx:
            assert len(tx.scalars(select(Worker)).all()) == 1
            tx.execute(text("DELETE FROM worker"))
            tx.execute(text("DELETE FROM person"))


def test_a_member_may_become_a_worker_once(db: Database) -> None:
    with db.transaction() as tx:
        person = a_member(tx, a_brand(tx), role=MemberRole.AGENT)
        become_worker(tx, person=person, country="FR", languages=["fr"], accepts_terms=True, now=app_now(tx))
        with pytest.raises(AlreadyWorker):
            become_worker(
                tx, person=person, country="FR", languages=["fr"], accepts_terms=True, now=app_now(tx)
            )
        with pytest.raises(TermsNotAccepted):
            become_worker(
                tx, person=person, country="FR", languages=["fr"], accepts_terms=False, now=app_now(tx)
            )


# --- Staff


def test_staff_cannot_become_workers_nor_workers_staff(db: Database) -> None:
    with db.transaction() as tx:
        staff = a_finance_person(tx)
        with pytest.raises(StaffCannotBeWorkers):
            become_worker(
                tx, person=staff, country="FR", languages=["fr"], accepts_terms=True, now=app_now(tx)
            )
        a_worker(tx, email="ada@example.org")
        with pytest.raises(StaffCannotBeWorkers):
            a_finance_person(tx, email="ada@example.org")


def test_the_database_itself_keeps_staff_and_workers_apart(db: Database) -> None:
    with db.transaction() as tx:
        staff = a_finance_person(tx)
        worker = tx.get_one(Worker, a_worker(tx)).person_id
    with pytest.raises(IntegrityError, match="staff cannot be workers"), db.transaction() as tx:
        tx.execute(
            text(
                "INSERT INTO worker (id, person_id, country, languages, terms_accepted_at, seen_at) "
                "VALUES (:id, :person, 'DE', '{en}', now(), now())"
            ),
            {"id": new_id(), "person": staff},
        )
    with pytest.raises(IntegrityError, match="staff cannot be workers"), db.transaction() as tx:
        tx.add(Staff(person_id=worker, role=StaffRole.OPERATOR, added_at=app_now(tx)))


def test_of_becoming_staff_and_becoming_worker_at_once_one_is_refused(db: Database) -> None:
    with db.transaction() as tx:
        person = a_member(tx, a_brand(tx), role=MemberRole.AGENT, email="ada@example.org")

    def become_staff() -> None:
        with db.transaction() as tx:
            a_finance_person(tx, email="ada@example.org")

    def work() -> None:
        with db.transaction() as tx:
            become_worker(
                tx, person=person, country="FR", languages=["fr"], accepts_terms=True, now=app_now(tx)
            )

    assert refusals(at_once(become_staff, work)) == [StaffCannotBeWorkers]


def test_a_known_person_made_staff_keeps_their_password_and_gets_each_role_once(db: Database) -> None:
    with db.transaction() as tx:
        person = a_member(tx, a_brand(tx), role=MemberRole.AGENT, email="ada@example.org")
        now = app_now(tx)
        for role in StaffRole:
            assert person == add_staff(
                tx, email="Ada@example.org", name="Other", password="another password 7", role=role, now=now
            )
        with pytest.raises(AlreadyStaff):
            a_finance_person(tx, email="ada@example.org")
        signed = sign_in(tx, email="ada@example.org", password=PASSWORD, session_hours=1, now=now)
        principal = principal_of(tx, signed.token, now)
    assert principal is not None
    assert principal.staff == {StaffRole.FINANCE, StaffRole.OPERATOR}
    assert principal.name == "Grace Hopper"


# --- Brands


def test_a_brand_is_found_by_its_address_and_by_nothing_like_it(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx, slug="fernweh", name="Fernweh Bikes")
        a_brand(tx, slug="noise")
        found = queries.brand_by_slug(tx, "fernweh")
        assert found == queries.brand(tx, brand)
        assert found is not None
        assert (found.name, found.currency, found.time_zone) == ("Fernweh Bikes", None, "Europe/Berlin")
        for other in ("FERNWEH", "fernwe", "", "\x00", "\ud800", "fernweh ", "x" * 10_000, "%"):
            assert queries.brand_by_slug(tx, other) is None
        with pytest.raises(NoSuchBrand):
            queries.brand(tx, BrandId(new_id()))


BAD_BRANDS: list[tuple[dict[str, str], type[AppError]]] = [
    ({"slug": "Fernweh"}, BadSlug),
    ({"slug": "-a"}, BadSlug),
    ({"slug": "a"}, BadSlug),
    ({"slug": "a" * 41}, BadSlug),
    ({"slug": "a/b"}, BadSlug),
    ({"slug": "fernweh\n"}, BadSlug),
    ({"name": "Fernweh\r\nSubject: x"}, BadName),
    ({"time_zone": "Nowhere"}, UnknownTimeZone),
    ({"language": "de_DE"}, BadLanguages),
]


def test_a_brand_needs_a_proper_address_name_zone_and_language(
    db: Database, subtests: pytest.Subtests
) -> None:
    valid = {"slug": "fernweh", "name": "Fernweh", "time_zone": "UTC", "language": "de"}
    for changed, refusal in BAD_BRANDS:
        with subtests.test(**changed), db.transaction() as tx, pytest.raises(refusal):
            create_brand(tx, **{**valid, **changed}, now=app_now(tx))  # type: ignore[arg-type]  # texts all
    with db.transaction() as tx:
        assert queries.brands(tx) == []


def test_of_two_brands_with_one_address_at_once_one_wins(db: Database) -> None:
    def create() -> None:
        with db.transaction() as tx:
            a_brand(tx, slug="fernweh")

    assert refusals(at_once(create, create)) == [SlugTaken]


# --- Invites


def test_an_invited_person_gets_a_letter_and_joins_with_it(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx, slug="fernweh", name="Fernweh Bikes")
        token = an_invite(tx, brand, email=" Grace@Example.org ", role=MemberRole.MANAGER)
        letter = queries.mailbox(tx)[0]
        invite = queries.find_open_invite(tx, token, app_now(tx))
    assert letter.recipient == "grace@example.org"
    assert letter.subject == "You are invited to Fernweh Bikes on Human Cloud"
    assert f"{BASE_URL}/invite/{token}" in letter.body
    assert invite is not None
    assert (invite.brand_name, invite.role, invite.has_login) == ("Fernweh Bikes", MemberRole.MANAGER, False)
    with db.transaction() as tx:
        joined = accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=app_now(tx))
    with db.transaction() as tx:
        (member,) = queries.members(tx, brand)
        assert (member.person, member.email, member.role) == (
            joined.person,
            "grace@example.org",
            MemberRole.MANAGER,
        )
        assert queries.open_invites(tx, brand, app_now(tx)) == []


def test_the_database_keeps_no_invite_token_in_clear(db: Database) -> None:
    with db.transaction() as tx:
        token = an_invite(tx, a_brand(tx), email="grace@example.org")
        kept = tx.execute(text("SELECT invite::text FROM invite")).scalar_one()
    assert token not in kept
    assert len(token) >= 43


def test_an_invite_is_spent_by_its_first_use(db: Database) -> None:
    with db.transaction() as tx:
        token = an_invite(tx, a_brand(tx), email="grace@example.org")
        accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=app_now(tx))
    with db.transaction() as tx:
        assert queries.find_open_invite(tx, token, app_now(tx)) is None
        with pytest.raises(InviteEnded):
            accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=app_now(tx))


def test_of_two_people_accepting_one_invite_at_once_one_joins(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        token = an_invite(tx, brand, email="grace@example.org")

    def accept() -> None:
        with db.transaction() as tx:
            accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=app_now(tx))

    assert refusals(at_once(accept, accept, accept)) == [InviteEnded, InviteEnded]
    with db.transaction() as tx:
        assert len(queries.members(tx, brand)) == 1


def test_an_invite_ends_at_its_hour(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        token = an_invite(tx, brand, email="grace@example.org", hours=2)
        ends = app_now(tx) + timedelta(hours=2)
        assert queries.find_open_invite(tx, token, ends - timedelta(seconds=1)) is not None
        assert queries.find_open_invite(tx, token, ends) is None
        assert queries.open_invites(tx, brand, ends) == []
        with pytest.raises(InviteEnded):
            accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=ends)


def test_a_made_up_token_opens_nothing(db: Database) -> None:
    with db.transaction() as tx:
        an_invite(tx, a_brand(tx), email="grace@example.org")
        now = app_now(tx)
        for token in ("", "x", "\x00", "\ud800", "x" * 100_000):
            with pytest.raises(InviteEnded):
                accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=now)
            with pytest.raises(ResetEnded):
                reset_password(tx, token=token, password=PASSWORD, now=now)
            assert principal_of(tx, token, now) is None


def test_a_known_person_joins_by_their_own_password_alone(db: Database) -> None:
    with db.transaction() as tx:
        worker = a_worker(tx, email="ada@example.org")
        brand = a_brand(tx)
        token = an_invite(tx, brand, email="ada@example.org")
        invite = queries.find_open_invite(tx, token, app_now(tx))
        assert invite is not None
        assert invite.has_login
    with db.transaction() as tx:
        with pytest.raises(SignInRefused):
            accept_invite(tx, token=token, name="", password="not the password", now=app_now(tx))
        joined = accept_invite(tx, token=token, name="", password=PASSWORD, now=app_now(tx))
        assert joined.person == tx.get_one(Worker, worker).person_id
    with db.transaction() as tx:
        assert queries.person(tx, joined.person).name == "Ada Lovelace"


def test_a_weak_password_does_not_spend_the_invite(db: Database) -> None:
    with db.transaction() as tx:
        token = an_invite(tx, a_brand(tx), email="grace@example.org")
        with pytest.raises(PasswordTooShort):
            accept_invite(tx, token=token, name="Grace", password="short", now=app_now(tx))
    with db.transaction() as tx:
        accept_invite(tx, token=token, name="Grace", password=PASSWORD, now=app_now(tx))


def test_a_second_invite_to_an_address_ends_the_first(db: Database) -> None:
    with db.transaction() as tx:
        brand, other = a_brand(tx), a_brand(tx)
        first = an_invite(tx, brand, email="grace@example.org")
        elsewhere = an_invite(tx, other, email="grace@example.org")
        second = an_invite(tx, brand, email="grace@example.org", role=MemberRole.OWNER)
        now = app_now(tx)
        assert queries.find_open_invite(tx, first, now) is None
        assert queries.find_open_invite(tx, second, now) is not None
        assert queries.find_open_invite(tx, elsewhere, now) is not None
        assert [invite.role for invite in queries.open_invites(tx, brand, now)] == [MemberRole.OWNER]


def test_a_withdrawn_invite_opens_nothing_and_others_stay(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        gone = an_invite(tx, brand, email="grace@example.org")
        stays = an_invite(tx, brand, email="ada@example.org")
        withdraw_invites(tx, brand=brand, email="Grace@example.org")
        assert queries.find_open_invite(tx, gone, app_now(tx)) is None
        assert queries.find_open_invite(tx, stays, app_now(tx)) is not None


def test_a_member_is_not_invited_again(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        a_member(tx, brand, role=MemberRole.AGENT, email="grace@example.org")
        with pytest.raises(AlreadyMember):
            an_invite(tx, brand, email="GRACE@example.org")
        with pytest.raises(NoSuchBrand):
            an_invite(tx, BrandId(new_id()), email="ada@example.org")


def test_a_person_who_joined_meanwhile_is_a_member_already(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        token = an_invite(tx, brand, email="grace@example.org")
        person = a_member(tx, a_brand(tx), role=MemberRole.AGENT, email="grace@example.org")
        tx.execute(
            text("INSERT INTO member (brand_id, person_id, role, joined_at) VALUES (:b, :p, 'agent', now())"),
            {"b": brand, "p": person},
        )
        with pytest.raises(AlreadyMember):
            accept_invite(tx, token=token, name="", password=PASSWORD, now=app_now(tx))


def test_a_brand_has_a_limit_of_open_invites_and_ended_ones_do_not_count(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        tx.execute(
            text(
                "INSERT INTO invite (token_hash, brand_id, email, role, expires_at) "
                "SELECT sha256(n::text::bytea), :brand, n || '@example.org', 'agent', app_now() + CASE n "
                "WHEN 1 THEN interval '-1 hour' ELSE interval '1 hour' END FROM generate_series(1, :most) n"
            ),
            {"brand": brand, "most": OPEN_INVITES_PER_BRAND},
        )
        an_invite(tx, brand, email="fits@example.org")
        with pytest.raises(TooManyInvites):
            an_invite(tx, brand, email="too-many@example.org")
        assert len(tx.scalars(select(Invite)).all()) == OPEN_INVITES_PER_BRAND


# --- Changing and leaving


def test_a_member_gets_another_role_or_leaves_and_other_brands_are_not_touched(db: Database) -> None:
    with db.transaction() as tx:
        brand, other = a_brand(tx), a_brand(tx)
        a_member(tx, brand, role=MemberRole.OWNER)
        agent = a_member(tx, brand, role=MemberRole.AGENT, email="grace@example.org")
        a_member(tx, other, role=MemberRole.AGENT)
        change_role(tx, brand=brand, person=agent, role=MemberRole.MANAGER)
        assert {m.role for m in queries.members(tx, brand)} == {MemberRole.OWNER, MemberRole.MANAGER}
        with pytest.raises(NoSuchMember):
            change_role(tx, brand=other, person=agent, role=MemberRole.OWNER)
        with pytest.raises(NoSuchMember):
            remove_member(tx, brand=other, person=agent)
        remove_member(tx, brand=brand, person=agent)
        assert [m.role for m in queries.members(tx, brand)] == [MemberRole.OWNER]
        assert len(queries.members(tx, other)) == 1
        with pytest.raises(NoSuchMember):
            remove_member(tx, brand=brand, person=agent)


def test_a_brand_keeps_its_last_owner(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        owner = a_member(tx, brand, role=MemberRole.OWNER)
        a_member(tx, brand, role=MemberRole.AGENT)
        change_role(tx, brand=brand, person=owner, role=MemberRole.OWNER)
        with pytest.raises(LastOwner):
            change_role(tx, brand=brand, person=owner, role=MemberRole.AGENT)
        with pytest.raises(LastOwner):
            remove_member(tx, brand=brand, person=owner)


def test_of_two_owners_leaving_at_once_one_has_to_stay(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        owners = [a_member(tx, brand, role=MemberRole.OWNER) for _ in range(2)]

    def leaving(person: PersonId) -> Callable[[], None]:
        def leave() -> None:
            with db.transaction() as tx:
                remove_member(tx, brand=brand, person=person)

        return leave

    assert refusals(at_once(*(leaving(person) for person in owners))) == [LastOwner]


# --- Forgotten passwords


def ask(tx: Tx, email: str) -> None:
    request_password_reset(tx, email=email, base_url=BASE_URL, reset_minutes=60, now=app_now(tx))


def token_in_newest_letter(tx: Tx) -> str:
    found = re.search(rf"{BASE_URL}/reset/(\S+)", queries.mailbox(tx)[0].body)
    assert found is not None
    return found[1]


def test_a_forgotten_password_is_replaced_by_a_link_in_a_letter(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        a_worker(tx, email="noise@example.org")
        old = sign_in(tx, email="ada@example.org", password=PASSWORD, session_hours=1, now=app_now(tx))
        noise = sign_in(tx, email="noise@example.org", password=PASSWORD, session_hours=1, now=app_now(tx))
        ask(tx, " ADA@example.org")
    with db.transaction() as tx:
        assert queries.mailbox(tx)[0].recipient == "ada@example.org"
        token = token_in_newest_letter(tx)
        assert queries.is_reset_open(tx, token, app_now(tx))
        reset_password(tx, token=token, password="a new harbour at 7", now=app_now(tx))
    with db.transaction() as tx:
        now = app_now(tx)
        assert principal_of(tx, old.token, now) is None
        assert principal_of(tx, noise.token, now) is not None
        sign_in(tx, email="ada@example.org", password="a new harbour at 7", session_hours=1, now=now)
        with pytest.raises(SignInRefused):
            sign_in(tx, email="ada@example.org", password=PASSWORD, session_hours=1, now=now)


def test_asking_for_an_unknown_address_looks_the_same_and_sends_nothing(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
    answers: list[None] = []
    log_bytes: list[int] = []
    for email in ("ada@example.org", "nobody@example.org"):
        with db.transaction() as tx:
            begun = tx.execute(text("SELECT pg_current_wal_insert_lsn()")).scalar_one()
            answers.append(ask(tx, email))  # type: ignore[func-returns-value]  # that it says nothing is the point
            written = text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), CAST(:begun AS pg_lsn))")
            log_bytes.append(tx.execute(written, {"begun": begun}).scalar_one())
    assert answers == [None, None]
    assert all(written > 0 for written in log_bytes)  # both commits wait for the disk
    with db.transaction() as tx:
        assert [mail.recipient for mail in queries.mailbox(tx)] == ["ada@example.org"]
        assert len(tx.scalars(select(PasswordReset)).all()) == 1
        with pytest.raises(BadEmail):
            ask(tx, "no address")


def test_a_mailbox_is_not_filled_by_asking_again_and_again(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        a_worker(tx, email="bob@example.org")
        for _ in range(OPEN_RESETS_PER_PERSON + 3):
            ask(tx, "ada@example.org")
        ask(tx, "bob@example.org")
        recipients = [mail.recipient for mail in queries.mailbox(tx)]
    assert recipients.count("ada@example.org") == OPEN_RESETS_PER_PERSON
    assert recipients.count("bob@example.org") == 1


def test_a_reset_link_works_once_and_ends_the_others(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        ask(tx, "ada@example.org")
        first = token_in_newest_letter(tx)
        ask(tx, "ada@example.org")
        second = token_in_newest_letter(tx)
        reset_password(tx, token=second, password="a new harbour at 7", now=app_now(tx))
    with db.transaction() as tx:
        for token in (first, second):
            assert not queries.is_reset_open(tx, token, app_now(tx))
            with pytest.raises(ResetEnded):
                reset_password(tx, token=token, password="a third harbour at 8", now=app_now(tx))


def test_a_reset_link_used_twice_at_once_works_once(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        ask(tx, "ada@example.org")
        token = token_in_newest_letter(tx)

    def use() -> None:
        with db.transaction() as tx:
            reset_password(tx, token=token, password="a new harbour at 7", now=app_now(tx))

    assert refusals(at_once(use, use)) == [ResetEnded]


def test_a_reset_link_ends_at_its_minute(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        ask(tx, "ada@example.org")
        token = token_in_newest_letter(tx)
        ends = app_now(tx) + timedelta(minutes=60)
        assert queries.is_reset_open(tx, token, ends - timedelta(seconds=1))
        assert not queries.is_reset_open(tx, token, ends)
        with pytest.raises(ResetEnded):
            reset_password(tx, token=token, password="a new harbour at 7", now=ends)


def test_a_weak_new_password_does_not_spend_the_link(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        ask(tx, "ada@example.org")
        token = token_in_newest_letter(tx)
        with pytest.raises(PasswordTooShort):
            reset_password(tx, token=token, password="short", now=app_now(tx))
    with db.transaction() as tx:
        assert queries.is_reset_open(tx, token, app_now(tx))


def test_the_password_lies_in_the_database_as_argon2id_only(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx)
        kept = tx.scalars(select(Person)).one().password_hash
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.needs_rehash(kept)


def test_an_unknown_person_is_named_as_such(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email="ada@example.org")
        assert queries.find_person_by_email(tx, "ada@example.org") is not None
        assert queries.find_person_by_email(tx, "bob@example.org") is None
        with pytest.raises(NoSuchPerson):
            queries.person(tx, PersonId(new_id()))
