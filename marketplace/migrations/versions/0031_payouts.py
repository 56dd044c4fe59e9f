"""Payouts: holds, a stop for all, a look at first ones, a second approver, netting, reversals, unclaimed money"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0031"
down_revision: str | None = "0038"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0031_payouts")


def downgrade() -> None:
    raise NotImplementedError("Signatures, holds and reversals would be lost: restore a backup instead.")
