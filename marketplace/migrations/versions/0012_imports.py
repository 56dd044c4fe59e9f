"""Imports file by file: stages, preview, undo"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0012_imports")
    give_to_brands("import_file", "import_part", "import_article", "text_signature", "import_duplicate")


def downgrade() -> None:
    op.execute("DROP TABLE import_duplicate, text_signature, import_article, import_part, import_file")
    op.execute("DELETE FROM knowledge_import")
    op.execute(
        "DROP INDEX ix_knowledge_import_busy; "
        "ALTER TABLE knowledge_import DROP CONSTRAINT ck_knowledge_import_import_state, "
        "DROP COLUMN source, DROP COLUMN looks_first, DROP COLUMN advanced_at, "
        "ADD COLUMN refusals jsonb NOT NULL, ADD CONSTRAINT import_state "
        "CHECK (state IN ('queued', 'reading', 'indexing', 'ready', 'failed'));"
        "CREATE TABLE import_file (brand_id uuid NOT NULL, import_id uuid NOT NULL, ordinal integer NOT NULL, "
        "name text NOT NULL, content bytea NOT NULL, "
        "CONSTRAINT pk_import_file PRIMARY KEY (brand_id, import_id, ordinal), "
        "CONSTRAINT fk_import_file_brand_id_import_id FOREIGN KEY (brand_id, import_id) "
        "REFERENCES knowledge_import (brand_id, id))"
    )
    give_to_brands("import_file")
