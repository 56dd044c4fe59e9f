"""A brand's flows, and walks through them"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0022_flows")
    give_to_brands("flow_version", "flow_walk")


def downgrade() -> None:
    raise NotImplementedError("What replies rested on would be lost: restore a backup instead.")
