"""Reports of wrong passages, quarantine, corrections, contradictions"""

from collections.abc import Sequence

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = (
    "report_policy",
    "passage_report",
    "passage_quarantine",
    "correction",
    "correction_notice",
    "correction_reply",
    "contradiction",
    "contradiction_look",
)


def upgrade() -> None:
    run_sql("0014_wrong_answers")
    give_to_brands(*TABLES)
    run_sql("0014_scopes")


def downgrade() -> None:
    raise NotImplementedError(
        "Reports, corrections and their states would be lost: restore a backup instead."
    )
