"""A brand finds its own tickets, and only those, without reading all of them."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets import ticket_search
from marketplace.tickets.models import TicketState
from marketplace.tickets.posting import hold_back, post_ticket
from marketplace.tickets.terms import CategoryPlan, add_category
from marketplace.tickets.ticket_search import (
    DEEPEST_FILTERED_PAGE,
    TicketFilter,
    TooDeep,
    newest_of,
    oldest_of,
)
from tests.builders import Clock, a_brand, a_new_ticket, as_brand

EVERYTHING = TicketFilter()


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        post(tx, noise, subject="Grinder rattles", customer_email="ana@example.com")
        made = a_brand(tx)
        add_category(tx, brand=made, plan=CategoryPlan(key="returns", name="Returns"))
        return made


def post(tx: object, brand: BrandId, **changes: object) -> TicketId:
    ticket, _ = post_ticket(tx, brand=brand, ticket=a_new_ticket(**changes), now=app_now(tx))  # type: ignore[arg-type]
    return ticket.id


def found(db: Database, brand: BrandId, query: str, which: TicketFilter = EVERYTHING) -> list[TicketId]:
    with db.transaction(as_brand(brand)) as tx:
        return ticket_search.search(tx, brand=brand, query=query, which=which)


def test_a_ticket_is_found_by_number_customer_and_words(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        grinder = post(tx, brand, subject="The grinder rattles loudly", customer_email="ana@example.com")
        beans = post(tx, brand, subject="Wrong beans", customer_email="bo@example.com")
    assert found(db, brand, "#1") == found(db, brand, " 1 ") == [grinder]
    assert found(db, brand, "Ana@Example.com") == [grinder]
    assert found(db, brand, "RATTLES grin") == [grinder]
    assert found(db, brand, "beans") == [beans]
    for nothing in ("", "  ", "zebra", "nobody@example.com", "99", "9999999999", "&|!:*'", "ana@"):
        assert found(db, brand, nothing) == [], nothing


def test_the_newest_comes_first_and_filters_narrow(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        old = post(tx, brand, subject="Grinder one", category="returns")
        hold_back(tx, brand=brand, ticket=old, reason="kept")
    Clock(database=background).forward(timedelta(hours=2))
    with background.transaction() as tx:
        new = post(tx, brand, subject="Grinder two")
        now = app_now(tx)
    assert found(db, brand, "grinder") == [new, old]
    for which in (
        TicketFilter(category="returns"),
        TicketFilter(state=TicketState.HELD_BACK),
        TicketFilter(posted_before=now - timedelta(hours=1)),
        TicketFilter(category="returns", state=TicketState.HELD_BACK, posted_before=now - timedelta(hours=1)),
    ):
        assert found(db, brand, "grinder", which) == [old]
        with db.transaction(as_brand(brand)) as tx:
            assert newest_of(tx, brand=brand, which=which, page=1) == [old]
            assert oldest_of(tx, brand=brand, which=which, among=list(TicketState), limit=5) == [
                (old, TicketState.HELD_BACK)
            ]
    with db.transaction(as_brand(brand)) as tx:
        assert newest_of(tx, brand=brand, which=EVERYTHING, page=1) == [new, old]
        with pytest.raises(TooDeep):
            newest_of(tx, brand=brand, which=EVERYTHING, page=DEEPEST_FILTERED_PAGE + 1)


def test_words_are_looked_up_and_not_read_through(db: Database, background: Database, brand: BrandId) -> None:
    """Row-level security alone would keep the text index from being used."""
    with background.transaction() as tx:
        post(tx, brand, subject="Grinder")
    with db.transaction(as_brand(brand)) as tx:
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = tx.execute(
            text("EXPLAIN (FORMAT json) SELECT * FROM ticket_search WHERE words @@ to_tsquery('simple', 'a')")
        ).scalar_one()
        assert "ix_ticket_search_words" not in json.dumps(plan), "then the function is not needed any more"


def test_no_scope_finds_nothing(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        post(tx, brand, subject="Grinder")
    with db.transaction() as tx:
        assert tx.execute(text("SELECT * FROM search_subjects('grinder', 5)")).all() == []
