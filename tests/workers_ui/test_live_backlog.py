"""What the backlog ladder does is seen on pages that are open: a new price, a ticket that left."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from billing import backlog
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import TicketId
from marketplace.kernel.settings import Settings
from marketplace.tickets import ladder
from marketplace.tickets.ladder_plan import Ladder, set_ladder
from tests.workers_ui.live_site import Town, a_town

PLAN = Ladder(raise_percent=60, daily_budget_minor=1_000)


@pytest.fixture
def town(settings: Settings, db: Database, background: Database) -> Iterator[Town]:
    with a_town(settings, db, background) as made:
        yield made


def after_hours(town: Town, ticket: TicketId, plan: Ladder, hours: int) -> None:
    """The ladder looks at a ticket that was posted so long ago."""
    with town.background.transaction() as tx:
        set_ladder(tx, brand=town.brand, ladder=plan, now=app_now(tx))
        tx.execute(
            text(
                "UPDATE ticket_clock SET started_at = app_now() - make_interval(hours => :hours) "
                "WHERE ticket_id = :ticket AND kind = 'first'"
            ),
            {"hours": hours, "ticket": ticket},
        )
    with town.background.transaction() as tx:
        assert ladder.climb(tx, reserve_more=backlog.reserve_more, now=app_now(tx)) > 0


def test_a_raised_price_and_a_ticket_given_back_reach_open_pages(town: Town) -> None:
    pool, brand = town.listen(town.bob), town.listen(town.manager)
    town.settle(pool)
    ticket = town.post("Where is my kettle?")
    pool.next("pool.upsert", about=ticket)
    after_hours(town, ticket, PLAN, 15)
    raised = pool.next("pool.upsert", about=ticket)
    assert "+20 % for waiting" in str(raised.data["html"])
    assert "$2.40" in str(raised.data["html"])
    after_hours(town, ticket, replace(PLAN, give_back_percent=100), 25)
    pool.next("pool.remove", about=ticket)
    brand.next("ticket.state", about=ticket)
