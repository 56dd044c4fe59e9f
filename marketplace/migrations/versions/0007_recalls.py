"""A brand takes tickets back, withdraws them, and stops what must stop"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0007_recalls")
    give_to_brands("recall", "bulk_withdrawal")


def downgrade() -> None:
    raise NotImplementedError("What a recall paid cannot be taken out of the ledger again.")
