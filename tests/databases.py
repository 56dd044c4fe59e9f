"""Clean databases for tests, without making one for each: what a test wrote is deleted, what it built is dropped.

A database whose schema a test changed (a function replaced, a trigger added) is never used again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

USES = 60  # deleted rows leave their space behind until then
LOCK_TIMEOUT = "2s"


@dataclass(slots=True)
class _Database:
    """`keeper` stays connected between tests: a new backend would look up the whole schema again for each."""

    name: str
    keeper: Connection
    uses: int = 0


class Databases:
    """Lends migrated, empty databases copied from one template."""

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url = server_url
        self._template = template
        self._spare: list[_Database] = []
        self._schema = self._schema_of(template)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """A database for one test."""
        database = self._spare.pop() if self._spare else self._made()
        database.uses += 1
        try:
            yield named(self._server_url, database.name)
        finally:
            if database.uses < USES and self._is_clean_again(database):
                self._spare.append(database)
            else:
                self._drop(database)

    def drop_all(self) -> None:
        while self._spare:
            self._drop(self._spare.pop())

    def _made(self) -> _Database:
        name = f"hc_test_{uuid4().hex[:12]}"
        administer(self._server_url, f"CREATE DATABASE {name} TEMPLATE {self._template}")
        database = _Database(name, self._engine(name).connect())
        with database.keeper.begin():
            database.keeper.execute(text(_MARK))
        return database

    def _is_clean_again(self, database: _Database) -> bool:
        keeper = database.keeper
        try:
            with keeper.begin():
                if keeper.scalar(text(_SCHEMA)) != self._schema:
                    return False
                keeper.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
                keeper.execute(text("SET LOCAL session_replication_role = replica"))
                keeper.execute(text(_EMPTY))
                keeper.execute(text(_MARK))
        except DBAPIError:
            return False  # something still holds it, or ended the keeper with everybody else
        return True

    def _schema_of(self, name: str) -> str:
        with self._engine(name).connect() as connection:
            return str(connection.scalar(text(_SCHEMA)))

    def _drop(self, database: _Database) -> None:
        database.keeper.close()
        administer(self._server_url, f"DROP DATABASE {database.name} WITH (FORCE)")

    def _engine(self, name: str) -> Engine:
        return create_engine(named(self._server_url, name), poolclass=NullPool)


def administer(server_url: str, statement: str) -> None:
    """Run one statement outside any transaction."""
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def one_at_a_time(server_url: str) -> Iterator[None]:
    """For what touches the whole server, such as its roles: test processes wait for each other here."""
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7)"))
        yield
    engine.dispose()


def named(server_url: str, database: str) -> str:
    """The address of another database of the same server."""
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


_MARK = (
    "INSERT INTO clock_shift (shift) SELECT '0' WHERE NOT EXISTS (SELECT FROM clock_shift); "
    "INSERT INTO installation (money_mode, marked_at) VALUES ('test', app_now())"
)
_EMPTY = """
DO $$
DECLARE
    full_table text;
BEGIN
    FOR full_table IN SELECT format('%I', relname) FROM pg_class WHERE relkind = 'r'
        AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('alembic_version', 'ledger_account_kind', 'lease_clock', 'rejection_limit') LOOP
        EXECUTE 'DELETE FROM ' || full_table;
    END LOOP;
    DELETE FROM lease_clock WHERE brand_id IS NOT NULL;
END $$
"""
_SCHEMA = """
SELECT md5(concat(
    (SELECT string_agg(concat(proname, prosrc, proconfig), '' ORDER BY proname, prosrc) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace),
    (SELECT string_agg(concat(relname, relkind, relrowsecurity, relforcerowsecurity, relacl), '' ORDER BY relname)
     FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT string_agg(concat(tgrelid::regclass, tgname, tgenabled), '' ORDER BY tgrelid::regclass::text, tgname)
     FROM pg_trigger WHERE NOT tgisinternal),
    (SELECT string_agg(concat(conrelid::regclass, conname), '' ORDER BY conrelid::regclass::text, conname)
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT string_agg(concat(polrelid::regclass, polname), '' ORDER BY polrelid::regclass::text, polname)
     FROM pg_policy),
    (SELECT string_agg(concat(code, normal, floor_zero), '' ORDER BY code) FROM ledger_account_kind),
    (SELECT string_agg(concat(channel, read_seconds, reply_seconds, follow_up_seconds), '' ORDER BY channel)
     FROM lease_clock WHERE brand_id IS NULL),
    (SELECT concat(basis_points, at_least, days) FROM rejection_limit)
))
"""
