"""A ticket that asks several things: each is looked for, answered or told, without personal data."""

from collections.abc import Sequence

from guidance.commands import prepare_suggestion
from guidance.draft import QuestionCoverage
from guidance.models import Suggestion
from guidance.queries import SuggestionView, suggestion_for_desk
from guidance.question_search import PASSAGES_SHOWN_AT_MOST, QUESTIONS_SEARCHED
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import Retrieved, Retriever
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.replies import customer_writes
from tests.builders import a_brand, an_open_ticket, as_brand
from tests.knowledge_base.conftest import KnowledgeBase, document

ARTICLES = {
    "Kettle returns": "The kettle can be returned within thirty days. Keep its box.",
    "Lamp warranty": "The lamp has a warranty of two full years. It covers the switch.",
    "Shipping to Spain": "Shipping to Spain takes four days. It costs nine dollars.",
    "Gift cards": "Gift cards never expire. They are sent by mail.",
    "Opening hours": "The shop opens at nine. It closes at six.",
    "Coffee tasting": "A tasting lasts an hour. Book it by phone.",
}
RETURN = "Can the kettle be returned within thirty days?"
WARRANTY = "How long is the warranty of the lamp?"
SHIPPING = "How many days does shipping to Spain take?"
GUITAR = "Do you teach electric guitar lessons on weekends?"


def a_shop(base: KnowledgeBase) -> BrandId:
    with base.database.transaction() as tx:
        brand, stranger = a_brand(tx), a_brand(tx)
    for title, text in ARTICLES.items():
        base.put(brand, document(title.casefold(), text, title=title))
    base.put(stranger, document("guitar", "We teach electric guitar lessons on weekends.", title="Guitar"))
    base.index(brand)
    base.index(stranger)
    return brand


def asks(base: KnowledgeBase, brand: BrandId, *messages: str) -> TicketId:
    with base.database.transaction() as tx:
        ticket = an_open_ticket(tx, brand, subject="Help", text=messages[0])
        for message in messages[1:]:
            customer_writes(tx, brand=brand, ticket=ticket, text=message, external_id=None, now=app_now(tx))
    return ticket


def suggested(
    base: KnowledgeBase,
    brand: BrandId,
    ticket: TicketId,
    retriever: Retriever | None = None,
    threshold: float = 0.5,
) -> SuggestionView:
    with base.database.transaction() as tx:
        prepare_suggestion(
            tx,
            retriever or base.retriever,
            brand=brand,
            ticket=ticket,
            weight=0.5,
            threshold=threshold,
            now=app_now(tx),
        )
    with base.database.transaction(as_brand(brand)) as tx:
        found = suggestion_for_desk(tx, brand=brand, ticket=ticket)
    assert found is not None
    return found


def titles(found: SuggestionView, covered: QuestionCoverage) -> list[str]:
    by_rank = {passage.rank: passage.title for passage in found.passages}
    return [by_rank[rank] for rank in covered.ranks]


def test_each_question_is_answered_from_its_article_or_told_as_unanswered(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    found = suggested(base, brand, asks(base, brand, f"{RETURN} {WARRANTY} {GUITAR}"))
    assert [one.question for one in found.questions] == [RETURN, WARRANTY, GUITAR]
    assert [titles(found, one) for one in found.questions] == [["Kettle returns"], ["Lamp warranty"], []]
    assert "thirty days" in found.draft
    assert "two full years" in found.draft
    assert "guitar" not in found.draft


def test_a_question_finds_the_passage_that_the_whole_conversation_does_not_show(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    others = (
        "Do the gift cards never expire? When does the shop open, at nine, and when does it close, at six? "
    )
    found = suggested(base, brand, asks(base, brand, f"{SHIPPING} {others}{RETURN} {WARRANTY}"))
    assert 3 < len(found.passages) <= PASSAGES_SHOWN_AT_MOST
    assert len({passage.passage_id for passage in found.passages}) == len(found.passages)
    assert titles(found, found.questions[0]) == ["Shipping to Spain"]


def test_messages_that_wait_for_one_reply_are_asked_together(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    found = suggested(base, brand, asks(base, brand, RETURN, WARRANTY))
    assert [one.question for one in found.questions] == [RETURN, WARRANTY]


def test_a_question_is_kept_without_personal_data(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    asked = f"{RETURN} How long is the warranty of the lamp, could you write to sam.doe@example.com?"
    ticket = asks(base, brand, asked)
    suggested(base, brand, ticket)
    with base.database.transaction(as_brand(brand)) as tx:
        kept = tx.query(Suggestion).filter_by(ticket_id=ticket).one().questions
    assert len(kept) == 2
    assert "sam.doe" not in str(kept)


def test_one_question_is_no_list(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    assert suggested(base, brand, asks(base, brand, RETURN)).questions == ()


class _Counting(Retriever):
    """A Retriever that remembers what it was asked."""

    def __init__(self, inner: Retriever) -> None:
        self.inner = inner
        self.asked: list[str] = []

    def search(self, tx: Tx, *, brand: BrandId, query: Query, weight: float, top: int = 3) -> Retrieved:
        self.asked.append(query.last_turn)
        return self.inner.search(tx, brand=brand, query=query, weight=weight, top=top)


def test_the_index_is_asked_for_the_first_questions_alone(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    counting = _Counting(base.retriever)
    questions: Sequence[str] = (RETURN, WARRANTY, SHIPPING, GUITAR, "When does the shop open on Sundays?")
    found = suggested(base, brand, asks(base, brand, " ".join(questions)), counting)
    assert len(found.questions) == len(questions)
    assert counting.asked[1:] == [f"Help {RETURN}", *questions[1:QUESTIONS_SEARCHED]]


def test_an_answer_in_another_language_than_the_question_says_so(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    base.put(
        brand,
        document(
            "lamp",
            "The lamp has a warranty of two full years and it is for you. Please keep it.",
            title="Lamp",
        ),
    )
    base.index(brand)
    german = "Hallo, ich habe die Lamp und möchte wissen, wie lange die Warranty für sie noch ist."
    found = suggested(base, brand, asks(base, brand, german), threshold=0.0)
    assert found.other_language == "The customer writes in German; this answer is in English."


def test_each_sentence_of_the_body_has_a_passage_with_its_revision(base: KnowledgeBase) -> None:
    brand = a_shop(base)
    found = suggested(base, brand, asks(base, brand, f"{RETURN} {WARRANTY}"))
    revisions = {passage.rank: passage.revision_number for passage in found.passages}
    body = [one for one in found.sentences if one.passage_rank is not None]
    assert body
    assert all(revisions[one.passage_rank or 0] == 1 for one in body)


def test_an_order_number_of_the_ticket_fills_the_slot_and_is_kept_with_its_source(
    base: KnowledgeBase,
) -> None:
    brand = a_shop(base)
    base.put(
        brand, document("track", "Track your parcel with order {order_id} today.", title="Track a parcel")
    )
    base.index(brand)
    found = suggested(base, brand, asks(base, brand, "How do I track my parcel? It is order TL-20417."))
    assert "with order TL-20417 today" in found.draft
    assert [(one.value, one.source) for one in found.filled] == [("TL-20417", "ticket")]
