"""Which bank account a worker has is kept once"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0043"
down_revision: str | None = "0042"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0043_one_bank")


def downgrade() -> None:
    raise NotImplementedError("The bank of an account is known by one reading: restore a backup instead.")
