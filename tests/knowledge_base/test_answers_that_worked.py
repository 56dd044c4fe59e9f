"""What answered resolved tickets: shown beside the next one like it, without its customer, while it holds."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from guidance import answer_memory
from guidance.answer_memory import how_often, tickets_to_remember
from guidance.answer_models import RememberedAnswer, SuggestionReuse
from guidance.erasure import forget_knowledge
from guidance.queries import suggestion_for_desk
from knowledge_base.erasure import ask_erasure, erase
from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.replies import customer_writes
from tests.builders import Clock, as_brand
from tests.knowledge_base.conftest import KnowledgeBase
from tests.knowledge_base.shops import ASKED, KETTLE, Shop

SECRETS = ("sam.doe", "example.com", "2671", "Doe")


@pytest.fixture
def shop(base: KnowledgeBase, clock: Clock) -> Shop:
    return Shop(base)


NEXT = "Can this boiler go back to you? I am Sam Doe, sam.doe@example.com, +1 415 555 2671."


def test_a_ticket_like_those_before_shows_what_worked_without_the_customer(shop: Shop) -> None:
    shop.learns()

    reused = shop.shown(shop.asks(NEXT))

    assert reused is not None
    assert (reused.article_title, reused.worked, reused.times) == ("Kettle returns", 3, 3)
    assert KETTLE in reused.answer
    assert not [secret for secret in SECRETS if secret in reused.question + reused.answer]


def test_a_reopened_ticket_lowers_the_count_and_is_not_shown(shop: Shop) -> None:
    learned = shop.learns()
    ticket = shop.asks(NEXT)

    with shop.database.transaction() as tx:
        customer_writes(
            tx, brand=shop.brand, ticket=learned[1], text="It is not well.", external_id=None, now=app_now(tx)
        )

    with shop.database.transaction(as_brand(shop.brand)) as tx:
        shown = tx.get_one(SuggestionReuse, (shop.brand, _suggestion(shop, ticket)))
        assert (shown.worked, shown.times) == (3, 3)
        assert how_often(tx, brand=shop.brand, article=shown.article_id) == (2, 3)


def test_an_answer_whose_tickets_came_back_is_shown_no_more(shop: Shop) -> None:
    """The vote is not fitted anew for that: a ticket has no voice from the commit on in which it came back."""
    learned = shop.learns()
    assert shop.shown(shop.asks(NEXT)) is not None

    for ticket in learned[: len(ASKED[KETTLE])]:
        with shop.database.transaction() as tx:
            customer_writes(
                tx, brand=shop.brand, ticket=ticket, text="It is not well.", external_id=None, now=app_now(tx)
            )

    assert shop.shown(shop.asks(NEXT)) is None


def test_a_large_memory_is_fitted_by_its_job_and_loses_a_voice_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_memory, "FITTED_AT_ONCE", 1)
    learned = shop.learns()
    first = shop.shown(shop.asks(NEXT))
    assert first is not None
    newer = shop.resolves(NEXT, KETTLE)

    assert _ticket_shown(shop, shop.asks(NEXT)) in learned  # the newer one is not fitted yet
    with shop.database.transaction() as tx:
        shop.memory.refresh(tx, brand=shop.brand)
    assert _ticket_shown(shop, shop.asks(NEXT)) == newer

    with shop.database.transaction() as tx:
        customer_writes(
            tx, brand=shop.brand, ticket=newer, text="Not well.", external_id=None, now=app_now(tx)
        )
    assert _ticket_shown(shop, shop.asks(NEXT)) in learned


def test_a_resolved_ticket_whose_job_was_lost_is_found_once(shop: Shop, clock: Clock) -> None:
    ticket = shop.learns()[0]
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        tx.execute(delete(RememberedAnswer).where(RememberedAnswer.ticket_id == ticket))

    assert _to_remember(shop) == []  # its job may still be under way
    clock.forward(timedelta(minutes=1))

    assert _to_remember(shop) == [(shop.brand, ticket)]
    shop.remembers(ticket)
    assert _to_remember(shop) == []


def _to_remember(shop: Shop) -> list[tuple[BrandId, TicketId]]:
    with shop.database.transaction() as tx:
        return tickets_to_remember(tx, before=app_now(tx) - timedelta(seconds=30))


def _ticket_shown(shop: Shop, ticket: TicketId) -> TicketId:
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        return tx.get_one(SuggestionReuse, (shop.brand, _suggestion(shop, ticket))).ticket_id


def test_a_retired_article_takes_its_answers_along(shop: Shop) -> None:
    shop.learns()
    ticket = shop.asks(NEXT)
    assert shop.shown(ticket) is not None

    shop.base.delete(shop.brand, "kettle")

    assert shop.shown(ticket) is None


def test_another_brand_neither_votes_nor_sees(shop: Shop, db: Database) -> None:
    shop.learns()
    other = Shop(shop.base)
    other.memory = shop.memory

    assert other.shown(other.asks(NEXT)) is None
    with db.transaction(as_brand(shop.brand)) as tx:
        assert len(tx.scalars(select(RememberedAnswer)).all()) == 6
    with db.transaction(as_brand(other.brand)) as tx:
        assert tx.scalars(select(RememberedAnswer)).all() == []


def test_erased_knowledge_takes_what_was_remembered_along(shop: Shop) -> None:
    shop.learns()
    ticket = shop.asks(NEXT)

    with shop.database.transaction() as tx:
        slug = tx.get_one(Brand, shop.brand).slug
        ask_erasure(tx, brand=shop.brand, confirmation=slug, by=None, now=app_now(tx))
    assert erase(shop.database, shop.brand, folder=shop.base.folder, forget=(forget_knowledge,))

    assert _remembered(shop, shop.brand) == 0
    assert shop.shown(ticket) is None


def _remembered(shop: Shop, brand: BrandId) -> int:
    with shop.database.transaction(as_brand(brand)) as tx:
        return len(tx.scalars(select(RememberedAnswer).where(RememberedAnswer.brand_id == brand)).all())


def _suggestion(shop: Shop, ticket: TicketId) -> object:
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        found = suggestion_for_desk(tx, brand=shop.brand, ticket=ticket)
    assert found is not None
    return found.id
