"""Who published, discarded or took back an import"""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE knowledge_import ADD COLUMN decided_by_id uuid REFERENCES person (id)")
    # Those that are worked off now were decided by whom nobody noted: what they write stays their author's.
    op.execute("UPDATE knowledge_import SET decided_by_id = author_id")


def downgrade() -> None:
    op.execute("ALTER TABLE knowledge_import DROP COLUMN decided_by_id")
