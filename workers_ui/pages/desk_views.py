"""A claimed ticket as the desk: thread, guidance with its passages, the brand's voice, the composer."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from guidance.confidence import Reason
from guidance.models import SuggestionPassage, SuggestionState
from guidance.queries import ReuseView, SuggestionView
from guidance.slots import SlotKind, kind_of
from guidance.voice import Voice, unfilled_slots
from knowledge_base.report_models import ReportState
from marketplace.kernel.ids import PassageId, WorkerId
from marketplace.tickets.models import Author, ClaimEnd, EscalationReason, ReleaseReason, ReplyState
from marketplace.tickets.notes import NoteLine
from marketplace.tickets.queries import Line
from marketplace.tickets.reply_models import EscalationQueue
from marketplace.tickets.worker_queries import OwnReply
from workers_ui.pages.places import place_of
from workers_ui.pages.report_views import HEARD
from workers_ui.pages.spans import span
from workers_ui.presenters import worker as views
from workers_ui.presenters.values import Badge, Choice, Tone

DRAFT = "draft"
HIGH = 0.8
FAIR = 0.5
MILLISECONDS = 1_000

RELEASE_REASONS: Mapping[ReleaseReason, str] = {
    ReleaseReason.NOT_MY_SKILL: "It is not my field",
    ReleaseReason.NO_TIME: "I have no time now",
    ReleaseReason.UNCLEAR: "I do not understand the question",
    ReleaseReason.KNOWLEDGE_MISSING: "The knowledge does not cover it",
    ReleaseReason.OTHER: "Something else",
}
ESCALATION_REASONS: Mapping[EscalationReason, str] = {
    EscalationReason.NO_GROUNDED_ANSWER: "The knowledge does not answer it",
    EscalationReason.NEEDS_BRAND_ACTION: "The brand has to do something (a refund, an account change)",
    EscalationReason.POLICY_EXCEPTION: "The customer asks for an exception",
    EscalationReason.SENSITIVE: "It is sensitive: legal, safety, privacy",
    EscalationReason.OTHER: "Something else",
}
ENDED: Mapping[ClaimEnd, str] = {
    ClaimEnd.RELEASED: "You gave this ticket back.",
    ClaimEnd.EXPIRED: "Your time on this ticket ran out.",
    ClaimEnd.HANDED_OVER: "The customer wrote while you were away, so the ticket went back to the pool.",
    ClaimEnd.ESCALATED: "You escalated this ticket to the brand.",
    ClaimEnd.RESOLVED: "This ticket is resolved.",
    ClaimEnd.SIGNED_OUT: "You signed out, so this ticket went back to the pool.",
    ClaimEnd.TAKEN_BACK: "The brand took this ticket back.",
    ClaimEnd.SUSPENDED: "Your account was suspended, so this ticket went back to the pool.",
}
SILENCE: Mapping[str, str] = {
    Reason.NOTHING_FOUND: "Nothing in it is about this question.",
    Reason.OFF_TOPIC: "The nearest passage is about something else.",
    Reason.TOO_SHORT: "The message is too short to match.",
    Reason.AMBIGUOUS: "Several articles fit equally well.",
    Reason.WEAK: "The passages found are not a sure answer.",
    Reason.FAILING: "What it says has not helped others who asked.",
}
REPLY_STATES: Mapping[ReplyState, Badge] = {
    ReplyState.AWAITING_APPROVAL: Badge(label="waits for approval", tone=Tone.INFO),
    ReplyState.QUEUED: Badge(label="sending"),
    ReplyState.SENT: Badge(label="sent", tone=Tone.GOOD),
    ReplyState.FAILED: Badge(label="not delivered", tone=Tone.BAD),
    ReplyState.RECALLED: Badge(label="called back", tone=Tone.WARN),
}
WROTE_AGAIN = "The customer wrote again since this was prepared."
ENDED_KNOWLEDGE = "The brand changed or took out what this suggestion was taken from."
QUARANTINED = "A passage in it was reported as wrong and taken out of all suggestions."
RENEWED_SOON = "A new one comes by itself in a moment."
MARKED_IN_THE_REPLY = "What in your reply no longer holds is marked; it cannot be sent."
WHAT_IT_MEANS = (
    "About {tenths} in 10 suggestions like this rest on the right article. Read the passages before you send."
)
SURE_OF_NOTHING = frozenset({Reason.NOTHING_FOUND, Reason.OFF_TOPIC})
FOLDED_CHARS = 280
"""A longer passage that the draft does not use shows its beginning."""

FIELD_TYPES: Mapping[SlotKind, str] = {
    SlotKind.CUSTOMER_NAME: "text",
    SlotKind.ORDER_ID: "text",
    SlotKind.AMOUNT: "text",
    SlotKind.DATE: "date",
    SlotKind.TEXT: "text",
}
NOTHING_REPORTED: Mapping[PassageId, ReportState] = MappingProxyType({})
PREPARING = views.Guidance(state=views.GuidanceState.PREPARING)
NO_GUIDANCE = views.Guidance(state=views.GuidanceState.READY)


def queue_choices(queues: Iterable[EscalationQueue]) -> tuple[Choice, ...]:
    """Where a ticket may be escalated to and how long the brand takes at most, the preselected one first."""
    return tuple(
        Choice(value=one.key, label=f"{one.name} (decides within {span(one.decide_minutes)})")
        for one in queues
    )


def choices(reasons: Mapping[ReleaseReason, str] | Mapping[EscalationReason, str]) -> tuple[Choice, ...]:
    return tuple(Choice(value=reason.value, label=label) for reason, label in reasons.items())


def messages(
    thread: Iterable[Line], own: Mapping[datetime, OwnReply], *, brand: str
) -> tuple[views.ThreadMessage, ...]:
    return tuple(_message(line, own, brand) for line in thread)


def notes(lines: Iterable[NoteLine], *, worker: WorkerId, brand: str) -> tuple[views.NoteLine, ...]:
    """The notes as `worker` reads them: colleagues have no names here, as in the thread."""
    return tuple(
        views.NoteLine(
            author_label=_noted_by(line, worker, brand), text=line.text, written_at=line.written_at
        )
        for line in lines
    )


def ended_reason(end: ClaimEnd | None) -> str:
    """Why a claim is over; None stands for a lease that ran out and is not swept up yet."""
    return ENDED[end or ClaimEnd.EXPIRED]


def guidance(
    found: SuggestionView | None,
    *,
    stopped: str | None = None,
    reported: Mapping[PassageId, ReportState] = NOTHING_REPORTED,
) -> views.Guidance:
    """`stopped` is why guidance is switched off, where it is; `reported` what this worker called wrong."""
    if stopped is not None:
        return views.Guidance(
            state=views.GuidanceState.STOPPED,
            reason=stopped,
            next_step="What you typed is kept. Answer from what you know, or escalate.",
        )
    if found is None:
        return PREPARING
    if found.stale:
        # A passage that was deleted must not be offered, so none are until guidance has looked again.
        return views.Guidance(
            state=views.GuidanceState.STALE,
            suggestion=str(found.id),
            reason=_why_stale(found),
            next_step=f"{RENEWED_SOON} {MARKED_IN_THE_REPLY}" if found.ended else RENEWED_SOON,
        )
    ready = found.state is SuggestionState.READY
    return views.Guidance(
        state=views.GuidanceState.READY if ready else views.GuidanceState.ABSTAINED,
        suggestion=str(found.id),
        cards=_cards(found.passages, reported, used=_used(found)),
        draft=_draft(found) if ready else None,
        worked_before=_worked_before(found.reused),
        reason="" if ready else SILENCE.get(found.reason, ""),
        unsure=not ready and found.reason not in SURE_OF_NOTHING,
        fails=ready and found.reason == Reason.FAILING,
        next_step=found.next_step,
    )


def _why_stale(found: SuggestionView) -> str:
    if found.quarantined:
        return QUARANTINED
    return ENDED_KNOWLEDGE if found.ended else WROTE_AGAIN


def voice(rules: Voice) -> views.Voice:
    return views.Voice(
        summary=rules.description or f"{rules.formality.value.capitalize()} in tone.",
        do=tuple(f"“{word}”" for word in rules.words_to_use),
        avoid=tuple(f"“{word}”" for word in rules.words_to_avoid),
        greeting=rules.greeting,
        sign_off=rules.sign_off,
    )


def inserted_marks(asked: str, found: SuggestionView | None) -> tuple[str, ...]:
    """What a form says was inserted, as its passages' ids and "draft": only what guidance really showed."""
    if found is None:
        return ()
    by_rank = {str(passage.rank): str(passage.passage_id) for passage in found.passages}
    known = {DRAFT, *by_rank.values()}
    marks = (by_rank.get(mark, mark) for mark in (part.strip() for part in asked.split(",")))
    return tuple(dict.fromkeys(mark for mark in marks if mark in known))


def inserted_ranks(marks: Iterable[str], found: SuggestionView | None) -> list[str]:
    """The marks as a receipt keeps them: "draft" and the passages' ranks."""
    ranks = {str(passage.passage_id): str(passage.rank) for passage in found.passages} if found else {}
    return [ranks.get(mark, mark) for mark in marks]


def insertable(mark: str, found: SuggestionView | None) -> str:
    """The text behind "draft" or a rank; empty when guidance shows no such thing."""
    if found is None or found.stale:
        return ""
    if mark == DRAFT:
        return found.draft
    return next((passage.quoted for passage in found.passages if str(passage.rank) == mark), "")


def revision(*moments: datetime | None) -> int:
    """A number that grows with each save and each reply; 0 before the first."""
    return max((int(moment.timestamp() * MILLISECONDS) for moment in moments if moment), default=0)


class Confidence(StrEnum):
    HIGH = "High"
    FAIR = "Fair"
    LOW = "Low"


def confidence_label(share: float) -> str:
    if share >= HIGH:
        return Confidence.HIGH
    return Confidence.FAIR if share >= FAIR else Confidence.LOW


def _message(line: Line, own: Mapping[datetime, OwnReply], brand: str) -> views.ThreadMessage:
    mine = own.get(line.written_at) if line.author is Author.WORKER else None
    return views.ThreadMessage(
        author=views.Author(line.author.value),
        author_label=_author_label(line, mine, brand),
        text=line.text,
        sent_at=line.written_at,
        affiliation_label=mine.label if mine else "",
        state=REPLY_STATES.get(mine.state) if mine else None,
    )


def _author_label(line: Line, mine: OwnReply | None, brand: str) -> str:
    match line.author:
        case Author.CUSTOMER:
            return "Customer"
        case Author.BRAND:
            return brand
        case Author.WORKER:
            return "You" if mine else "Another expert"


def _noted_by(line: NoteLine, worker: WorkerId, brand: str) -> str:
    if line.author is Author.BRAND:
        return brand
    return "You" if line.worker == worker else "Another expert"


def shown_cards(
    passages: Sequence[SuggestionPassage], reported: Mapping[PassageId, ReportState]
) -> tuple[views.PassageCard, ...]:
    """What guidance showed on a ticket that is over, numbered anew."""
    return tuple(
        replace(card, number=number) for number, card in enumerate(_cards(passages, reported), start=1)
    )


def _cards(
    passages: Sequence[SuggestionPassage],
    reported: Mapping[PassageId, ReportState],
    *,
    used: Collection[int] = (),
) -> tuple[views.PassageCard, ...]:
    """How well a passage matches is not told: its score orders one search, and says nothing of its worth."""
    return tuple(
        views.PassageCard(
            number=passage.rank,
            passage=str(passage.passage_id),
            article_title=passage.title,
            section_path=place_of(passage.section_path, passage.page),
            text=passage.quoted,
            used=passage.rank in used,
            folded=passage.rank not in used and len(passage.quoted) > FOLDED_CHARS,
            verified_on=passage.verified_at.date(),
            revision=passage.revision_number,
            reported=HEARD[reported[passage.passage_id]] if passage.passage_id in reported else "",
        )
        for passage in passages
    )


def _worked_before(reused: ReuseView | None) -> views.WorkedBefore | None:
    if reused is None:
        return None
    return views.WorkedBefore(
        article_title=reused.article_title,
        question=reused.question,
        answer=reused.answer,
        worked=reused.worked,
        times=reused.times,
    )


def _used(found: SuggestionView) -> frozenset[int]:
    """The passages, by rank, that the draft takes sentences from."""
    return frozenset(one.passage_rank for one in found.sentences if one.passage_rank is not None)


def _sources(found: SuggestionView) -> tuple[views.SentenceSource, ...]:
    revisions = {passage.rank: passage.revision_number for passage in found.passages}
    return tuple(
        views.SentenceSource(sentence=one.text, number=one.passage_rank, revision=revisions[one.passage_rank])
        for one in found.sentences
        if one.passage_rank is not None
    )


def _slot_label(name: str) -> str:
    return " ".join(re.split(r"[\W_]+", name)).strip().lower()


def _draft(found: SuggestionView) -> views.SuggestedDraft:
    return views.SuggestedDraft(
        text=found.draft,
        confidence=found.confidence,
        confidence_label=confidence_label(found.confidence),
        cited_numbers=tuple(sorted(_used(found))),
        meaning="" if found.confidence >= HIGH else WHAT_IT_MEANS.format(tenths=round(10 * found.confidence)),
        unfilled_slots=tuple(f"{{{slot.value}}}" for slot in unfilled_slots(found.draft)),
        answered=tuple(
            views.AnsweredQuestion(question=one.question, numbers=one.ranks)
            for one in found.questions
            if one.ranks
        ),
        not_answered=tuple(one.question for one in found.questions if not one.ranks),
        open_slots=tuple(
            views.OpenSlot(name=name, label=_slot_label(name), type=FIELD_TYPES[kind_of(name)])
            for name in dict.fromkeys(slot.value for slot in unfilled_slots(found.draft))
        ),
        other_language=found.other_language,
        sources=_sources(found),
        generator=found.generator,
        filled_slots=tuple(
            views.SlotNote(label=_slot_label(one.name), value=one.value, source=one.source)
            for one in found.filled
        ),
    )
