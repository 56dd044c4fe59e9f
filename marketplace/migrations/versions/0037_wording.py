"""What a generator worded anew"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0037"
down_revision: str | None = "0034"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0037_wording")
    give_to_brands("suggestion_wording")


def downgrade() -> None:
    raise NotImplementedError("Who wrote what was suggested would be lost: restore a backup instead.")
