"""The books: Stripe's record, matched with the ledger, and each day's proof"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0036"
down_revision: str | None = "0033"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0036_books")


def downgrade() -> None:
    raise NotImplementedError("What was matched and proven would be lost: restore a backup instead.")
