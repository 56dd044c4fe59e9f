"""A question without a ticket: what a worker would be shown if a customer asked it now. Nothing is stored."""

from dataclasses import dataclass

from guidance.commands import PASSAGES_SHOWN
from guidance.confidence import Assessment, Signals, assess, normalised_lexical
from guidance.draft import CitedPassage, Draft, compose
from guidance.voices import voice_of
from knowledge_base.retrieval import FoundPassage, Retriever
from knowledge_base.search import Query
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The passages found, whether they would be offered as an answer, and the draft; None when not."""

    assessment: Assessment
    passages: tuple[FoundPassage, ...]
    draft: Draft | None


def try_question(
    tx: Tx, retriever: Retriever, *, brand: BrandId, question: str, weight: float, threshold: float
) -> Trial:
    """Ask `brand`'s knowledge, as `prepare_suggestion` does for a ticket. Raises IndexUnavailable."""
    found = retriever.search(tx, brand=brand, query=Query.of([question]), weight=weight, top=PASSAGES_SHOWN)
    evidence = found.evidence
    assessment = assess(
        Signals(
            top_dense_cosine=evidence.top_cosine,
            margin=evidence.margin,
            lexical_top_normalised=normalised_lexical(evidence.lexical_top, evidence.query_words),
            agreement=evidence.agreement,
            query_words=evidence.query_words,
        ),
        threshold=threshold,
        candidates=tuple(passage.title for passage in found.passages),
    )
    draft = _draft(tx, brand, question, found.passages) if assessment.answer else None
    return Trial(assessment=assessment, passages=found.passages, draft=draft)


def _draft(tx: Tx, brand: BrandId, question: str, passages: tuple[FoundPassage, ...]) -> Draft | None:
    cited = [
        CitedPassage(
            rank=rank,
            passage_id=str(passage.passage_id),
            article_id=str(passage.article_id),
            article_title=passage.title,
            section_path=passage.section_path,
            text=passage.text,
            score=passage.score,
        )
        for rank, passage in enumerate(passages, start=1)
    ]
    return compose(question=question, passages=cited, voice=voice_of(tx, brand=brand).voice)
