"""What became of replies, whose words they were, and what was read before one was approved"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0027"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0027_outcomes")


def downgrade() -> None:
    raise NotImplementedError("Whose words a reply was would be lost: restore a backup instead.")
