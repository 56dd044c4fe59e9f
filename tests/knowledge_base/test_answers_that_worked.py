"""What answered resolved tickets: shown beside the next one like it, without its customer, while it holds."""

import pytest
from sqlalchemy import select

from guidance.answer_memory import AnswerMemory, how_often
from guidance.answer_models import RememberedAnswer, SuggestionReuse
from guidance.commands import prepare_suggestion, write_receipt
from guidance.erasure import forget_knowledge
from guidance.queries import ReuseView, suggestion_for_desk
from guidance.ticket_drafts import remember_ticket
from knowledge_base.erasure import ask_erasure, erase
from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from marketplace.tickets.replies import customer_writes
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, answer, as_brand
from tests.knowledge_base.conftest import KnowledgeBase, document

KETTLE = "The kettle can be returned within thirty days."
LAMP = "The lamp has a warranty of two full years."
SECRETS = ("sam.doe", "example.com", "2671", "Doe")
ASKED = {
    KETTLE: (
        "Can my boiler go back to you",
        "This boiler must go back",
        "Boiler is not for us, can it go back",
    ),
    LAMP: ("My light broke, who mends it", "The light broke again", "Light broke after a year, who mends it"),
}


class Shop:
    """A brand with two articles, its memory, and tickets that were resolved with them."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.base, self.database = base, base.database
        self.memory = AnswerMemory(lambda: base.embedder)
        with self.database.transaction() as tx:
            self.brand = a_brand(tx)
        base.put(self.brand, document("kettle", KETTLE, title="Kettle returns"))
        base.put(self.brand, document("lamp", LAMP, title="Lamp warranty"))
        base.index(self.brand)

    def suggest(self, ticket: TicketId) -> None:
        with self.database.transaction() as tx:
            prepare_suggestion(
                tx,
                self.base.retriever,
                brand=self.brand,
                ticket=ticket,
                weight=0.5,
                threshold=0.5,
                now=app_now(tx),
                memory=self.memory,
            )

    def asks(self, text: str) -> TicketId:
        with self.database.transaction() as tx:
            ticket = an_open_ticket(tx, self.brand, subject="Help", text=text, customer_name="Sam Doe")
        self.suggest(ticket)
        return ticket

    def resolves(self, text: str, said: str) -> TicketId:
        ticket = self.asks(text)
        with self.database.transaction() as tx:
            reply = answer(
                tx, ticket, a_worker(tx), body=f"Hello Sam Doe,\n\n{said} Write to sam.doe@example.com."
            )
            write_receipt(tx, reply=reply, inserted=["1"], now=app_now(tx))
            resolve_ticket(tx, brand=self.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        with self.database.transaction() as tx:
            assert remember_ticket(tx, self.base.embedder, brand=self.brand, ticket=ticket, now=app_now(tx))
        return ticket

    def learns(self) -> list[TicketId]:
        return [
            self.resolves(f"{text}? I am Sam Doe, sam.doe@example.com, +1 415 555 2671.", said)
            for said, texts in ASKED.items()
            for text in texts
        ]

    def shown(self, ticket: TicketId) -> ReuseView | None:
        with self.database.transaction(as_brand(self.brand)) as tx:
            found = suggestion_for_desk(tx, brand=self.brand, ticket=ticket)
        assert found is not None
        return found.reused


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
