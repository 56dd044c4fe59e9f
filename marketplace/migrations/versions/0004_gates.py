"""Gates between stages, and customers' ratings"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations import sql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0004_gates").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Moves and ratings are evidence: restore a backup instead.")
