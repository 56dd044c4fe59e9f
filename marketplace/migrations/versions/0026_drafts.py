"""What a draft answers, question by question"""

from collections.abc import Sequence

from marketplace.migrations.steps import run_sql

revision: str = "0026"
down_revision: str | None = "0027"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0026_drafts")


def downgrade() -> None:
    raise NotImplementedError("What suggestions showed would be lost: restore a backup instead.")
