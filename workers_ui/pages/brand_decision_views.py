"""Escalations and replies in review in words: reasons, time left, what happens when nobody decides."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from guidance.queries import ReceiptView
from guidance.reply_grounds import WORDS, EndedPassage, Ending, changes_of
from marketplace.tickets.escalation_queries import WaitingEscalation
from marketplace.tickets.reply_models import (
    AfterLimit,
    EscalationQueue,
    ProbationPolicy,
    ReviewReason,
)
from marketplace.tickets.review_queries import ReviewCard
from workers_ui.pages import receipt_views
from workers_ui.pages.brand_ticket_views import CHANNELS, ESCALATION_REASONS, number_label
from workers_ui.pages.spans import span
from workers_ui.presenters import replies as views
from workers_ui.presenters.values import EMPTY_FORM, Choice, FilterTab, FormState

REASONS: Mapping[ReviewReason, str] = {
    ReviewReason.OFF_VOICE: "It does not sound like us",
    ReviewReason.WRONG: "Something in it is wrong",
    ReviewReason.INCOMPLETE: "It does not answer everything",
    ReviewReason.POLICY: "It is against our policy",
    ReviewReason.OTHER: "Something else: see the note",
}
REASON_CHOICES = tuple(Choice(value=reason.value, label=label) for reason, label in REASONS.items())
THEN: Mapping[AfterLimit, str] = {
    AfterLimit.SEND: "then it is sent",
    AfterLimit.RETURN: "then it goes back",
}

THEN_THEY: Mapping[AfterLimit, str] = {
    AfterLimit.SEND: "then they are sent",
    AfterLimit.RETURN: "then they go back",
}


def review_card(
    card: ReviewCard,
    stored: ReceiptView | None,
    ended: Sequence[EndedPassage],
    *,
    path: str,
    articles_path: str,
    form: FormState | None,
) -> views.ReviewCard:
    alias = receipt_views.alias(card.worker_name)
    return views.ReviewCard(
        review=str(card.id),
        href=f"{path}/{card.id}",
        ticket=str(card.ticket),
        number=number_label(card.number),
        subject=card.subject,
        category=card.category,
        channel=CHANNELS[card.channel],
        question=card.question,
        text=card.text,
        label=card.label,
        worker_alias=alias,
        record=record(card.approved, card.rejected),
        asked_at=card.asked_at,
        decide_by=card.decide_by,
        then=THEN[AfterLimit.RETURN] if ended else THEN[card.after_limit],
        changed=tuple(_changed(one, articles_path) for one in ended),
        changes_mark=changes_of(ended).mark if ended else "",
        receipt=receipt_views.receipt(
            stored,
            worker_alias=alias,
            sent_at=card.asked_at,
            label=card.label,
            articles_path=articles_path,
        )
        if stored
        else None,
        form=form or EMPTY_FORM,
    )


def _changed(one: EndedPassage, articles_path: str) -> views.ChangedGround:
    return views.ChangedGround(
        title=one.title,
        href=f"{articles_path}/{one.article}" if articles_path and one.ending is not Ending.ERASED else "",
        what=WORDS[one.ending],
        said=one.said,
        says_now=one.says_now,
    )


def record(approved: int, rejected: int) -> str:
    """ "2 approved and 1 returned before"."""
    if not approved and not rejected:
        return "first reply for you"
    return f"{approved} approved and {rejected} returned before"


def probation_sentence(rule: ProbationPolicy | None) -> str:
    if rule is None or rule.replies == 0:
        return "Replies leave without approval: probation is off."
    one = rule.replies == 1
    first = "reply waits" if one else f"{rule.replies} replies wait"
    then = THEN[rule.after_limit] if one else THEN_THEY[rule.after_limit]
    limit = f"{span(rule.limit_minutes)} at most; {then}"
    return f"Each worker’s first {first} for your approval, {limit}."


def queue_tabs(
    base: str, queues: Sequence[tuple[EscalationQueue, int]], current: str
) -> tuple[FilterTab, ...]:
    """One tab a queue; none where there is but one."""
    if len(queues) < 2:
        return ()
    return (
        FilterTab(label="All queues", href=base, count=sum(n for _, n in queues), current=not current),
        *(
            FilterTab(
                label=queue.name,
                href=f"{base}?{urlencode({'queue': queue.key})}",
                count=waiting,
                current=queue.key == current,
            )
            for queue, waiting in queues
        ),
    )


def escalation_row(row: WaitingEscalation) -> views.EscalationRow:
    return views.EscalationRow(
        ticket=str(row.ticket),
        number=number_label(row.number),
        subject=row.subject,
        queue=row.queue_name,
        reason=ESCALATION_REASONS[row.reason],
        note=row.note,
        worker_alias=receipt_views.alias(row.worker_name),
        raised_at=row.escalated_at,
        decide_by=row.decide_by,
    )
