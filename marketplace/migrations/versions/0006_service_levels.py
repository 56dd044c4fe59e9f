"""Service levels: business calendars, three clocks a ticket, the backlog ladder, surge"""

from collections.abc import Sequence

from alembic import op

from marketplace.migrations import sql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("service_levels").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Promises made to customers would be lost: restore a backup instead.")
