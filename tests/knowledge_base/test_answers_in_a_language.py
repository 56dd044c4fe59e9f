"""A ticket is answered in its own language where the knowledge has it, and in another, with a warning, where not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, select

from knowledge_base.index.hybrid import Query
from knowledge_base.models import Passage
from knowledge_base.reading.documents import Document
from knowledge_base.reading.readers import read_html
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import BrandId
from tests.builders import a_brand
from tests.knowledge_base.conftest import KnowledgeBase, document
from tests.knowledge_base.test_questions_answered import asks, suggested, titles

ENGLISH = document(
    "kettle-en",
    "You can send the Aqua Boil kettle X200 back to us within thirty days. Keep the box of it.",
    title="Aqua Boil kettle X200 returns",
)
GERMAN = document(
    "kettle-de",
    "Sie können den Aqua Boil Wasserkocher X200 in dreißig Tagen an uns zurückgeben. Die Schachtel ist zu behalten.",
    title="Aqua Boil Wasserkocher X200 zurückgeben",
)
OTHERS = (
    document(
        "lamp-en", "The lamp has a warranty of two full years and it is for you.", title="Lamp warranty"
    ),
    document(
        "lamp-de", "Die Lampe hat zwei volle Jahre Garantie und das ist für Sie.", title="Lampe Garantie"
    ),
)
ASKS_IN_ENGLISH = "Can I send my Aqua Boil kettle X200 back, and do you want the box of it?"
ASKS_IN_GERMAN = "Kann ich den Aqua Boil kettle X200 zurückgeben, returns?"
"""With words of the English title, as customers copy them."""

ASKS_IN_FRENCH = "Bonjour, je voudrais savoir comment vous retourner le Aqua Boil kettle X200 dans sa box."


def a_shop(base: KnowledgeBase, *documents: Document) -> BrandId:
    with base.database.transaction() as tx:
        brand, stranger = a_brand(tx), a_brand(tx)
    for one in documents:
        base.put(brand, one)
    base.put(stranger, replace(GERMAN, key="theirs"))
    base.index(brand)
    base.index(stranger)
    return brand


def languages(base: KnowledgeBase, brand: BrandId) -> list[str | None]:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return list(tx.scalars(select(Passage.language).where(Passage.brand_id == brand)))


@pytest.mark.parametrize("asked", [ASKS_IN_ENGLISH, ASKS_IN_GERMAN])
def test_of_two_articles_that_say_the_same_the_one_in_the_tickets_language_answers(
    base: KnowledgeBase, asked: str
) -> None:
    brand = a_shop(base, ENGLISH, GERMAN, *OTHERS)
    found = suggested(base, brand, asks(base, brand, asked), threshold=0.0)
    wanted, other = (ENGLISH, GERMAN) if asked == ASKS_IN_ENGLISH else (GERMAN, ENGLISH)
    assert found.passages[0].title == wanted.title
    assert wanted.sections[0].text.partition(".")[0] in found.draft
    assert other.sections[0].text.partition(".")[0] not in found.draft
    assert found.other_language == ""


def test_without_a_known_language_the_nearest_passage_stays_first(base: KnowledgeBase) -> None:
    """What the case above is worth: the words alone would give the German ticket the English article."""
    brand = a_shop(base, ENGLISH, GERMAN, *OTHERS)
    query = replace(Query.of([f"Help. {ASKS_IN_GERMAN}"]), language=None)
    with base.database.transaction(Scope(brand=brand)) as tx:
        found = base.retriever.search(tx, brand=brand, query=query, weight=0.5)
    assert found.passages[0].title == ENGLISH.title


def test_a_language_that_the_knowledge_lacks_gets_the_best_answer_and_a_warning(base: KnowledgeBase) -> None:
    brand = a_shop(base, ENGLISH, GERMAN, *OTHERS)
    found = suggested(base, brand, asks(base, brand, ASKS_IN_FRENCH), threshold=0.0)
    assert found.passages[0].title == ENGLISH.title
    assert found.other_language == "The customer writes in French; this answer is in English."


def test_an_article_in_the_language_about_something_else_does_not_go_before_the_answer(
    base: KnowledgeBase,
) -> None:
    brand = a_shop(base, ENGLISH, *OTHERS)
    found = suggested(base, brand, asks(base, brand, ASKS_IN_GERMAN), threshold=0.0)
    assert found.passages[0].title == ENGLISH.title
    assert found.other_language == "The customer writes in German; this answer is in English."


def test_a_second_message_too_short_to_tell_is_in_the_language_of_the_first(base: KnowledgeBase) -> None:
    brand = a_shop(base, ENGLISH)
    found = suggested(base, brand, asks(base, brand, ASKS_IN_GERMAN, "Aqua Boil X200?"), threshold=0.0)
    assert found.other_language == "The customer writes in German; this answer is in English."


def test_of_several_questions_none_is_answered_in_another_language(base: KnowledgeBase) -> None:
    oven = document(
        "oven", "The oven shelf Modena costs forty euros and it is for you.", title="Oven shelf Modena"
    )
    brand = a_shop(base, ENGLISH, GERMAN, *OTHERS, oven)
    asked = (
        "Kann ich den Aqua Boil Wasserkocher X200 an Sie zurückgeben? Wie lange hat die Lampe Garantie? "
        "Oven shelf Modena, costs?"
    )
    found = suggested(base, brand, asks(base, brand, asked), threshold=0.0)
    assert [titles(found, one) for one in found.questions] == [[GERMAN.title], ["Lampe Garantie"], []]
    assert "forty euros" not in found.draft


def test_what_a_page_declares_is_kept_before_what_its_words_say(base: KnowledgeBase) -> None:
    page = read_html(
        "kaffe.html", b'<html lang="da-DK"><body><h1>Kaffe</h1><p>Vi har det med til den.</p></body></html>'
    )
    assert isinstance(page, Document)
    brand = a_shop(base, page, GERMAN, document("part", "TL-20417", title="TL"))
    assert sorted(languages(base, brand), key=str) == [None, "da", "de"]


def test_the_language_costs_no_further_query(base: KnowledgeBase) -> None:
    one, both = a_shop(base, ENGLISH), a_shop(base, ENGLISH, GERMAN, *OTHERS)
    sent = []
    for brand in (one, both):
        ticket = asks(base, brand, ASKS_IN_GERMAN)
        with _statements() as statements:
            suggested(base, brand, ticket, threshold=0.0)
        sent.append(sum("FROM passage" in said for said in statements))
    assert sent[0] == sent[1] > 0


@contextmanager
def _statements() -> Iterator[Sequence[str]]:
    said: list[str] = []

    def note(*given: object) -> None:
        said.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)
