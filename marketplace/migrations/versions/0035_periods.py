"""Closed months, corrections that name what they correct, payouts in whole steps of one currency"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0035"
down_revision: str | None = "0032"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0035_periods")


def downgrade() -> None:
    raise NotImplementedError("A closed month does not open again: restore a backup instead.")
