"""Preparing suggestions, and keeping the receipt of what a reply rested on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from guidance.answer_memory import AnswerMemory
from guidance.answer_models import SuggestionReuse
from guidance.conversation import conversation_of
from guidance.draft import CitedPassage, Draft, QuestionCoverage
from guidance.engine import answer
from guidance.findings import Finding
from guidance.flow_models import FlowWalk
from guidance.models import Receipt, Suggestion, SuggestionPassage, SuggestionState
from guidance.queries import as_cited, has_moved_on, passages_of, shown_suggestion, why_stopped
from guidance.questions import questions_in
from guidance.receipts import (
    SentenceSupport,
    edit_distance,
    edited_share,
    is_as_shown,
    supported_sentences,
)
from knowledge_base.index.retrieval import FoundPassage, Retriever
from knowledge_base.languages import language_of
from marketplace.events.commands import record
from marketplace.events.facts import SuggestionPrepared
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import ArticleId, BrandId, ReceiptId, SuggestionId, TicketId, new_id
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Reply

QUOTE_LIMIT = 4_000
DRAFT = "draft"
FLOW = "flow"
"""What a receipt calls the draft of a flow among what was inserted."""


class GuidanceStopped(Conflict):
    """Guidance is switched off for this brand at the moment."""


def prepare_suggestion(
    tx: Tx,
    retriever: Retriever,
    *,
    brand: BrandId,
    ticket: TicketId,
    weight: float,
    threshold: float,
    now: datetime,
    memory: AnswerMemory | None = None,
) -> Suggestion:
    """Suggest an answer to the ticket as it stands: cited passages and a draft, or a reasoned silence.

    `brand` is the ticket's own (its row is loaded by both), so no request can point retrieval elsewhere.
    Raises IndexUnavailable while the brand's index cannot be opened, GuidanceStopped while it is switched off.
    """
    if why_stopped(tx, brand=brand) is not None:
        raise GuidanceStopped
    said = conversation_of(tx, brand=brand, ticket=ticket)
    query = said.query
    found = answer(
        tx,
        retriever,
        brand=brand,
        query=query,
        weight=weight,
        threshold=threshold,
        customer_name=said.customer_name,
        memory=memory,
        questions=questions_in(said.asked),
        facts=said.facts,
    )
    draft, assessment = found.draft, found.assessment
    suggestion = Suggestion(
        brand_id=brand,
        id=SuggestionId(new_id()),
        ticket_id=ticket,
        message_id=said.thread[-1].id,
        state=SuggestionState.READY if draft else SuggestionState.ABSTAINED,
        confidence=assessment.confidence,
        reason=assessment.reason.value,
        next_step=assessment.next_step,
        draft=draft.text if draft else "",
        sentences=[asdict(sentence) for sentence in draft.sentences] if draft else [],
        questions=_told(draft.coverage) if draft else [],
        slots=[asdict(slot) for slot in draft.filled] if draft else [],
        asked_in=query.language or "",
        answered_in=_answered_in(draft, found.passages) or "",
        voice_version=found.voice_version,
        prepared_at=now,
    )
    tx.add(suggestion)
    tx.flush()
    for rank, passage in enumerate(found.passages, start=1):
        tx.add(_shown(suggestion, rank, passage))
    if found.reused is not None:
        tx.add(
            SuggestionReuse(
                brand_id=brand,
                suggestion_id=suggestion.id,
                ticket_id=found.reused.ticket,
                article_id=found.reused.article,
                worked=found.reused.worked,
                times=found.reused.times,
            )
        )
    record(
        tx,
        SuggestionPrepared(
            brand=brand, ticket=ticket, suggestion=suggestion.id, state=suggestion.state.value
        ),
    )
    return suggestion


def write_receipt(
    tx: Tx,
    *,
    reply: Reply,
    inserted: Sequence[str],
    now: datetime,
    shown: SuggestionId | None = None,
    walked: FlowWalk | None = None,
    found: Sequence[Finding] = (),
) -> Receipt:
    """Keep what `reply` rested on: what was shown, inserted ("draft" or a passage's rank), edited and sent, and whether
    it is the brand's own answer as it was shown.

    `shown` is the suggestion beside which it was written; without it, the newest. `walked` is the flow whose draft went
    in, `found` what stood against it when it was sent. Raises UnknownSuggestion.
    """
    suggestion = shown_suggestion(tx, brand=reply.brand_id, ticket=reply.ticket_id, shown=shown)
    rows = [] if suggestion is None else passages_of(tx, suggestion)
    passages = [as_cited(row) for row in rows]
    put_in = (_inserted_text(suggestion, passages, inserted), walked.draft if walked else "")
    base = "\n\n".join(filter(None, put_in))
    support = supported_sentences(reply.body, passages)
    rests_on = _main_passage(rows, support, inserted)
    reply.as_shown = (
        rests_on is not None
        and walked is None
        and DRAFT in inserted
        and suggestion is not None
        and not has_moved_on(tx, suggestion)
        and is_as_shown(suggestion.draft, reply.body)
    )
    receipt = Receipt(
        brand_id=reply.brand_id,
        id=ReceiptId(new_id()),
        ticket_id=reply.ticket_id,
        reply_id=reply.id,
        suggestion_id=suggestion.id if suggestion else None,
        flow_walk_id=walked.id if walked else None,
        article_id=rests_on.article_id if rests_on else None,
        revision_id=rests_on.revision_id if rests_on else None,
        shown=[
            {
                "rank": passage.rank,
                "passage": passage.passage_id,
                "title": passage.article_title,
                "page": passage.page,
            }
            for passage in passages
        ],
        inserted=[*inserted, *([FLOW] if walked else [])],
        support=[asdict(one) for one in support],
        findings=[
            {"kind": one.kind.value, "severity": one.severity.value, "words": one.message} for one in found
        ],
        edit_distance=edit_distance(base, reply.body),
        edited_share=edited_share(base, reply.body),
        sent_text=f"{reply.body}\n\n{reply.label}",
        written_at=now,
    )
    tx.add(receipt)
    tx.flush()
    return receipt


def _main_passage(
    passages: Sequence[SuggestionPassage], support: Sequence[SentenceSupport], inserted: Sequence[str]
) -> SuggestionPassage | None:
    """The passage whose article most sentences stand in; without any, the first that was put in."""
    sentences = Counter(one.passage_rank for one in support if one.passage_rank is not None)
    articles: Counter[ArticleId] = Counter()
    for passage in passages:
        articles[passage.article_id] += sentences[passage.rank]
    used = [one for one in passages if sentences[one.rank] or str(one.rank) in inserted]
    return max(used, key=lambda one: (articles[one.article_id], sentences[one.rank], -one.rank), default=None)


def _answered_in(draft: Draft | None, passages: Sequence[FoundPassage]) -> str | None:
    """What is quoted tells, else its passages; the greeting and the sign-off are in the voice's one language."""
    quoted = {one.text: one.passage_rank for one in draft.sentences if one.passage_rank} if draft else {}
    languages = (passages[rank - 1].language for rank in quoted.values())
    return language_of(" ".join(quoted)) or next(filter(None, languages), None)


def _told(coverage: Sequence[QuestionCoverage]) -> list[dict[str, object]]:
    return [{"question": mask(one.question).text, "ranks": list(one.ranks)} for one in coverage]


def _shown(suggestion: Suggestion, rank: int, passage: FoundPassage) -> SuggestionPassage:
    return SuggestionPassage(
        brand_id=suggestion.brand_id,
        suggestion_id=suggestion.id,
        rank=rank,
        passage_id=passage.passage_id,
        article_id=passage.article_id,
        revision_id=passage.revision_id,
        revision_number=passage.revision_number,
        title=passage.title,
        section_path=list(passage.section_path),
        page=passage.page,
        quoted=passage.text[:QUOTE_LIMIT],
        score=passage.score,
        verified_at=passage.verified_at,
    )


def _inserted_text(
    suggestion: Suggestion | None, shown: Sequence[CitedPassage], inserted: Sequence[str]
) -> str:
    """The text the worker started from: the draft, or the passages put in one after another."""
    if suggestion is None:
        return ""
    if DRAFT in inserted:
        return suggestion.draft
    by_rank = {str(passage.rank): passage.text for passage in shown}
    return "\n".join(by_rank[rank] for rank in inserted if rank in by_rank)
