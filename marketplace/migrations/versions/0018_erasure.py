"""Erasing all of a brand's knowledge"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0018_erasure")
    give_to_brands("knowledge_erasure")


def downgrade() -> None:
    raise NotImplementedError("Quotes may stand without their passages now: restore a backup instead.")
