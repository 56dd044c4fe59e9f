"""How fast claims are against the raw ceiling, and whether one of many simultaneous claimers wins.

Share: signed-in workers on keep-alive connections claim the next ticket over HTTP from one server process, with lease
and fact written and synchronous commit on; the reference is pgbench running the raw claim-next statement on the same
server, interleaved in the same run, medians. Winners are counted in the table, not in the answers.
"""

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from benchmarks.figures import Figure, run
from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres, binaries
from marketplace.kernel.ids import BrandId
from marketplace.migrations import upgrade
from tests.builders import a_brand, a_worker, an_open_ticket, usd
from tests.http_client import Connection, connect
from tests.site_process import web_process
from workers_ui.bootstrap import same_transaction_bus

CLIENTS = 24
ROUNDS = int(os.environ.get("HUMANCLOUD_BENCH_SHARE_ROUNDS", "5"))
ROUND_SECONDS = 4.0
POOL_TICKETS = 150_000
WORKERS = 50_000  # each claims up to the cap that every worker has
CONTESTED_ROUNDS = int(os.environ.get("HUMANCLOUD_BENCH_ROUNDS", "100"))
CLAIMERS = 200
CAP = 3
OK = 200
SHARE_GOAL = 0.30
CONTESTED_P99_GOAL_MS = 500.0

RAW_CLAIM = """
UPDATE raw_pool SET state = 1, holder = :client_id WHERE id = (
    SELECT id FROM raw_pool WHERE state = 0 ORDER BY rank, id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id;
"""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="humancloud-bench-") as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "postgres") as server:
            upgrade(server.url)
            database = Database(
                server.url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()}
            )
            _mark(server.url)
            tokens, brand = _people(database)
            _fill(database, brand)
            _sign_in_workers(server.url)
            _raw_pool(server.url)
            with web_process(server.url, folder, connections=16) as address:
                yield from _share(server.url, address)
                yield from _contested(database, brand, address, tokens)
            database.dispose()


def _share(url: str, address: str) -> Iterator[Figure]:
    ours, raw = [], []
    tokens = iter(_token(n % WORKERS) for n in range(WORKERS * CAP))
    for _ in range(ROUNDS):
        before = _claims(url)
        started = time.perf_counter()
        asyncio.run(_claim_for(address, tokens, ROUND_SECONDS))
        ours.append((_claims(url) - before) / (time.perf_counter() - started))
        raw.append(_pgbench(url))
    ours_rate, raw_rate = statistics.median(ours), statistics.median(raw)
    yield Figure(
        benchmark="claims",
        figure="http_share_of_pgbench",
        value=ours_rate / raw_rate,
        unit="share",
        sides={"ours": ours_rate, "reference": raw_rate},
        goal=SHARE_GOAL,
    )


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


async def _claim_for(address: str, tokens: Iterator[str], seconds: float) -> None:
    """Claim the next ticket on CLIENTS keep-alive connections, for one signed-in worker after the other."""
    stop_at = time.perf_counter() + seconds

    async def claim_on() -> None:
        connection = await connect(address)
        while time.perf_counter() < stop_at:
            status = await connection.post("/api/v1/claims", token=next(tokens))
            if status != OK:
                raise RuntimeError(f"a claim was answered {status}")
        connection.close()

    await asyncio.gather(*(claim_on() for _ in range(CLIENTS)))


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


def _people(database: Database) -> tuple[list[str], BrandId]:
    with database.transaction() as tx:
        brand = a_brand(tx, funds=usd(100_000_000))
        people = [
            tx.get_one(Worker, a_worker(tx, email_cap=CONTESTED_ROUNDS)).person_id for _ in range(CLAIMERS)
        ]
        tokens = [begin_session(tx, person=one, session_hours=2, now=app_now(tx)).token for one in people]
    return tokens, brand


def _fill(database: Database, brand: BrandId) -> None:
    """Tickets in the pool, copied in SQL from one that was posted properly."""
    with database.transaction() as tx:
        first = an_open_ticket(tx, brand)
        values = {"first": first, "brand": brand, "n": POOL_TICKETS}
        tx.execute(text(_COPY_TICKETS), values)
        tx.execute(text(_COPY_POOL), values)


def _sign_in_workers(url: str) -> None:
    """Workers with sessions, made in SQL: signing 50,000 people in would take longer than the benchmark."""
    _execute(url, *(statement.format(workers=WORKERS) for statement in _SIGN_IN), "VACUUM ANALYZE")


def _token(number: int) -> str:
    return f"a session of the benchmark {number}"


_SIGN_IN = (
    "CREATE TABLE crowd AS SELECT n, gen_random_uuid() AS person, gen_random_uuid() AS worker "
    "FROM generate_series(0, {workers} - 1) AS n",
    "INSERT INTO person (id, email, name, password_hash, created_at) "
    "SELECT person, person || '@example.com', 'Robin Reed', '', now() FROM crowd",
    "INSERT INTO worker (id, person_id, country, languages, terms_accepted_at, seen_at) "
    "SELECT worker, person, 'US', '{{en}}', now(), now() FROM crowd",
    "INSERT INTO session (token_hash, person_id, csrf_token, created_at, expires_at) "
    "SELECT sha256(convert_to('a session of the benchmark ' || n, 'UTF8')), person, '', now(), "
    "now() + interval '1 day' FROM crowd",
)
_COPY_TICKETS = """
INSERT INTO ticket (brand_id, id, number, external_id, fingerprint, customer_id, channel, language, category, subject,
                    context, priority, state, terms_id, reservation, posted_at, due_at)
SELECT t.brand_id, gen_random_uuid(), 1000000 + n, 'copy-' || n, t.fingerprint, t.customer_id, t.channel, t.language,
       t.category, t.subject, t.context, t.priority, t.state, t.terms_id, t.reservation, t.posted_at, t.due_at
FROM ticket t, generate_series(1, :n) n WHERE t.brand_id = :brand AND t.id = :first
"""
_COPY_POOL = """
INSERT INTO pool_ticket (ticket_id, brand_id, number, subject, channel, language, category, terms_id, pay_minor,
                         currency, expected_minutes, state, rank_at, due_at, waiting_since, claim_number)
SELECT t.id, p.brand_id, t.number, p.subject, p.channel, p.language, p.category, p.terms_id, p.pay_minor, p.currency,
       p.expected_minutes, 'open', p.rank_at + make_interval(secs => t.number), p.due_at, p.waiting_since, 0
FROM ticket t, pool_ticket p
WHERE p.ticket_id = :first AND t.brand_id = :brand AND t.external_id LIKE 'copy-%' AND :n > 0
"""


def _raw_pool(url: str) -> None:
    _execute(
        url,
        "CREATE TABLE raw_pool (id bigint PRIMARY KEY, state int NOT NULL, holder int, rank bigint NOT NULL)"
        " WITH (fillfactor = 70)",
        "INSERT INTO raw_pool SELECT n, 0, NULL, n FROM generate_series(1, 400000) n",
        "CREATE INDEX ON raw_pool (rank, id) WHERE state = 0",
        "ANALYZE",
    )


def _pgbench(url: str) -> float:
    """Raw claims a second by the same number of clients."""
    parts = make_url(url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(RAW_CLAIM)
        script.flush()
        answer = subprocess.run(
            [
                str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2",
                "-T", str(round(ROUND_SECONDS)), "-f", script.name,
                "-h", str(parts.query["host"]), "-p", str(parts.query["port"]), "-U", str(parts.username),
                str(parts.database),
            ],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", answer.stdout)
    if found is None:
        raise RuntimeError(f"pgbench did not say its rate: {answer.stdout}")
    return float(found.group(1))


def _claims(url: str) -> int:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM claim")).scalar_one())


def _mark(url: str) -> None:
    _execute(url, "INSERT INTO installation (money_mode, marked_at) VALUES ('test', app_now())")


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


if __name__ == "__main__":
    run(measure, __doc__)
