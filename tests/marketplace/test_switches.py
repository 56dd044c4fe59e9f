"""Kill switches: each acts on the next request of every process, and says what becomes of tickets in flight."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from guidance.commands import GuidanceStopped, prepare_suggestion
from guidance.queries import suggestion_for_desk, tickets_without_suggestion, why_stopped
from knowledge_base.index.retrieval import Retriever
from knowledge_base.liveness import is_offered
from knowledge_base.models import Article, Passage
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Role
from marketplace.kernel.ids import BrandId, PersonId, TicketId, WorkerId
from marketplace.tickets import pool, posting, switch_queries, switches
from marketplace.tickets.models import Claim, ClaimEnd, PoolTicket, Ticket, TicketState
from marketplace.tickets.pool_queries import next_best
from marketplace.tickets.queries import left_in_screening
from marketplace.tickets.replies import send_reply
from marketplace.tickets.switch_models import KillSwitch, SwitchKind
from marketplace.tickets.switch_queries import Stop
from tests.builders import (
    Clock,
    a_brand,
    a_member,
    a_new_ticket,
    a_person,
    a_worker,
    an_open_ticket,
    as_brand,
    as_worker,
)
from tests.workers_ui.brand_site import a_suggestion, an_article
from workers_ui.bootstrap import same_transaction_bus

POOL_KINDS = [
    (SwitchKind.BRAND, None),
    (SwitchKind.CATEGORY, "general"),
    (SwitchKind.CHANNEL, "email"),
]


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def member(background: Database, brand: BrandId) -> PersonId:
    with background.transaction() as tx:
        return a_member(tx, brand)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


@pytest.fixture
def second_process(database_url: str) -> Iterator[Database]:
    """Another web process, with connections that were open before anything was stopped."""
    database = Database(database_url, role=Role.APP, connections=2, shared={"bus": same_transaction_bus()})
    with database.transaction():
        pass
    yield database
    database.dispose()


def throw(
    db: Database, brand: BrandId, member: PersonId, kind: SwitchKind, key: str | None = None
) -> KillSwitch:
    with db.transaction(as_brand(brand)) as tx:
        return switches.throw_at_brand(
            tx, brand=brand, kind=kind, key=key, reason="A recall is running.", by=member, now=app_now(tx)
        )


def lift(db: Database, brand: BrandId, member: PersonId, switch: KillSwitch) -> None:
    with db.transaction(as_brand(brand)) as tx:
        switches.lift_at_brand(tx, brand=brand, switch=switch.id, by=member, now=app_now(tx))


def an_open(background: Database, brand: BrandId) -> TicketId:
    with background.transaction() as tx:
        return an_open_ticket(tx, brand)


def claim(database: Database, worker: WorkerId, ticket: TicketId) -> int:
    with database.transaction(as_worker(worker)) as tx:
        return pool.claim_ticket(tx, ticket=ticket, worker=worker).number


@pytest.mark.parametrize(("kind", "key"), POOL_KINDS)
def test_open_tickets_leave_the_pool_of_every_process_at_once_and_return_when_it_is_lifted(
    db: Database,
    background: Database,
    second_process: Database,
    brand: BrandId,
    member: PersonId,
    worker: WorkerId,
    kind: SwitchKind,
    key: str | None,
) -> None:
    with background.transaction() as tx:
        untouched = an_open_ticket(tx, a_brand(tx, name="Noise & Sons"))
    ticket = an_open(background, brand)
    thrown = throw(db, brand, member, kind, key)

    with pytest.raises(pool.Stopped):
        claim(second_process, worker, ticket)
    with second_process.transaction(as_worker(worker)) as tx:
        card = next_best(tx, worker=worker)
        assert card is not None
        assert card.ticket == untouched

    lift(db, brand, member, thrown)
    assert claim(second_process, worker, ticket) == 1


@pytest.mark.parametrize(("kind", "key"), POOL_KINDS)
def test_who_holds_a_ticket_may_answer_it_and_a_lost_lease_stays_with_the_switch(
    db: Database,
    background: Database,
    brand: BrandId,
    member: PersonId,
    worker: WorkerId,
    kind: SwitchKind,
    key: str | None,
) -> None:
    first, second = an_open(background, brand), an_open(background, brand)
    number = claim(db, worker, first)
    claim(db, worker, second)
    throw(db, brand, member, kind, key)

    with db.transaction(as_worker(worker)) as tx:
        send_reply(tx, ticket=first, worker=worker, number=number, body="Here it is.", now=app_now(tx))
    Clock(database=background).forward(timedelta(hours=2))
    with background.transaction() as tx:
        pool.expire_leases(tx, now=app_now(tx))
    with pytest.raises(pool.Stopped):
        claim(db, worker, second)


@pytest.mark.parametrize(("kind", "key"), POOL_KINDS)
def test_nothing_new_is_screened_in(
    db: Database, background: Database, brand: BrandId, member: PersonId, kind: SwitchKind, key: str | None
) -> None:
    thrown = throw(db, brand, member, kind, key)
    with background.transaction() as tx:
        ticket, _ = posting.post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
    with background.transaction() as tx:
        assert switch_queries.keeps_ticket_out(tx, brand=brand, ticket=ticket.id)
        assert left_in_screening(tx, before=app_now(tx) + timedelta(hours=1)) == []
    lift(db, brand, member, thrown)
    with background.transaction() as tx:
        assert not switch_queries.keeps_ticket_out(tx, brand=brand, ticket=ticket.id)
        assert left_in_screening(tx, before=app_now(tx) + timedelta(hours=1)) == [(brand, ticket.id)]


def test_a_stopped_worker_loses_what_is_running_here_and_nothing_elsewhere(
    db: Database,
    background: Database,
    second_process: Database,
    brand: BrandId,
    member: PersonId,
    worker: WorkerId,
) -> None:
    with background.transaction() as tx:
        elsewhere = an_open_ticket(tx, a_brand(tx, name="Noise & Sons"))
    running, answered = an_open(background, brand), an_open(background, brand)
    number, other = claim(db, worker, running), claim(db, worker, answered)
    claim(db, worker, elsewhere)
    with db.transaction(as_worker(worker)) as tx:
        send_reply(tx, ticket=answered, worker=worker, number=other, body="Done.", now=app_now(tx))

    throw(db, brand, member, SwitchKind.WORKER, str(worker))

    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, running)).state is TicketState.OPEN
        assert tx.get_one(PoolTicket, elsewhere).worker_id == worker
        ended = tx.scalars(select(Claim).where(Claim.ticket_id == running)).one()
        assert ended.end_reason is ClaimEnd.SUSPENDED
    for ticket, token in ((running, number), (answered, other)):
        with second_process.transaction(as_worker(worker)) as tx, pytest.raises(pool.StaleClaim):
            send_reply(tx, ticket=ticket, worker=worker, number=token, body="More.", now=app_now(tx))
        with second_process.transaction(as_worker(worker)) as tx, pytest.raises(pool.StaleClaim):
            pool.save_draft(tx, ticket=ticket, worker=worker, number=token, body="More.", now=app_now(tx))
    with pytest.raises(pool.StoppedHere):
        claim(second_process, worker, running)
    with db.transaction(as_worker(worker)) as tx:
        told = tx.execute(text("SELECT body->>'reason' FROM event WHERE kind = 'switch_thrown'")).scalar_one()
    assert told == "A recall is running."


def test_the_platform_stops_a_worker_everywhere(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        operator = a_person(tx, name="Olga Operator")
    ticket = an_open(background, brand)
    claim(db, worker, ticket)
    with db.transaction(PLATFORM) as tx:
        switches.throw_on_platform(
            tx,
            stop=Stop(kind=SwitchKind.WORKER, brand=None, key=str(worker)),
            reason="Under review.",
            by=operator,
            now=app_now(tx),
        )
    with pytest.raises(pool.WorkerRestricted):
        claim(db, worker, ticket)
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, ticket)).state is TicketState.OPEN


def test_a_stopped_article_leaves_suggestions_and_marks_open_ones(
    db: Database, background: Database, second_process: Database, brand: BrandId, member: PersonId
) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        passage = an_article(tx, brand, text="Kettles are descaled with vinegar.")
        kept = an_article(tx, brand, key="other.md", title="Other", text="Boats float.")
        a_suggestion(tx, brand, ticket, passage, draft="Use vinegar.")

    def seen() -> tuple[bool, set[object]]:
        with second_process.transaction(as_brand(brand)) as tx:
            shown = suggestion_for_desk(tx, brand=brand, ticket=ticket)
            assert shown is not None
            offered = select(Passage.id).join(Article, is_offered()).where(Passage.brand_id == brand)
            return shown.stale, set(tx.scalars(offered))

    assert seen() == (False, {passage.id, kept.id})
    thrown = throw(db, brand, member, SwitchKind.ARTICLE, str(passage.article_id))
    assert seen() == (True, {kept.id})
    lift(db, brand, member, thrown)
    assert seen() == (False, {passage.id, kept.id})


@pytest.mark.parametrize("by_platform", [False, True])
def test_guidance_that_is_off_shows_and_prepares_nothing(
    db: Database,
    background: Database,
    second_process: Database,
    brand: BrandId,
    member: PersonId,
    by_platform: bool,
    tmp_path: object,
) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        bare = an_open_ticket(tx, brand)
        passage = an_article(tx, brand, text="Kettles are descaled with vinegar.")
        a_suggestion(tx, brand, ticket, passage, draft="Use vinegar.")
        operator = a_person(tx)
    if by_platform:
        with db.transaction(PLATFORM) as tx:
            stop = Stop(kind=SwitchKind.GUIDANCE, brand=None)
            switches.throw_on_platform(
                tx, stop=stop, reason="A recall is running.", by=operator, now=app_now(tx)
            )
    else:
        throw(db, brand, member, SwitchKind.GUIDANCE)

    with second_process.transaction(as_brand(brand)) as tx:
        assert why_stopped(tx, brand=brand) == "A recall is running."
        assert suggestion_for_desk(tx, brand=brand, ticket=ticket) is None
    with background.transaction() as tx:
        assert tickets_without_suggestion(tx, before=app_now(tx) + timedelta(hours=1)) == []
        with pytest.raises(GuidanceStopped):
            prepare_suggestion(
                tx, _unused(), brand=brand, ticket=bare, weight=0.5, threshold=0.5, now=app_now(tx)
            )


def _unused() -> Retriever:
    raise_if_asked: Retriever = Retriever.__new__(Retriever)
    return raise_if_asked


# Who may throw and lift


def test_throwing_twice_is_throwing_once(db: Database, brand: BrandId, member: PersonId) -> None:
    assert {throw(db, brand, member, SwitchKind.BRAND).id for _ in range(2)} == {
        throw(db, brand, member, SwitchKind.BRAND).id
    }


def test_a_brand_does_not_lift_what_the_platform_stopped(
    db: Database, background: Database, brand: BrandId, member: PersonId
) -> None:
    own = throw(db, brand, member, SwitchKind.BRAND)
    with db.transaction(PLATFORM) as tx:
        stop = Stop(kind=SwitchKind.BRAND, brand=brand)
        theirs = switches.throw_on_platform(tx, stop=stop, reason="Unpaid.", by=member, now=app_now(tx))
    with pytest.raises(switches.ThePlatformsSwitch):
        lift(db, brand, member, theirs)
    with db.transaction(as_brand(brand)) as tx:
        tx.execute(
            text("UPDATE kill_switch SET lifted_at = app_now(), lifted_by = :p WHERE by_platform"),
            {"p": member},
        )
    lift(db, brand, member, own)
    with db.transaction(as_brand(brand)) as tx:
        assert [one.id for one in switch_queries.live_at_brand(tx, brand=brand)] == [theirs.id]
    with db.transaction(PLATFORM) as tx:
        switches.lift_on_platform(tx, switch=theirs.id, by=member, now=app_now(tx))
    with db.transaction(PLATFORM) as tx, pytest.raises(switches.LiftedAlready):
        switches.lift_on_platform(tx, switch=theirs.id, by=member, now=app_now(tx))


def test_another_brands_switch_is_not_there(
    db: Database, background: Database, brand: BrandId, member: PersonId
) -> None:
    with background.transaction() as tx:
        foreign = a_brand(tx, name="Somebody Else")
    theirs = throw(db, foreign, member, SwitchKind.BRAND)
    with pytest.raises(switches.NoSuchSwitch):
        lift(db, brand, member, theirs)
    with db.transaction(as_brand(brand)) as tx:
        assert switch_queries.live_at_brand(tx, brand=brand) == []
        assert switch_queries.switch_history(tx, brand=brand) == []


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (SwitchKind.BRAND, "x"),
        (SwitchKind.CATEGORY, "no such category"),
        (SwitchKind.CATEGORY, None),
        (SwitchKind.CHANNEL, "fax"),
        (SwitchKind.WORKER, "not an id"),
        (SwitchKind.WORKER, str(UUID(int=1))),
        (SwitchKind.ARTICLE, None),
        (SwitchKind.GUIDANCE, "x"),
    ],
)
def test_what_is_not_there_cannot_be_stopped(
    db: Database, brand: BrandId, member: PersonId, kind: SwitchKind, key: str | None
) -> None:
    with pytest.raises(switches.NothingToStop):
        throw(db, brand, member, kind, key)


def test_every_kind_says_what_happens_to_tickets_in_flight() -> None:
    assert set(switches.RULES) == set(SwitchKind)
