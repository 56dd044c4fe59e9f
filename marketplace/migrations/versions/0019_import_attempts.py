"""Imports count the attempts at them, and are discarded in slices"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import run_sql

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0019_import_attempts")


def downgrade() -> None:
    op.execute(
        "UPDATE knowledge_import SET state = 'review' WHERE state = 'discarding';"
        "DROP INDEX ix_knowledge_import_busy;"
        "ALTER TABLE knowledge_import DROP COLUMN attempts, DROP COLUMN tried_at, "
        "DROP CONSTRAINT ck_knowledge_import_import_state, "
        "ADD CONSTRAINT ck_knowledge_import_import_state CHECK (state IN "
        "('open', 'fetching', 'queued', 'reading', 'review', 'publishing', 'indexing', 'ready', 'failed', "
        "'discarded', 'undoing', 'undone'));"
        "CREATE INDEX ix_knowledge_import_busy ON knowledge_import (advanced_at) "
        "WHERE state IN ('open', 'fetching', 'queued', 'reading', 'publishing', 'undoing')"
    )
