"""The demo, running as `humancloud serve --demo` runs it, with money in its wallets and tickets in its pool."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from marketplace.kernel.db import Database, Role
from marketplace.kernel.settings import Settings
from tests.site_process import free_port
from workers_ui import parts, seeding, serving
from workers_ui.content import demo_brands
from workers_ui.demo_money import fund_demo
from workers_ui.installation import database_running, prepare_database
from workers_ui.supervisor import Supervisor

READY_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSite:
    address: str
    password: str
    brand_path: str
    database: Database

    def brand_ticket_path(self, subject: str) -> str:
        """Where the brand sees the ticket with this subject."""
        with self.database.transaction() as tx:
            row = tx.execute(
                text(
                    "SELECT t.id, b.slug FROM ticket t JOIN brand b ON b.id = t.brand_id "
                    "WHERE t.subject = :subject AND t.state = 'answered'"
                ),
                {"subject": subject},
            ).one()
        return f"/b/{row.slug}/tickets/{row.id}"


@contextmanager
def demo_site(folder: Path, model_dir: Path) -> Iterator[DemoSite]:
    own = Settings(
        data_dir=folder,
        model_dir=model_dir,
        database_url=None,
        redis_url=None,
        port=free_port(),
        fake_stripe_port=free_port(),
        stripe_api_key=None,
    )
    with database_running(own) as settings:
        prepare_database(settings)
        database = parts.database(settings, role=Role.BACKGROUND, process="test")
        try:
            brands = demo_brands()
            seeding.seed_demo(database, settings, brands)
            with Supervisor(serving.children(settings), log_dir=folder / "logs") as supervisor:
                assert supervisor.wait_ready(READY_SECONDS)
                fund_demo(settings)
                _wait_for_guidance(database)
                yield DemoSite(
                    address=settings.base_url,
                    password=seeding.PASSWORD,
                    brand_path=f"/b/{brands[0].slug}",
                    database=database,
                )
        finally:
            database.dispose()


def _wait_for_guidance(database: Database) -> None:
    """Until every ticket is in the pool with its suggestion, or its brand's.

    One at the edge of a keep-back rule falls to either side: the vectors differ a little between processors.
    """
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with database.transaction() as tx:
            waiting = tx.execute(
                text(
                    "SELECT count(*) FROM ticket t WHERE t.state <> 'held_back' AND (t.state <> 'open' OR NOT EXISTS "
                    "(SELECT FROM suggestion s WHERE s.brand_id = t.brand_id AND s.ticket_id = t.id))"
                )
            ).scalar_one()
        if waiting == 0:
            return
        time.sleep(POLL_SECONDS)
    raise AssertionError("the pool did not fill")
