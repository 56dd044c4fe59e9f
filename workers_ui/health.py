"""Health that tells the truth: alive, and ready to serve."""

from datetime import timedelta

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from marketplace import migrations
from marketplace.kernel.db import Database, Tx
from workers_ui.deps import HasServices

BEAT_IS_LATE = timedelta(seconds=15)

router = APIRouter(tags=["operations"])


@router.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def ready(having: HasServices, response: Response) -> dict[str, str]:
    """Whether the parts a request needs are there: database, schema, background process."""
    checks = check(having.database)
    if any(said != "ok" for said in checks.values()):
        response.status_code = 503
    return checks


def check(database: Database) -> dict[str, str]:
    """Each part with "ok", or what is wrong in plain words."""
    try:
        with database.transaction() as tx:
            return check_in(tx)
    except SQLAlchemyError as error:
        return {"database": f"not answering ({type(error).__name__})"}


def check_in(tx: Tx) -> dict[str, str]:
    """The same, where a transaction is open and so the database answers."""
    revision = tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    late = tx.execute(
        text("SELECT clock_timestamp() - max(beat_at) > :late FROM heartbeat"), {"late": BEAT_IS_LATE}
    ).scalar_one()
    newest = migrations.newest_revision()
    return {
        "database": "ok",
        "migrations": "ok" if revision == newest else f"at {revision}, this version needs {newest}",
        "background": "ok" if late is False else "no sign of life from the background process",
    }
