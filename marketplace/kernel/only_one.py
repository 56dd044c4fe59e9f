"""Work that one process at a time may do; the others go away instead of waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from marketplace.kernel.db import Database


@contextmanager
def only_one(database: Database, name: str) -> Iterator[bool]:
    """Whether nobody else is at `name`; holds a connection, and kill -9 closes it and so lets the next one in."""
    lock = {"name": name}
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        alone = bool(connection.execute(_LOCK, lock).scalar_one())
        try:
            yield alone
        finally:
            if alone:
                connection.execute(_UNLOCK, lock)


_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")
