"""The base engine: it retrieves and extracts, and says nothing rather than something ungrounded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guidance.anonymous import Customer, anonymous, numbers_of
from guidance.answer_memory import LOOKED_AT, AnswerMemory, Reused
from guidance.article_outcomes import heeding, in_fair_order, records_of
from guidance.confidence import Assessment, Signals, assess, normalised_lexical
from guidance.draft import CitedPassage, Draft, compose
from guidance.question_search import ONE_QUESTION, HeardQuestions, hear_each
from guidance.questions import Question
from guidance.slots import NO_FACTS, TicketFacts
from guidance.voice import Voice
from guidance.voices import voice_of
from knowledge_base.index.evidence import Evidence
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import FoundPassage, Search
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId

PASSAGES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The passages found, whether they hold an answer, and the draft made from them; no draft is a silence."""

    passages: tuple[FoundPassage, ...]
    reused: Reused | None
    assessment: Assessment
    draft: Draft | None
    voice_version: int


def answer(
    tx: Tx,
    retriever: Search,
    *,
    brand: BrandId,
    query: Query,
    weight: float,
    threshold: float,
    customer_name: str | None = None,
    memory: AnswerMemory | None = None,
    questions: Sequence[Question] = (),
    facts: TicketFacts = NO_FACTS,
) -> Answer:
    """What `brand`'s knowledge says to `query`, in its voice; of several `questions` each is answered by itself.

    Stores nothing. Raises IndexUnavailable.
    """
    top = LOOKED_AT if memory else PASSAGES_SHOWN
    found = retriever.search(tx, brand=brand, query=query, weight=weight, top=top)
    passages, reused = _remembered(tx, memory, brand, _asked(query, customer_name), found.passages)
    records = records_of(tx, brand=brand, passages=passages)
    passages = in_fair_order(passages, records)
    heard = hear_each(
        tx,
        retriever,
        brand=brand,
        questions=questions,
        shown=passages,
        weight=weight,
        judge=lambda own: _judged(own.evidence, [one.title for one in own.passages], threshold),
        sure=_judged(found.evidence, [one.title for one in passages], threshold).answer,
    )
    voice = voice_of(tx, brand=brand)
    assessment, draft = respond(
        query,
        _cited(heard.passages),
        found.evidence,
        voice=voice.voice,
        threshold=threshold,
        customer_name=customer_name,
        heard=heard,
        facts=facts,
    )
    assessment = heeding(assessment, passages, records, threshold=threshold)
    return Answer(
        passages=heard.passages,
        reused=reused,
        assessment=assessment,
        draft=draft if assessment.answer else None,
        voice_version=voice.version,
    )


def _remembered(
    tx: Tx,
    memory: AnswerMemory | None,
    brand: BrandId,
    question: str,
    passages: tuple[FoundPassage, ...],
) -> tuple[tuple[FoundPassage, ...], Reused | None]:
    """The passages to show, in the order that resolved tickets give them; scores stay with their places."""
    if memory is None or not passages:
        return passages[:PASSAGES_SHOWN], None
    by_article = {passage.article_id: passage for passage in passages}
    order, reused = memory.recall(tx, brand=brand, question=question, ranked=list(by_article))
    placed = zip(order, passages, strict=True)
    shown = [replace(by_article[article], score=place.score) for article, place in placed]
    return tuple(shown[:PASSAGES_SHOWN]), reused


def _asked(query: Query, customer_name: str | None) -> str:
    """The question without its customer, as questions are remembered: else a name would look like a likeness."""
    customer = Customer(name=customer_name or "", numbers=numbers_of(query.last_turn))
    return anonymous(query.last_turn, customer)


def respond(
    query: Query,
    passages: Sequence[CitedPassage],
    evidence: Evidence,
    *,
    voice: Voice,
    threshold: float,
    customer_name: str | None = None,
    heard: HeardQuestions = ONE_QUESTION,
    facts: TicketFacts = NO_FACTS,
) -> tuple[Assessment, Draft | None]:
    """Whether these passages, best first, answer `query` or one of its questions, and the draft made from them if
    they do."""
    assessment = _judged(evidence, [passage.article_title for passage in passages], threshold)
    if not assessment.answer and heard.best is not None and heard.best.answer:
        assessment = heard.best
    if not assessment.answer:
        return assessment, None
    draft = compose(
        question=query.last_turn,
        passages=passages,
        voice=voice,
        customer_name=customer_name,
        questions=heard.questions,
        facts=facts,
    )
    return assessment, draft


def _judged(evidence: Evidence, titles: Sequence[str], threshold: float) -> Assessment:
    return assess(_signals(evidence), threshold=threshold, candidates=tuple(titles))


def _cited(passages: Sequence[FoundPassage]) -> list[CitedPassage]:
    return [
        CitedPassage(
            rank=rank,
            passage_id=str(passage.passage_id),
            article_id=str(passage.article_id),
            article_title=passage.title,
            section_path=passage.section_path,
            text=passage.text,
            score=passage.score,
            page=passage.page,
        )
        for rank, passage in enumerate(passages, start=1)
    ]


def _signals(evidence: Evidence) -> Signals:
    return Signals(
        top_dense_cosine=evidence.top_cosine,
        margin=evidence.margin,
        lexical_top_normalised=normalised_lexical(evidence.lexical_top, evidence.query_words),
        agreement=evidence.agreement,
        query_words=evidence.query_words,
    )
