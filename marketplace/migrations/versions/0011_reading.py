"""The page of a paged file that a passage begins on"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("passage", sa.Column("page", sa.Integer, sa.CheckConstraint("page > 0"), nullable=True))


def downgrade() -> None:
    op.drop_column("passage", "page")
