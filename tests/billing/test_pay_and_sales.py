"""Pay has no input from sales, by construction: what the functions of pay take and read is this and no more."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields

import pytest
from sqlalchemy import event

from billing import bonuses, earnings, pay_floor, pay_parts
from marketplace.events.facts import EscalationConfirmed, Fact, TicketReopened, TicketResolved
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Base, Database
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy, Terms
from tests.builders import a_brand, a_worker, an_answered_ticket

OF_SALES = re.compile(
    r"sale|sold|convert|conversion|order_|cart|basket|revenue|turnover|upsell|purchase|commission"
)
"""Words under which a figure of sales would be kept."""

PAYS_A_RESOLUTION = {"ticket", "terms", "resolution", "earning"}
"""The ticket's terms, who is credited, and the line itself; where the money goes is the ledger's own function."""


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        heard.append(statement)

    event.listen(database.engine, "before_cursor_execute", hear)
    yield heard
    event.remove(database.engine, "before_cursor_execute", hear)


def tables_in(statement: str) -> set[str]:
    named = re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+([a-z_]+)", statement)
    return {name for name in named if name in Base.metadata.tables}


def test_a_resolution_is_paid_from_its_terms_and_credits_and_no_other_table(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        ticket = an_answered_ticket(tx, brand, worker)
    paying: set[str] = set()
    with background.transaction() as tx:
        tx.info["bus"] = _Quiet()
        resolution = resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        tx.flush()
        with statements(background) as heard:
            earnings.accrue(
                tx, TicketResolved(brand=brand, ticket=ticket, resolution=resolution.id, by="customer")
            )
        for statement in heard:
            paying |= tables_in(statement)
        assert heard
        tx.rollback()
    assert paying - PAYS_A_RESOLUTION == set()


class _Quiet:
    """Nobody hears of facts."""

    def tell(self, tx: object, fact: Fact) -> None:
        pass


def test_what_pay_is_computed_from_is_named_here() -> None:
    takes: dict[Callable[..., object], list[str]] = {
        pay_parts.split_pay: ["credits", "pay", "base_pay", "fee"],
        pay_floor.active_seconds: ["spans"],
        pay_floor.missing_minor: ["seconds", "earned_minor", "per_hour_minor"],
    }
    for function, named in takes.items():
        assert list(inspect.signature(function).parameters) == named
    assert {field.name for field in fields(TicketResolved)} == {
        "brand",
        "worker",
        "ticket",
        "resolution",
        "by",
    }
    assert {field.name for field in fields(EscalationConfirmed)} == {
        "brand",
        "worker",
        "ticket",
        "escalation",
        "needless",
    }
    assert {field.name for field in fields(TicketReopened)} == {"brand", "worker", "ticket", "resolution"}
    assert {column.name for column in Terms.__table__.columns} == {
        *(
            "brand_id",
            "id",
            "category",
            "version",
            "total_minor",
            "fee_basis_points",
            "fee_minor",
            "pay_minor",
        ),
        *(
            "escalation_fee_minor",
            "earlier_share_basis_points",
            "currency",
            "review_window_hours",
            "created_at",
        ),
        *("created_by", "base_terms_id", "surge_basis_points"),
    }
    assert {field.name for field in fields(bonuses.DaysWork)} == {
        *("worker", "currency", "seconds", "earned_minor", "brand", "ticket", "terms")
    }


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_no_table_keeps_a_figure_of_sales(table: str) -> None:
    names = [table, *(column.name for column in Base.metadata.tables[table].columns)]
    found = [name for name in names if OF_SALES.search(name)]
    assert found == []


def test_no_fact_carries_a_figure_of_sales() -> None:
    for fact in Fact.__subclasses__():
        for field in fields(fact):
            assert not OF_SALES.search(field.name), f"{fact.__name__}.{field.name}"


def test_the_words_of_sales_are_found() -> None:
    for name in ("order_value", "sales_minor", "converted_at", "conversion", "cart_id", "commission_minor"):
        assert OF_SALES.search(name)
