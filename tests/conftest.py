"""Real components for every test: PostgreSQL by the real migrations, a database of its own per test."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from marketplace.kernel.db import Database, Role, normalised_url
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from marketplace.kernel.settings import MoneyMode, Settings
from marketplace.migrations import upgrade
from workers_ui.bootstrap import same_transaction_bus

TEST_SERVER = os.environ.get("HUMANCLOUD_TEST_DATABASE_URL")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server: the one named for the tests, else an embedded one."""
    if TEST_SERVER:
        yield normalised_url(TEST_SERVER)
        return
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that each test's own is copied from."""
    name = f"hc_template_{uuid4().hex[:12]}"
    _administer(server_url, f"CREATE DATABASE {name}")
    upgrade(_named(server_url, name))
    yield name
    _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(server_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database, marked as test money."""
    name = f"hc_test_{uuid4().hex[:12]}"
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    url = _named(server_url, name)
    _run(url, f"INSERT INTO installation (money_mode, marked_at) VALUES ('{MoneyMode.TEST}', app_now())")
    yield url
    _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """Connections as the application has them: bound by row-level security."""
    database = Database(database_url, role=Role.APP, connections=8, shared={"bus": same_transaction_bus()})
    yield database
    database.dispose()


@pytest.fixture
def background(database_url: str) -> Iterator[Database]:
    """Connections as the background process has them."""
    database = Database(
        database_url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def model_dir() -> Path:
    return Path(os.environ.get("HUMANCLOUD_MODEL_DIR", Path(__file__).parent.parent / "var" / "models"))


@pytest.fixture
def settings(tmp_path: Path, database_url: str, model_dir: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", model_dir=model_dir, database_url=database_url)


def _named(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def _administer(server_url: str, statement: str) -> None:
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _run(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
