"""No brand is ever shown another's passage: not by its index, not by the texts' rows, not with one wall gone."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from knowledge_base.index.building import rebuild_on_damage
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import FoundPassage, Retriever
from knowledge_base.index.shelf import EncodedQuery, Findings, IndexShelf, LocalShelf
from knowledge_base.models import Passage
from knowledge_base.publishing import put_articles
from knowledge_base.queries import snapshot_numbers
from knowledge_base.reading.documents import Document, Section
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import NOBODY, Database, Scope
from marketplace.kernel.ids import BrandId, PassageId
from tests.builders import as_brand
from tests.knowledge_base.conftest import KnowledgeBase

BRANDS = 50
QUERIES = 10_000
QUERIES_PER_TRANSACTION = 100
SEED = 4_711

TEXTS = {
    "returns": "Send the kettle back within {days} days. The refund reaches your card in a week.",
    "shipping": "Parcels leave the warehouse every morning and arrive within {days} days by post.",
    "warranty": "The kettle and the grinder have a warranty of {days} months from the day of delivery.",
    "orders": "Change or cancel an order until the parcel has left the warehouse, {days} hours at most.",
    "payment": "Pay by card or gift card. A declined card is tried again after {days} hours.",
    "subscription": "Skip, pause or cancel the subscription {days} days before the next parcel leaves.",
}
WORDS = sorted(
    {word.strip(".,").lower() for text in TEXTS.values() for word in text.split() if word.isalpha()}
)


def knowledge_of(number: int) -> list[Document]:
    """The same texts at every brand, but for one number: nearer neighbours than another brand's do not exist."""
    return [
        Document(
            key=key,
            title=key.capitalize(),
            sections=(Section(path=(), text=text.format(days=number + 10)),),
        )
        for key, text in TEXTS.items()
    ]


def brands_with_knowledge(base: KnowledgeBase, count: int) -> list[BrandId]:
    brands = [base.brand() for _ in range(count)]
    for number, brand in enumerate(brands):
        with base.database.transaction(Scope(brand=brand)) as tx:
            put_articles(tx, brand=brand, documents=knowledge_of(number), author=None, now=app_now(tx))
        base.index(brand)
    return brands


def owners(base: KnowledgeBase) -> dict[PassageId, BrandId]:
    with base.database.transaction() as tx:
        return {row.id: row.brand_id for row in tx.execute(select(Passage.id, Passage.brand_id))}


def a_question(chance: random.Random) -> Query:
    return Query.of(
        [" ".join(chance.choices(WORDS, k=chance.randint(1, 6))) for _ in range(chance.randint(1, 2))]
    )


def ask(
    database: Database, retriever: Retriever, brand: BrandId, questions: Sequence[Query]
) -> list[tuple[FoundPassage, ...]]:
    with database.transaction(Scope(brand=brand)) as tx:
        return [
            retriever.search(tx, brand=brand, query=question, weight=0.5).passages for question in questions
        ]


def foreign(found: Sequence[Sequence[FoundPassage]], brand: BrandId, owner: dict[PassageId, BrandId]) -> int:
    return sum(owner[passage.passage_id] != brand for passages in found for passage in passages)


@pytest.mark.timeout(600)
def test_ten_thousand_questions_at_fifty_brands_find_nothing_of_another(base: KnowledgeBase) -> None:
    brands = brands_with_knowledge(base, BRANDS)
    owner = owners(base)
    chance = random.Random(SEED)
    asked = answered = strangers = 0
    while asked < QUERIES:
        brand = chance.choice(brands)
        questions = [a_question(chance) for _ in range(QUERIES_PER_TRANSACTION)]
        found = ask(base.database, base.retriever, brand, questions)
        asked += len(questions)
        answered += sum(bool(passages) for passages in found)
        strangers += foreign(found, brand, owner)
    assert strangers == 0
    assert answered == asked == QUERIES


class ForgetfulShelf:
    """A shelf that searches one brand's index for everybody: the first wall, gone."""

    def __init__(self, shelf: IndexShelf, *, brand: BrandId, numbers: Sequence[int]) -> None:
        self._shelf = shelf
        self._brand = brand
        self._numbers = numbers
        self.found: list[PassageId] = []

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, *, weight: float, top: int
    ) -> Findings:
        found = self._shelf.find(self._brand, self._numbers, query, weight=weight, top=top)
        self.found += [hit.passage_id for hit in found.hits]
        return replace(found, number=numbers[0])

    def forget(self, brand: BrandId) -> None:
        self._shelf.forget(brand)


def forgetful(base: KnowledgeBase, brand: BrandId) -> tuple[ForgetfulShelf, Retriever]:
    with base.database.transaction(Scope(brand=brand)) as tx:
        numbers = snapshot_numbers(tx, brand=brand)
    shelf = ForgetfulShelf(LocalShelf(base.folder), brand=brand, numbers=numbers)
    retriever = Retriever(
        shelf=shelf, load_embedder=lambda: base.embedder, report_damage=rebuild_on_damage(base.database)
    )
    return shelf, retriever


def test_an_index_that_forgets_its_brand_still_shows_nobody_anothers_texts(base: KnowledgeBase) -> None:
    own, other = brands_with_knowledge(base, 2)
    owner = owners(base)
    shelf, retriever = forgetful(base, other)
    questions = [a_question(random.Random(number)) for number in range(50)]
    found = ask(base.database, retriever, own, questions)
    # The control: without the wall of folders every id that is found is the other brand's.
    assert {owner[passage] for passage in shelf.found} == {other}
    assert foreign(found, own, owner) == 0
    assert not any(found)
    assert all(ask(base.database, base.retriever, own, questions))


def rows_of(database: Database, scope: Scope, passages: Sequence[PassageId]) -> set[BrandId]:
    """The brands of the passages as a statement that names no brand is shown them."""
    with database.transaction(scope) as tx:
        statement = text("SELECT brand_id FROM passage WHERE id = ANY(:ids)")
        return set(tx.scalars(statement, {"ids": list(passages)}))


def test_with_the_first_wall_gone_the_database_shows_no_foreign_row(
    base: KnowledgeBase, db: Database, background: Database
) -> None:
    own, other = brands_with_knowledge(base, 2)
    everything = list(owners(base))
    # The control: the background role is not bound, so the statement alone would show both.
    assert rows_of(background, as_brand(own), everything) == {own, other}
    assert rows_of(db, as_brand(own), everything) == {own}
    assert rows_of(db, as_brand(other), everything) == {other}
    assert rows_of(db, NOBODY, everything) == set()


def test_the_application_finds_its_own_with_both_walls_up(base: KnowledgeBase, db: Database) -> None:
    own, other = brands_with_knowledge(base, 2)
    owner = owners(base)
    questions = [a_question(random.Random(number)) for number in range(20)]
    found = ask(db, base.retriever, own, questions)
    assert all(found)
    assert foreign(found, own, owner) == 0
    assert foreign(found, other, owner) == sum(map(len, found))
