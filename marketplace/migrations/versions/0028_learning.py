"""What is learned from resolved tickets, and how careful a brand is"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0028"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0028_learning")
    give_to_brands("guidance_tuning", "guidance_caution")


def downgrade() -> None:
    raise NotImplementedError("What was learned and chosen would be lost: restore a backup instead.")
