"""The schema that migrations make is the one the models describe, with both walls between tenants."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import billing.bank_payout_models
import billing.bonus_models
import billing.books_models
import billing.funds_models
import billing.inbox_models
import billing.judgement_models
import billing.models
import billing.payout_models
import billing.period_models
import billing.queue_models
import billing.spend_models
import guidance.answer_models
import guidance.correction_models
import guidance.flow_models
import guidance.gap_models
import guidance.learning_models
import guidance.models
import guidance.wording_models
import knowledge_base.erasure_models
import knowledge_base.import_models
import knowledge_base.models
import knowledge_base.report_models
import knowledge_base.web_models
import marketplace.accounts.models
import marketplace.accounts.standing_models
import marketplace.events.models
import marketplace.kernel.models
import marketplace.tickets.control_models
import marketplace.tickets.figure_models
import marketplace.tickets.gate_models
import marketplace.tickets.import_models
import marketplace.tickets.models
import marketplace.tickets.recall_models
import marketplace.tickets.reply_models
import marketplace.tickets.search_models
import marketplace.tickets.service_models
import marketplace.tickets.switch_models
import marketplace.tickets.uncovered
from marketplace.kernel.db import Base

MODEL_MODULES = (
    billing.bank_payout_models,
    billing.inbox_models,
    billing.bonus_models,
    billing.judgement_models,
    billing.books_models,
    billing.models,
    billing.queue_models,
    billing.payout_models,
    billing.funds_models,
    billing.period_models,
    billing.spend_models,
    guidance.models,
    guidance.answer_models,
    guidance.correction_models,
    guidance.flow_models,
    guidance.gap_models,
    guidance.wording_models,
    knowledge_base.import_models,
    knowledge_base.models,
    knowledge_base.report_models,
    knowledge_base.erasure_models,
    knowledge_base.web_models,
    marketplace.accounts.models,
    marketplace.events.models,
    marketplace.kernel.models,
    marketplace.tickets.control_models,
    marketplace.tickets.figure_models,
    marketplace.tickets.gate_models,
    marketplace.tickets.models,
    marketplace.tickets.import_models,
    marketplace.tickets.service_models,
    marketplace.tickets.recall_models,
    marketplace.tickets.reply_models,
    marketplace.tickets.search_models,
    marketplace.tickets.switch_models,
    marketplace.accounts.standing_models,
    marketplace.tickets.uncovered,
)

READ_BEFORE_THERE_IS_A_BRAND = {"api_key", "invite", "member"}
"""Who is asking is found out through these, so nobody's scope can be set yet."""

NOTHING_PERSONAL = {"pool_ticket"}

OF_OPERATIONS = {"dead_job", "uncovered_now"}
"""Views of jobs, and of lanes that nobody covers: nothing of a ticket or of knowledge is in them."""


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")  # reflection knows no xid8
def test_migrations_make_what_the_models_say(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _object, name, kind, _reflected, _other: (
                    not (kind == "table" and (name or "").startswith("procrastinate_"))
                )
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_every_tenant_table_forces_row_level_security(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        with_brand = set(
            connection.scalars(
                text(
                    "SELECT table_name FROM information_schema.columns JOIN information_schema.tables "
                    "USING (table_schema, table_name) "
                    "WHERE table_schema = 'public' AND column_name = 'brand_id' AND table_type = 'BASE TABLE'"
                )
            )
        )
        forced = set(
            connection.scalars(
                text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
            )
        )
    assert with_brand - forced == READ_BEFORE_THERE_IS_A_BRAND | NOTHING_PERSONAL


def test_every_view_shows_what_its_reader_may_see(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        views = connection.execute(
            text(
                "SELECT c.relname, coalesce('security_invoker=true' = ANY(c.reloptions), false) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'v'"
            )
        ).all()
    assert {name for name, asks_its_reader in views if not asks_its_reader} == OF_OPERATIONS


def test_the_application_roles_own_nothing_and_are_no_superusers(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        roles = connection.execute(
            text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'humancloud_%'")
        ).all()
        owned = connection.scalars(
            text(
                "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
                "WHERE r.rolname LIKE 'humancloud_%'"
            )
        ).one()
    assert [tuple(role) for role in roles] == [(False, False), (False, False)]
    assert owned == 0
