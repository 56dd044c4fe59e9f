"""A worker is forgotten, and every cent still stands where it stood, under an id that says nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from billing.accounts import in_flight
from billing.models import LedgerAccount
from billing.statement_files import STATEMENT_COLUMNS, YEAR_COLUMNS, statement_rows, year_rows
from marketplace.accounts.commands import request_password_reset
from marketplace.accounts.errors import NoSuchPerson, SignInRefused
from marketplace.accounts.models import Member, MemberRole, Person, SignedIn, Worker
from marketplace.accounts.passwords import hash_password
from marketplace.accounts.sessions import begin_session, sign_in
from marketplace.accounts.worker_erasure import NotAWorker, StillMember, erase_worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_file import csv_file
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.ids import PersonId, WorkerId, new_id
from marketplace.tickets.pool import claim_ticket
from tests.billing.paying import FUNDS, Till, WatchedGateway, as_owner, assert_proven
from tests.billing.stripe_server import StripeServer
from tests.builders import a_brand, a_person, a_worker, an_open_ticket, usd

NAME, EMAIL, PASSWORD = "Wilhelmina Quackenbush", "wilhelmina@example.org", "a very long phrase"


@pytest.fixture
def till(background: Database, fake_stripe: StripeServer) -> Till:
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    return Till(database=background, server=fake_stripe, gateway=WatchedGateway(fake_stripe, background))


def named(tx: Tx, worker: WorkerId) -> PersonId:
    """Give the worker a name that is found wherever it stands."""
    person = tx.get_one(Worker, worker).person_id
    tx.execute(
        update(Person)
        .where(Person.id == person)
        .values(name=NAME, email=EMAIL, password_hash=hash_password(PASSWORD))
    )
    return person


def test_case_56_an_erased_worker_leaves_no_name_and_the_ledger_keeps_the_opaque_id(
    till: Till, background: Database, database_url: str
) -> None:
    worker = till.worker()
    with background.transaction() as tx:
        person = named(tx, worker)
        begin_session(tx, person=person, session_hours=1, now=app_now(tx))
        request_password_reset(
            tx, email=EMAIL, base_url="https://here.example", now=app_now(tx), reset_minutes=30
        )
    till.earn(worker)
    till.released()
    till.send()
    till.earn(worker)  # still owed
    with background.transaction() as tx:
        claim_ticket(tx, ticket=an_open_ticket(tx, a_brand(tx)), worker=worker)
    assert places_of(database_url, EMAIL), "the search below can find something"
    before = money_of(background, worker)

    with background.transaction() as tx:
        erased = erase_worker(tx, person=person, by=a_person(tx), reason="asked for", now=app_now(tx))
    assert (erased.person, erased.worker) == (person, worker)

    for word in (NAME, "Quackenbush", EMAIL, "wilhelmina"):
        assert places_of(database_url, word) == [], word
    assert money_of(background, worker) == before
    assert_proven(background)
    with background.transaction() as tx:
        accounts = tx.scalars(select(LedgerAccount.worker_id).where(LedgerAccount.worker_id.is_not(None)))
        assert set(accounts) == {worker}
        assert tx.scalars(select(SignedIn)).all() == []
        assert tx.scalar(text("SELECT count(*) FROM claim WHERE ended_at IS NULL")) == 0
        for address in (EMAIL, tx.get_one(Person, person).email):
            with pytest.raises(SignInRefused):
                sign_in(tx, email=address, password=PASSWORD, session_hours=1, now=app_now(tx))

    batch = till.released()
    till.send()
    [payout] = till.payouts(batch)
    till.assert_paid_once(payout.id)
    assert till.standing(in_flight(worker)) == usd(0)
    assert_proven(background)


def places_of(database_url: str, word: str) -> list[str]:
    """Every table of the database in which a row holds `word`, in whatever column."""
    found = []
    with as_owner(database_url) as sql:
        tables = sql.scalars(
            text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        ).all()
        for table in tables:
            asked = text(f'SELECT EXISTS (SELECT FROM "{table}" AS t WHERE t::text ILIKE :word)')
            if sql.execute(asked, {"word": f"%{word}%"}).scalar_one():
                found.append(table)
    return found


def money_of(background: Database, worker: WorkerId) -> tuple[bytes, ...]:
    """The worker's statement and the year's payments, as files."""
    with background.transaction(PLATFORM) as tx:
        now = app_now(tx)
        month, year = f"{now:%Y-%m}", f"{now:%Y}"
        stated = csv_file(STATEMENT_COLUMNS, statement_rows(tx, month=month, currency="usd", worker=worker))
        paid = csv_file(YEAR_COLUMNS, year_rows(tx, year=year))
    assert (stated.rows, paid.rows) > (2, 0)
    return b"".join(stated.pieces()), b"".join(paid.pieces())


def test_an_erasure_again_changes_nothing_and_only_workers_are_erased(background: Database) -> None:
    with background.transaction() as tx:
        person = tx.get_one(Worker, a_worker(tx)).person_id
        other = tx.get_one(Worker, a_worker(tx, name="Noise")).person_id
        erase_worker(tx, person=person, by=None, reason="", now=app_now(tx))
        first = tx.get_one(Person, person)
        kept = (first.name, first.email, first.suspended_at)
        later = app_now(tx) + timedelta(hours=1)
        erase_worker(tx, person=person, by=None, reason="", now=later)
        again = tx.get_one(Person, person)
        assert (again.name, again.email, again.suspended_at) == kept
        assert tx.get_one(Person, other).name == "Noise"
        with pytest.raises(NotAWorker):
            erase_worker(tx, person=a_person(tx), by=None, reason="", now=later)
        with pytest.raises(NoSuchPerson):
            erase_worker(tx, person=PersonId(new_id()), by=None, reason="", now=later)


def test_a_member_of_a_brand_is_removed_there_first(background: Database) -> None:
    with background.transaction() as tx:
        person = tx.get_one(Worker, a_worker(tx)).person_id
        tx.add(Member(brand_id=a_brand(tx), person_id=person, role=MemberRole.AGENT, joined_at=app_now(tx)))
        tx.flush()
        with pytest.raises(StillMember):
            erase_worker(tx, person=person, by=None, reason="", now=app_now(tx))
