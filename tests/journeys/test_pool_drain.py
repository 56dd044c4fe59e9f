"""Many workers empty a pool at once, over HTTP: every ticket is somebody's, and nobody else's."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.crowd import fill_pool
from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets.counts import roll_up, waiting_in
from tests.builders import a_brand, a_worker, usd
from tests.http_client import connect
from tests.site_process import web_process

WORKERS = 32
TICKETS = 2_000
EVERYTHING = TICKETS + 1  # the one that the others were copied from


@pytest.fixture
def address(database_url: str, tmp_path: Path) -> Iterator[str]:
    with web_process(database_url, tmp_path) as url:
        yield url


@pytest.fixture
def tokens(background: Database) -> list[str]:
    with background.transaction() as tx:
        people = [tx.get_one(Worker, a_worker(tx, email_cap=EVERYTHING)).person_id for _ in range(WORKERS)]
        return [begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token for person in people]


async def _drain(address: str, tokens: list[str]) -> list[str]:
    """The tickets that were given out until everybody was told that nothing waits."""
    given: list[str] = []

    async def claim_until_empty(token: str) -> None:
        connection = await connect(address)
        while (answer := await connection.ask("/api/v1/claims", token=token)).status == 200:
            given.append(json.loads(answer.body)["ticket"])
        assert (answer.status, json.loads(answer.body)["code"]) == (404, "pool_empty")
        connection.close()

    await asyncio.gather(*map(claim_until_empty, tokens))
    return given


def test_thirty_two_workers_drain_two_thousand_tickets_with_none_lost_and_none_given_twice(
    address: str, tokens: list[str], background: Database
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(1_000_000))
    fill_pool(background, brand, tickets=TICKETS)
    given = asyncio.run(_drain(address, tokens))
    assert (len(given), len(set(given))) == (EVERYTHING, EVERYTHING)
    with background.transaction() as tx:
        claims = tx.execute(
            text("SELECT count(*), count(DISTINCT ticket_id), count(DISTINCT worker_id) FROM claim")
        ).one()
        assert tuple(claims[:2]) == (EVERYTHING, EVERYTHING)
        assert claims[2] > WORKERS // 2, "the claims of many share the commits, not one worker's"
        assert waiting_in(tx, ["email/en/general"]) == 0
        while roll_up(tx):
            pass
        assert waiting_in(tx, ["email/en/general"]) == 0
