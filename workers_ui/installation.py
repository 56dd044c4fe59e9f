"""Making a database ready to serve: schema, money mode, and the embedded server when none is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog
from sqlalchemy import text

from marketplace import migrations
from marketplace.kernel.db import Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed
from marketplace.kernel.settings import MoneyMode, Settings
from workers_ui import parts

WATCH_SECONDS = 1.0

log = structlog.get_logger()


class OtherMoneyMode(RuntimeError):
    """This database was marked for the other money mode. Use the other mode, or another database."""


@contextmanager
def database_running(settings: Settings) -> Iterator[Settings]:
    """`settings` with a database that answers: the one they name, else an embedded one, kept alive."""
    if settings.database_url is not None:
        yield settings
        return
    folder = settings.data_dir / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(folder)
    stop = Event()
    server.start()
    keeper = Thread(target=_keep_alive, args=(server, stop), name="postgres-keeper", daemon=True)
    keeper.start()
    try:
        yield settings.model_copy(update={"database_url": server.url})
    finally:
        stop.set()
        keeper.join(WATCH_SECONDS * 3)
        server.stop()


def prepare_database(settings: Settings) -> None:
    """Apply migrations and mark the money mode, once. Raises OtherMoneyMode."""
    if settings.database_url is None:
        raise parts.DatabaseMissing(parts.DatabaseMissing.__doc__)
    migrations.upgrade(settings.database_url)
    database = parts.database(settings, role=Role.BACKGROUND, process="prepare")
    with database.transaction() as tx:
        tx.execute(
            text(
                "INSERT INTO installation (money_mode, marked_at) VALUES (:mode, app_now()) ON CONFLICT DO NOTHING"
            ),
            {"mode": settings.money_mode.value},
        )
        marked = MoneyMode(tx.execute(text("SELECT money_mode FROM installation")).scalar_one())
    database.dispose()
    if marked is not settings.money_mode:
        raise OtherMoneyMode(f"{OtherMoneyMode.__doc__} It is marked {marked.value}.")


def _keep_alive(server: EmbeddedPostgres, stop: Event) -> None:
    """Start the embedded server again when it dies: a killed database costs seconds, not the service."""
    while not stop.wait(WATCH_SECONDS):
        try:
            if server.revive():
                log.warning("postgres.started_again")
        except EmbeddedPostgresFailed as error:
            log.error("postgres.not_started", reason=str(error))
