"""The page of a paged file that a passage begins on, kept with what was shown of it"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for table in ("passage", "suggestion_passage"):
        op.add_column(table, sa.Column("page", sa.Integer, sa.CheckConstraint("page > 0"), nullable=True))


def downgrade() -> None:
    for table in ("suggestion_passage", "passage"):
        op.drop_column(table, "page")
