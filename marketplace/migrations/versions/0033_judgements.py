"""What can happen to an earning besides maturing"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0033"
down_revision: str | None = "0030"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0033_judgements")
    give_to_brands("earning_hold", "earning_rejection", "tip")
    run_sql("0033_judgement_walls")


def downgrade() -> None:
    raise NotImplementedError(
        "Judgements and what they posted cannot be taken back: restore a backup instead."
    )
