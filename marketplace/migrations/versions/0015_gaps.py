"""What knowledge is missing and what that costs"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


TABLES = ("gap", "gap_question", "gap_cost", "coverage_day", "article_credit")


def upgrade() -> None:
    run_sql("0015_gaps")
    give_to_brands(*TABLES)
    op.execute(
        "CREATE POLICY worker ON article_credit FOR SELECT TO humancloud_app USING (worker_id = app_worker())"
    )


def downgrade() -> None:
    raise NotImplementedError("Credits of answers are kept: restore a backup instead.")
