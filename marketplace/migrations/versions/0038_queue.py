"""Filters that finance keeps, and holds of many earnings"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0038"
down_revision: str | None = "0036"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0038_queue")


def downgrade() -> None:
    raise NotImplementedError("What was held at once, and by whom, would be lost: restore a backup instead.")
