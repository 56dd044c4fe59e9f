"""Databases as older versions left them, to be brought up to date by the migrations under test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

import marketplace.migrations
from tests.databases import administer, named, one_at_a_time


@contextmanager
def migrated_to(server_url: str, revision: str) -> Iterator[Connection]:
    """A connection to an empty database of that revision, as the owner of its tables."""
    name = f"hc_test_{uuid4().hex[:12]}"
    administer(server_url, f"CREATE DATABASE {name}")
    engine = create_engine(named(server_url, name), poolclass=NullPool)
    with engine.connect() as connection:
        with one_at_a_time(server_url):
            migrate(connection, revision)
        yield connection
    engine.dispose()
    administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(marketplace.migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.commit()


def a_brand(connection: Connection, brand: UUID, at: datetime) -> None:
    connection.execute(
        text("INSERT INTO brand (id, slug, name, dial_salt, created_at) VALUES (:id, :slug, 'B', 'x', :at)"),
        {"id": brand, "slug": str(brand), "at": at},
    )
