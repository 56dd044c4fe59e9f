"""What answered resolved tickets, and which of it a suggestion showed"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0023_answers_that_worked")
    give_to_brands("remembered_answer", "suggestion_reuse")


def downgrade() -> None:
    raise NotImplementedError("What suggestions showed would be lost: restore a backup instead.")
