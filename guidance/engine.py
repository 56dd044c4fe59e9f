"""The base engine: it retrieves and extracts, and says nothing rather than something ungrounded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guidance.anonymous import Customer, anonymous, numbers_of
from guidance.answer_memory import AnswerMemory, Recalled, Reused
from guidance.answer_vote import Setting
from guidance.article_outcomes import heeding, in_fair_order, records_of
from guidance.confidence import Assessment, Trust
from guidance.draft import CitedPassage, Draft, compose
from guidance.learning_queries import threshold_of, tuning_of
from guidance.question_search import ONE_QUESTION, HeardQuestions, hear_each
from guidance.questions import Question
from guidance.slots import NO_FACTS, TicketFacts
from guidance.tuning import LOOKED_AT, SHOWN
from guidance.voice import Voice
from guidance.voices import voice_of
from knowledge_base.index.evidence import Evidence
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import FoundPassage, Search
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId


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

    `weight` and `threshold` are those of a brand for which nothing was learned or chosen. Stores nothing. Raises
    IndexUnavailable.
    """
    tuning = tuning_of(tx, brand=brand, otherwise=weight)
    top = LOOKED_AT if memory else SHOWN
    found = retriever.search(tx, brand=brand, query=query, weight=tuning.dense_weight, top=top)
    passages, recalled = _remembered(
        tx, memory, brand, _asked(query, customer_name), found.passages, tuning.vote
    )
    records = records_of(tx, brand=brand, passages=passages)
    passages = in_fair_order(passages, records)
    alone = Trust(threshold=threshold_of(tx, brand=brand, otherwise=threshold))
    trust = replace(alone, tickets=recalled.tickets, calibration=tuning.calibration)
    heard = hear_each(
        tx,
        retriever,
        brand=brand,
        questions=questions,
        language=query.language,
        shown=passages,
        weight=tuning.dense_weight,
        judge=lambda own: alone.judge(own.evidence, [one.title for one in own.passages]),
        sure=trust.judge(found.evidence, [one.title for one in passages]).answer,
    )
    voice = voice_of(tx, brand=brand)
    assessment, draft = respond(
        query,
        cited(heard.passages),
        found.evidence,
        voice=voice.voice,
        trust=trust,
        customer_name=customer_name,
        heard=heard,
        facts=facts,
    )
    assessment = heeding(assessment, passages, records, threshold=trust.threshold)
    return Answer(
        passages=heard.passages,
        reused=recalled.reused,
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
    setting: Setting,
) -> tuple[tuple[FoundPassage, ...], Recalled]:
    """The passages to show, in the order that resolved tickets give them; scores stay with their places."""
    by_article = {passage.article_id: passage for passage in passages}
    if memory is None or not passages:
        return passages[:SHOWN], Recalled(ranked=list(by_article))
    recalled = memory.recall(tx, brand=brand, question=question, ranked=list(by_article), setting=setting)
    placed = zip(recalled.ranked, passages, strict=True)
    shown = [replace(by_article[article], score=place.score) for article, place in placed]
    return tuple(shown[:SHOWN]), recalled


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
    trust: Trust,
    customer_name: str | None = None,
    heard: HeardQuestions = ONE_QUESTION,
    facts: TicketFacts = NO_FACTS,
) -> tuple[Assessment, Draft | None]:
    """Whether these passages, best first, answer `query` or one of its questions, and the draft made from them if
    they do."""
    assessment = trust.judge(evidence, [passage.article_title for passage in passages])
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


def cited(passages: Sequence[FoundPassage]) -> list[CitedPassage]:
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
            language=passage.language,
        )
        for rank, passage in enumerate(passages, start=1)
    ]
