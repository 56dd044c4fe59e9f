"""What a brand lets the check of a reply block, and what receipts keep of it"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0025"
down_revision: str | None = "0026"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0025_lint_policy")
    give_to_brands("lint_policy")


def downgrade() -> None:
    raise NotImplementedError("What replies were sent with would be lost: restore a backup instead.")
