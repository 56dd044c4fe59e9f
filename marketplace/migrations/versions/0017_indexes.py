"""Indexes at size: formats and progress"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0017_indexes")


def downgrade() -> None:
    raise NotImplementedError("What was rolled back, and why, would be lost: restore a backup instead.")
