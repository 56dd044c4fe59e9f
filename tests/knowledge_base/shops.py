"""A brand with two articles and tickets that were resolved with them, as the application does it."""

from guidance.answer_memory import AnswerMemory
from guidance.commands import prepare_suggestion, write_receipt
from guidance.queries import ReuseView, suggestion_for_desk
from guidance.ticket_drafts import remember_ticket
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import TicketId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from tests.builders import a_brand, a_worker, an_open_ticket, answer, as_brand, usd
from tests.knowledge_base.conftest import KnowledgeBase, document

KETTLE = "The kettle can be returned within thirty days."
LAMP = "The lamp has a warranty of two full years."
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
            self.brand = a_brand(tx, funds=usd(100_000))
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
        self.remembers(ticket)
        return ticket

    def remembers(self, ticket: TicketId) -> None:
        with self.database.transaction() as tx:
            assert remember_ticket(tx, self.base.embedder, brand=self.brand, ticket=ticket, now=app_now(tx))

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
