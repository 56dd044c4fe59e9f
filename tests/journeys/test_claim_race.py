"""Two hundred people want one ticket: over HTTP, one gets it, every time. And the test can fail."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import TicketId
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, usd
from tests.http_client import connect
from tests.site_process import web_process

CLAIMERS = 200
ROUNDS = 20

BROKEN_CLAIM = """
DROP INDEX uq_claim_live;  -- the table's own word against two live claims
CREATE OR REPLACE FUNCTION give_named(p_ticket uuid, p_worker uuid, p_now timestamptz,
                                      OUT outcome text, OUT claim_number int, OUT lease_ends_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    v_pool pool_ticket;
BEGIN
    SELECT * INTO v_pool FROM pool_ticket WHERE ticket_id = p_ticket;
    outcome := 'taken';
    IF v_pool.state = 'open' THEN
        PERFORM pg_sleep(0.02);  -- what an application does between its read and its write
        UPDATE pool_ticket p SET state = 'claimed', worker_id = p_worker, claim_number = p.claim_number + 1,
            lease_ends_at = p_now + interval '5 min' WHERE p.ticket_id = p_ticket
            RETURNING p.claim_number INTO claim_number;
        outcome := 'claimed';
    END IF;
END $$
"""


@pytest.fixture
def tokens(background: Database) -> list[str]:
    with background.transaction() as tx:
        people = [tx.get_one(Worker, a_worker(tx, email_cap=1_000)).person_id for _ in range(CLAIMERS)]
        return [begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token for person in people]


@pytest.fixture
def address(database_url: str, tmp_path: Path) -> Iterator[str]:
    with web_process(database_url, tmp_path) as url:
        yield url


@pytest.fixture
def tickets(background: Database) -> list[TicketId]:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(100_000))
        return [an_open_ticket(tx, brand) for _ in range(ROUNDS)]


async def _race(address: str, ticket: TicketId, tokens: list[str]) -> Counter[int]:
    """How often each status came when everybody claims `ticket` at once, on connections already open."""
    connections = await asyncio.gather(*(connect(address) for _ in tokens))
    path = f"/api/v1/tickets/{ticket}/claim"
    statuses = await asyncio.gather(
        *(connection.post(path, token=token) for connection, token in zip(connections, tokens, strict=True))
    )
    for connection in connections:
        connection.close()
    return Counter(statuses)


def test_one_of_two_hundred_simultaneous_claimers_wins_in_every_round(
    address: str, tickets: list[TicketId], tokens: list[str], background: Database
) -> None:
    rounds = [asyncio.run(_race(address, ticket, tokens)) for ticket in tickets]
    assert rounds == [Counter({200: 1, 409: CLAIMERS - 1})] * ROUNDS
    with background.transaction() as tx:
        claims = tx.execute(text("SELECT ticket_id, count(*) FROM claim GROUP BY ticket_id")).all()
    assert sorted(claims) == sorted((ticket, 1) for ticket in tickets)


def test_the_same_race_finds_a_claim_that_reads_before_it_writes(
    address: str, tickets: list[TicketId], tokens: list[str], database_url: str
) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(BROKEN_CLAIM))
    assert any(asyncio.run(_race(address, ticket, tokens))[200] > 1 for ticket in tickets)


def test_a_lease_that_ran_out_is_won_by_one_of_many(
    address: str, tickets: list[TicketId], tokens: list[str], background: Database
) -> None:
    first = asyncio.run(_race(address, tickets[0], tokens[:1]))
    Clock(database=background).forward(timedelta(minutes=6))
    second = asyncio.run(_race(address, tickets[0], tokens[1:51]))
    assert (first[200], second[200], second[409]) == (1, 1, 49)
