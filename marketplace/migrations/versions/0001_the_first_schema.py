"""The first schema"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

from marketplace.events.models import Xid8
from marketplace.migrations import sql

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _run(sql("0001_ground"))
    op.create_table(
        "brand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("dial_salt", sa.Text(), nullable=False),
        sa.Column("ticket_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
        sa.UniqueConstraint("slug", name=op.f("uq_brand_slug")),
    )
    op.create_table(
        "clock_shift",
        sa.Column("only_row", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("shift", sa.Interval(), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("ck_clock_shift_only_row")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("pk_clock_shift")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_brand_order", "event", ["brand_id", "xid", "id"], unique=False)
    op.create_index("ix_event_order", "event", ["xid", "id"], unique=False)
    op.create_index("ix_event_subject", "event", ["subject_id", "id"], unique=False)
    op.create_table(
        "event_cursor",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_event_cursor")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "installation",
        sa.Column("only_row", sa.Boolean(), server_default="true", nullable=False),
        sa.Column(
            "money_mode",
            sa.Enum("test", "live", name="money_mode", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("ck_installation_only_row")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("pk_installation")),
    )
    op.create_table(
        "ledger_account_kind",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "normal",
            sa.Enum("D", "C", name="normal_side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("floor_zero", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_ledger_account_kind")),
    )
    op.create_table(
        "ledger_txn",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("reverses", sa.Uuid(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reverses"], ["ledger_txn.id"], name=op.f("fk_ledger_txn_reverses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_txn")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_txn_key")),
        sa.UniqueConstraint("reverses", name=op.f("uq_ledger_txn_reverses")),
    )
    op.create_index("ix_ledger_txn_ticket", "ledger_txn", ["ticket_id"], unique=False)
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index(
        "ix_mail_unsent", "mail", ["id"], unique=False, postgresql_where=sa.text("sent_at IS NULL")
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), server_default="en", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_person_email_is_lower_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("last_four", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_api_key_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    op.create_index(op.f("ix_api_key_brand_id"), "api_key", ["brand_id"], unique=False)
    op.create_table(
        "article",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "published",
                "retired",
                name="article_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("revision_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_article_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_article")),
        sa.UniqueConstraint("brand_id", "key", name=op.f("uq_article_brand_id_key")),
    )
    op.create_table(
        "category",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_category_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "key", name=op.f("pk_category")),
    )
    op.create_index(
        "uq_category_default", "category", ["brand_id"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.create_table(
        "customer",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_customer_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_customer")),
        sa.UniqueConstraint("brand_id", "email", name=op.f("uq_customer_brand_id_email")),
    )
    op.create_table(
        "embedding",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("vector", postgresql.BYTEA(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_embedding_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "model", "sha256", name=op.f("pk_embedding")),
    )
    op.create_table(
        "index_snapshot",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_index_snapshot_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "number", name=op.f("pk_index_snapshot")),
    )
    op.create_index("ix_index_snapshot_newest", "index_snapshot", ["brand_id", "number"], unique=False)
    op.create_table(
        "invite",
        sa.Column("token_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "manager",
                "reviewer",
                "agent",
                "finance",
                name="invite_role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_invite_brand_id")),
        sa.ForeignKeyConstraint(["invited_by"], ["person.id"], name=op.f("fk_invite_invited_by")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invite")),
    )
    op.create_index(op.f("ix_invite_brand_id"), "invite", ["brand_id"], unique=False)
    op.create_table(
        "knowledge_import",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "reading",
                "indexing",
                "ready",
                "failed",
                name="import_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("files_read", sa.Integer(), server_default="0", nullable=False),
        sa.Column("articles", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_knowledge_import_author_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_knowledge_import_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_knowledge_import")),
    )
    op.create_table(
        "knowledge_version",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("indexed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_knowledge_version_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", name=op.f("pk_knowledge_version")),
    )
    op.create_table(
        "lease_clock",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "chat", name="lease_channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("read_seconds", sa.Integer(), nullable=False),
        sa.Column("reply_seconds", sa.Integer(), nullable=False),
        sa.Column("follow_up_seconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_lease_clock_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease_clock")),
        sa.UniqueConstraint(
            "brand_id", "channel", name="uq_lease_clock_owner", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "member",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "manager",
                "reviewer",
                "agent",
                "finance",
                name="member_role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_member_brand_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_member_person_id")),
        sa.PrimaryKeyConstraint("brand_id", "person_id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_person_id"), "member", ["person_id"], unique=False)
    op.create_table(
        "password_reset",
        sa.Column("token_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_password_reset_person_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_password_reset")),
    )
    op.create_index(op.f("ix_password_reset_person_id"), "password_reset", ["person_id"], unique=False)
    op.create_table(
        "payout_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "approved",
                "releasing",
                "done",
                "done_with_failures",
                "void",
                name="batch_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_hash", sa.Text(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("voided_by", sa.Uuid(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[a-z]{3}$'", name=op.f("ck_payout_batch_currency")),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'releasing', 'done', 'done_with_failures') OR (submitted_by IS NOT NULL AND approved_by IS NOT NULL AND approved_hash IS NOT NULL AND approved_hash = content_hash)",
            name=op.f("ck_payout_batch_approved_by_two"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> submitted_by", name=op.f("ck_payout_batch_four_eyes")
        ),
        sa.ForeignKeyConstraint(["approved_by"], ["person.id"], name=op.f("fk_payout_batch_approved_by")),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_payout_batch_created_by")),
        sa.ForeignKeyConstraint(["released_by"], ["person.id"], name=op.f("fk_payout_batch_released_by")),
        sa.ForeignKeyConstraint(["submitted_by"], ["person.id"], name=op.f("fk_payout_batch_submitted_by")),
        sa.ForeignKeyConstraint(["voided_by"], ["person.id"], name=op.f("fk_payout_batch_voided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batch")),
        sa.UniqueConstraint("number", name=op.f("uq_payout_batch_number")),
    )
    op.create_table(
        "session",
        sa.Column("token_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("csrf_token", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_session_person_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_person_id"), "session", ["person_id"], unique=False)
    op.create_table(
        "staff",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "finance", "operator", name="staff_role", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_staff_person_id")),
        sa.PrimaryKeyConstraint("person_id", "role", name=op.f("pk_staff")),
    )
    op.create_table(
        "top_up",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "created",
                "open",
                "processing",
                "paid",
                "failed",
                "expired",
                name="top_up_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("checkout_session", sa.Text(), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("payment_intent", sa.Text(), nullable=True),
        sa.Column("balance_transaction", sa.Text(), nullable=True),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'paid') = (payment_intent IS NOT NULL)", name=op.f("ck_top_up_paid_names_its_payment")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_top_up_positive")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_top_up_brand_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["person.id"], name=op.f("fk_top_up_requested_by")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_top_up")),
        sa.UniqueConstraint("checkout_session", name=op.f("uq_top_up_checkout_session")),
        sa.UniqueConstraint("payment_intent", name=op.f("uq_top_up_payment_intent")),
    )
    op.create_index(
        "ix_top_up_open",
        "top_up",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('created', 'open', 'processing')"),
    )
    op.create_index(
        "ix_top_up_unavailable",
        "top_up",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'paid' AND available_at IS NULL"),
    )
    op.create_table(
        "voice",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_voice_author_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_voice_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "version", name=op.f("pk_voice")),
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("terms_accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "restricted",
                name="worker_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="active",
            nullable=False,
        ),
        sa.Column("email_cap", sa.Integer(), server_default="3", nullable=False),
        sa.Column("chat_cap", sa.Integer(), server_default="1", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_worker_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sa.UniqueConstraint("person_id", name=op.f("uq_worker_person_id")),
    )
    op.create_table(
        "import_file",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", postgresql.BYTEA(), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "import_id"],
            ["knowledge_import.brand_id", "knowledge_import.id"],
            name=op.f("fk_import_file_brand_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "import_id", "ordinal", name=op.f("pk_import_file")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "normal",
            sa.Enum(
                "D", "C", name="account_normal_side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("floor_zero", sa.Boolean(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("currency ~ '^[a-z]{3}$'", name=op.f("ck_ledger_account_currency")),
        sa.CheckConstraint("NOT floor_zero OR balance_minor >= 0", name=op.f("ck_ledger_account_floor")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ledger_account_brand_id")),
        sa.ForeignKeyConstraint(["code"], ["ledger_account_kind.code"], name=op.f("fk_ledger_account_code")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_ledger_account_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint(
            "code",
            "brand_id",
            "worker_id",
            "currency",
            name="uq_ledger_account_owner",
            postgresql_nulls_not_distinct=True,
        ),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_ledger_account_brand", "ledger_account", ["brand_id"], unique=False)
    op.create_index("ix_ledger_account_worker", "ledger_account", ["worker_id"], unique=False)
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "sending",
                "accepted",
                "rejected",
                "unknown",
                "void",
                name="payout_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("stripe_transfer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'accepted') = (stripe_transfer IS NOT NULL)",
            name=op.f("ck_payout_accepted_names_its_transfer"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_positive")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batch.id"], name=op.f("fk_payout_batch_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_payout_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("batch_id", "worker_id", name=op.f("uq_payout_batch_id_worker_id")),
        sa.UniqueConstraint("stripe_transfer", name=op.f("uq_payout_stripe_transfer")),
    )
    op.create_index("ix_payout_worker", "payout", ["worker_id", "created_at"], unique=False)
    op.create_table(
        "revision",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sections", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_revision_author_id")),
        sa.ForeignKeyConstraint(
            ["brand_id", "article_id"],
            ["article.brand_id", "article.id"],
            name=op.f("fk_revision_brand_id_article_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_revision")),
        sa.UniqueConstraint(
            "brand_id", "article_id", "number", name=op.f("uq_revision_brand_id_article_id_number")
        ),
    )
    op.create_table(
        "stripe_account",
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("transfers_active", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("payouts_enabled", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_stripe_account_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_stripe_account")),
        sa.UniqueConstraint("account", name=op.f("uq_stripe_account_account")),
    )
    op.create_table(
        "terms",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_basis_points", sa.Integer(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("pay_minor", sa.BigInteger(), nullable=False),
        sa.Column("escalation_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("earlier_share_basis_points", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("review_window_hours", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("currency ~ '^[a-z]{3}$'", name=op.f("ck_terms_currency")),
        sa.CheckConstraint(
            "escalation_fee_minor BETWEEN 0 AND pay_minor", name=op.f("ck_terms_escalation_fee_within_pay")
        ),
        sa.CheckConstraint("total_minor = pay_minor + fee_minor", name=op.f("ck_terms_parts_make_the_total")),
        sa.CheckConstraint(
            "total_minor > 0 AND pay_minor > 0 AND fee_minor >= 0", name=op.f("ck_terms_positive")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "category"],
            ["category.brand_id", "category.key"],
            name=op.f("fk_terms_brand_id_category"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_terms_brand_id")),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_terms_created_by")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_terms")),
        sa.UniqueConstraint(
            "brand_id", "category", "version", name=op.f("uq_terms_brand_id_category_version")
        ),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("txn_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "side",
            sa.Enum("D", "C", name="entry_side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("account_version", sa.BigInteger(), nullable=True),
        sa.Column("balance_after_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_entry_positive")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_account.id"], name=op.f("fk_ledger_entry_account_id")
        ),
        sa.ForeignKeyConstraint(["txn_id"], ["ledger_txn.id"], name=op.f("fk_ledger_entry_txn_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "account_id", "account_version", name=op.f("uq_ledger_entry_account_id_account_version")
        ),
    )
    op.create_index("ix_ledger_entry_account", "ledger_entry", ["account_id", "id"], unique=False)
    op.create_index("ix_ledger_entry_txn", "ledger_entry", ["txn_id"], unique=False)
    op.create_table(
        "passage",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("section_path", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("embedding_text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "article_id"],
            ["article.brand_id", "article.id"],
            name=op.f("fk_passage_brand_id_article_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "revision_id"],
            ["revision.brand_id", "revision.id"],
            name=op.f("fk_passage_brand_id_revision_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_passage")),
        sa.UniqueConstraint(
            "brand_id", "revision_id", "ordinal", name=op.f("uq_passage_brand_id_revision_id_ordinal")
        ),
    )
    op.create_table(
        "stripe_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "in_doubt",
                "accepted",
                "rejected",
                "retired",
                name="call_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lookups_empty", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_stripe_call_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_call")),
        sa.UniqueConstraint("key", name=op.f("uq_stripe_call_key")),
        sa.UniqueConstraint("payout_id", "attempt", name=op.f("uq_stripe_call_payout_id_attempt")),
    )
    op.create_index(
        "ix_stripe_call_due",
        "stripe_call",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'in_doubt')"),
    )
    op.create_index(
        "uq_stripe_call_live",
        "stripe_call",
        ["payout_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('ready', 'in_doubt')"),
    )
    op.create_table(
        "ticket",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "chat", name="ticket_channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "screening",
                "held_back",
                "awaiting_funds",
                "open",
                "claimed",
                "answered",
                "resolved",
                "escalated",
                "withdrawn",
                "expired",
                name="ticket_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("terms_id", sa.Uuid(), nullable=True),
        sa.Column("reservation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["brand_id", "category"],
            ["category.brand_id", "category.key"],
            name=op.f("fk_ticket_brand_id_category"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "customer_id"],
            ["customer.brand_id", "customer.id"],
            name=op.f("fk_ticket_brand_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "terms_id"], ["terms.brand_id", "terms.id"], name=op.f("fk_ticket_brand_id_terms_id")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ticket_brand_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("brand_id", "external_id", name=op.f("uq_ticket_brand_id_external_id")),
        sa.UniqueConstraint("brand_id", "number", name=op.f("uq_ticket_brand_id_number")),
    )
    op.create_index(
        "ix_ticket_answered",
        "ticket",
        ["answered_at"],
        unique=False,
        postgresql_where=sa.text("state = 'answered'"),
    )
    op.create_index(
        "ix_ticket_awaiting",
        "ticket",
        ["brand_id", "posted_at"],
        unique=False,
        postgresql_where=sa.text("state = 'awaiting_funds'"),
    )
    op.create_index("ix_ticket_state", "ticket", ["brand_id", "state", "posted_at"], unique=False)
    op.create_table(
        "claim",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tagged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum(
                "released",
                "expired",
                "handed_over",
                "escalated",
                "resolved",
                name="claim_end",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_claim_end_has_a_reason")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "terms_id"], ["terms.brand_id", "terms.id"], name=op.f("fk_claim_brand_id_terms_id")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_claim_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_claim_worker_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_claim")),
        sa.UniqueConstraint(
            "brand_id", "ticket_id", "number", name=op.f("uq_claim_brand_id_ticket_id_number")
        ),
    )
    op.create_index("ix_claim_worker", "claim", ["worker_id", "claimed_at"], unique=False)
    op.create_index(
        "uq_claim_live", "claim", ["ticket_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "message",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column(
            "author",
            sa.Enum(
                "customer",
                "worker",
                "brand",
                name="message_author",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_message_brand_id_ticket_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "brand_id", "ticket_id", "external_id", name=op.f("uq_message_brand_id_ticket_id_external_id")
        ),
    )
    op.create_index("ix_message_thread", "message", ["brand_id", "ticket_id", "id"], unique=False)
    op.create_table(
        "pool_ticket",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "chat", name="pool_channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("pay_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("expected_minutes", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "claimed",
                "answered",
                name="pool_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("rank_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("lease_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (worker_id IS NULL) AND (state = 'claimed') = (lease_ends_at IS NOT NULL)",
            name=op.f("ck_pool_ticket_state_matches_holder"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "terms_id"],
            ["terms.brand_id", "terms.id"],
            name=op.f("fk_pool_ticket_brand_id_terms_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_pool_ticket_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_pool_ticket_worker_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_pool_ticket")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_pool_ticket_lease",
        "pool_ticket",
        ["lease_ends_at"],
        unique=False,
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_index(
        "ix_pool_ticket_order",
        "pool_ticket",
        ["rank_at", "ticket_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_pool_ticket_worker",
        "pool_ticket",
        ["worker_id"],
        unique=False,
        postgresql_where=sa.text("worker_id IS NOT NULL"),
    )
    op.create_table(
        "release",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "not_my_skill",
                "no_time",
                "unclear",
                "knowledge_missing",
                "other",
                name="release_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_release_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_release_worker_id")),
        sa.PrimaryKeyConstraint("ticket_id", "worker_id", name=op.f("pk_release")),
    )
    op.create_table(
        "resolution",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "by",
            sa.Enum(
                "customer",
                "silence",
                "brand",
                name="resolved_by",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("credits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_resolution_brand_id_ticket_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_resolution")),
        sa.UniqueConstraint(
            "brand_id", "ticket_id", "number", name=op.f("uq_resolution_brand_id_ticket_id_number")
        ),
    )
    op.create_index(
        "uq_resolution_standing",
        "resolution",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("reopened_at IS NULL"),
    )
    op.create_table(
        "worker_draft",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_worker_draft_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_worker_draft_worker_id")),
        sa.PrimaryKeyConstraint("brand_id", "ticket_id", "worker_id", name=op.f("pk_worker_draft")),
    )
    op.create_table(
        "escalation",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "no_grounded_answer",
                "needs_brand_action",
                "policy_exception",
                "sensitive",
                "other",
                name="escalation_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "confirmed",
                "rejected",
                name="escalation_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["brand_id", "claim_id"],
            ["claim.brand_id", "claim.id"],
            name=op.f("fk_escalation_brand_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_escalation_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_escalation_worker_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_escalation")),
        sa.UniqueConstraint(
            "brand_id", "ticket_id", "number", name=op.f("uq_escalation_brand_id_ticket_id_number")
        ),
    )
    op.create_index(
        "ix_escalation_open",
        "escalation",
        ["decide_by"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "reply",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("label_proof", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "awaiting_approval",
                "queued",
                "sent",
                "failed",
                "recalled",
                name="reply_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'sent' OR (label <> '' AND label_proof <> '' AND sent_at IS NOT NULL)",
            name=op.f("ck_reply_sent_carries_its_label"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "claim_id"], ["claim.brand_id", "claim.id"], name=op.f("fk_reply_brand_id_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "message_id"],
            ["message.brand_id", "message.id"],
            name=op.f("fk_reply_brand_id_message_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_reply_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_reply_worker_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_reply")),
    )
    op.create_index(
        "ix_reply_queued", "reply", ["id"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_index("ix_reply_ticket", "reply", ["brand_id", "ticket_id", "id"], unique=False)
    op.create_table(
        "suggestion",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "abstained",
                name="suggestion_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("sentences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("voice_version", sa.Integer(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state <> 'abstained' OR (reason <> '' AND next_step <> '')",
            name=op.f("ck_suggestion_silence_has_a_reason"),
        ),
        sa.CheckConstraint(
            "confidence BETWEEN 0 AND 1", name=op.f("ck_suggestion_confidence_is_a_probability")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "message_id"],
            ["message.brand_id", "message.id"],
            name=op.f("fk_suggestion_brand_id_message_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_suggestion_brand_id_ticket_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_suggestion")),
    )
    op.create_index("ix_suggestion_ticket", "suggestion", ["brand_id", "ticket_id", "id"], unique=False)
    op.create_table(
        "earning",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "resolution",
                "escalation",
                name="earning_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("resolution_id", sa.Uuid(), nullable=True),
        sa.Column("escalation_id", sa.Uuid(), nullable=True),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "in_window",
                "payable",
                "batched",
                "sending",
                "sent",
                "reversed",
                name="earning_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("accrued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payable_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_earning_positive")),
        sa.CheckConstraint(
            "num_nonnulls(resolution_id, escalation_id) = 1", name=op.f("ck_earning_one_cause")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "escalation_id"],
            ["escalation.brand_id", "escalation.id"],
            name=op.f("fk_earning_brand_id_escalation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "resolution_id"],
            ["resolution.brand_id", "resolution.id"],
            name=op.f("fk_earning_brand_id_resolution_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "terms_id"],
            ["terms.brand_id", "terms.id"],
            name=op.f("fk_earning_brand_id_terms_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_earning_brand_id_ticket_id"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_earning_brand_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_earning_worker_id")),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_earning")),
        sa.UniqueConstraint("brand_id", "escalation_id", name=op.f("uq_earning_brand_id_escalation_id")),
        sa.UniqueConstraint(
            "brand_id", "resolution_id", "worker_id", name=op.f("uq_earning_brand_id_resolution_id_worker_id")
        ),
    )
    op.create_index("ix_earning_id", "earning", ["id"], unique=False)
    op.create_index(
        "ix_earning_maturing",
        "earning",
        ["window_ends_at"],
        unique=False,
        postgresql_where=sa.text("state = 'in_window'"),
    )
    op.create_index("ix_earning_state", "earning", ["state", "accrued_at"], unique=False)
    op.create_index("ix_earning_worker", "earning", ["worker_id", "accrued_at"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("reply_id", sa.Uuid(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("shown", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("inserted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("support", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("edit_distance", sa.Integer(), nullable=False),
        sa.Column("edited_share", sa.Double(), nullable=False),
        sa.Column("sent_text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "reply_id"],
            ["reply.brand_id", "reply.id"],
            name=op.f("fk_receipt_brand_id_reply_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "suggestion_id"],
            ["suggestion.brand_id", "suggestion.id"],
            name=op.f("fk_receipt_brand_id_suggestion_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "ticket_id"],
            ["ticket.brand_id", "ticket.id"],
            name=op.f("fk_receipt_brand_id_ticket_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("brand_id", "reply_id", name=op.f("uq_receipt_brand_id_reply_id")),
    )
    op.create_table(
        "suggestion_passage",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("passage_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision_id", sa.Uuid(), nullable=False),
        sa.Column("revision_number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("section_path", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quoted", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "passage_id"],
            ["passage.brand_id", "passage.id"],
            name=op.f("fk_suggestion_passage_brand_id_passage_id"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "suggestion_id"],
            ["suggestion.brand_id", "suggestion.id"],
            name=op.f("fk_suggestion_passage_brand_id_suggestion_id"),
        ),
        sa.PrimaryKeyConstraint("brand_id", "suggestion_id", "rank", name=op.f("pk_suggestion_passage")),
    )
    op.create_index(
        "ix_suggestion_passage_article", "suggestion_passage", ["brand_id", "article_id"], unique=False
    )
    op.create_table(
        "payout_line",
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("earning_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "earning_id"],
            ["earning.brand_id", "earning.id"],
            name=op.f("fk_payout_line_brand_id_earning_id"),
        ),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_payout_line_payout_id")),
        sa.PrimaryKeyConstraint("payout_id", "earning_id", name=op.f("pk_payout_line")),
    )
    op.create_index("ix_payout_line_earning", "payout_line", ["earning_id"], unique=False)
    op.create_index(
        "uq_payout_line_live",
        "payout_line",
        ["earning_id"],
        unique=True,
        postgresql_where=sa.text("NOT dropped"),
    )
    for name in ("0001_rules", "0001_pool", "0001_ledger"):
        _run(sql(name))
    _install_job_queue()
    _run(sql("0001_tenancy"))


def downgrade() -> None:
    raise NotImplementedError("The first schema has nothing below it: drop the database instead.")


def _run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def _install_job_queue() -> None:
    """procrastinate's own tables, without its NOTIFY triggers: those halve the rate of job inserts.

    The dispatcher wakes the workers itself, after its commit.
    """
    _run(SchemaManager.get_schema())
    _run("DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs")
