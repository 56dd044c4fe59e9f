"""Replies in the brand's hands: silence, linked tickets, escalation queues, probation"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations import sql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0008_replies").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Reviews and links would be lost: restore a backup instead.")
