"""Erasing a worker reaches what Stripe told of his account"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0042"
down_revision: str | None = "0031"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0042_erased_events")


def downgrade() -> None:
    raise NotImplementedError("What was erased does not come back.")
