"""Redis dies and PostgreSQL is killed while a pool is drained: no claim that was answered is lost, none is double."""

import asyncio
import json
import os
import signal
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from benchmarks.crowd import fill_pool, prepare
from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from tests.builders import a_brand, a_worker, usd
from tests.redis_server import own_redis_server
from tests.site_process import site
from workers_ui.bootstrap import same_transaction_bus

WORKERS = 8
TICKETS = 600
EVERYTHING = TICKETS + 1
PATIENCE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05


class Drain:
    """Workers that claim until nothing waits, and ask again whatever becomes of their requests."""

    def __init__(self, address: str, tokens: list[str]) -> None:
        self._address = address
        self._tokens = tokens
        self.answered: list[str] = []
        self.troubles = 0

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self._address, timeout=15.0) as client:
            await asyncio.gather(*(self._claim(client, token) for token in self._tokens))

    async def until(self, share: float) -> None:
        """Wait until that share of the tickets is given out."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.answered) < EVERYTHING * share:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _claim(self, client: httpx.AsyncClient, token: str) -> None:
        while True:
            try:
                answer = await client.post("/api/v1/claims", headers={"Authorization": f"Bearer {token}"})
            except httpx.TransportError:
                self.troubles += 1
                continue
            if answer.status_code == 200:
                self.answered.append(answer.json()["ticket"])
            elif answer.status_code == 404:
                assert json.loads(answer.content)["code"] == "pool_empty"
                return
            else:
                assert answer.status_code == 503, answer.text  # told plainly to come again, never a 500
                self.troubles += 1
                await asyncio.sleep(LOOK_AGAIN_SECONDS)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections that the kill tore
def test_claims_stay_right_when_redis_is_killed_and_postgres_restarted_in_the_middle_of_a_drain(
    tmp_path: Path,
) -> None:
    with own_redis_server() as redis, EmbeddedPostgres(tmp_path / "postgres") as postgres:
        prepare(postgres.url)
        database = Database(
            postgres.url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
        )
        with database.transaction() as tx:
            brand = a_brand(tx, funds=usd(1_000_000))
            people = [
                tx.get_one(Worker, a_worker(tx, email_cap=EVERYTHING)).person_id for _ in range(WORKERS)
            ]
            tokens = [begin_session(tx, person=one, session_hours=1, now=app_now(tx)).token for one in people]
        fill_pool(database, brand, tickets=TICKETS)
        with site(postgres.url, tmp_path, redis_url=redis.url) as running:
            drain = Drain(running.address, tokens)

            async def break_things() -> None:
                await drain.until(0.2)
                redis.kill()
                await drain.until(0.5)
                pid = int((tmp_path / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
                os.kill(pid, signal.SIGKILL)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not await asyncio.to_thread(postgres.revive):
                        await asyncio.sleep(LOOK_AGAIN_SECONDS)

            async def both() -> None:
                await asyncio.gather(drain.run(), break_things())

            asyncio.run(both())
        with database.transaction() as tx:
            claims = tx.execute(text("SELECT ticket_id::text, count(*) FROM claim GROUP BY ticket_id")).all()
            left = tx.execute(text("SELECT count(*) FROM pool_ticket WHERE state = 'open'")).scalar_one()
        database.dispose()
    claimed = {ticket: count for ticket, count in claims}
    assert (len(claimed), set(claimed.values()), left) == (EVERYTHING, {1}, 0)
    assert len(drain.answered) == len(set(drain.answered)), "one ticket was promised to two"
    assert set(drain.answered) <= set(claimed), "a claim that was answered is lost"
    assert drain.troubles > 0, "nothing broke: this test tested nothing"
