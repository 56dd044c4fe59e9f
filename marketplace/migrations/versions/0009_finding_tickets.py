"""A brand finds its tickets by number, by customer and by words; filters by category"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0009_finding_tickets")
    give_to_brands("ticket_search")


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "DROP INDEX ix_ticket_category; DROP FUNCTION search_subjects(text, int); "
        "DROP TRIGGER ticket_is_found ON ticket; DROP FUNCTION find_ticket_later(); DROP TABLE ticket_search; "
        "DROP FUNCTION words_of(uuid, text)"
    )
