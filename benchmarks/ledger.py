"""Money at speed: accruals by twelve writers on one wallet, a statement of 100,000 lines, a pay run of 10,000 workers.

An accrual is one transaction of `billing.ledger.post` with the legs of a resolved ticket: the brand's reservation,
whose row all writers want, the worker, the fee. Beside it pgbench calls the same postings in SQL, in turn, medians.
A whole resolution (the ticket's end, its claim's, the counters, the earning) is measured by itself.
"""

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

from sqlalchemy import text

from benchmarks.crowd import background_database, durable_server, execute, number, pgbench, sign_in_crowd
from benchmarks.figures import Figure, run
from billing import batches
from billing.accounts import pending, platform_fee, reserved, wallet
from billing.batches import NothingToPay
from billing.ledger import credit, debit, post
from billing.models import BatchState
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.kernel.sweeps import until_none
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from tests.billing.paying import as_owner
from tests.billing.test_statement_files import BULK
from tests.builders import a_brand, a_person, a_worker, an_answered_ticket, usd
from workers_ui.bootstrap import same_transaction_bus

WRITERS = 12
PROCESSES = 2
ROUNDS = 5
SECONDS = 4.0
ACCRUALS_GOAL = 500.0
TICKETS = int(os.environ.get("HUMANCLOUD_BENCH_RESOLUTIONS", "600"))
LINES = 100_000
MEMORY_GOAL_MB = 100.0
WORKERS = int(os.environ.get("HUMANCLOUD_BENCH_WORKERS", "10_000"))
BATCH_GOAL_S = 120.0
TOTAL, PAY, FEE = 250, 200, 50


def measure() -> Iterator[Figure]:
    with durable_server() as (url, _):
        with background_database(url) as database, database.transaction() as tx:
            brand, worker = a_brand(tx, funds=usd(10**12)), a_worker(tx)
            legs = [debit(wallet(brand), 10**11), credit(reserved(brand), 10**11)]
            post(tx, kind="reserve", key="reserve", currency="usd", legs=legs, now=app_now(tx))
        yield from _accruals(url, brand, worker)
        yield from _resolutions(url)
        yield from _statement(url)
        yield from _pay_run(url)


def _accruals(url: str, brand: BrandId, worker: WorkerId) -> Iterator[Figure]:
    ours: list[float] = []
    raw: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_accrue_for(url, brand, worker, SECONDS))
        raw.append(pgbench(url, _raw_posting(brand, worker), clients=WRITERS, seconds=SECONDS))
    rate, reference = statistics.median(ours), statistics.median(raw)
    yield Figure(
        benchmark="ledger",
        figure="accruals_per_s",
        value=rate,
        unit="1/s",
        sides={"ours": rate, "reference": reference, "ratio": rate / reference},
        goal=ACCRUALS_GOAL,
    )
    deadlocks = number(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    yield Figure(
        benchmark="ledger",
        figure="deadlocks",
        value=deadlocks,
        unit="",
        sides={"ours": deadlocks, "reference": 0},
        goal=0,
    )


def _accrue_for(url: str, brand: BrandId, worker: WorkerId, seconds: float) -> float:
    """Accruals a second by WRITERS connections, spread over processes as web processes are."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES) as pool:
        started = [
            pool.apply_async(_write, (url, brand, worker, seconds, WRITERS // PROCESSES))
            for _ in range(PROCESSES)
        ]
        return sum(one.get(timeout=seconds + 60) for one in started)


def _write(url: str, brand: BrandId, worker: WorkerId, seconds: float, writers: int) -> float:
    database = Database(url, role=Role.APP, connections=writers)
    numbers, run_id = count(), uuid4()

    def accrue(key: str) -> None:
        with database.transaction() as tx:
            legs = [
                debit(reserved(brand), TOTAL),
                credit(pending(brand, worker), PAY),
                credit(platform_fee(brand), FEE),
            ]
            post(tx, kind="accrue", key=key, currency="usd", legs=legs, now=app_now(tx))

    def until(end: float) -> int:
        done = 0
        while time.perf_counter() < end:
            accrue(f"accrue:{run_id}:{next(numbers)}")
            done += 1
        return done

    accrue(f"warm:{run_id}")
    began = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        done = sum(pool.map(until, [began + seconds] * writers))
    elapsed = time.perf_counter() - began
    database.dispose()
    return done / elapsed


def _raw_posting(brand: BrandId, worker: WorkerId) -> str:
    legs = [
        {"code": "brand_reserved", "brand": str(brand), "worker": None, "side": "D", "amount": TOTAL},
        {"code": "worker_pending", "brand": str(brand), "worker": str(worker), "side": "C", "amount": PAY},
        {"code": "platform_fee", "brand": str(brand), "worker": None, "side": "C", "amount": FEE},
    ]
    return (
        "SELECT post_ledger_txn(gen_random_uuid(), 'accrue', 'raw:' || gen_random_uuid(), 'raw', NULL, NULL, "
        f"NULL, now(), 'usd', '{json.dumps(legs)}'::jsonb);"
    )


def _resolutions(url: str) -> Iterator[Figure]:
    """Answered tickets of one brand and many workers, each resolved and paid in one transaction."""
    database = Database(
        url, role=Role.BACKGROUND, connections=WRITERS, shared={"bus": same_transaction_bus()}
    )
    with database.transaction() as tx:
        brand = a_brand(tx, funds=usd(10**9))
    waiting: list[TicketId] = []
    for _ in range(TICKETS):
        with database.transaction() as tx:
            waiting.append(an_answered_ticket(tx, brand, a_worker(tx)))

    def resolve(ticket: TicketId) -> None:
        with database.transaction() as tx:
            resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))

    seconds = _timed(lambda: _each(resolve, waiting))
    database.dispose()
    rate = TICKETS / seconds
    yield Figure(
        benchmark="ledger",
        figure="resolutions_per_s",
        value=rate,
        unit="1/s",
        sides={"ours": rate, "reference": ACCRUALS_GOAL},
        goal=ACCRUALS_GOAL,
    )


def _each(act: Callable[[TicketId], None], tickets: Sequence[TicketId]) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(act, tickets))


def _statement(url: str) -> Iterator[Figure]:
    with background_database(url) as database, database.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
    with as_owner(url) as sql:
        sql.execute(text(BULK.format(brand=brand, worker=worker, lines=LINES)))
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.billing.streamed_statement", url, str(worker), "2025-01"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    seconds = time.perf_counter() - began
    rows, grown = (int(word) for word in done.stdout.split())
    if rows != LINES + 2:
        raise RuntimeError(f"the statement has {rows} lines")
    yield Figure(
        benchmark="ledger",
        figure="statement_100k_peak_mb",
        value=grown / 1_000,
        unit="MB",
        sides={
            "ours": grown / 1_000,
            "reference": MEMORY_GOAL_MB,
            "seconds": seconds,
        },
        goal=MEMORY_GOAL_MB,
    )


def _pay_run(url: str) -> Iterator[Figure]:
    """Everybody payable goes from draft to released, and the background starts what the release left."""
    with background_database(url) as database, database.transaction() as tx:
        brand = a_brand(tx, funds=usd(10**9))
    sign_in_crowd(url, workers=WORKERS)
    execute(url, *(statement.format(brand=brand) for statement in _PAYABLE))
    paid = 0
    began = time.perf_counter()
    with background_database(url) as database:
        with database.transaction() as tx:
            people = [a_person(tx) for _ in range(4)]
        while True:
            try:
                with database.transaction() as tx:
                    batch = batches.draft_batch(tx, currency="usd", author=None, now=app_now(tx)).id
                    batches.confirm_payouts(tx, batch=batch, payouts=None, person=people[0], now=app_now(tx))
                    batches.submit_batch(tx, batch=batch, person=people[0], now=app_now(tx))
            except NothingToPay:
                break
            with database.transaction() as tx:
                batches.approve_batch(tx, batch=batch, person=people[1], now=app_now(tx))
                batches.second_batch(tx, batch=batch, person=people[3], now=app_now(tx))
            with database.transaction() as tx:
                released = batches.release_batch(
                    tx, batch=batch, person=people[2], environment="bench", now=app_now(tx)
                )
                assert released.state is BatchState.RELEASING
        until_none(database, lambda tx: batches.start_released(tx, environment="bench", now=app_now(tx)))
    seconds = time.perf_counter() - began
    paid = number(url, "SELECT count(*) FROM stripe_call WHERE state = 'ready'")
    if paid != WORKERS:
        raise RuntimeError(f"{paid} workers of {WORKERS} are in batches")
    yield Figure(
        benchmark="ledger",
        figure="pay_run_of_10000_s" if WORKERS == 10_000 else f"pay_run_of_{WORKERS}_s",
        value=seconds,
        unit="s",
        sides={"ours": seconds, "reference": BATCH_GOAL_S},
        goal=BATCH_GOAL_S,
    )


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


_PAYABLE = (
    "SET session_replication_role = replica",
    "INSERT INTO stripe_account (worker_id, account, transfers_active, payouts_enabled) "
    "SELECT worker, 'acct_' || n, true, true FROM crowd",
    "INSERT INTO earning (brand_id, id, ticket_id, worker_id, kind, resolution_id, terms_id, amount_minor, currency, "
    "state, accrued_at, window_ends_at, payable_at) SELECT '{brand}', gen_random_uuid(), gen_random_uuid(), worker, "
    "'resolution', gen_random_uuid(), (SELECT id FROM terms WHERE brand_id = '{brand}' LIMIT 1), 1600, 'usd', "
    "'payable', now(), now(), now() FROM crowd",
    "INSERT INTO ledger_account (code, brand_id, worker_id, currency, normal, floor_zero, balance_minor, version) "
    "SELECT 'worker_payable', '{brand}', worker, 'usd', 'C', true, 1600, 1 FROM crowd",
    "SET session_replication_role = origin",
    "VACUUM ANALYZE",
)


if __name__ == "__main__":
    run(measure, __doc__)
