"""Files of tickets"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0005_ticket_imports")
    give_to_brands("ticket_import", "ticket_import_row")


def downgrade() -> None:
    op.execute("DROP TABLE ticket_import_row; DROP TABLE ticket_import")
