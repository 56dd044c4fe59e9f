"""What operators decide: standing of workers, sign-ins, approval of brands; what went wrong, kept"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0010_operations")


def downgrade() -> None:
    raise NotImplementedError("Suspensions and appeals are kept: restore a backup instead.")
