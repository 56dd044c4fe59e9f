"""The base engine: it retrieves and extracts, and says nothing rather than something ungrounded."""

from collections.abc import Sequence
from dataclasses import dataclass

from guidance.confidence import Assessment, Signals, assess, normalised_lexical
from guidance.draft import CitedPassage, Draft, compose
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
) -> Answer:
    """What `brand`'s knowledge says to `query`, in its voice. Stores nothing. Raises IndexUnavailable."""
    found = retriever.search(tx, brand=brand, query=query, weight=weight, top=PASSAGES_SHOWN)
    voice = voice_of(tx, brand=brand)
    assessment, draft = respond(
        query,
        _cited(found.passages),
        found.evidence,
        voice=voice.voice,
        threshold=threshold,
        customer_name=customer_name,
    )
    return Answer(passages=found.passages, assessment=assessment, draft=draft, voice_version=voice.version)


def respond(
    query: Query,
    passages: Sequence[CitedPassage],
    evidence: Evidence,
    *,
    voice: Voice,
    threshold: float,
    customer_name: str | None = None,
) -> tuple[Assessment, Draft | None]:
    """Whether these passages, best first, answer `query`, and the draft made from them if they do."""
    assessment = assess(
        _signals(evidence),
        threshold=threshold,
        candidates=tuple(passage.article_title for passage in passages),
    )
    if not assessment.answer:
        return assessment, None
    draft = compose(question=query.last_turn, passages=passages, voice=voice, customer_name=customer_name)
    return assessment, draft


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
