"""What a growing pool costs: the same claim with a thousand and with a million tickets waiting, and the pool's page.

One server holds a small pool and a large one, each in a database of its own, and they are measured in turn; medians.
A rare skill is claimed from the large pool beside the common lane. The page's time is the whole answer's, signed in,
with filters on, one request after the other.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from benchmarks.crowd import (
    background_database,
    durable_server,
    execute,
    fill_pool,
    prepare,
    sign_in_crowd,
    token,
)
from benchmarks.figures import Figure, run
from tests.builders import a_brand, usd
from tests.http_client import connect
from tests.site_process import web_process
from workers_ui.deps import SESSION_COOKIE

SMALL = 1_000
LARGE = int(os.environ.get("HUMANCLOUD_BENCH_POOL", "1_000_000"))
RARE = 500
RARE_SKILL = "technical"
BRANDS = 20
WORKERS = 2_000
ROUNDS = 15
CLAIMS_A_ROUND = 20
COST_GOAL = 2.0
PAGE_GOAL_MS = 50.0
PAGES = 200
FILTERS = (
    "/worker/pool?language=en&minimum_pay=2.10&longest_minutes=6",
    "/worker/pool?channel=email&minimum_pay=2.50",
    "/worker/pool?longest_minutes=2",
    "/worker/pool?brand={brand}",
    "/worker/pool",
)

CLAIM = text("SELECT outcome FROM claim_next_ticket(:worker, gen_random_uuid())")


def measure() -> Iterator[Figure]:
    with durable_server() as (url, folder):
        large = _named(url, "pool_of_many")
        execute(url, "CREATE DATABASE pool_of_many")
        prepare(large)
        _fill(url, tickets=SMALL, brands=1)
        slug = _fill(large, tickets=LARGE, brands=BRANDS)
        yield from _claims(url, large)
        yield from _page(large, folder, slug)


def _fill(url: str, *, tickets: int, brands: int) -> str:
    """A pool of `tickets` over `brands`, some for a rare skill; the address name of one of the brands."""
    with background_database(url) as database:
        for _ in range(brands):
            with database.transaction() as tx:
                brand = a_brand(tx, funds=usd(1_000_000))
            fill_pool(database, brand, tickets=tickets // brands)
        fill_pool(database, brand, tickets=RARE, skill=RARE_SKILL)
        with database.transaction() as tx:
            slug = str(tx.execute(text("SELECT slug FROM brand WHERE id = :id"), {"id": brand}).scalar_one())
    sign_in_crowd(url, workers=WORKERS)
    execute(
        url,
        # The skilled speak a language in which nothing but the rare skill's tickets waits: their claims go there.
        f"UPDATE pool_ticket SET language = 'fi' WHERE skill = '{RARE_SKILL}'",
        f"UPDATE worker SET skills = '{{{RARE_SKILL}}}', languages = '{{fi}}' "
        "WHERE id IN (SELECT worker FROM crowd WHERE mod(n, 2) = 1)",
        "VACUUM ANALYZE",
    )
    return slug


def _claims(small: str, large: str) -> Iterator[Figure]:
    """Milliseconds a claim, in turn."""
    of_few: list[float] = []
    of_many: list[float] = []
    rare: list[float] = []
    with _connected(small) as few, _connected(large) as many:
        common = iter(_workers(few, odd=False)), iter(_workers(many, odd=False))
        skilled = iter(_workers(many, odd=True))
        for _ in range(ROUNDS):
            of_few += _timed(few, lambda: next(common[0]))
            of_many += _timed(many, lambda: next(common[1]))
            rare += _timed(many, lambda: next(skilled))
    few_ms, many_ms, rare_ms = (statistics.median(side) * 1000 for side in (of_few, of_many, rare))
    yield Figure(
        benchmark="pool_growth",
        figure="claim_cost_1m_over_1k",
        value=many_ms / few_ms,
        unit="times",
        sides={"ours": many_ms, "reference": few_ms},
        goal=COST_GOAL,
    )
    yield Figure(
        benchmark="pool_growth",
        figure="rare_skill_over_common",
        value=rare_ms / many_ms,
        unit="times",
        sides={"ours": rare_ms, "reference": many_ms},
        goal=COST_GOAL,
    )


def _timed(connection: Connection, worker: Callable[[], object]) -> list[float]:
    """Seconds that each of a round's claims took, its durable commit included."""
    seconds = []
    for _ in range(CLAIMS_A_ROUND):
        asked = {"worker": worker()}
        started = time.perf_counter()
        outcome = connection.execute(CLAIM, asked).scalar_one()
        connection.commit()
        seconds.append(time.perf_counter() - started)
        if outcome != "claimed":
            raise RuntimeError(f"a claim ended as {outcome}")
    return seconds


def _workers(connection: Connection, *, odd: bool) -> Sequence[object]:
    found = connection.execute(
        text("SELECT worker FROM crowd WHERE n % 2 = :odd ORDER BY n"), {"odd": int(odd)}
    )
    workers = found.scalars().all()
    connection.commit()
    return workers


def _page(url: str, folder: Path, slug: str) -> Iterator[Figure]:
    with web_process(url, folder, connections=8) as address:
        seconds = asyncio.run(_read_pages(address, slug))
    yield Figure(
        benchmark="pool_growth",
        figure="pool_page_p95_ms",
        value=statistics.quantiles(seconds, n=20)[18] * 1000,
        unit="ms",
        sides={"ours": statistics.median(seconds) * 1000, "reference": PAGE_GOAL_MS},
        goal=PAGE_GOAL_MS,
    )


async def _read_pages(address: str, slug: str) -> list[float]:
    connection = await connect(address)
    seconds = []
    for number in range(PAGES + len(FILTERS)):
        path = FILTERS[number % len(FILTERS)].format(brand=slug)
        started = time.perf_counter()
        status = await connection.get(path, cookie=f"{SESSION_COOKIE}={token(2 * (number % 100))}")
        seconds.append(time.perf_counter() - started)
        if status != 200:
            raise RuntimeError(f"{path} was answered {status}")
    connection.close()
    return seconds[len(FILTERS) :]  # the first of each kind compiles its template


def _connected(url: str) -> Connection:
    return create_engine(url).connect()


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


if __name__ == "__main__":
    run(measure, __doc__)
