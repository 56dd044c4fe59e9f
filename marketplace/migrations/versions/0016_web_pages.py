"""Knowledge from the web: pages and sitemaps"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0016_web_pages")
    give_to_brands("web_source", "web_fetch")


def downgrade() -> None:
    op.execute("DROP TABLE web_fetch, web_source")
    op.execute("ALTER TABLE import_file DROP COLUMN ending")
