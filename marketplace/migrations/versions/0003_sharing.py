"""The brand's control: share rules, kept-back topics, prices by cell, spend caps"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.migrations.steps import give_to_brands, run_sql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

WINDOW = (
    "(from_hour IS NULL) = (to_hour IS NULL) AND from_hour BETWEEN 0 AND 23 AND to_hour BETWEEN 0 AND 23 "
    "AND from_hour <> to_hour"
)


def upgrade() -> None:
    _create_share_rule()
    _create_keep_back_rule()
    _create_price()
    _create_spend()
    run_sql("0003_sharing")
    give_to_brands("share_rule", "keep_back_rule", "price", "brand_spend", "spend_commitment")


def downgrade() -> None:
    for table in ("spend_commitment", "brand_spend", "price", "keep_back_rule", "share_rule"):
        op.drop_table(table)
    op.execute("DROP FUNCTION cell_hours(text, int, int)")


def _create_share_rule() -> None:
    op.create_table(
        "share_rule",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("from_hour", sa.Integer(), nullable=True),
        sa.Column("to_hour", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_share_rule_percent")),
        sa.CheckConstraint(WINDOW, name=op.f("ck_share_rule_window")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_share_rule_brand_id")),
        sa.ForeignKeyConstraint(
            ["brand_id", "category"],
            ["category.brand_id", "category.key"],
            name=op.f("fk_share_rule_brand_id_category"),
        ),
        sa.ForeignKeyConstraint(["set_by"], ["person.id"], name=op.f("fk_share_rule_set_by")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_share_rule")),
    )
    op.create_index(
        "uq_share_rule_all_day",
        "share_rule",
        ["brand_id", "category"],
        unique=True,
        postgresql_where=sa.text("from_hour IS NULL"),
        postgresql_nulls_not_distinct=True,
    )


def _create_keep_back_rule() -> None:
    op.create_table(
        "keep_back_rule",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                *("topic", "phrase", "example", "category"),
                name="keep_back_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_keep_back_rule_brand_id")),
        sa.ForeignKeyConstraint(["set_by"], ["person.id"], name=op.f("fk_keep_back_rule_set_by")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_keep_back_rule")),
        sa.UniqueConstraint("brand_id", "kind", "key", name=op.f("uq_keep_back_rule_brand_id_kind_key")),
    )


def _create_price() -> None:
    op.create_table(
        "price",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("from_hour", sa.Integer(), nullable=True),
        sa.Column("to_hour", sa.Integer(), nullable=True),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(WINDOW, name=op.f("ck_price_window")),
        sa.CheckConstraint("language = lower(language)", name=op.f("ck_price_language")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_price_brand_id")),
        sa.ForeignKeyConstraint(
            ["brand_id", "category"],
            ["category.brand_id", "category.key"],
            name=op.f("fk_price_brand_id_category"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "terms_id"], ["terms.brand_id", "terms.id"], name=op.f("fk_price_brand_id_terms_id")
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_price")),
    )
    op.create_index(
        "uq_price_all_day",
        "price",
        ["brand_id", "category", "language"],
        unique=True,
        postgresql_where=sa.text("from_hour IS NULL"),
    )


def _create_spend() -> None:
    op.create_table(
        "brand_spend",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("per_day_minor", sa.BigInteger(), nullable=True),
        sa.Column("per_month_minor", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("month_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused_on", sa.Date(), nullable=True),
        sa.CheckConstraint("per_day_minor >= 0 AND per_month_minor >= 0", name=op.f("ck_brand_spend_caps")),
        sa.CheckConstraint(
            "day_minor >= 0 AND month_minor >= day_minor", name=op.f("ck_brand_spend_counters")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_brand_spend_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", name=op.f("pk_brand_spend")),
    )
    op.create_index(
        "ix_brand_spend_refused",
        "brand_spend",
        ["refused_on"],
        postgresql_where=sa.text("refused_on IS NOT NULL"),
    )
    op.create_table(
        "spend_commitment",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_spend_commitment_amount")),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_spend_commitment_brand_id_ticket_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "ticket_id", "day", name=op.f("pk_spend_commitment")),
    )
