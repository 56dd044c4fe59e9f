"""Corrections as a brand's people see them: how each stands, one card a customer."""

from collections.abc import Mapping
from datetime import datetime

from guidance.correction_models import NoticeState
from guidance.correction_queries import ChangedText, CorrectionLine, NoticeLine, RepliedLine
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Tone
from workers_ui.presenters.wrong_answers import ChangedRow, CorrectedAnswer, CorrectionRow, NoticeCard

STATES: Mapping[NoticeState, Badge] = {
    NoticeState.DRAFTED: Badge(label="drafted", tone=Tone.INFO),
    NoticeState.QUEUED: Badge(label="leaves in a moment", tone=Tone.WARN),
    NoticeState.SENT: Badge(label="sent", tone=Tone.GOOD),
    NoticeState.SKIPPED: Badge(label="skipped", tone=Tone.NEUTRAL),
}


def row(line: CorrectionLine, path: str) -> CorrectionRow:
    return CorrectionRow(
        href=f"{path}/{line.id}",
        title=line.title,
        opened_at=line.opened_at,
        customers=line.customers,
        drafted=line.counts.get(NoticeState.DRAFTED, 0),
        leaving=line.counts.get(NoticeState.QUEUED, 0),
        sent=line.counts.get(NoticeState.SENT, 0),
        skipped=line.counts.get(NoticeState.SKIPPED, 0),
    )


def changed(one: ChangedText, knowledge: str) -> ChangedRow:
    return ChangedRow(
        article=str(one.article),
        revision=str(one.revision),
        article_href=f"{knowledge}/{one.article}",
        title=one.title,
        revision_label=f"revision {one.revision_number}",
        replies=one.replies,
    )


def notice_card(
    one: NoticeLine, *, path: str, tickets: str, now: datetime, form: FormState = EMPTY_FORM
) -> NoticeCard:
    return NoticeCard(
        notice=str(one.id),
        href=f"{path}/notices/{one.id}",
        customer=one.customer,
        state=STATES[one.state],
        body=one.body,
        grounded=one.grounded,
        answers=tuple(_answer(reply, tickets) for reply in one.replies),
        drafted=one.state is NoticeState.DRAFTED,
        can_undo=one.state is NoticeState.SKIPPED or (one.leaves_at is not None and one.leaves_at > now),
        leaves_at=one.leaves_at,
        sent_at=one.sent_at,
        skip_reason=one.skip_reason,
        label=one.label,
        form=form,
    )


def sending(customers: int) -> str:
    who = "It leaves" if customers == 1 else f"{customers:,} corrections leave"
    return f"{who} in half a minute; until then you can take {'it' if customers == 1 else 'them'} back."


def not_all(unfit: int, *, of: int) -> str:
    """Some cannot be sent as they are; the others are on their way."""
    told = f" {sending(of - unfit)}" if of > unfit else ""
    return f"{unfit:,} of {of:,} cannot be sent yet; what to change stands at each.{told}"


def _answer(reply: RepliedLine, tickets: str) -> CorrectedAnswer:
    return CorrectedAnswer(
        ticket_href=f"{tickets}/{reply.ticket}",
        ticket_number=f"#{reply.number}",
        replied_at=reply.replied_at,
        sentences=reply.sentences,
    )
