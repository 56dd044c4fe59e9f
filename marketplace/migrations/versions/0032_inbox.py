"""What Stripe tells us, and what is seen of workers' banks"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0032"
down_revision: str | None = "0037"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0032_inbox")


def downgrade() -> None:
    raise NotImplementedError("What Stripe told would be lost: restore a backup instead.")
