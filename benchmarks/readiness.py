"""Whether a suggestion, or a reasoned silence, is there before the desk opens: of the claims of the demo's load.

Six workers claim as fast as the demo's tickets open, over the real processes. A claim counts when guidance about the
customer's newest message was prepared by the time of the claim. Preparing is dated by the start of its transaction,
which ends some tens of milliseconds later: the side "second_before" counts only what was dated a second earlier.
"p95_late_seconds" is how long after their claim all but 5 % had it.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from benchmarks.figures import Figure, run
from marketplace.kernel.db import Role
from marketplace.kernel.settings import Settings
from workers_ui import parts
from workers_ui.demo import run_demo
from workers_ui.installation import database_running

WORKERS = 6
GOAL = 0.95


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="humancloud-readiness-") as name:
        settings, folder = Settings(), Path(name)
        run_demo(settings, data=folder, knowledge=None, tickets=None, workers=WORKERS, quiet=True)
        counted = _counted(settings, folder)
    yield Figure(
        benchmark="suggestion",
        figure="ready_before_desk_share",
        value=counted["ready"] / counted["claims"],
        unit="share",
        sides=counted,
        goal=GOAL,
    )


def _counted(settings: Settings, folder: Path) -> dict[str, float]:
    own = settings.model_copy(update={"data_dir": folder, "database_url": None, "redis_url": None})
    with database_running(own) as running:
        database = parts.database(running, role=Role.BACKGROUND, process="bench")
        try:
            with database.transaction() as tx:
                row = tx.execute(_CLAIMS).one()
        finally:
            database.dispose()
    return {name: float(value) for name, value in row._mapping.items()}


_CLAIMS = text(
    "SELECT count(*) AS claims, count(*) FILTER (WHERE first <= claimed_at) AS ready, "
    "count(*) FILTER (WHERE first <= claimed_at - interval '1 second') AS second_before, "
    "percentile_cont(0.95) WITHIN GROUP (ORDER BY greatest(extract(epoch FROM first - claimed_at), 0)) "
    "FILTER (WHERE first IS NOT NULL) AS p95_late_seconds FROM ("
    "SELECT c.claimed_at, (SELECT min(s.prepared_at) FROM suggestion s WHERE s.brand_id = c.brand_id "
    "AND s.ticket_id = c.ticket_id AND s.state IN ('ready', 'abstained') AND NOT EXISTS ("
    "SELECT FROM message m WHERE m.brand_id = c.brand_id AND m.ticket_id = c.ticket_id AND m.author = 'customer' "
    "AND m.id > s.message_id AND m.written_at <= c.claimed_at)) AS first FROM claim c) AS dated"
)

if __name__ == "__main__":
    run(measure, __doc__)
