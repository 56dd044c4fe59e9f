"""The same job on a task queue and on plain SQL: taking the next of many, each with a durable commit.

All of them run on one server in turn, driven by pgbench; medians of the rounds. Ours does more per taken ticket: it
finds the worker's lanes, holds his cap, writes the lease, the claim, the ticket's state, a fact and the counters.
Shared commits are `claim_batch`, as the web process asks it: by its two lanes, with 24 claims a commit.
"""

import statistics
from collections.abc import Iterator

from benchmarks.crowd import (
    CLIENTS,
    RAW_CLAIM,
    background_database,
    durable_server,
    execute,
    fill_pool,
    pgbench,
    raw_pool,
    sign_in_crowd,
)
from benchmarks.figures import Figure, run
from tests.builders import a_brand, usd
from workers_ui.claim_desk import LANES

ROUNDS = 5
ROUND_SECONDS = 3.0
TICKETS = 300_000
WORKERS = 120_000
JOBS = 300_000
TOGETHER = 24
ONE_BY_ONE_GOAL = 2.0
SHARED_GOAL = 4.0
PLAIN_GOAL = 0.3

# Clients walk through the crowd, so that no worker reaches his cap before everybody has claimed.
CLAIM = f"""
SELECT nextval('turn') % {WORKERS} AS n \\gset
SELECT outcome FROM crowd, claim_next_ticket(crowd.worker, gen_random_uuid()) WHERE crowd.n = :n;
"""
SHARED = f"""
SELECT nextval('turn') * {TOGETHER} % {WORKERS} AS n \\gset
SELECT count(*) FROM claim_batch(
    ARRAY(SELECT sha256(convert_to('a session of the benchmark ' || i, 'UTF8'))
          FROM generate_series(CAST(:n AS int), CAST(:n AS int) + {TOGETHER - 1}) i),
    array_fill(NULL::uuid, ARRAY[{TOGETHER}]),
    ARRAY(SELECT gen_random_uuid() FROM generate_series(1, {TOGETHER})));
"""
FETCH = "SELECT id FROM procrastinate_fetch_job_v2(NULL, :client_id + 1);"


def measure() -> Iterator[Figure]:
    with durable_server() as (url, _folder):
        with background_database(url) as database:
            with database.transaction() as tx:
                brand = a_brand(tx, funds=usd(1_000_000))
            fill_pool(database, brand, tickets=TICKETS)
        sign_in_crowd(url, workers=WORKERS)
        raw_pool(url)
        _queue(url)
        yield from _ratios(url)


def _ratios(url: str) -> Iterator[Figure]:
    rates: dict[str, list[float]] = {"claim": [], "shared": [], "fetch": [], "raw": []}
    scripts = {"claim": CLAIM, "shared": SHARED, "fetch": FETCH, "raw": RAW_CLAIM}
    for _ in range(ROUNDS):
        for name, script in scripts.items():
            clients = LANES if name == "shared" else CLIENTS
            rate = pgbench(url, script, clients=clients, seconds=ROUND_SECONDS)
            rates[name].append(rate * TOGETHER if name == "shared" else rate)
    typical = {name: statistics.median(found) for name, found in rates.items()}
    for figure, ours, reference, goal in (
        ("claims_over_procrastinate", "claim", "fetch", ONE_BY_ONE_GOAL),
        ("shared_claims_over_procrastinate", "shared", "fetch", SHARED_GOAL),
        ("claims_over_plain_sql", "claim", "raw", PLAIN_GOAL),
        ("shared_claims_over_plain_sql", "shared", "raw", PLAIN_GOAL),
    ):
        yield Figure(
            benchmark="peers",
            figure=figure,
            value=typical[ours] / typical[reference],
            unit="times",
            sides={"ours": typical[ours], "reference": typical[reference]},
            goal=goal,
        )


def _queue(url: str) -> None:
    """procrastinate with as many jobs, and a worker for each client."""
    execute(
        url,
        "CREATE SEQUENCE turn",
        f"INSERT INTO procrastinate_workers SELECT FROM generate_series(1, {CLIENTS + 1})",
        "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args) "
        f"SELECT 'default', 'answer', 0, '{{}}' FROM generate_series(1, {JOBS})",
        "VACUUM ANALYZE",
    )


if __name__ == "__main__":
    run(measure, __doc__)
