"""A ticket that enters the pool brings its suggestion along: it is there before anybody can claim it."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from guidance.models import Suggestion
from guidance.screening import NoJudge
from knowledge_base.index.retrieval import IndexUnavailable, Retriever
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import TicketId
from marketplace.kernel.settings import Settings
from marketplace.tickets.models import PoolTicket, Ticket, TicketState
from marketplace.tickets.posting import post_ticket
from marketplace.tickets.replies import customer_writes
from marketplace.tickets.sharing import set_share_rule
from tests.builders import a_new_ticket
from tests.knowledge_base.conftest import KnowledgeBase
from tests.knowledge_base.shops import Shop
from workers_ui.background import Background
from workers_ui.money_work import MoneyWork


@pytest.fixture
def shop(base: KnowledgeBase) -> Shop:
    return Shop(base)


@pytest.fixture
def work(shop: Shop) -> Background:
    return Background(
        settings=Settings(),
        database=shop.database,
        money=MoneyWork(database=shop.database, gateway=None),
        retriever=shop.base.retriever,
        judge=NoJudge(),
    )


class BrokenRetriever(Retriever):
    """Fails as it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def search(self, *args: object, **named: object) -> object:  # type: ignore[override]  # it only fails
        raise self._error


def posted(shop: Shop) -> TicketId:
    with shop.database.transaction() as tx:
        ticket, _ = post_ticket(
            tx,
            brand=shop.brand,
            ticket=a_new_ticket(text="Can the kettle be returned within thirty days?"),
            now=app_now(tx),
        )
        return ticket.id


def state(shop: Shop, ticket: TicketId) -> TicketState:
    with shop.database.transaction() as tx:
        return tx.get_one(Ticket, (shop.brand, ticket)).state


def suggestions(shop: Shop, ticket: TicketId) -> list[Suggestion]:
    with shop.database.transaction() as tx:
        found = tx.scalars(select(Suggestion).where(Suggestion.ticket_id == ticket)).all()
        tx.expunge_all()
    return list(found)


def test_it_is_prepared_before_the_ticket_opens_and_not_again_when_it_does(
    shop: Shop, work: Background
) -> None:
    ticket = posted(shop)
    work.screen(str(shop.brand), str(ticket))
    (suggestion,) = suggestions(shop, ticket)
    with shop.database.transaction() as tx:
        opened_at = tx.scalars(select(PoolTicket.waiting_since).where(PoolTicket.ticket_id == ticket)).one()
    assert suggestion.prepared_at <= opened_at
    work.suggest(str(shop.brand), str(ticket))
    assert len(suggestions(shop, ticket)) == 1


def test_what_the_customer_writes_next_is_answered_anew(shop: Shop, work: Background) -> None:
    ticket = posted(shop)
    work.screen(str(shop.brand), str(ticket))
    with shop.database.transaction() as tx:
        customer_writes(
            tx, brand=shop.brand, ticket=ticket, text="And the lamp?", external_id=None, now=app_now(tx)
        )
    work.suggest(str(shop.brand), str(ticket))
    assert len(suggestions(shop, ticket)) == 2


@pytest.mark.parametrize("error", [IndexUnavailable(), RuntimeError("a bug in guidance")])
def test_guidance_that_fails_keeps_no_ticket_out(shop: Shop, work: Background, error: Exception) -> None:
    ticket = posted(shop)
    replace(work, retriever=BrokenRetriever(error)).screen(str(shop.brand), str(ticket))
    assert state(shop, ticket) is TicketState.OPEN
    assert suggestions(shop, ticket) == []


def test_a_ticket_that_stays_with_its_brand_costs_no_search(shop: Shop, work: Background) -> None:
    with shop.database.transaction() as tx:
        set_share_rule(tx, brand=shop.brand, percent=0, author=None, now=app_now(tx))
    ticket = posted(shop)
    work.screen(str(shop.brand), str(ticket))
    assert state(shop, ticket) is not TicketState.OPEN
    assert suggestions(shop, ticket) == []
