"""The pool at speed: lanes, mutes, kill switches, notes, kept counters"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

STATES_OF_THE_POOL = ("open", "claimed", "answered", "in_review")
ENDS_OF_CLAIMS = (
    "released",
    "expired",
    "handed_over",
    "escalated",
    "resolved",
    "signed_out",
    "taken_back",
    "suspended",
)
KINDS_OF_SWITCHES = ("brand", "category", "channel", "worker", "article", "guidance")

# What generated columns are made of has to be there before the tables change.
LANES = """
CREATE FUNCTION lane_of(p_channel text, p_language text, p_skill text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT p_channel || '/' || lower(split_part(p_language, '-', 1)) || '/' || p_skill $$;

CREATE FUNCTION worker_lanes(p_channel text, p_languages text[], p_skills text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT lane_of(p_channel, l, s)), '{}')
    FROM unnest(p_languages) AS l, unnest(array_prepend('general', p_skills)) AS s
$$;
"""


def upgrade() -> None:
    bind = op.get_bind()
    bind.exec_driver_sql(LANES)
    op.add_column("category", sa.Column("skill", sa.Text(), nullable=True))
    op.add_column(
        "lease_clock",
        sa.Column("extension_seconds", sa.Integer(), server_default="900", nullable=False),
    )
    bind.exec_driver_sql("UPDATE lease_clock SET extension_seconds = 60 WHERE channel = 'chat'")
    op.add_column("claim", sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("fk_claim_brand_id_terms_id"), "claim", type_="foreignkey")
    _allow("claim", "claim_end", "end_reason", ENDS_OF_CLAIMS)
    op.add_column("release", sa.Column("skipped", sa.Boolean(), server_default="false", nullable=False))
    _widen_worker()
    _widen_pool_ticket()
    _create_tables()
    give_to_brands("kill_switch", "note", "category_stat", "brand_stat", "ticket_count", "ticket_move")
    run_sql("0002_pool")


def downgrade() -> None:
    raise NotImplementedError("Counters and claims would be lost: restore a backup instead.")


def _allow(table: str, constraint: str, column: str, values: Sequence[str]) -> None:
    """Let a state column hold `values`."""
    op.drop_constraint(op.f(constraint), table, type_="check")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(constraint), table, f"{column} IN ({listed})")


def _widen_worker() -> None:
    op.add_column(
        "worker", sa.Column("skills", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("worker", sa.Column("available", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("worker", sa.Column("resolved_count", sa.Integer(), server_default="0", nullable=False))
    for channel in ("email", "chat"):
        lanes = sa.Computed(f"worker_lanes('{channel}'::text, languages, skills)", persisted=True)
        op.add_column(
            "worker", sa.Column(f"{channel}_lanes", postgresql.ARRAY(sa.Text()), lanes, nullable=False)
        )
    op.create_check_constraint(
        op.f("ck_worker_speaks_something"), "worker", "cardinality(languages) BETWEEN 1 AND 10"
    )
    op.create_check_constraint(op.f("ck_worker_skills_limit"), "worker", "cardinality(skills) <= 20")
    op.create_index(
        "ix_worker_newcomer_seen",
        "worker",
        ["seen_at"],
        postgresql_where=sa.text("resolved_count < 10 AND available AND status = 'active'"),
    )


def _widen_pool_ticket() -> None:
    op.drop_constraint("fk_pool_ticket_worker_id", "pool_ticket")
    op.add_column("pool_ticket", sa.Column("skill", sa.Text(), server_default="general", nullable=False))
    op.add_column(
        "pool_ticket", sa.Column("newcomers_first", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "pool_ticket", sa.Column("surge_basis_points", sa.Integer(), server_default="0", nullable=False)
    )
    lane = sa.Computed("lane_of((channel)::text, language, skill)", persisted=True)
    op.add_column("pool_ticket", sa.Column("lane", sa.Text(), lane, nullable=False))
    _allow("pool_ticket", "pool_state", "state", STATES_OF_THE_POOL)
    op.drop_index("ix_pool_ticket_order", "pool_ticket")
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_pool_ticket_lane",
        "pool_ticket",
        ["lane", "newcomers_first", "rank_at", "ticket_id"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_pool_ticket_brand",
        "pool_ticket",
        ["lane", "brand_id", "newcomers_first", "rank_at", "ticket_id"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_pool_ticket_newcomers",
        "pool_ticket",
        ["waiting_since"],
        postgresql_where=sa.text("newcomers_first AND state = 'open'"),
    )


def _create_tables() -> None:
    op.create_table(
        "note",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("num_nonnulls(worker_id, person_id) = 1", name=op.f("ck_note_one_author")),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_note_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_note_worker_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_note_person_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_ticket", "note", ["brand_id", "ticket_id", "id"])
    op.create_table(
        "brand_mute",
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("muted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_brand_mute_worker_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_brand_mute_brand_id")),
        sa.PrimaryKeyConstraint("worker_id", "brand_id", name=op.f("pk_brand_mute")),
    )
    op.create_table(
        "kill_switch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                *KINDS_OF_SWITCHES, name="switch_kind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("thrown_by", sa.Uuid(), nullable=False),
        sa.Column("thrown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind <> 'brand' AND kind <> 'category' OR brand_id IS NOT NULL",
            name=op.f("ck_kill_switch_names_its_brand"),
        ),
        sa.CheckConstraint(
            "(key IS NULL) = (kind IN ('brand', 'guidance'))", name=op.f("ck_kill_switch_names_its_key")
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_kill_switch_lifted_by_somebody")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_kill_switch_brand_id")),
        sa.ForeignKeyConstraint(["thrown_by"], ["person.id"], name=op.f("fk_kill_switch_thrown_by")),
        sa.ForeignKeyConstraint(["lifted_by"], ["person.id"], name=op.f("fk_kill_switch_lifted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kill_switch")),
    )
    op.create_index("ix_kill_switch_brand", "kill_switch", ["brand_id", "thrown_at"])
    op.create_index(
        "uq_kill_switch_live",
        "kill_switch",
        ["kind", "brand_id", "key"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "category_stat",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("median_minutes", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("median_minutes > 0 AND resolved >= 0", name=op.f("ck_category_stat_sensible")),
        sa.ForeignKeyConstraint(
            ["brand_id", "category"],
            ["category.brand_id", "category.key"],
            name=op.f("fk_category_stat_brand_id_category"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "category", name=op.f("pk_category_stat")),
    )
    op.create_table(
        "brand_stat",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("approval_basis_points", sa.Integer(), nullable=False),
        sa.Column("days_to_pay", sa.Integer(), nullable=True),
        sa.Column("decided", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("approval_basis_points BETWEEN 0 AND 10000", name=op.f("ck_brand_stat_share")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_brand_stat_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", name=op.f("pk_brand_stat")),
    )
    op.create_table(
        "ticket_count",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tickets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "category", "state", name=op.f("pk_ticket_count")),
    )
    op.create_table(
        "ticket_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("from_category", sa.Text(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_category", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_move")),
    )
    op.create_table(
        "pool_count",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("tickets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_pool_count")),
    )
    op.create_table(
        "pool_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool_move")),
    )
