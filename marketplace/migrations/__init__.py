"""The schema's history, applied by alembic under one advisory lock."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.kernel.db import normalised_url

FOLDER = Path(__file__).parent
LOCK_KEY = 7_240_031


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema; concurrent callers wait for the first."""
    engine = create_engine(normalised_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
        connection.commit()
    engine.dispose()


def newest_revision() -> str:
    """The revision this code needs."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise RuntimeError("There are no migrations in this installation.")
    return head


def sql(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (FOLDER / "sql" / f"{name}.sql").read_text(encoding="utf-8")
