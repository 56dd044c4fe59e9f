"""How fast claims are against the raw ceiling, and whether one of many simultaneous claimers wins.

Share: signed-in workers on keep-alive connections claim the next ticket over HTTP from one server process, with lease
and fact written and synchronous commit on; the reference is pgbench running the raw claim-next statement on the same
server, interleaved in the same run, medians. Winners are counted in the table, not in the answers.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator

from sqlalchemy import text

from benchmarks.crowd import (
    CAP,
    CLIENTS,
    RAW_CLAIM,
    background_database,
    durable_server,
    fill_pool,
    number,
    pgbench,
    raw_pool,
    sign_in_crowd,
    token,
)
from benchmarks.figures import Figure, run
from benchmarks.pressing import post, press
from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId
from tests.builders import a_brand, a_worker, an_open_ticket, usd
from tests.http_client import Connection, connect
from tests.site_process import web_process

ROUNDS = int(os.environ.get("HUMANCLOUD_BENCH_SHARE_ROUNDS", "5"))
ROUND_SECONDS = 4.0
POOL_TICKETS = 150_000
WORKERS = 50_000  # each claims as much as anybody may, so nobody's cap is lifted for the benchmark
CONTESTED_ROUNDS = int(os.environ.get("HUMANCLOUD_BENCH_ROUNDS", "100"))
CLAIMERS = 200
SHARE_GOAL = 0.30
CONTESTED_P99_GOAL_MS = 500.0


def measure() -> Iterator[Figure]:
    with durable_server() as (url, folder), background_database(url) as database:
        brand, tokens = _people(database)
        fill_pool(database, brand, tickets=POOL_TICKETS)
        sign_in_crowd(url, workers=WORKERS)
        raw_pool(url)
        with web_process(url, folder, connections=16) as address:
            yield from _shares(url, database, brand, address)
            yield from _contested(database, brand, address, tokens)


def _shares(url: str, database: Database, brand: BrandId, address: str) -> Iterator[Figure]:
    """Claims of the next ticket and of named ones, in turn with pgbench."""
    following, named, raw = [], [], []
    workers = iter(token(n % WORKERS) for n in range(WORKERS * CAP))
    tickets = _named_tickets(database, brand)
    for _ in range(ROUNDS):
        following.append(_rate(url, address, workers, iter(lambda: "/api/v1/claims", None)))
        raw.append(pgbench(url, RAW_CLAIM, clients=CLIENTS, seconds=ROUND_SECONDS))
        named.append(_rate(url, address, workers, tickets))
    ceiling = statistics.median(raw)
    for figure, rates in (("http_share_of_pgbench", following), ("by_id_http_share_of_pgbench", named)):
        ours = statistics.median(rates)
        yield Figure(
            benchmark="claims",
            figure=figure,
            value=ours / ceiling,
            unit="share",
            sides={"ours": ours, "reference": ceiling},
            goal=SHARE_GOAL,
        )


def _named_tickets(database: Database, brand: BrandId) -> Iterator[str]:
    """The claim of each waiting ticket by its address, from the far end of the pool."""
    with database.transaction() as tx:
        found = tx.execute(
            text(
                "SELECT ticket_id FROM pool_ticket WHERE brand_id = :brand ORDER BY rank_at DESC LIMIT :limit"
            ),
            {"brand": brand, "limit": POOL_TICKETS // 2},
        )
        return iter([f"/api/v1/tickets/{ticket}/claim" for ticket in found.scalars()])


def _rate(url: str, address: str, workers: Iterator[str], paths: Iterator[str]) -> float:
    """Claims a second by CLIENTS keep-alive connections, one signed-in worker after the other; each is in the table.

    Raises RuntimeError when the table holds another number of claims than were answered.
    """
    before = number(url, "SELECT count(*) FROM claim")
    requests = (post(address, path, token=worker) for path, worker in zip(paths, workers, strict=False))
    pressed = press(requests, address, connections=CLIENTS, seconds=ROUND_SECONDS)
    if number(url, "SELECT count(*) FROM claim") - before != pressed.answered:
        raise RuntimeError("there are more or fewer claims than answers")
    return pressed.rate


def _contested(database: Database, brand: BrandId, address: str, tokens: list[str]) -> Iterator[Figure]:
    with database.transaction() as tx:
        tickets = [an_open_ticket(tx, brand) for _ in range(CONTESTED_ROUNDS)]
    seconds: list[float] = []
    for ticket in tickets:
        seconds += asyncio.run(_contest(address, str(ticket), tokens))
    with database.transaction() as tx:
        won = tx.execute(
            text("SELECT count(*) FROM claim WHERE ticket_id = ANY(:tickets) GROUP BY ticket_id"),
            {"tickets": tickets},
        ).scalars()
        winners = list(won)
    yield Figure(
        benchmark="claims",
        figure="winners_per_contested_ticket",
        value=float(max(winners)) if len(winners) == len(tickets) else 0.0,
        unit="winners",
        sides={"ours": float(sum(winners)), "reference": float(len(tickets))},
        goal=1.0,
    )
    yield Figure(
        benchmark="claims",
        figure="contested_p99_ms",
        value=statistics.quantiles(seconds, n=100)[98] * 1000,
        unit="ms",
        sides={"ours": statistics.median(seconds) * 1000, "reference": CONTESTED_P99_GOAL_MS},
        goal=CONTESTED_P99_GOAL_MS,
    )


async def _contest(address: str, ticket: str, tokens: list[str]) -> list[float]:
    """Seconds that each of many simultaneous claims of one ticket took, on connections already open."""
    connections = [await connect(address) for _ in tokens]

    async def claim(connection: Connection, token: str) -> float:
        started = time.perf_counter()
        await connection.post(f"/api/v1/tickets/{ticket}/claim", token=token)
        return time.perf_counter() - started

    taken = await asyncio.gather(*map(claim, connections, tokens))
    for connection in connections:
        connection.close()
    return list(taken)


def _people(database: Database) -> tuple[BrandId, list[str]]:
    """A brand, and the sessions of those who contest its tickets."""
    with database.transaction() as tx:
        brand = a_brand(tx, funds=usd(100_000_000))
        people = [tx.get_one(Worker, a_worker(tx, email_cap=CONTESTED_ROUNDS)) for _ in range(CLAIMERS)]
        tokens = [
            begin_session(tx, person=one.person_id, session_hours=2, now=app_now(tx)).token for one in people
        ]
    return brand, tokens


if __name__ == "__main__":
    run(measure, __doc__)
