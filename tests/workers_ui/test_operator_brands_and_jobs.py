"""Operators decide about brands, and about jobs that did not end."""

import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from marketplace.accounts.commands import create_brand
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Brand, Mail, Member, MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.dead_letters import dead_letters, told
from marketplace.kernel.jobs import Job, defer, run_worker
from marketplace.kernel.settings import Settings
from marketplace.tickets.models import PoolState, PoolTicket, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.posting import post_ticket
from marketplace.tickets.queries import left_in_screening
from marketplace.tickets.terms import CategoryPlan, add_category
from tests.builders import Clock, a_new_ticket, a_person, a_worker
from tests.workers_ui.brand_site import House, a_house, words
from tests.workers_ui.conftest import Site
from tests.workers_ui.operator_site import Operator, an_operator
from workers_ui.background import Background
from workers_ui.money_work import MoneyWork

DEAD = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts) "
    "VALUES ('default', :task, CAST(:args AS jsonb), 'failed', 8) RETURNING id"
)


@pytest.fixture
def operator(site: Site) -> Operator:
    return an_operator(site)


def _unapproved(site: Site) -> House:
    with site.background.transaction() as tx:
        slug = f"new-{uuid4().hex[:10]}"
        brand = create_brand(
            tx, slug=slug, name="New Leaf", time_zone="UTC", language="en", now=app_now(tx), approved=False
        )
        owner = a_person(tx, name="Olive Owner")
        tx.add(Member(brand_id=brand, person_id=owner, role=MemberRole.OWNER, joined_at=app_now(tx)))
        add_category(tx, brand=brand, plan=CategoryPlan(key="general", name="General", is_default=True))
        post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
    return House(site=site, brand=brand, slug=slug)


def _background(site: Site, settings: Settings) -> Background:
    return Background(
        settings=settings,
        database=site.background,
        money=MoneyWork(database=site.background, gateway=None),
        retriever=site.app.state.services.retriever,
    )


def _state(database: Database, house: House) -> TicketState:
    with database.transaction() as tx:
        return tx.scalars(select(Ticket.state).where(Ticket.brand_id == house.brand)).one()


def test_tickets_of_an_unapproved_brand_wait_in_screening_until_it_is_approved(
    site: Site, operator: Operator, settings: Settings, background: Database
) -> None:
    house, work = _unapproved(site), _background(site, settings)
    with background.transaction() as tx:
        ticket = tx.scalars(select(Ticket.id).where(Ticket.brand_id == house.brand)).one()
    work.screen(str(house.brand), str(ticket))
    with background.transaction() as tx:
        assert left_in_screening(tx, before=app_now(tx) + timedelta(hours=1)) == []
    assert _state(background, house) is TicketState.SCREENING
    assert "New Leaf waits for approval" in words(house.member(MemberRole.MANAGER).get("/tickets"))
    assert "waits for approval" in words(operator.get("/brands"))
    assert operator.post(f"/brands/{house.brand}/approval").is_redirect
    work.screen_waiting(str(house.brand))
    assert _state(background, house) is not TicketState.SCREENING
    assert "waits for approval" not in words(house.member(MemberRole.MANAGER).get("/tickets"))
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).where(Mail.subject.like("New Leaf is approved%"))) == 1
    assert operator.post(f"/brands/{house.brand}/approval").status_code == 409


def test_a_refused_brand_is_told_why_and_may_be_approved_later(
    site: Site, operator: Operator, background: Database
) -> None:
    house = _unapproved(site)
    assert operator.post(f"/brands/{house.brand}/refusal", {"reason": " "}).status_code == 422
    assert operator.post(f"/brands/{house.brand}/refusal", {"reason": "No imprint."}).is_redirect
    assert "Not approved for the pool: No imprint." in words(house.member(MemberRole.MANAGER).get("/tickets"))
    assert "No imprint." in words(operator.get("/brands"))
    assert operator.post(f"/brands/{house.brand}/approval").is_redirect
    with background.transaction() as tx:
        brand = tx.get_one(Brand, house.brand)
    assert (brand.refused_at, brand.refused_for, brand.approved_by) == (None, "", operator.person)


def test_brands_are_approved_unless_somebody_says_otherwise(site: Site, background: Database) -> None:
    house = a_house(site)
    with background.transaction() as tx:
        assert tx.get_one(Brand, house.brand).approved_at is not None


def test_a_job_that_fails_for_good_is_kept_with_its_error_and_runs_again_when_replayed(
    site: Site, operator: Operator, background: Database
) -> None:
    ran: list[str] = []
    broken = threading.Event()
    broken.set()

    def work(ticket: str) -> None:
        if broken.is_set():
            raise ValueError(f"sam@example.com said 'hello' about {ticket}")
        ran.append(ticket)

    with background.transaction() as tx:
        defer(tx, [Job(task="work", args={"ticket": str(uuid4()), "note": "not an id"})])
        tx.execute(text("UPDATE procrastinate_jobs SET attempts = 8, args = args - 'note'"))
    stop = threading.Event()
    runner = threading.Thread(
        target=run_worker, args=(background.url, {"work": work}), kwargs={"stop": stop}, daemon=True
    )
    runner.start()
    try:
        _until(lambda: len(_dead(background)) == 1)
        page = words(operator.get("/jobs"))
        assert "ValueError" in page
        assert "sam@example.com" not in page
        assert "hello" not in page
        broken.clear()
        assert operator.post(f"/jobs/{_dead(background)[0]}/replay").is_redirect
        _until(lambda: len(ran) == 1)
        _until(lambda: _dead(background) == [])
    finally:
        stop.set()
        runner.join(10)
    assert "replayed job" in words(operator.get("/health"))


def _dead(database: Database) -> list[int]:
    with database.transaction() as tx:
        return [one.id for one in dead_letters(tx)]


def _until(done: object) -> None:
    deadline = time.monotonic() + 60
    while not done():  # type: ignore[operator]  # a callable
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_all_dead_letters_of_a_task_are_replayed_at_once_and_one_is_discarded_with_a_reason(
    operator: Operator, background: Database
) -> None:
    with background.transaction() as tx:
        for _ in range(3):
            tx.execute(DEAD, {"task": "suggest", "args": f'{{"ticket": "{uuid4()}", "words": "secret"}}'})
        odd = tx.execute(DEAD, {"task": "index", "args": "{}"}).scalar_one()
    page = words(operator.get("/jobs"))
    assert "3 jobs" in page
    assert "secret" not in page
    assert operator.post("/jobs/replay", {"task": "suggest"}).is_redirect
    assert _dead(background) == [odd]
    assert operator.post(f"/jobs/{odd}/discard", {"reason": ""}).status_code == 422
    assert operator.post(f"/jobs/{odd}/discard", {"reason": "The brand is gone."}).is_redirect
    assert operator.post(f"/jobs/{odd}/discard", {"reason": "Again."}).status_code == 409
    assert operator.post(f"/jobs/{odd}/replay").status_code == 409
    assert operator.post("/jobs/9x/replay").status_code == 404
    assert operator.post("/jobs/replay", {"task": "nothing"}).status_code == 409
    assert "No dead letters" in words(operator.get("/jobs"))
    assert "The brand is gone." in words(operator.get("/health"))


def test_a_job_without_a_sign_of_life_is_stuck(operator: Operator, background: Database) -> None:
    with background.transaction() as tx:
        tx.execute(DEAD, {"task": "deliver", "args": "{}"})
        tx.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert "no sign of life" in words(operator.get("/jobs"))


def test_an_error_is_told_without_what_anybody_wrote() -> None:
    assert told(ValueError("bad value 'sam@example.com'")).startswith("bad value …")
    assert "sam" not in told(KeyError("sam@example.com"))


def test_an_overdue_lease_is_returned_by_hand(site: Site, operator: Operator, background: Database) -> None:
    ticket = a_house(site).ticket()
    with background.transaction() as tx:
        claim_ticket(tx, ticket=ticket, worker=a_worker(tx))
    assert "None: what runs out" in words(operator.get("/jobs"))
    Clock(database=background).forward(timedelta(minutes=10))
    path = f"/jobs/leases/{ticket}/return"
    assert "Fern & Kettle #1" in words(operator.get("/jobs"))
    assert operator.post(path).is_redirect
    with background.transaction() as tx:
        assert tx.scalars(select(PoolTicket.state)).one() is PoolState.OPEN
    assert operator.post(path).status_code == 409


def test_a_letter_that_was_given_up_is_tried_again(operator: Operator, background: Database) -> None:
    with background.transaction() as tx:
        write_letter(tx, recipient="sam@example.com", subject="Hello", body="Hi", now=app_now(tx))
        tx.execute(text("UPDATE mail SET attempts = 5"))
        letter = tx.scalars(select(Mail.id)).one()
    page = words(operator.get("/jobs"))
    assert "Hello" in page
    assert "sam@example.com" not in page
    assert operator.post(f"/jobs/letters/{letter}/replay").is_redirect
    with background.transaction() as tx:
        assert tx.scalars(select(Mail.attempts)).one() == 0
