"""A brand's queues for escalations: one from its first moment, each with its own time to decide."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.errors import BadEmail, BadName
from marketplace.accounts.models import Mail
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, PersonId, WorkerId
from marketplace.tickets.endings import confirm_overdue_escalations, escalate_ticket
from marketplace.tickets.escalation_queries import waiting_by_queue, waiting_escalations
from marketplace.tickets.escalation_queues import (
    BadQueue,
    DefaultStays,
    NoSuchQueue,
    QueueExists,
    QueueNotFound,
    TooManyQueues,
    add_queue,
    change_queue,
    key_of,
    preselect_queue,
    queue_named,
    queues_of,
    retire_queue,
)
from marketplace.tickets.models import Escalation, EscalationReason, EscalationState
from marketplace.tickets.pool import claim_ticket
from tests.builders import Clock, a_brand, a_member, a_worker, an_open_ticket, as_brand, as_worker


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        add_queue(
            tx,
            brand=noise,
            name="Billing",
            decide_minutes=15,
            notify_email=None,
            by=a_member(tx, noise),
        )
        return a_brand(tx)


@pytest.fixture
def owner(background: Database, brand: BrandId) -> PersonId:
    with background.transaction() as tx:
        return a_member(tx, brand)


def billing(db: Database, brand: BrandId, owner: PersonId, *, email: str | None = None) -> None:
    with db.transaction(as_brand(brand)) as tx:
        add_queue(tx, brand=brand, name="Billing & refunds", decide_minutes=120, notify_email=email, by=owner)


def escalate(db: Database, background: Database, brand: BrandId, *, queue: str | None = None) -> Escalation:
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), WorkerId(a_worker(tx))
    with db.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    with db.transaction(as_worker(worker)) as tx:
        return escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.NEEDS_BRAND_ACTION,
            note="Sam Doe wants 12.50 back.",
            queue=queue,
            now=app_now(tx),
        )


def test_a_brand_has_a_queue_from_its_first_moment_and_decides_in_a_day(
    db: Database, background: Database, brand: BrandId
) -> None:
    with db.transaction(as_brand(brand)) as tx:
        (only,) = queues_of(tx, brand=brand)
    assert (only.key, only.name, only.decide_minutes, only.is_default) == ("support", "Support", 1_440, True)
    raised = escalate(db, background, brand)
    assert (raised.queue, raised.decide_by - raised.escalated_at) == ("support", timedelta(days=1))


def test_a_worker_escalates_to_the_queue_he_names_and_its_time_counts(
    db: Database, background: Database, brand: BrandId, owner: PersonId
) -> None:
    billing(db, brand, owner)
    raised = escalate(db, background, brand, queue="billing-refunds")
    assert (raised.queue, raised.decide_by - raised.escalated_at) == ("billing-refunds", timedelta(hours=2))
    Clock(database=background).forward(timedelta(hours=3))
    other = escalate(db, background, brand)
    assert confirm_overdue_escalations(background) == 1
    with background.transaction() as tx:
        decided = {one.queue: one for one in tx.scalars(select(Escalation))}
    assert decided["billing-refunds"].decided_by == "silence"
    assert decided[other.queue].state is EscalationState.OPEN


@pytest.mark.parametrize("key", ["billing", "nowhere", ""])
def test_another_brands_queue_is_as_absent_as_none(
    db: Database, background: Database, brand: BrandId, key: str
) -> None:
    with pytest.raises(NoSuchQueue):
        escalate(db, background, brand, queue=key)


def test_the_queues_people_are_told_without_a_word_of_the_customer(
    db: Database, background: Database, brand: BrandId, owner: PersonId
) -> None:
    billing(db, brand, owner, email="  Money@Fern.example ")
    escalate(db, background, brand, queue="billing-refunds")
    escalate(db, background, brand)
    with background.transaction() as tx:
        (letter,) = tx.scalars(select(Mail)).all()
    assert letter.recipient == "money@fern.example"
    assert "Billing & refunds" in letter.subject
    assert "Sam" not in letter.body + letter.subject
    assert "120 minutes" in letter.body


def test_the_list_shows_the_most_pressing_first_and_one_queue_when_asked(
    db: Database, background: Database, brand: BrandId, owner: PersonId
) -> None:
    billing(db, brand, owner)
    escalate(db, background, brand)
    escalate(db, background, brand, queue="billing-refunds")
    with db.transaction(as_brand(brand)) as tx:
        assert [one.queue for one in waiting_escalations(tx, brand=brand)] == ["billing-refunds", "support"]
        (one,) = waiting_escalations(tx, brand=brand, queue="support")
        assert (one.queue_name, one.note) == ("Support", "Sam Doe wants 12.50 back.")
        assert [(queue.key, waiting) for queue, waiting in waiting_by_queue(tx, brand=brand)] == [
            ("support", 1),
            ("billing-refunds", 1),
        ]


def test_a_retired_queue_takes_nothing_more_and_what_waits_in_it_is_still_seen(
    db: Database, background: Database, brand: BrandId, owner: PersonId
) -> None:
    billing(db, brand, owner)
    escalate(db, background, brand, queue="billing-refunds")
    with db.transaction(as_brand(brand)) as tx:
        retire_queue(tx, brand=brand, key="billing-refunds", by=owner, now=app_now(tx))
    with pytest.raises(NoSuchQueue):
        escalate(db, background, brand, queue="billing-refunds")
    with db.transaction(as_brand(brand)) as tx:
        assert [queue.key for queue in queues_of(tx, brand=brand)] == ["support"]
        assert len(waiting_by_queue(tx, brand=brand)) == 2
        with pytest.raises(QueueNotFound):
            change_queue(
                tx,
                brand=brand,
                key="billing-refunds",
                name="B",
                decide_minutes=60,
                notify_email=None,
                by=owner,
            )


def test_one_queue_is_preselected_and_that_one_cannot_be_retired(
    db: Database, background: Database, brand: BrandId, owner: PersonId
) -> None:
    billing(db, brand, owner)
    with db.transaction(as_brand(brand)) as tx:
        preselect_queue(tx, brand=brand, key="billing-refunds", by=owner)
    with db.transaction(as_brand(brand)) as tx:
        assert queue_named(tx, brand=brand, key=None).key == "billing-refunds"
        with pytest.raises(DefaultStays):
            retire_queue(tx, brand=brand, key="billing-refunds", by=owner, now=app_now(tx))
        retire_queue(tx, brand=brand, key="support", by=owner, now=app_now(tx))
    with background.transaction() as tx, pytest.raises(IntegrityError):
        tx.execute(text("UPDATE escalation_queue SET is_default = true WHERE brand_id = :b"), {"b": brand})


def test_names_times_addresses_and_numbers_of_queues_have_limits(
    db: Database, brand: BrandId, owner: PersonId
) -> None:
    def add(name: str, minutes: int = 60, email: str | None = None) -> None:
        with db.transaction(as_brand(brand)) as tx:
            add_queue(tx, brand=brand, name=name, decide_minutes=minutes, notify_email=email, by=owner)

    for refused, wrong in (
        (("", 60), BadName),
        (("x" * 61, 60), BadQueue),
        (("Legal", 14), BadQueue),
        (("Legal", 20_161), BadQueue),
        (("Legal", 60, "nobody"), BadEmail),
        (("Support", 60), QueueExists),
    ):
        with pytest.raises(wrong):
            add(*refused)
    for at in range(19):
        add(f"Queue {at}")
    with pytest.raises(TooManyQueues):
        add("One more")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Billing & refunds", "billing-refunds"),
        ("  Legal  ", "legal"),
        ("法務", "queue"),
        ("a" * 60, "a" * 40),
    ],
)
def test_a_key_comes_from_the_name(name: str, key: str) -> None:
    assert key_of(name) == key
