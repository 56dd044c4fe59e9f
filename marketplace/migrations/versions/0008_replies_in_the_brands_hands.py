"""Replies in the brand's hands: silence, linked tickets, escalation queues, probation"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    run_sql("0008_replies")
    give_to_brands(
        "follow_up_policy", "escalation_queue", "probation_policy", "worker_standing", "reply_review"
    )


def downgrade() -> None:
    raise NotImplementedError("Reviews and links would be lost: restore a backup instead.")
