"""Which revision of an article holds from when"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0013_publications")
    give_to_brands("publication", "knowledge_setting", "article_editor")


def downgrade() -> None:
    raise NotImplementedError("What held when cannot be told by one state and one revision per article.")
