"""How fast and how completely a change of the pool reaches every open page.

One web process on a durable database; signed-in workers' streams are held open by a process of its own over loopback;
tickets are claimed and come back at a steady rate, each in a commit of its own. A delivery is counted once for each
change and stream, and takes from the moment the commit was sent until the stream's client had the whole event.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import insert, text

from benchmarks.figures import Figure, run
from marketplace.accounts.models import Person, SignedIn, Worker
from marketplace.accounts.tokens import hash_of, new_token
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from marketplace.kernel.ids import TicketId, WorkerId, new_id
from marketplace.migrations import upgrade
from tests.builders import a_brand, a_worker, an_open_ticket, usd
from tests.site_process import Site, site
from workers_ui.bootstrap import same_transaction_bus
from workers_ui.deps import SESSION_COOKIE

SECONDS = float(os.environ.get("HUMANCLOUD_BENCH_SECONDS", "15"))
SETTLE_SECONDS = 3.0  # how long the last events may take
P99_GOAL_MS = 600.0
CPU_GOAL_US = 20.0
TICKETS = 40
LINGER_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    subscribers: int
    events_a_second: int
    committers: int

    @property
    def suffix(self) -> str:
        return (
            ""
            if self.subscribers == MANY_LISTENERS.subscribers
            else f"_{self.subscribers}x{self.events_a_second}"
        )


MANY_LISTENERS = Setting(subscribers=5_000, events_a_second=20, committers=1)
MANY_EVENTS = Setting(subscribers=1_000, events_a_second=200, committers=4)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="humancloud-bench-") as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "postgres") as server:
            upgrade(server.url)
            database = Database(
                server.url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
            )
            tokens = _sign_in(database, MANY_LISTENERS.subscribers)
            holder, tickets = _pool(database)
            with site(server.url, folder, connections=16) as running:
                for setting in (MANY_LISTENERS, MANY_EVENTS):
                    yield from _figures(server.url, running, tokens, holder, tickets, setting)
            database.dispose()


def _figures(
    url: str, running: Site, tokens: list[str], holder: WorkerId, tickets: list[TicketId], setting: Setting
) -> Iterator[Figure]:
    with _listeners(running.address, tokens[: setting.subscribers]) as listeners:
        time.sleep(LINGER_SECONDS)
        before = _cpu_seconds(running.pid)
        commits = _change_the_pool(url, holder, tickets, setting)
        time.sleep(SETTLE_SECONDS)
        spent = _cpu_seconds(running.pid) - before
        heard = _ask(listeners, commits)
    if os.environ.get("HUMANCLOUD_BENCH_VERBOSE"):
        print(json.dumps(heard | {"commits": len(commits), "web_cpu_s": spent}), file=sys.stderr)
    expected = len(commits) * setting.subscribers
    yield Figure(
        benchmark="live",
        figure=f"delivered_share{setting.suffix}",
        value=heard["delivered"] / expected,
        unit="share",
        sides={"ours": heard["delivered"], "reference": float(expected)},
        goal=1.0,
    )
    yield Figure(
        benchmark="live",
        figure=f"p99_ms{setting.suffix}",
        value=heard["p99_ms"],
        unit="ms",
        sides={"ours": heard["p50_ms"], "reference": P99_GOAL_MS},
        goal=P99_GOAL_MS,
    )
    yield Figure(
        benchmark="live",
        figure=f"cpu_us_per_delivery{setting.suffix}",
        value=spent / max(1, heard["delivered"]) * 1e6,
        unit="us",
        sides={"ours": spent, "reference": heard["client_cpu_s"]},
        goal=CPU_GOAL_US,
    )


# Who listens


@contextmanager
def _listeners(address: str, tokens: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live_listeners"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            _say(process, {"address": address, "cookie": SESSION_COOKIE, "tokens": tokens})
            if _hear(process) != "ready":
                raise RuntimeError("the streams did not open")
            yield process
        finally:
            process.kill()


def _ask(listeners: "subprocess.Popen[str]", commits: dict[int, float]) -> dict[str, float]:
    _say(listeners, commits)
    answer: dict[str, float] = json.loads(_hear(listeners))
    return answer


def _say(process: "subprocess.Popen[str]", words: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(words) + "\n")
    process.stdin.flush()


def _hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _sign_in(database: Database, people: int) -> list[str]:
    """Workers with a session each, in the rows that signing up and signing in write."""
    tokens = [new_token() for _ in range(people)]
    with database.transaction() as tx:
        now = app_now(tx)
        persons = [new_id() for _ in tokens]
        rows: list[dict[str, Any]] = [
            {
                "id": one,
                "email": f"{one}@example.com",
                "name": "Robin Reed",
                "password_hash": "-",
                "created_at": now,
            }
            for one in persons
        ]
        tx.execute(insert(Person), rows)
        tx.execute(
            insert(Worker),
            [
                {
                    "id": new_id(),
                    "person_id": one,
                    "country": "US",
                    "languages": ["en"],
                    "terms_accepted_at": now,
                    "seen_at": now,
                }
                for one in persons
            ],
        )
        tx.execute(
            insert(SignedIn),
            [
                {
                    "token_hash": hash_of(token),
                    "person_id": person,
                    "csrf_token": new_token(),
                    "created_at": now,
                    "expires_at": now + timedelta(hours=2),
                }
                for token, person in zip(tokens, persons, strict=True)
            ],
        )
    return tokens


# What changes


def _pool(database: Database) -> tuple[WorkerId, list[TicketId]]:
    """Tickets in the pool, and a worker who may hold all of them at once."""
    with database.transaction() as tx:
        tx.execute(text("INSERT INTO installation (money_mode, marked_at) VALUES ('test', app_now())"))
        brand = a_brand(tx, funds=usd(1_000_000))
        holder = a_worker(tx, email_cap=1_000)
        tickets = [an_open_ticket(tx, brand, subject=f"Where is parcel {n}?") for n in range(TICKETS)]
    return holder, tickets


def _change_the_pool(
    url: str, holder: WorkerId, tickets: list[TicketId], setting: Setting
) -> dict[int, float]:
    """Claim tickets and let their leases end at the stated rate; by transaction, when its commit was sent."""
    commits: dict[int, float] = {}
    changes = round(SECONDS * setting.events_a_second)
    began = time.monotonic() + 0.1

    def commit(number: int) -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("SET ROLE humancloud_background")
            own = tickets[number :: setting.committers]
            for turn, change in enumerate(range(number, changes, setting.committers)):
                ticket, is_claim = own[turn // 2 % len(own)], turn % 2 == 0
                time.sleep(max(0.0, began + change / setting.events_a_second - time.monotonic()))
                sent = time.monotonic()
                statement = _CLAIM if is_claim else _EXPIRE
                row = connection.execute(
                    statement, {"ticket": ticket, "worker": holder, "claim": new_id()}
                ).fetchone()
                if row is None or row[0] not in ("claimed", True):
                    raise RuntimeError(f"a change was answered {row}")
                commits[int(row[1])] = sent

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(setting.committers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(commits) != changes:
        raise RuntimeError(f"{len(commits)} of {changes} changes were committed")
    return commits


_CLAIM = "SELECT outcome, pg_current_xact_id()::text FROM claim_ticket(%(ticket)s, %(worker)s, %(claim)s)"
_EXPIRE = "SELECT expire_lease(%(ticket)s, app_now() + interval '1 day'), pg_current_xact_id()::text"


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    run(measure, __doc__)
