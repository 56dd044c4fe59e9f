"""Real components for every test: PostgreSQL by the real migrations, a clean database per test."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
import structlog

from marketplace.kernel import log as logs
from marketplace.kernel.db import Database, Role, normalised_url
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from marketplace.kernel.settings import Settings
from marketplace.migrations import upgrade
from tests.builders import Clock
from tests.databases import Databases, administer, named, one_at_a_time
from workers_ui.bootstrap import same_transaction_bus

LONGEST_FIRST = ("faults", "browser", "properties", "journeys")
TEST_SERVER = os.environ.get("HUMANCLOUD_TEST_DATABASE_URL")

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("whole", deadline=None)
hypothesis.settings.load_profile("whole")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose single files take long go first, so that no process is left with one at the end."""
    places = {folder: place for place, folder in enumerate(LONGEST_FIRST)}
    items.sort(
        key=lambda item: places.get(item.path.relative_to(Path(__file__).parent).parts[0], len(places))
    )


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
    administer(server_url, f"CREATE DATABASE {name}")
    with one_at_a_time(server_url):
        upgrade(named(server_url, name))
    yield name
    administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(server_url: str, migrated_template: str) -> Iterator[Databases]:
    """Databases of this session's tests: each is used by one test at a time."""
    kept = Databases(server_url, migrated_template)
    yield kept
    kept.drop_all()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database with nothing in it, marked as test money."""
    with databases.lent() as url:
        yield url


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


@pytest.fixture
def clock(background: Database) -> Clock:
    return Clock(database=background)


@pytest.fixture(scope="session")
def model_dir() -> Path:
    return Path(os.environ.get("HUMANCLOUD_MODEL_DIR", Path(__file__).parent.parent / "var" / "models"))


@pytest.fixture
def settings(tmp_path: Path, database_url: str, model_dir: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", model_dir=model_dir, database_url=database_url)


@pytest.fixture
def logs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command sets the logs of its process up for good; here that process is the next tests' too."""
    configure = logs.configure

    def configure_for_now(*, process: str, level: str) -> None:
        configure(process=process, level=level)
        structlog.configure(cache_logger_on_first_use=False)

    monkeypatch.setattr(logs, "configure", configure_for_now)
    yield
    structlog.reset_defaults()
