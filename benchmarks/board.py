"""What a brand's own pages cost with a million tickets waiting: the board, and its list found and filtered.

The time is the whole answer's, signed in, one request after the other.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator

from benchmarks.crowd import background_database, durable_server, execute, fill_pool
from benchmarks.figures import Figure, run
from marketplace.accounts.models import Brand, MemberRole
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from tests.builders import a_brand, a_member, usd
from tests.http_client import connect
from tests.site_process import web_process
from workers_ui.deps import SESSION_COOKIE

TICKETS = int(os.environ.get("HUMANCLOUD_BENCH_POOL", "1_000_000"))
BOARDS = 100
GOAL_MS = 80.0
LISTS = (
    "/b/{slug}/tickets?category=general",
    "/b/{slug}/tickets?category=general&older=1",
    "/b/{slug}/tickets?q=order",
    "/b/{slug}/tickets?q=sam@example.com",
    "/b/{slug}/withdrawals/new?state=open&category=general",
)


def measure() -> Iterator[Figure]:
    with durable_server() as (url, folder):
        slug, session = _fill(url)
        with web_process(url, folder, connections=8) as address:
            yield _figure("board_p95_ms", asyncio.run(_read(address, [f"/b/{slug}/board"], session)))
            lists = [path.format(slug=slug) for path in LISTS]
            yield _figure("ticket_lists_p95_ms", asyncio.run(_read(address, lists, session)))


def _fill(url: str) -> tuple[str, str]:
    """One brand with TICKETS waiting, a third of them late or nearly; its address name and a member's session."""
    with background_database(url) as database:
        with database.transaction() as tx:
            brand = a_brand(tx, funds=usd(1_000_000))
            slug = tx.get_one(Brand, brand).slug
            person = a_member(tx, brand, role=MemberRole.OWNER)
            session = begin_session(tx, person=person, session_hours=24, now=app_now(tx)).token
        fill_pool(database, brand, tickets=TICKETS)
    execute(
        url,
        "UPDATE pool_ticket SET due_at = now() + (random() * 72 - 24) * interval '1 hour'",
        "UPDATE ticket SET posted_at = now() - random() * interval '3 days'",
        "INSERT INTO ticket_search SELECT brand_id, id, number, customer_id, words_of(brand_id, subject) "
        "FROM ticket ON CONFLICT DO NOTHING",
        "VACUUM ANALYZE",
    )
    return slug, session


async def _read(address: str, paths: list[str], session: str) -> list[float]:
    """Seconds that each answer took; the first of each kind compiles its template and does not count."""
    connection = await connect(address)
    seconds = []
    for number in range(BOARDS + len(paths)):
        path = paths[number % len(paths)]
        started = time.perf_counter()
        status = await connection.get(path, cookie=f"{SESSION_COOKIE}={session}")
        seconds.append(time.perf_counter() - started)
        if status != 200:
            raise RuntimeError(f"{path} was answered {status}")
    connection.close()
    return seconds[len(paths) :]


def _figure(name: str, seconds: list[float]) -> Figure:
    return Figure(
        benchmark="board",
        figure=name,
        value=statistics.quantiles(seconds, n=20)[18] * 1000,
        unit="ms",
        sides={"median": statistics.median(seconds) * 1000, "slowest": max(seconds) * 1000},
        goal=GOAL_MS,
    )


if __name__ == "__main__":
    run(measure, __doc__)
