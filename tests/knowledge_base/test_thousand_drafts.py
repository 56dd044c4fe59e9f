"""A thousand drafts over the demo's own articles: no sentence without its source, and none of another brand."""

import random
from collections.abc import Sequence

from guidance.engine import Answer, answer
from guidance.questions import questions_in
from guidance.slots import facts_of
from knowledge_base.index.hybrid import Query
from knowledge_base.publishing import put_articles
from knowledge_base.reading.documents import Document, Section
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId
from tests.builders import a_brand
from tests.knowledge_base.conftest import KnowledgeBase
from workers_ui.content import PlannedBrand, demo_brands

DRAFTS = 1_000
DRAFTS_AT_LEAST = 900
BATCH = 100
AT_ONCE = 0.0
"""Never silent: what is measured here is where sentences come from, not when to speak."""


def an_article(name: str, content: bytes) -> Document:
    body = content.decode().split("---", 2)[-1].strip()
    title = next((line.lstrip("# ") for line in body.splitlines() if line.startswith("# ")), name)
    return Document(key=name, title=title, sections=(Section(path=(), text=body),))


def a_shop(base: KnowledgeBase, plan: PlannedBrand) -> BrandId:
    with base.database.transaction() as tx:
        brand = a_brand(tx)
        documents = [an_article(name, content) for name, content in plan.files]
        put_articles(tx, brand=brand, documents=documents, author=None, now=app_now(tx))
    base.index(brand)
    return brand


def a_message(texts: Sequence[str], chance: random.Random) -> str:
    """Sentences of the tickets of all brands, mixed anew."""
    return " ".join(chance.choice(texts) for _ in range(chance.randint(1, 3)))


def answered(base: KnowledgeBase, brand: BrandId, messages: Sequence[str]) -> list[Answer]:
    with base.database.transaction() as tx:
        return [
            answer(
                tx,
                base.retriever,
                brand=brand,
                query=Query.of([message]),
                weight=0.5,
                threshold=AT_ONCE,
                customer_name="Sam Doe",
                questions=questions_in(message),
                facts=facts_of([message], customer_name="Sam Doe"),
            )
            for message in messages
        ]


def assert_grounded(found: Answer, own: str) -> None:
    assert found.draft is not None
    first, *body, last = found.draft.sentences
    assert (first.passage_rank, last.passage_rank) == (None, None)
    quoted = dict(enumerate(found.passages, start=1))
    for sentence in body:
        passage = quoted[sentence.passage_rank or 0]
        assert passage.revision_number == 1
        assert _bare(passage.text) in own
        assert _bare(sentence.text) in _bare(passage.text)


def _bare(text: str) -> str:
    """Letters and digits alone: marks of lists and links are put anew in a draft."""
    return "".join(character for character in text if character.isalnum())


def test_of_a_thousand_drafts_no_sentence_lacks_its_source_in_its_own_brand(base: KnowledgeBase) -> None:
    plans = demo_brands()[:2]
    brands = [a_shop(base, plan) for plan in plans]
    texts = [str(line["text"]) for plan in plans for line in plan.tickets]
    own = [_bare(" ".join(content.decode() for _, content in plan.files)) for plan in plans]
    chance = random.Random(5)
    drafts = 0
    for turn in range(DRAFTS // BATCH):
        at = turn % len(brands)
        for found in answered(base, brands[at], [a_message(texts, chance) for _ in range(BATCH)]):
            if found.draft is not None:
                drafts += 1
                assert_grounded(found, own[at])
    assert drafts >= DRAFTS_AT_LEAST
