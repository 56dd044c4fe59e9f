"""Claims that share a commit: each gets its own answer, whatever happens to those beside it or to the database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, DatabaseAway
from marketplace.kernel.errors import NotSignedIn
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.pool import AlreadyClaimed, Hold
from tests.builders import a_brand, a_worker, an_open_ticket, usd
from workers_ui import claim_desk
from workers_ui.claim_desk import ClaimDesk, TooManyClaims

CLAIMERS = 12
WAIT_SECONDS = 20


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx, funds=usd(100_000))


@pytest.fixture
def tokens(background: Database) -> list[str]:
    with background.transaction() as tx:
        people = [tx.get_one(Worker, a_worker(tx)).person_id for _ in range(CLAIMERS)]
        return [begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token for person in people]


@pytest.fixture
def desk(db: Database) -> Iterator[ClaimDesk]:
    made = ClaimDesk(db, announce=lambda: None)
    yield made
    made.close()


def tickets(background: Database, brand: BrandId, count: int) -> list[TicketId]:
    with background.transaction() as tx:
        return [an_open_ticket(tx, brand) for _ in range(count)]


def owner_says(database: Database, statement: str) -> object:
    """What the owner of the tables is answered."""
    engine = create_engine(database.url, poolclass=NullPool)
    with engine.begin() as connection:
        answer = connection.execute(text(statement))
        said = answer.scalar() if answer.returns_rows else None
    engine.dispose()
    return said


def claims_made(database: Database) -> int:
    with database.transaction() as tx:
        return int(tx.execute(text("SELECT count(*) FROM claim")).scalar_one())


def end_lanes(database: Database) -> None:
    """What a restart of the database does to the desk's connections."""
    owner_says(
        database,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND query LIKE '%claim_batch%'",
    )


def wait_for_a_lock(database: Database) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not owner_says(
        database,
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%claim_batch%'",
    ):
        assert time.monotonic() < deadline, "nobody waited"


async def at_once(*claims: Awaitable[Hold]) -> list[Hold | BaseException]:
    return list(await asyncio.gather(*claims, return_exceptions=True))


def run(act: Callable[[], Awaitable[list[Hold | BaseException]]]) -> list[Hold | BaseException]:
    async def main() -> list[Hold | BaseException]:
        return await act()

    return asyncio.run(main())


def test_each_of_many_gets_an_answer_of_his_own(
    desk: ClaimDesk, background: Database, brand: BrandId, tokens: list[str]
) -> None:
    one, *others = tickets(background, brand, 4)
    got = run(
        lambda: at_once(
            desk.claim(tokens[0], one),
            desk.claim(tokens[1], one),
            desk.claim("nobody's", one),
            *(desk.claim(token, None) for token in tokens[2:5]),
        )
    )
    holds = [answer for answer in got if isinstance(answer, Hold)]
    assert {hold.ticket for hold in holds} == {one, *others}
    assert [type(answer) for answer in got if not isinstance(answer, Hold)] == [AlreadyClaimed, NotSignedIn]
    assert claims_made(background) == len(holds)


def test_a_claim_that_cannot_be_decided_takes_no_other_with_it(
    desk: ClaimDesk, background: Database, brand: BrandId, tokens: list[str]
) -> None:
    bad, *good = tickets(background, brand, 6)
    owner_says(
        background,
        "CREATE FUNCTION break_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$; "
        f"CREATE TRIGGER broken BEFORE INSERT ON claim FOR EACH ROW WHEN (NEW.ticket_id = '{bad}') "
        "EXECUTE FUNCTION break_claim()",
    )
    asked = list(zip(tokens, [bad, *good], strict=False))
    got = run(lambda: at_once(*(desk.claim(token, ticket) for token, ticket in asked)))
    assert isinstance(got[0], Exception)
    assert isinstance(got[0], Exception)
    assert [answer.ticket if isinstance(answer, Hold) else repr(answer) for answer in got[1:]] == good
    assert claims_made(background) == len(good)


def test_connections_that_were_lost_while_idle_cost_nobody_his_claim(
    desk: ClaimDesk,
    background: Database,
    brand: BrandId,
    tokens: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claim_desk, "CHECKED_AFTER_SECONDS", 0.0)
    first, second = tickets(background, brand, 2)

    async def claim_around_a_restart() -> list[Hold | BaseException]:
        before = await at_once(desk.claim(tokens[0], first))
        await asyncio.to_thread(end_lanes, background)
        return before + await at_once(desk.claim(tokens[1], second))

    assert all(isinstance(answer, Hold) for answer in run(claim_around_a_restart))


def test_a_connection_that_breaks_under_a_claim_is_told_and_the_next_one_is_decided(
    desk: ClaimDesk, background: Database, brand: BrandId, tokens: list[str]
) -> None:
    first, second = tickets(background, brand, 2)

    async def claim_what_is_locked() -> list[Hold | BaseException]:
        with background.transaction() as tx:
            tx.execute(
                text("SELECT 1 FROM pool_ticket WHERE ticket_id = :ticket FOR UPDATE"), {"ticket": first}
            )
            waiting = asyncio.create_task(desk.claim(tokens[0], first))
            await asyncio.to_thread(wait_for_a_lock, background)
            await asyncio.to_thread(end_lanes, background)
            told = await at_once(waiting)
        return told + await at_once(desk.claim(tokens[1], second))

    told, decided = run(claim_what_is_locked)
    assert isinstance(told, DatabaseAway)
    assert isinstance(decided, Hold)
    assert claims_made(background) == 1


def test_who_waited_too_long_is_told_and_claims_nothing(
    desk: ClaimDesk, background: Database, brand: BrandId, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_desk, "WAITING_SECONDS", -1.0)
    (ticket,) = tickets(background, brand, 1)
    (answer,) = run(lambda: at_once(desk.claim(tokens[0], ticket)))
    assert isinstance(answer, TooManyClaims)
    assert claims_made(background) == 0


def test_a_queue_that_is_full_refuses_at_once(
    desk: ClaimDesk, background: Database, brand: BrandId, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_desk, "WAITING_MAX", 2)
    tickets(background, brand, 3)
    got = run(lambda: at_once(*(desk.claim(token, None) for token in tokens[:3])))
    assert [type(answer) for answer in got] == [Hold, Hold, TooManyClaims]
