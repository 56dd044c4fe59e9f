"""In which language each passage is written"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import run_sql

revision: str = "0030"
down_revision: str | None = "0035"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0030_languages")


def downgrade() -> None:
    op.execute("ALTER TABLE passage DROP COLUMN language")
