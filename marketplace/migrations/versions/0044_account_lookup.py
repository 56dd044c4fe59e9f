"""An account of the ledger is found by its index, however many workers there are"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0044"
down_revision: str | None = "0043"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0044_account_lookup")


def downgrade() -> None:
    raise NotImplementedError("Postings would read every worker's accounts again: restore a backup instead.")
