"""Reported passages as a brand's people see them."""

from collections.abc import Mapping

from knowledge_base.report_models import QuarantineCause, ReportState
from knowledge_base.report_queries import ReportedText, ReportLine
from workers_ui.pages.receipt_views import alias
from workers_ui.pages.report_views import REASONS
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Tone
from workers_ui.presenters.wrong_answers import PassageReportLine, WrongPassageCard

GONE = Badge(label="text changed", tone=Tone.GOOD)
BY_REPORTS = Badge(label="quarantined by reports", tone=Tone.WARN)
CONFIRMED = Badge(label="quarantined, confirmed wrong", tone=Tone.BAD)
REPORTED = Badge(label="reported, still offered", tone=Tone.INFO)
OFFERED = Badge(label="offered", tone=Tone.NEUTRAL)
STATES: Mapping[ReportState, Badge] = {
    ReportState.OPEN: Badge(label="to decide", tone=Tone.INFO),
    ReportState.CONFIRMED: Badge(label="confirmed", tone=Tone.BAD),
    ReportState.DISMISSED: Badge(label="dismissed", tone=Tone.NEUTRAL),
}


def card(
    found: ReportedText,
    *,
    knowledge: str,
    tickets: str,
    replies: int,
    may_correct: bool,
    form: FormState = EMPTY_FORM,
) -> WrongPassageCard:
    newest, undecided = found.reports[0], found.open_reports > 0
    not_offered = found.quarantine is not None or not found.holds
    return WrongPassageCard(
        report=str(newest.id),
        href=f"{knowledge}/wrong/{newest.id}",
        title=found.title,
        article_href=f"{knowledge}/{found.wrong.article}",
        quoted=found.quoted,
        state=_state(found),
        holds=found.holds,
        quarantined_at=found.quarantine.quarantined_at if found.quarantine else None,
        reports=tuple(_line(one, tickets) for one in found.reports),
        can_confirm=undecided,
        can_dismiss=undecided and found.quarantine is None,
        correct_href=f"{knowledge}/wrong/{newest.id}/corrections" if may_correct and not_offered else "",
        replies=replies,
        form=form,
    )


def _state(found: ReportedText) -> Badge:
    if found.quarantine is not None:
        if not found.holds:
            return GONE
        confirmed = found.quarantine.cause is QuarantineCause.BRAND or any(
            one.state is ReportState.CONFIRMED for one in found.reports
        )
        return CONFIRMED if confirmed else BY_REPORTS
    if not found.holds:
        return GONE
    return REPORTED if found.open_reports else OFFERED


def _line(one: ReportLine, tickets: str) -> PassageReportLine:
    return PassageReportLine(
        worker_alias=alias(one.worker_name),
        ticket_href=f"{tickets}/{one.ticket}",
        ticket_number=f"#{one.ticket_number}",
        reason=REASONS[one.reason],
        note=one.note,
        reported_at=one.reported_at,
        state=STATES[one.state],
        decision_note=one.decision_note,
    )
