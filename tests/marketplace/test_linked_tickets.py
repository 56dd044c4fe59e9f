"""After the review window a customer's message opens a ticket that goes on from the settled one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, MessageId, TicketId, WorkerId
from marketplace.tickets.models import Channel, Message, Ticket, TicketState
from marketplace.tickets.posting import SUBJECT_LIMIT, admit
from marketplace.tickets.replies import MessageIdTaken, customer_writes
from tests.builders import Clock, a_brand, a_resolved_ticket, a_worker, an_open_ticket, as_brand, settle

AFTER_THE_WINDOW = timedelta(hours=73)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


@pytest.fixture
def settled(background: Database, clock: Clock, brand: BrandId, worker: WorkerId) -> TicketId:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(
            tx,
            brand,
            worker,
            subject="Where is my kettle?",
            language="en-GB",
            channel=Channel.CHAT,
            priority=1,
        )
    clock.forward(AFTER_THE_WINDOW)
    return ticket


def writes(
    db: Database, brand: BrandId, ticket: TicketId, message: str = "It never came.", name: str | None = None
) -> Message:
    with db.transaction(as_brand(brand)) as tx:
        return customer_writes(
            tx, brand=brand, ticket=ticket, text=message, external_id=name, now=app_now(tx)
        )


def ticket_row(background: Database, brand: BrandId, ticket: TicketId) -> Ticket:
    with background.transaction() as tx:
        return tx.get_one(Ticket, (brand, ticket))


def test_a_late_message_opens_a_ticket_that_follows_the_settled_one(
    db: Database, background: Database, brand: BrandId, settled: TicketId
) -> None:
    message = writes(db, brand, settled, name="m-2")
    old, new = (ticket_row(background, brand, one) for one in (settled, message.ticket_id))
    assert old.state is TicketState.RESOLVED
    assert new.follows_id == old.id
    assert new.subject == "Re: Where is my kettle?"
    assert new.state is TicketState.SCREENING
    assert (new.customer_id, new.category, new.language, new.channel, new.priority) == (
        old.customer_id,
        old.category,
        old.language,
        old.channel,
        old.priority,
    )
    with background.transaction() as tx:
        told = text("SELECT body FROM event WHERE kind = 'ticket_followed_up' AND brand_id = :brand")
        (body,) = tx.scalars(told, {"brand": brand}).all()
    assert body == {"ticket": str(new.id), "follows": str(old.id)}


def test_a_customer_without_an_address_stays_the_same_customer(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker, customer_email=None, customer_name=None)
    clock.forward(AFTER_THE_WINDOW)
    new = writes(db, brand, ticket).ticket_id
    assert ticket_row(background, brand, new).customer_id == ticket_row(background, brand, ticket).customer_id


def test_the_same_message_again_is_the_same_ticket(
    db: Database, background: Database, brand: BrandId, settled: TicketId
) -> None:
    first, again = (writes(db, brand, settled, name="m-2") for _ in range(2))
    assert (first.id, first.ticket_id) == (again.id, again.ticket_id)
    with pytest.raises(MessageIdTaken):
        writes(db, brand, settled, "Another text", name="m-2")
    with background.transaction() as tx:
        assert len(tx.scalars(select(Ticket.id).where(Ticket.brand_id == brand)).all()) == 2


def test_a_message_of_before_the_window_told_again_opens_nothing(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
    early = writes(db, brand, ticket, "One more thing.", name="m-1")
    with background.transaction() as tx:
        settle(tx, brand, ticket, worker)
    clock.forward(AFTER_THE_WINDOW)
    writes(db, brand, ticket, name="m-2")
    assert writes(db, brand, ticket, "One more thing.", name="m-1").id == early.id


def test_a_further_message_to_the_settled_ticket_joins_the_one_that_follows_it(
    db: Database, background: Database, brand: BrandId, settled: TicketId
) -> None:
    first, second = writes(db, brand, settled, name="m-2"), writes(db, brand, settled, "Hello?", name="m-3")
    assert second.ticket_id == first.ticket_id
    with background.transaction() as tx:
        said = select(Message.body).where(Message.ticket_id == first.ticket_id).order_by(Message.id)
        assert tx.scalars(said).all() == ["It never came.", "Hello?"]


def test_a_conversation_goes_on_from_ticket_to_ticket(
    db: Database, background: Database, clock: Clock, brand: BrandId, settled: TicketId, worker: WorkerId
) -> None:
    second = writes(db, brand, settled, name="m-2").ticket_id
    with background.transaction() as tx:
        admit(tx, brand=brand, ticket=second)
        settle(tx, brand, second, worker)
    clock.forward(AFTER_THE_WINDOW)
    third = writes(db, brand, settled, "Still nothing.", name="m-4").ticket_id
    assert ticket_row(background, brand, third).follows_id == second
    assert ticket_row(background, brand, third).subject == "Re: Where is my kettle?"


def test_eight_messages_at_once_open_one_ticket(
    db: Database, background: Database, brand: BrandId, settled: TicketId
) -> None:
    start = Barrier(8)

    def write(at: int) -> tuple[MessageId, TicketId]:
        with db.transaction(as_brand(brand)) as tx:
            start.wait()
            made = customer_writes(
                tx, brand=brand, ticket=settled, text=f"No {at}", external_id=f"m-{at}", now=app_now(tx)
            )
            return made.id, made.ticket_id

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(write, range(8)))
    assert len({message for message, _ in made}) == 8
    assert len({ticket for _, ticket in made}) == 1


def test_inside_the_window_the_same_ticket_reopens(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker)
    assert writes(db, brand, ticket).ticket_id == ticket
    assert ticket_row(background, brand, ticket).state is TicketState.CLAIMED


def test_a_long_subject_stays_within_its_limit(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = a_resolved_ticket(tx, brand, worker, subject="y" * SUBJECT_LIMIT)
    clock.forward(AFTER_THE_WINDOW)
    new = writes(db, brand, ticket).ticket_id
    assert len(ticket_row(background, brand, new).subject) == SUBJECT_LIMIT


def test_the_database_lets_one_ticket_follow_another_and_none_follow_a_strangers(
    db: Database, background: Database, brand: BrandId, settled: TicketId
) -> None:
    writes(db, brand, settled)
    again = text(
        "INSERT INTO ticket (brand_id, id, number, external_id, fingerprint, customer_id, channel, language, "
        "category, subject, state, posted_at, due_at, follows_id) SELECT brand_id, :id, number + 100, :name, "
        "fingerprint, customer_id, channel, language, category, subject, 'screening', posted_at, due_at, :follows "
        "FROM ticket WHERE brand_id = :brand LIMIT 1"
    )
    with background.transaction() as tx:
        stranger = a_brand(tx)
        theirs = an_open_ticket(tx, stranger)
    for follows in (settled, theirs):
        with background.transaction() as tx, pytest.raises(IntegrityError):
            tx.execute(again, {"id": uuid4(), "name": str(uuid4()), "follows": follows, "brand": brand})
