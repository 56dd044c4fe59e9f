"""Sentences of a reply that the worker took from knowledge which has ended since: the last guard before sending."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from guidance.findings import Finding, FindingKind, Severity
from guidance.lint import MAX_REPLY_CHARS
from guidance.models import Suggestion, SuggestionPassage
from guidance.receipts import quotes
from guidance.sentences import split_sentences
from knowledge_base.liveness import is_offered
from knowledge_base.models import Article, Passage
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, TicketId

SHOWN_LOOKED_AT = 60
"""Passages, three to five a suggestion: at least the newest twelve suggestions of a ticket."""
OFFERED_LOOKED_AT = 400

MESSAGE = "The knowledge does not say this any more. Take it out; guidance shows what holds now."


class OutdatedText(Conflict):
    """The text quotes knowledge that ended since guidance showed it. Read the desk again, and send what holds now."""


def outdated_findings(tx: Tx, *, brand: BrandId, ticket: TicketId, text: str) -> tuple[Finding, ...]:
    """What of `text` stands word for word in a passage that guidance showed and may not show any more.

    A sentence that the same articles, or other passages shown, still say is none of these. The transaction must see
    the brand's knowledge.
    """
    shown = _shown(tx, brand, ticket)
    offered = _offered(tx, brand, {one.passage_id for one in shown})
    ended = [one for one in shown if one.passage_id not in offered]
    if not ended or len(text) > MAX_REPLY_CHARS:
        return ()
    old = [one.quoted for one in ended]
    held = [*_texts_of(tx, brand, {one.article_id for one in ended}), *offered.values()]
    return tuple(
        _finding(text, sentence)
        for sentence in split_sentences(text)
        if quotes(sentence, old) and not quotes(sentence, held)
    )


def _finding(text: str, sentence: str) -> Finding:
    start = max(text.find(sentence), 0)
    return Finding(
        kind=FindingKind.OUTDATED,
        severity=Severity.BLOCK,
        start=start,
        end=start + len(sentence),
        message=MESSAGE,
        fix=None,
    )


def _shown(tx: Tx, brand: BrandId, ticket: TicketId) -> Sequence[SuggestionPassage]:
    return tx.scalars(
        select(SuggestionPassage)
        .join(
            Suggestion,
            (Suggestion.brand_id == SuggestionPassage.brand_id)
            & (Suggestion.id == SuggestionPassage.suggestion_id),
        )
        .where(Suggestion.brand_id == brand, Suggestion.ticket_id == ticket)
        .order_by(SuggestionPassage.suggestion_id.desc(), SuggestionPassage.rank)
        .limit(SHOWN_LOOKED_AT)
    ).all()


def _offered(tx: Tx, brand: BrandId, passages: Collection[PassageId]) -> dict[PassageId, str]:
    rows = tx.execute(
        select(Passage.id, Passage.text)
        .join(Article, is_offered())
        .where(Passage.brand_id == brand, Passage.id.in_(passages))
    )
    return {row.id: row.text for row in rows}


def _texts_of(tx: Tx, brand: BrandId, articles: Collection[ArticleId]) -> Sequence[str]:
    """What these articles say now, as far as it may be offered."""
    return tx.scalars(
        select(Passage.text)
        .join(Article, is_offered())
        .where(Passage.brand_id == brand, Passage.article_id.in_(articles))
        .limit(OFFERED_LOOKED_AT)
    ).all()
