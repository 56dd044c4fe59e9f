"""Gates between stages, and customers' ratings"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0004_gates")
    give_to_brands("stage_policy", "brand_stage", "stage_move", "rating")


def downgrade() -> None:
    raise NotImplementedError("Moves and ratings are evidence: restore a backup instead.")
