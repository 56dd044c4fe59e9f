"""A pay run is what two people signed, to the cent, or it is not released."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from billing import batches, earnings
from billing.accounts import in_flight, payable
from billing.batches import BatchChanged, NothingToPay, SamePerson, WrongState
from billing.models import (
    BatchState,
    Earning,
    EarningState,
    Payout,
    PayoutBatch,
    PayoutLine,
    PayoutState,
    StripeCall,
)
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Role, Tx
from marketplace.kernel.ids import BatchId, BrandId, PersonId, WorkerId
from tests.billing.paying import (
    ENVIRONMENT,
    FUNDS,
    PAY,
    PRICE,
    REVIEW_IS_OVER,
    an_approved_batch,
    as_owner,
    assert_proven,
    pass_review,
    release,
    standing,
    submit,
)
from tests.builders import Clock, a_brand, a_person, a_resolved_ticket, a_worker, as_brand, as_worker, usd
from workers_ui.bootstrap import same_transaction_bus


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Two workers with a payable 16.00 each, and two people of finance."""

    database: Database
    brand: BrandId
    workers: tuple[WorkerId, WorkerId]
    fay: PersonId
    finn: PersonId

    def draft(self) -> BatchId:
        with self.database.transaction(PLATFORM) as tx:
            return batches.draft_batch(tx, currency="usd", author=self.fay, now=app_now(tx)).id

    def submit(self, batch: BatchId) -> None:
        with self.database.transaction(PLATFORM) as tx:
            submit(tx, batch, person=self.fay)

    def approve(self, batch: BatchId, *, person: PersonId | None = None) -> None:
        with self.database.transaction(PLATFORM) as tx:
            batches.approve_batch(tx, batch=batch, person=person or self.finn, now=app_now(tx))

    def release(self, batch: BatchId) -> None:
        with self.database.transaction(PLATFORM) as tx:
            batches.release_batch(tx, batch=batch, person=self.finn, environment=ENVIRONMENT, now=app_now(tx))

    def void(self, batch: BatchId) -> None:
        with self.database.transaction(PLATFORM) as tx:
            batches.void_batch(tx, batch=batch, now=app_now(tx))

    def submitted(self) -> BatchId:
        batch = self.draft()
        self.submit(batch)
        return batch

    def approved(self) -> BatchId:
        batch = self.submitted()
        self.approve(batch)
        return batch

    def state(self, batch: BatchId) -> BatchState:
        with self.database.transaction(PLATFORM) as tx:
            return tx.get_one(PayoutBatch, batch).state

    def earnings(self) -> set[EarningState]:
        with self.database.transaction(PLATFORM) as tx:
            return set(tx.scalars(select(Earning.state)))

    def owed(self, worker: WorkerId) -> int:
        with self.database.transaction(PLATFORM) as tx:
            return standing(tx, payable(self.brand, worker)).amount_minor


@pytest.fixture
def office(db: Database, background: Database) -> Office:
    """As the web process works: bound by row-level security, in the platform's scope."""
    with background.transaction() as tx:
        brand = a_brand(tx, price=PRICE, funds=usd(FUNDS))
        workers = (a_worker(tx, payable=True), a_worker(tx, payable=True))
        fay, finn = a_person(tx, name="Fay Fields"), a_person(tx, name="Finn Ferris")
        for worker in workers:
            a_resolved_ticket(tx, brand, worker)
    pass_review(background)
    return Office(database=db, brand=brand, workers=workers, fay=fay, finn=finn)


@pytest.fixture
def second_db(database_url: str) -> Iterator[Database]:
    database = Database(database_url, role=Role.APP, connections=2, shared={"bus": same_transaction_bus()})
    yield database
    database.dispose()


def test_a_batch_pays_each_worker_once_with_everything_payable(office: Office, background: Database) -> None:
    with background.transaction() as tx:
        other = a_brand(tx, price=PRICE, funds=usd(FUNDS))
        a_resolved_ticket(tx, other, office.workers[0])
    pass_review(background)
    with background.transaction() as tx:
        a_resolved_ticket(tx, other, office.workers[1])  # noise: still in its review window

    office.release(office.approved())

    with background.transaction() as tx:
        paid = {payout.worker_id: payout.amount_minor for payout in tx.scalars(select(Payout))}
        assert paid == {office.workers[0]: 3_200, office.workers[1]: 1_600}
        assert tx.scalar(select(func.count()).select_from(StripeCall)) == 2
        assert standing(tx, in_flight(office.workers[0])) == PAY + PAY
        assert standing(tx, payable(office.brand, office.workers[0])) == usd(0)
        assert standing(tx, payable(other, office.workers[0])) == usd(0)
    assert_proven(background)


def test_nobody_approves_what_he_submitted(office: Office) -> None:
    batch = office.submitted()
    with pytest.raises(SamePerson):
        office.approve(batch, person=office.fay)
    assert office.state(batch) is BatchState.SUBMITTED
    office.approve(batch)


FORGERIES = [
    (
        "UPDATE payout_batch SET state = 'approved', approved_at = now(), approved_by = submitted_by, "
        "approved_hash = content_hash",
        "four_eyes",
    ),
    (
        "UPDATE payout_batch SET state = 'approved', approved_at = now(), approved_by = :finn",
        "changed since it was signed",
    ),
    ("UPDATE payout_batch SET state = 'releasing'", "does not go from submitted to releasing"),
    ("UPDATE payout_batch SET state = 'done'", "does not go from submitted to done"),
    ("UPDATE payout_batch SET submitted_by = :finn", "a signature is not changed"),
    ("UPDATE payout_batch SET content_hash = repeat('0', 64)", "a signature is not changed"),
    ("UPDATE payout_batch SET currency = 'eur'", "a signature is not changed"),
    (
        "INSERT INTO payout_batch (id, currency, state, content_hash, created_at, submitted_by, "
        "approved_by, approved_hash) VALUES (gen_random_uuid(), 'usd', 'approved', '', now(), :fay, "
        ":finn, '')",
        "begins as a draft",
    ),
]


def test_the_database_holds_the_four_eyes_against_its_owner(
    office: Office, database_url: str, subtests: pytest.Subtests
) -> None:
    batch = office.submitted()
    for forgery, refusal in FORGERIES:
        with (
            subtests.test(forgery=forgery),
            pytest.raises(DBAPIError, match=refusal),
            as_owner(database_url) as sql,
        ):
            sql.execute(text(forgery), {"fay": office.fay, "finn": office.finn})
    assert office.state(batch) is BatchState.SUBMITTED


TAMPERING = [
    "UPDATE payout SET amount_minor = amount_minor + 1",
    "UPDATE payout SET destination = 'acct_attacker'",
    "UPDATE payout_line SET amount_minor = amount_minor + 1",
    "UPDATE payout_line SET dropped = true "
    "WHERE earning_id = (SELECT earning_id FROM payout_line ORDER BY earning_id LIMIT 1)",
    "DELETE FROM payout_line",
    "UPDATE payout SET state = 'void'",
    "INSERT INTO payout (id, batch_id, worker_id, currency, amount_minor, destination, state, created_at) "
    "SELECT gen_random_uuid(), b.id, w.id, 'usd', 5000, 'acct_attacker', 'planned', now() "
    "FROM payout_batch b, worker w WHERE w.id NOT IN (SELECT worker_id FROM payout)",
]


@pytest.mark.parametrize("tampering", TAMPERING)
@pytest.mark.parametrize("step", ["approval", "release"])
def test_case_28_a_batch_changed_by_a_cent_behind_its_signature_goes_no_further(
    office: Office, background: Database, database_url: str, step: str, tampering: str
) -> None:
    with background.transaction() as tx:
        a_worker(tx)  # somebody for the attacker to be
    batch = office.draft()
    steps = {"submission": office.submit, "approval": office.approve, "release": office.release}
    for before in list(steps.values())[: list(steps).index(step)]:
        before(batch)
    with as_owner(database_url) as sql:
        assert sql.execute(text(tampering)).rowcount > 0
    with pytest.raises(BatchChanged):
        steps[step](batch)
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(StripeCall)) == 0
        assert standing(tx, payable(office.brand, office.workers[0])) == PAY


def test_a_refused_signature_leaves_the_transaction_usable(
    office: Office, background: Database, database_url: str
) -> None:
    batch = office.submitted()
    with as_owner(database_url) as sql:
        sql.execute(text("UPDATE payout SET amount_minor = amount_minor + 1"))
    with background.transaction() as tx:
        with pytest.raises(BatchChanged):
            batches.approve_batch(tx, batch=batch, person=office.finn, now=app_now(tx))
        batches.void_batch(tx, batch=batch, now=app_now(tx))
    assert office.state(batch) is BatchState.VOID


def test_steps_come_in_their_order(office: Office) -> None:
    batch = office.draft()
    for step in (office.approve, office.release):
        with pytest.raises(WrongState):
            step(batch)
    office.submit(batch)
    for step in (office.submit, office.release):
        with pytest.raises(WrongState):
            step(batch)
    office.approve(batch)
    office.release(batch)
    for step in (office.submit, office.approve, office.release, office.void):
        with pytest.raises(WrongState):
            step(batch)


@pytest.mark.parametrize("made", ["draft", "submitted", "approved"])
def test_a_void_batch_frees_its_earnings_for_the_next(office: Office, made: str) -> None:
    batch = getattr(office, made)()
    assert office.earnings() == {EarningState.BATCHED}
    office.void(batch)
    assert office.earnings() == {EarningState.PAYABLE}
    again = office.approved()
    office.release(again)
    assert [office.owed(worker) for worker in office.workers] == [0, 0]


def test_what_is_below_the_minimum_is_carried_to_a_later_batch(office: Office, background: Database) -> None:
    with background.transaction() as tx:
        cheap = a_brand(tx, price=usd(1_000), funds=usd(FUNDS))
        small = a_worker(tx, payable=True)
        a_resolved_ticket(tx, cheap, small)
    pass_review(background)
    office.release(office.approved())
    assert small not in workers_paid(background)
    with pytest.raises(NothingToPay):
        office.draft()

    with background.transaction() as tx:
        a_resolved_ticket(tx, cheap, small)
    pass_review(background)
    office.release(office.approved())
    with background.transaction() as tx:
        payout = tx.scalars(select(Payout).where(Payout.worker_id == small)).one()
        assert payout.amount_minor == 1_600


def workers_paid(background: Database) -> set[WorkerId]:
    with background.transaction() as tx:
        return set(tx.scalars(select(Payout.worker_id)))


def test_a_worker_without_an_account_waits_and_holds_up_nobody(office: Office, background: Database) -> None:
    with background.transaction() as tx:
        without = a_worker(tx)
        a_resolved_ticket(tx, office.brand, without)
    pass_review(background)
    office.release(office.approved())
    assert workers_paid(background) == set(office.workers)
    assert office.owed(without) == PAY.amount_minor


def test_two_drafts_at_once_share_no_earning(office: Office, second_db: Database) -> None:
    with office.database.transaction(PLATFORM) as first:
        one = batches.draft_batch(first, currency="usd", author=office.fay, now=app_now(first)).id
        with second_db.transaction(PLATFORM) as second, pytest.raises(NothingToPay):
            batches.draft_batch(second, currency="usd", author=office.finn, now=app_now(second))
    with pytest.raises(NothingToPay):
        office.draft()
    with office.database.transaction(PLATFORM) as tx:
        lines = tx.scalars(select(PayoutLine.earning_id)).all()
        assert len(lines) == len(set(lines)) == 2
        assert set(tx.scalars(select(Payout.batch_id))) == {one}


def test_the_database_refuses_an_earning_in_two_payouts(office: Office, database_url: str) -> None:
    office.draft()
    with pytest.raises(DBAPIError, match="uq_payout_line_live"), as_owner(database_url) as sql:
        sql.execute(
            text(
                "INSERT INTO payout_line (payout_id, earning_id, brand_id, amount_minor) "
                "SELECT p.id, l.earning_id, l.brand_id, l.amount_minor FROM payout p, payout_line l "
                "WHERE l.payout_id <> p.id"
            )
        )


def test_release_clicked_twice_at_once_moves_the_money_once(office: Office, second_db: Database) -> None:
    batch = office.approved()
    start = Barrier(2)

    def click(database: Database) -> str:
        with database.transaction(PLATFORM) as tx:
            start.wait()
            try:
                release(tx, batch)
            except WrongState:
                return "refused"
            return "released"

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sorted(pool.map(click, [office.database, second_db])) == ["refused", "released"]
    with office.database.transaction(PLATFORM) as tx:
        assert tx.scalar(select(func.count()).select_from(StripeCall)) == 2
        assert standing(tx, in_flight(office.workers[0])) == PAY


def test_two_batches_of_the_same_workers_are_released_at_once(
    office: Office, background: Database, second_db: Database
) -> None:
    first = office.approved()
    with background.transaction() as tx:
        for worker in reversed(office.workers):
            a_resolved_ticket(tx, office.brand, worker)
    pass_review(background)
    second = office.approved()
    start = Barrier(2)

    def click(database: Database, batch: BatchId) -> None:
        with database.transaction(PLATFORM) as tx:
            start.wait()
            release(tx, batch)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(click, [office.database, second_db], [first, second]))
    with background.transaction() as tx:
        assert standing(tx, in_flight(office.workers[0])) == PAY + PAY
    assert_proven(background)


def test_a_sweep_and_a_release_at_once_do_not_deadlock(background: Database, second_db: Database) -> None:
    """Both post to the same workers' accounts at two brands, and come to them in opposite order."""
    with background.transaction() as tx:
        brands = [a_brand(tx, price=PRICE, funds=usd(FUNDS)) for _ in range(2)]
        workers = [a_worker(tx, payable=True) for _ in range(12)]
        a_ticket_each(tx, brands, workers)
    pass_review(background)
    with background.transaction() as tx:
        batch = an_approved_batch(tx)
        a_ticket_each(tx, brands[::-1], workers)
    Clock(database=background).forward(REVIEW_IS_OVER)
    start = Barrier(2)

    def sweep() -> None:
        with background.transaction() as tx:
            start.wait()
            assert earnings.mature(tx, now=app_now(tx)) == 24

    def click() -> None:
        with second_db.transaction(PLATFORM) as tx:
            start.wait()
            release(tx, batch)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for done in [pool.submit(sweep), pool.submit(click)]:
            done.result()
    assert_proven(background)


def a_ticket_each(tx: Tx, brands: Sequence[BrandId], workers: Sequence[WorkerId]) -> None:
    for brand in brands:
        for worker in workers:
            a_resolved_ticket(tx, brand, worker)


def test_a_batch_holds_one_currency(office: Office, background: Database) -> None:
    with pytest.raises(NothingToPay), background.transaction() as tx:
        batches.draft_batch(tx, currency="eur", author=None, now=app_now(tx))
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(PayoutBatch)) == 0


@pytest.mark.parametrize("whose", ["brand", "worker"])
def test_neither_a_brand_nor_a_worker_can_draft_a_batch(office: Office, db: Database, whose: str) -> None:
    def draft(tx: Tx) -> None:
        batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx))

    scope = as_brand(office.brand) if whose == "brand" else as_worker(office.workers[0])
    with pytest.raises((DBAPIError, NothingToPay)), db.transaction(scope) as tx:
        draft(tx)
    assert office.earnings() == {EarningState.PAYABLE}


def test_the_weekly_run_needs_no_author_and_still_two_signatures(
    office: Office, background: Database
) -> None:
    with background.transaction() as tx:
        batch = an_approved_batch(tx)
    with background.transaction() as tx:
        row = tx.get_one(PayoutBatch, batch)
        assert row.created_by is None
        assert row.submitted_by != row.approved_by
        assert row.approved_hash == row.content_hash
        assert {payout.state for payout in tx.scalars(select(Payout))} == {PayoutState.PLANNED}
