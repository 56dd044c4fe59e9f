"""Who moves the money of several tickets in one transaction waits for no ticket while it holds any of that money."""

from concurrent.futures import ThreadPoolExecutor, TimeoutError
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import earnings, spend
from billing.accounts import reserved
from marketplace.events.facts import TicketGivenBack, kind_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets import recalls, ticket_imports
from marketplace.tickets.models import PoolTicket, Ticket, TicketState
from marketplace.tickets.posting import admit, ticket_of
from tests.billing.paying import assert_proven, standing
from tests.builders import Clock, a_brand, an_open_ticket, give_funds, usd
from workers_ui.background import AFTER_THE_COMMIT

HELD_UP = 0.3
PRICE = 250


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        an_open_ticket(tx, noise)
        return a_brand(tx)


def withdraw(tx: Tx, brand: BrandId, ticket: TicketId) -> None:
    recalls.withdraw(tx, brand=brand, ticket=ticket, reason="Spam.", by="Mo", now=app_now(tx))


def states(database: Database, brand: BrandId) -> list[TicketState]:
    """In the order in which the tickets were posted."""
    with database.transaction() as tx:
        return list(tx.scalars(select(Ticket.state).where(Ticket.brand_id == brand).order_by(Ticket.id)))


def test_a_ticket_taken_back_while_waiting_tickets_open_stays_with_its_brand(
    background: Database, second_background: Database
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(0))
        ticket = an_open_ticket(tx, brand)
        give_funds(tx, brand, usd(10_000))
    with background.transaction() as tx:
        seen = tx.get_one(Ticket, (brand, ticket))
        assert seen.state is TicketState.AWAITING_FUNDS
        with second_background.transaction() as mine:
            recalls.take_back(mine, brand=brand, ticket=ticket, reason="Ours.", by="Mo", now=app_now(mine))
        assert not earnings.open_if_funded(tx, brand=brand, ticket=ticket, now=app_now(tx))
    assert states(background, brand) == [TicketState.HELD_BACK]
    with background.transaction() as tx:
        assert tx.get(PoolTicket, ticket) is None
        assert standing(tx, reserved(brand)) == usd(0)
    assert_proven(background)


def test_a_new_day_under_a_spend_cap_holds_up_nobodys_recall(
    background: Database, second_background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        spend.set_caps(tx, brand=brand, per_day_minor=PRICE, per_month_minor=None, now=app_now(tx))
        first, _ = an_open_ticket(tx, brand), an_open_ticket(tx, brand)
    Clock(database=background).forward(timedelta(days=1))
    with background.transaction() as tx:
        assert spend.find_brand_to_try_again(tx, now=app_now(tx)) == brand
        with second_background.transaction() as mine:
            withdraw(mine, brand, first)
        assert earnings.open_after_midnight(tx, now=app_now(tx)) == 1
    assert states(background, brand) == [TicketState.WITHDRAWN, TicketState.OPEN]
    assert_proven(background)


def test_an_import_is_undone_around_a_ticket_that_is_being_withdrawn(
    background: Database, second_background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        found = ticket_imports.start_ticket_import(
            tx,
            brand=brand,
            file_name="two.csv",
            content=b"external_id,subject,text\na,Where?,Where is it?\nb,When?,When does it come?\n",
            author=None,
            now=app_now(tx),
        )
        ticket_imports.commit_ticket_import(tx, brand=brand, import_id=found, now=app_now(tx))
        ticket_imports.import_slice(tx, brand=brand, import_id=found, now=app_now(tx))
        posted = tx.scalars(select(Ticket.id).where(Ticket.brand_id == brand).order_by(Ticket.id)).all()
        for ticket in posted:
            admit(tx, brand=brand, ticket=ticket)
        ticket_imports.undo_ticket_import(tx, brand=brand, import_id=found, now=app_now(tx))

    def undo() -> None:
        with background.transaction() as tx:
            ticket_imports.undo_slice(tx, brand=brand, import_id=found, now=app_now(tx))

    with second_background.transaction() as mine:
        ticket_of(mine, brand=brand, ticket=posted[1])
        undone = ThreadPoolExecutor(1).submit(undo)
        with pytest.raises(TimeoutError):
            undone.result(HELD_UP)
        withdraw(mine, brand, posted[1])
    undone.result(10)
    assert states(background, brand) == [TicketState.WITHDRAWN, TicketState.WITHDRAWN]
    assert_proven(background)


def test_money_that_the_ladder_gives_back_lets_waiting_tickets_try_again() -> None:
    assert kind_of(TicketGivenBack) in AFTER_THE_COMMIT
