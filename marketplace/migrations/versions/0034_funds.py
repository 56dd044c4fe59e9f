"""Where a brand's money comes from besides a payment page, and how it goes back"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0034"
down_revision: str | None = "0029"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0034_funds")


def downgrade() -> None:
    raise NotImplementedError("What brands owe and were promised would be lost: restore a backup instead.")
