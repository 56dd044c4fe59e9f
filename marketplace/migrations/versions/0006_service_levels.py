"""Service levels: business calendars, three clocks a ticket, the backlog ladder, surge"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0006_service_levels")
    give_to_brands(
        "business_calendar",
        "sla_policy",
        "ticket_clock",
        "backlog_ladder",
        "ladder_step",
        "surge_day",
        "lease_clock",
    )


def downgrade() -> None:
    raise NotImplementedError("Promises made to customers would be lost: restore a backup instead.")
