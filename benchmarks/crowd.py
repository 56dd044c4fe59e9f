"""A full pool and a crowd of signed-in workers, made in SQL: by the commands it would take longer than a benchmark."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres, binaries
from marketplace.kernel.ids import BrandId
from marketplace.migrations import upgrade
from tests.builders import an_open_ticket
from workers_ui.bootstrap import same_transaction_bus

CLIENTS = 32
CAP = 3  # what a worker may hold at once, as everybody may
RAW_ROWS = 400_000
RAW_CLAIM = """
UPDATE raw_pool SET state = 1, holder = :client_id WHERE id = (
    SELECT id FROM raw_pool WHERE state = 0 ORDER BY rank, id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id;
"""


@contextmanager
def durable_server() -> Iterator[tuple[str, Path]]:
    """A migrated PostgreSQL with synchronous commit on, marked as test money, and a folder beside it."""
    with (
        tempfile.TemporaryDirectory(prefix="humancloud-bench-") as name,
        EmbeddedPostgres(Path(name) / "postgres") as server,
    ):
        prepare(server.url)
        yield server.url, Path(name)


def prepare(url: str) -> None:
    upgrade(url)
    execute(url, "INSERT INTO installation (money_mode, marked_at) VALUES ('test', app_now())")


@contextmanager
def background_database(url: str) -> Iterator[Database]:
    database = Database(url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()})
    yield database
    database.dispose()


def fill_pool(database: Database, brand: BrandId, *, tickets: int, skill: str = "general") -> None:
    """`tickets` open tickets of `brand`, copied from one that was posted properly; counted as a roll-up would."""
    with database.transaction() as tx:
        first = an_open_ticket(tx, brand)
    values = {"first": first, "n": tickets, "skill": skill, "mark": f"{skill}-{first.hex[-8:]}"}
    engine = create_engine(database.url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers, no checks
        for statement in (_COPY_TICKETS, _COPY_POOL, _COUNT):
            connection.execute(text(statement), values)
    engine.dispose()


def sign_in_crowd(url: str, *, workers: int, skills: str = "{}") -> None:
    """Newcomers with a session each; `token` gives the n-th one's."""
    execute(
        url,
        "CREATE TABLE crowd AS SELECT n::int AS n, gen_random_uuid() AS person, gen_random_uuid() AS worker "
        f"FROM generate_series(0, {workers} - 1) AS n",
        "ALTER TABLE crowd ADD PRIMARY KEY (n)",
        "GRANT SELECT ON crowd TO humancloud_background",
        "INSERT INTO person (id, email, name, password_hash, created_at) "
        "SELECT person, person || '@example.com', 'Robin Reed', '', now() FROM crowd",
        "INSERT INTO worker (id, person_id, country, languages, skills, terms_accepted_at, seen_at) "
        f"SELECT worker, person, 'US', '{{en}}', '{skills}', now(), now() FROM crowd",
        "INSERT INTO session (token_hash, person_id, csrf_token, created_at, expires_at) "
        "SELECT sha256(convert_to('a session of the benchmark ' || n, 'UTF8')), person, 'form', now(), "
        "now() + interval '1 day' FROM crowd",
        "VACUUM ANALYZE",
    )


def token(number: int) -> str:
    return f"a session of the benchmark {number}"


def raw_pool(url: str) -> None:
    """The narrowest pool there is, for the ceiling."""
    execute(
        url,
        "CREATE TABLE raw_pool (id bigint PRIMARY KEY, state int NOT NULL, holder int, rank bigint NOT NULL)"
        " WITH (fillfactor = 70)",
        f"INSERT INTO raw_pool SELECT n, 0, NULL, n FROM generate_series(1, {RAW_ROWS}) n",
        "CREATE INDEX ON raw_pool (rank, id) WHERE state = 0",
        "VACUUM ANALYZE raw_pool",
    )


def pgbench(url: str, script: str, *, clients: int, seconds: float) -> float:
    """Transactions of `script` a second."""
    parts = make_url(url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        answer = subprocess.run(
            [
                str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2",
                "-T", str(round(seconds)), "-f", file.name,
                "-h", str(parts.query["host"]), "-p", str(parts.query["port"]), "-U", str(parts.username),
                str(parts.database),
            ],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", answer.stdout)
    if found is None:
        raise RuntimeError(f"pgbench did not say its rate: {answer.stdout}")
    return float(found.group(1))


def execute(url: str, *statements: str) -> None:
    """Run `statements`, each in a transaction of its own."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def number(url: str, query: str) -> int:
    """What `query` counts."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())


_COPY_TICKETS = """
INSERT INTO ticket (brand_id, id, number, external_id, fingerprint, customer_id, channel, language, category, subject,
                    context, priority, state, terms_id, reservation, posted_at, due_at)
SELECT t.brand_id, gen_random_uuid(), t.number * 10000000 + n, :mark || '-' || n, t.fingerprint, t.customer_id,
       t.channel, t.language, t.category, t.subject, t.context, t.priority, t.state, t.terms_id, t.reservation,
       t.posted_at, t.due_at
FROM ticket t, generate_series(1, :n) n WHERE t.id = :first
"""
_COPY_POOL = """
INSERT INTO pool_ticket (ticket_id, brand_id, number, subject, channel, language, category, terms_id, pay_minor,
                         currency, expected_minutes, state, rank_at, due_at, waiting_since, claim_number, skill)
SELECT t.id, p.brand_id, t.number, p.subject, p.channel, p.language, p.category, p.terms_id,
       p.pay_minor + t.number % 100, p.currency, 1 + t.number % 12, 'open',
       p.rank_at + make_interval(secs => t.number % 10000000 / 100.0), p.due_at, p.waiting_since, 0, :skill
FROM ticket t, pool_ticket p
WHERE p.ticket_id = :first AND t.brand_id = p.brand_id AND t.external_id LIKE :mark || '-%' AND :n > 0
"""
_COUNT = """
INSERT INTO pool_count AS c (lane, tickets)
SELECT lane_of(p.channel::text, p.language, :skill), :n FROM pool_ticket p WHERE p.ticket_id = :first AND :mark <> ''
ON CONFLICT (lane) DO UPDATE SET tickets = c.tickets + excluded.tickets
"""
