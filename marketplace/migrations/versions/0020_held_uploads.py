"""How much of a brand's uploads is held at a time"""

from collections.abc import Sequence

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_import_file_held ON import_file (brand_id) INCLUDE (bytes) WHERE content_kept"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_import_file_held")
