"""A brand takes tickets back, withdraws them, and stops what must stop"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations import sql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0007_recalls").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("What a recall paid cannot be taken out of the ledger again.")
