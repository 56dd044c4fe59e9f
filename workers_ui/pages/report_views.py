"""A worker's reports of wrong passages in words: why, and what became of each."""

from collections.abc import Mapping

from guidance.correction_queries import CorrectedReply
from knowledge_base.report_models import ReportReason, ReportState
from knowledge_base.report_queries import OwnReport
from workers_ui.presenters import worker as views
from workers_ui.presenters.values import Badge, Choice, Tone

REASONS: Mapping[ReportReason, str] = {
    ReportReason.OUT_OF_DATE: "Out of date",
    ReportReason.CONTRADICTS_FACTS: "Contradicts the customer’s facts",
    ReportReason.WRONG_PRODUCT: "Wrong for this product",
    ReportReason.OTHER: "Something else",
}
HEARD: Mapping[ReportState, str] = {
    ReportState.OPEN: "You reported this; the brand looks at it.",
    ReportState.CONFIRMED: "You reported this; the brand agrees.",
    ReportState.DISMISSED: "You reported this; the brand says it holds.",
}
STATES: Mapping[ReportState, Badge] = {
    ReportState.OPEN: Badge(label="heard", tone=Tone.INFO),
    ReportState.CONFIRMED: Badge(label="you were right", tone=Tone.GOOD),
    ReportState.DISMISSED: Badge(label="it holds", tone=Tone.NEUTRAL),
}
TAKEN_OUT = Badge(label="taken out", tone=Tone.GOOD)


def reasons() -> tuple[Choice, ...]:
    return tuple(Choice(value=reason.value, label=label) for reason, label in REASONS.items())


def corrected_row(found: CorrectedReply) -> views.CorrectedReply:
    return views.CorrectedReply(
        ticket=str(found.ticket),
        number=f"#{found.number}",
        brand=found.brand,
        sentences=found.sentences,
        corrected_at=found.corrected_at,
    )


def own_line(report: OwnReport) -> views.ReportLine:
    return views.ReportLine(
        title=report.title,
        brand=report.brand,
        quoted=report.quoted,
        reason=REASONS[report.reason],
        state=TAKEN_OUT if report.quarantined and report.state is ReportState.OPEN else STATES[report.state],
        outcome=_outcome(report),
        reported_at=report.reported_at,
    )


def _outcome(report: OwnReport) -> str:
    match report.state:
        case ReportState.DISMISSED:
            return f"{report.brand} says: “{report.decision_note}”"
        case ReportState.CONFIRMED if report.quarantined:
            return f"{report.brand} agrees. It is shown to nobody until it is put right."
        case ReportState.CONFIRMED:
            return f"{report.brand} agrees."
        case ReportState.OPEN if report.quarantined:
            return "Others reported it too: it is shown to nobody until the brand has looked."
        case _:
            return "The brand was told and has not decided yet."
