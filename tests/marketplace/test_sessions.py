"""Who is signed in, for how long, and what a stranger learns by trying: nothing."""

import threading
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select, text

from marketplace.accounts import passwords
from marketplace.accounts.commands import change_role, remove_member, request_password_reset, reset_password
from marketplace.accounts.errors import SignInRefused
from marketplace.accounts.models import MemberRole, Person, SignedIn, StaffRole, Worker
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import (
    SESSIONS_PER_PERSON,
    Signed,
    end_expired_sessions,
    principal_of,
    seen,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from tests.marketplace.people import BASE_URL, PASSWORD, a_brand, a_finance_person, a_member, a_worker
from tests.marketplace.test_accounts import token_in_newest_letter

ADA = "ada@example.org"


def signing_in(
    tx: Tx, email: str = ADA, *, password: str = PASSWORD, hours: int = 1, replaces: str | None = None
) -> Signed:
    return sign_in(
        tx, email=email, password=password, session_hours=hours, now=app_now(tx), replaces=replaces
    )


def test_a_session_shows_the_person_and_everything_they_are(db: Database) -> None:
    with db.transaction() as tx:
        worker = a_worker(tx, email=ADA, country="FR")
        bikes, tea = a_brand(tx, slug="bikes", name="Bikes"), a_brand(tx, slug="a-tea", name="Tea")
        a_brand(tx, slug="noise")
        a_member(tx, bikes, role=MemberRole.OWNER, email=ADA)
        a_member(tx, tea, role=MemberRole.AGENT, email=ADA)
        a_member(tx, tea, role=MemberRole.OWNER, email="noise@example.org")
        signed = signing_in(tx)
        principal = principal_of(tx, signed.token, app_now(tx))
    assert principal is not None
    assert (principal.person, principal.email, principal.worker) == (signed.person, ADA, worker)
    assert (principal.country, principal.locale, principal.time_zone) == ("FR", "en", "UTC")
    assert principal.csrf_token == signed.csrf_token
    assert [(one.brand, one.slug, one.name, one.role) for one in principal.brands] == [
        (tea, "a-tea", "Tea", MemberRole.AGENT),
        (bikes, "bikes", "Bikes", MemberRole.OWNER),
    ]
    assert principal.staff == frozenset()
    assert principal.may_at(bikes, Permission.MANAGE_TEAM)
    assert not principal.may_at(tea, Permission.MANAGE_TEAM)
    assert not principal.may_on_platform(Permission.APPROVE_PAYOUTS)
    assert principal.membership("bikes") == principal.brands[1]
    assert principal.membership("noise") is None


def test_staff_are_no_workers_and_members_of_nothing(db: Database) -> None:
    with db.transaction() as tx:
        a_finance_person(tx, email=ADA)
        principal = principal_of(tx, signing_in(tx).token, app_now(tx))
    assert principal is not None
    assert (principal.worker, principal.country, principal.brands) == (None, None, ())
    assert principal.staff == {StaffRole.FINANCE}
    assert principal.may_on_platform(Permission.APPROVE_PAYOUTS)


def test_a_brands_finance_gets_nothing_on_the_platform(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        a_member(tx, brand, role=MemberRole.FINANCE, email=ADA)
        principal = principal_of(tx, signing_in(tx).token, app_now(tx))
    assert principal is not None
    assert principal.may_at(brand, Permission.MANAGE_WALLET)
    assert not any(principal.may_on_platform(permission) for permission in Permission)


def test_the_principal_is_read_in_one_query(db: Database) -> None:
    statements: list[str] = []
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        a_member(tx, a_brand(tx), role=MemberRole.OWNER, email=ADA)
        signed = signing_in(tx)
        event.listen(db.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
        principal_of(tx, signed.token, app_now(tx))
    assert len(statements) == 1


def test_a_session_ends_at_its_hour_whatever_was_done_with_it(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        signed = signing_in(tx, hours=2)
        ends = app_now(tx) + timedelta(hours=2)
        assert signed.expires_at == ends
        assert principal_of(tx, signed.token, ends - timedelta(seconds=1)) is not None
        assert principal_of(tx, signed.token, ends) is None
        end_expired_sessions(tx, ends - timedelta(seconds=1))
        assert principal_of(tx, signed.token, app_now(tx)) is not None
        end_expired_sessions(tx, ends)
        assert tx.scalars(select(SignedIn)).all() == []


def test_a_role_taken_away_is_gone_with_the_next_request(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        a_member(tx, brand, role=MemberRole.OWNER)
        person = a_member(tx, brand, role=MemberRole.MANAGER, email=ADA)
        signed = signing_in(tx)
        change_role(tx, brand=brand, person=person, role=MemberRole.AGENT)
        principal = principal_of(tx, signed.token, app_now(tx))
        assert principal is not None
        assert not principal.may_at(brand, Permission.MANAGE_KNOWLEDGE)
        remove_member(tx, brand=brand, person=person)
        principal = principal_of(tx, signed.token, app_now(tx))
        assert principal is not None
        assert principal.brands == ()


def test_signing_in_gives_a_new_token_and_ends_the_session_it_replaces(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        first, elsewhere = signing_in(tx), signing_in(tx)
        second = signing_in(tx, replaces=first.token)
        assert len({first.token, second.token, first.csrf_token, second.csrf_token}) == 4
        assert principal_of(tx, first.token, app_now(tx)) is None
        assert principal_of(tx, elsewhere.token, app_now(tx)) is not None
        assert principal_of(tx, second.token, app_now(tx)) is not None


def test_signing_out_ends_this_session_and_signing_out_everywhere_all_of_them(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        a_worker(tx, email="noise@example.org")
        one, two, three = signing_in(tx), signing_in(tx), signing_in(tx)
        noise = signing_in(tx, "noise@example.org")
        sign_out(tx, one.token)
        sign_out(tx, one.token)
        now = app_now(tx)
        alive = [principal_of(tx, signed.token, now) is not None for signed in (one, two, three, noise)]
        assert alive == [False, True, True, True]
        sign_out_everywhere(tx, two.person)
        alive = [principal_of(tx, signed.token, now) is not None for signed in (one, two, three, noise)]
        assert alive == [False, False, False, True]


def test_a_person_has_a_limit_of_sessions_and_the_oldest_ends(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        a_worker(tx, email="noise@example.org")
        noise = signing_in(tx, "noise@example.org")
    signed = []
    for _ in range(SESSIONS_PER_PERSON + 1):
        with db.transaction() as tx:
            signed.append(signing_in(tx))
    with db.transaction() as tx:
        now = app_now(tx)
        alive = [principal_of(tx, one.token, now) is not None for one in signed]
        assert alive == [False] + [True] * SESSIONS_PER_PERSON
        assert principal_of(tx, noise.token, now) is not None


def test_the_database_keeps_no_session_token_in_clear(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        signed = signing_in(tx)
        kept = tx.execute(text("SELECT session::text FROM session")).scalar_one()
    assert signed.token not in kept


WRONG_SIGN_INS = [
    (ADA, "not the password"),
    (ADA, ""),
    (ADA, PASSWORD + "\x00"),
    (ADA, "\ud800"),
    (ADA, "x" * 100_000),
    ("nobody@example.org", PASSWORD),
    ("no address", PASSWORD),
    ("ada\x00@example.org", PASSWORD),
    ("\ud800@example.org", PASSWORD),
    ("", ""),
]


def test_every_wrong_sign_in_gets_one_answer_for_the_same_work(
    db: Database, subtests: pytest.Subtests
) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
    for email, password in WRONG_SIGN_INS:
        with subtests.test(email=email, password=password[:20]), db.transaction() as tx:
            before = passwords.computations()
            with pytest.raises(SignInRefused) as refused:
                signing_in(tx, email, password=password)
            assert passwords.computations() == before + 1
            assert refused.value.detail == "E-mail and password do not belong together."
    with db.transaction() as tx:
        assert tx.scalars(select(SignedIn)).all() == []


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        person = tx.scalars(select(Person)).one()
        person.password_hash = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    with db.transaction() as tx:
        signing_in(tx)
    with db.transaction() as tx:
        assert not passwords.needs_rehash(tx.scalars(select(Person)).one().password_hash)
        signing_in(tx)


def test_a_sign_in_with_the_old_password_that_meets_its_reset_leaves_no_session(db: Database) -> None:
    with db.transaction() as tx:
        a_worker(tx, email=ADA)
        request_password_reset(tx, email=ADA, base_url=BASE_URL, reset_minutes=5, now=app_now(tx))
    refused: list[bool] = []

    def sign_in_with_the_old_password() -> None:
        with db.transaction() as other:
            try:
                signing_in(other)
                refused.append(False)
            except SignInRefused:
                refused.append(True)

    intruder = threading.Thread(target=sign_in_with_the_old_password)
    with db.transaction() as tx:
        reset_password(tx, token=token_in_newest_letter(tx), password="a new harbour at 7", now=app_now(tx))
        intruder.start()
        intruder.join(timeout=1.0)
        assert intruder.is_alive()  # it has read the old hash and waits for this transaction
    intruder.join(timeout=20)
    assert refused == [True]
    with db.transaction() as tx:
        assert tx.scalars(select(SignedIn)).all() == []


def test_a_worker_is_seen_with_at_most_one_write_a_minute(db: Database) -> None:
    with db.transaction() as tx:
        worker, noise = a_worker(tx), a_worker(tx)
        begun = app_now(tx)
    for seconds, expected in ((30, 0), (60, 60), (119, 60), (120, 120)):
        with db.transaction() as tx:
            seen(tx, worker, begun + timedelta(seconds=seconds))
        with db.transaction() as tx:
            assert tx.get_one(Worker, worker).seen_at == begun + timedelta(seconds=expected)
            assert tx.get_one(Worker, noise).seen_at == begun
