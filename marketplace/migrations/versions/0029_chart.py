"""The whole chart of accounts"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0029_chart")


def downgrade() -> None:
    raise NotImplementedError("Accounts that carry postings are not taken back: restore a backup instead.")
