"""Reading suggestions and receipts: the evidence that worker, brand and finance share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from guidance.answer_memory import find_remembered, how_often
from guidance.answer_models import SuggestionReuse
from guidance.draft import CitedPassage, DraftSentence, QuestionCoverage
from guidance.flow_models import FlowWalk
from guidance.languages import mismatch
from guidance.models import Receipt, Suggestion, SuggestionPassage, SuggestionState
from guidance.reply_outcomes import ReplyOutcome, outcomes_of
from guidance.slots import FilledSlot, SlotKind
from guidance.wording_models import Wording
from knowledge_base.liveness import in_quarantine, is_offered
from knowledge_base.models import Article, Passage
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, ReplyId, SuggestionId, TicketId
from marketplace.tickets.models import Author, Message, PoolTicket
from marketplace.tickets.switch_models import KillSwitch, SwitchKind
from marketplace.tickets.switch_queries import find_live

JUST_NOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionView:
    """A suggestion as the desk shows it. `stale`: the customer wrote since, or a passage no longer holds, which is
    `ended`; `quarantined`: one was reported wrong and taken out."""

    id: SuggestionId
    state: SuggestionState
    confidence: float
    reason: str
    next_step: str
    draft: str
    passages: tuple[SuggestionPassage, ...]
    prepared_at: datetime
    stale: bool
    ended: bool = False
    quarantined: bool = False
    reused: "ReuseView | None" = None
    questions: tuple[QuestionCoverage, ...] = ()
    filled: tuple[FilledSlot, ...] = ()
    other_language: str = ""
    """The sentence of warning, where the answer is not in the customer's language."""

    sentences: tuple[DraftSentence, ...] = ()
    generator: str = ""
    """What worded the draft; empty where it is quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReuseView:
    """A resolved ticket like this one: what was asked and answered, without its customer. Of `times` tickets that
    its article answered, `worked` stand resolved now."""

    article_title: str
    question: str
    answer: str
    worked: int
    times: int


def suggestion_for_desk(
    tx: Tx, *, brand: BrandId, ticket: TicketId, shown: SuggestionId | None = None
) -> SuggestionView | None:
    """The newest suggestion, or the one that was `shown`, with its passages; None while none is prepared, or
    guidance is stopped. Raises UnknownSuggestion."""
    suggestion = shown_suggestion(tx, brand=brand, ticket=ticket, shown=shown)
    if suggestion is None or why_stopped(tx, brand=brand) is not None:
        return None
    passages = tuple(passages_of(tx, suggestion))
    offered = _all_offered(tx, brand, passages) and not _is_left_bare(suggestion, passages)
    return SuggestionView(
        id=suggestion.id,
        state=suggestion.state,
        confidence=suggestion.confidence,
        reason=suggestion.reason,
        next_step=suggestion.next_step,
        draft=suggestion.draft,
        passages=passages,
        prepared_at=suggestion.prepared_at,
        stale=not offered or has_moved_on(tx, suggestion),
        ended=not offered,
        quarantined=not offered and _any_in_quarantine(tx, brand, passages),
        reused=_reused(tx, suggestion, passages),
        questions=tuple(
            QuestionCoverage(question=one["question"], ranks=tuple(one["ranks"]))
            for one in suggestion.questions
        ),
        other_language=mismatch(suggestion.asked_in, suggestion.answered_in),
        sentences=tuple(DraftSentence(**one) for one in suggestion.sentences),
        generator=generator_of(tx, suggestion),
        filled=tuple(FilledSlot(**{**one, "kind": SlotKind(one["kind"])}) for one in suggestion.slots),
    )


def _reused(tx: Tx, suggestion: Suggestion, passages: Sequence[SuggestionPassage]) -> ReuseView | None:
    """What the suggestion showed, as it holds now: gone when its ticket was reopened or its article retired."""
    shown = tx.get(SuggestionReuse, (suggestion.brand_id, suggestion.id))
    if shown is None:
        return None
    answer = find_remembered(tx, brand=suggestion.brand_id, ticket=shown.ticket_id)
    title = next((one.title for one in passages if one.article_id == shown.article_id), None)
    if answer is None or title is None:
        return None
    worked, times = how_often(tx, brand=suggestion.brand_id, article=shown.article_id)
    return ReuseView(
        article_title=title, question=answer.question, answer=answer.answer, worked=worked, times=times
    )


def why_stopped(tx: Tx, *, brand: BrandId) -> str | None:
    """The reason why guidance is switched off for `brand`; None while it is on."""
    switch = find_live(tx, kind=SwitchKind.GUIDANCE, brand=brand)
    return None if switch is None else switch.reason


def tickets_without_suggestion(
    tx: Tx, *, before: datetime, limit: int = 20
) -> list[tuple[BrandId, TicketId]]:
    """Tickets in the pool since before then for which nothing was prepared: their job was lost.

    Where guidance is stopped nothing is missing.
    """
    prepared = select(Suggestion.id).where(
        Suggestion.brand_id == PoolTicket.brand_id, Suggestion.ticket_id == PoolTicket.ticket_id
    )
    stopped = select(KillSwitch.id).where(
        KillSwitch.kind == SwitchKind.GUIDANCE,
        (KillSwitch.brand_id == PoolTicket.brand_id) | KillSwitch.brand_id.is_(None),
        KillSwitch.lifted_at.is_(None),
    )
    rows = tx.execute(
        select(PoolTicket.brand_id, PoolTicket.ticket_id)
        .where(PoolTicket.waiting_since < before, ~prepared.exists(), ~stopped.exists())
        .order_by(PoolTicket.waiting_since)
        .limit(limit)
    )
    return [(brand, ticket) for brand, ticket in rows]


def just_prepared(tx: Tx, *, brand: BrandId, ticket: TicketId, now: datetime) -> bool:
    """Whether the ticket as it stands has a suggestion made within the last minute."""
    newest = newest_suggestion(tx, brand=brand, ticket=ticket)
    return newest is not None and newest.prepared_at > now - JUST_NOW and not has_moved_on(tx, newest)


def newest_suggestion(tx: Tx, *, brand: BrandId, ticket: TicketId) -> Suggestion | None:
    return tx.scalars(
        select(Suggestion)
        .where(Suggestion.brand_id == brand, Suggestion.ticket_id == ticket)
        .order_by(Suggestion.id.desc())
        .limit(1)
    ).one_or_none()


class UnknownSuggestion(Invalid):
    """That suggestion is not one of this ticket's. Open the ticket again."""


def shown_suggestion(
    tx: Tx, *, brand: BrandId, ticket: TicketId, shown: SuggestionId | None
) -> Suggestion | None:
    """The suggestion that stood beside a reply: the one named, for a newer may have come meanwhile; else the
    newest."""
    if shown is None:
        return newest_suggestion(tx, brand=brand, ticket=ticket)
    suggestion = tx.get(Suggestion, (brand, shown))
    if suggestion is None or suggestion.ticket_id != ticket:
        raise UnknownSuggestion
    return suggestion


def cited_passages(tx: Tx, suggestion: Suggestion) -> list[CitedPassage]:
    """The suggestion's passages as they were shown."""
    return [as_cited(row) for row in passages_of(tx, suggestion)]


def as_cited(row: SuggestionPassage) -> CitedPassage:
    return CitedPassage(
        rank=row.rank,
        passage_id=str(row.passage_id),
        article_id=str(row.article_id),
        article_title=row.title,
        section_path=tuple(row.section_path),
        text=row.quoted,
        score=row.score,
        page=row.page,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """What one reply rested on, as every reader sees it."""

    reply: ReplyId
    abstained: bool
    confidence: float | None
    passages: tuple[SuggestionPassage, ...]
    inserted: tuple[str, ...]
    flow: FlowWalk | None
    support: tuple[dict[str, Any], ...]
    findings: tuple[dict[str, Any], ...]
    edit_distance: int
    edited_share: float
    sent_text: str
    written_at: datetime
    outcome: ReplyOutcome | None = None
    generator: str = ""


def receipts_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[ReceiptView]:
    """The receipts of a ticket's replies, oldest first."""
    rows = tx.scalars(
        select(Receipt).where(Receipt.brand_id == brand, Receipt.ticket_id == ticket).order_by(Receipt.id)
    ).all()
    return list(_receipts(tx, brand, rows).values())


def receipts_of_replies(tx: Tx, *, brand: BrandId, replies: Sequence[ReplyId]) -> dict[ReplyId, ReceiptView]:
    """The receipts of these replies."""
    rows = tx.scalars(select(Receipt).where(Receipt.brand_id == brand, Receipt.reply_id.in_(replies))).all()
    return _receipts(tx, brand, rows)


def _receipts(tx: Tx, brand: BrandId, rows: Sequence[Receipt]) -> dict[ReplyId, ReceiptView]:
    outcomes = outcomes_of(tx, brand=brand, receipts=[row.id for row in rows])
    return {row.reply_id: _receipt(tx, row, outcomes.get(row.id)) for row in rows}


def _receipt(tx: Tx, row: Receipt, outcome: ReplyOutcome | None) -> ReceiptView:
    suggestion = tx.get(Suggestion, (row.brand_id, row.suggestion_id)) if row.suggestion_id else None
    return ReceiptView(
        reply=row.reply_id,
        abstained=suggestion is not None and suggestion.state is SuggestionState.ABSTAINED,
        confidence=suggestion.confidence if suggestion else None,
        passages=tuple(passages_of(tx, suggestion)) if suggestion else (),
        inserted=tuple(row.inserted),
        flow=tx.get(FlowWalk, (row.brand_id, row.flow_walk_id)) if row.flow_walk_id else None,
        support=tuple(row.support),
        findings=tuple(row.findings),
        edit_distance=row.edit_distance,
        edited_share=row.edited_share,
        sent_text=row.sent_text,
        written_at=row.written_at,
        outcome=outcome,
        generator=generator_of(tx, suggestion) if suggestion else "",
    )


def passages_of(tx: Tx, suggestion: Suggestion) -> Sequence[SuggestionPassage]:
    return tx.scalars(
        select(SuggestionPassage)
        .where(
            SuggestionPassage.brand_id == suggestion.brand_id,
            SuggestionPassage.suggestion_id == suggestion.id,
        )
        .order_by(SuggestionPassage.rank)
    ).all()


def generator_of(tx: Tx, suggestion: Suggestion) -> str:
    """The generator that worded it; empty where it is quoted."""
    worded = select(Wording.generator).where(
        Wording.brand_id == suggestion.brand_id, Wording.became == suggestion.id
    )
    return tx.scalars(worded).one_or_none() or ""


def has_moved_on(tx: Tx, suggestion: Suggestion) -> bool:
    """Whether the customer wrote since it was prepared."""
    newer = select(Message.id).where(
        Message.brand_id == suggestion.brand_id,
        Message.ticket_id == suggestion.ticket_id,
        Message.author == Author.CUSTOMER,
        Message.id > suggestion.message_id,
    )
    return tx.execute(newer.limit(1)).first() is not None


def _all_offered(tx: Tx, brand: BrandId, passages: Sequence[SuggestionPassage]) -> bool:
    wanted = [passage.passage_id for passage in passages]
    offered = (
        select(Passage.id)
        .join(Article, is_offered())
        .where(Passage.brand_id == brand, Passage.id.in_(wanted))
    )
    return len(tx.scalars(offered).all()) == len(wanted)


def _is_left_bare(suggestion: Suggestion, passages: Sequence[SuggestionPassage]) -> bool:
    """A draft whose passages were erased with the brand's knowledge: it stays for its receipt, and is not offered."""
    return suggestion.state is SuggestionState.READY and not passages


def _any_in_quarantine(tx: Tx, brand: BrandId, passages: Sequence[SuggestionPassage]) -> bool:
    wanted = [passage.passage_id for passage in passages]
    held = select(Passage.id).where(Passage.brand_id == brand, Passage.id.in_(wanted), in_quarantine())
    return tx.scalars(held.limit(1)).first() is not None
