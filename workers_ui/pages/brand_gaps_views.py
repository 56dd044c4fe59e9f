"""The gap list and coverage as a brand's people see them."""

from collections.abc import Mapping

from guidance.confidence import Reason
from guidance.gap_models import Cause, GapState
from guidance.gap_queries import CostLine, Example, GapCosts, GapDetail, GapLine, ResolvedTicket
from guidance.knowledge_coverage import CategoryCoverage
from marketplace.kernel.money import Money
from marketplace.tickets.lost_work import SECONDS_PER_MINUTE, Loss
from workers_ui.pages.brand_knowledge_views import SILENCES
from workers_ui.presenters import gaps as views
from workers_ui.presenters.values import Badge, Tone
from workers_ui.templating import major_units

QUOTE_CHARACTERS = 320
STEADY_SHARE = 0.2
"""A change within a fifth of the month before is no trend."""

STATES: Mapping[GapState, Badge] = {
    GapState.OPEN: Badge(label="open", tone=Tone.WARN),
    GapState.BEING_WRITTEN: Badge(label="being written", tone=Tone.INFO),
    GapState.CLOSED: Badge(label="closed", tone=Tone.GOOD),
    GapState.DISMISSED: Badge(label="dismissed", tone=Tone.NEUTRAL),
}
CAUSES: Mapping[Cause, str] = {
    Cause.ABSTAINED: "guidance had no answer",
    Cause.UNUSED: "the worker used nothing of what was shown",
    Cause.ESCALATED: "escalated to you",
    Cause.RELEASED: "given back for want of knowledge",
    Cause.STOPPED: "the article is stopped or in quarantine",
    Cause.FAILED: "answered badly: your own answer, sent as it stands",
}
LOSSES: Mapping[Loss, str] = {
    Loss.UNPAID_TIME: "Unpaid time",
    Loss.ESCALATION_FEE: "Escalation fee",
    Loss.REOPENED: "Work taken back",
}


def gap_row(line: GapLine, *, slug: str, shows_costs: bool) -> views.GapRow:
    return views.GapRow(
        gap=str(line.id),
        name=line.name,
        key_words=", ".join(line.key_words),
        state=STATES[line.state],
        tickets=line.tickets,
        trend=trend(line.recent, line.before),
        recent=f"{line.recent:,} in 30 days, {line.before:,} before",
        escalations=line.escalations,
        reopens=line.reopens,
        cost=line.costs.whole if shows_costs else None,
        closed_by=(line.article_title or "") if line.state is GapState.CLOSED else "",
        closed_href=article_href(slug, line),
    )


def article_href(slug: str, line: GapLine) -> str:
    return f"/b/{slug}/knowledge/{line.article}" if line.article else ""


def trend(recent: int, before: int) -> Badge:
    """More or fewer tickets than in the 30 days before."""
    if recent > before * (1 + STEADY_SHARE):
        return Badge(label="rising" if before else "new", tone=Tone.BAD if before else Tone.WARN)
    if recent < before * (1 - STEADY_SHARE):
        return Badge(label="falling", tone=Tone.GOOD)
    return Badge(label="steady", tone=Tone.NEUTRAL)


def example(one: Example, *, threshold: float) -> views.GapExample:
    near = "" if one.confidence is None else _match(one.confidence, threshold)
    return views.GapExample(
        ticket=str(one.ticket),
        number=f"#{one.number}",
        question=one.question,
        asked_at=one.asked_at,
        why=_why(one),
        nearest_title=one.nearest_title or "",
        nearest_quote=_shortened(one.nearest_quote or ""),
        match=near,
    )


def _match(confidence: float, threshold: float) -> str:
    """A passage above the threshold that nobody used was found wanting by the worker, not by its score."""
    side = "below" if confidence < threshold else "above"
    return f"confidence {confidence:.2f}, {side} your threshold of {threshold:.2f}"


def _why(one: Example) -> str:
    told = [CAUSES[Cause(cause)] for cause in one.causes]
    silence = SILENCES.get(Reason(one.reason)) if one.reason else None
    return "; ".join(told).capitalize() + (f". {silence}" if silence else ".")


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTE_CHARACTERS else flat[:QUOTE_CHARACTERS].rsplit(" ", 1)[0] + "…"


def cost_parts(costs: GapCosts) -> tuple[views.CostPart, ...]:
    return (
        views.CostPart(
            label="Unpaid worker time",
            note="Claims that ended in release or expiry without a reply. Workers bear it; you do not pay it.",
            amount=costs.unpaid,
        ),
        views.CostPart(
            label="Escalation fees",
            note="What the ledger posted for confirmed escalations: the worker's fee and the platform's share.",
            amount=costs.fees,
        ),
        views.CostPart(
            label="Work taken back by reopens",
            note="The prices of resolutions that did not hold, as the ledger took them back: done twice, paid once.",
            amount=costs.reopened,
        ),
    )


def cost_line(line: CostLine) -> views.GapCostLine:
    return views.GapCostLine(
        what=LOSSES[line.kind],
        how=cost_how(line),
        ticket=str(line.ticket),
        number=f"#{line.number}",
        lost_at=line.at,
        amount=line.amount,
    )


def cost_how(line: CostLine) -> str:
    """Where the amount is from, so that it can be worked out again."""
    match line.kind:
        case Loss.UNPAID_TIME:
            minutes, seconds = divmod(line.seconds or 0, SECONDS_PER_MINUTE)
            usual = "1 minute" if line.per_minutes == 1 else f"{line.per_minutes} minutes"
            return f"{minutes} min {seconds} s at {plain_amount(line.pay)} for {usual}"
        case Loss.ESCALATION_FEE:
            return "posted when the escalation was confirmed"
        case Loss.REOPENED:
            return "posted when the customer wrote again"


def plain_amount(money: Money | None) -> str:
    return "" if money is None else f"{major_units(money):f} {money.currency.upper()}"


def source(one: ResolvedTicket, *, slug: str, alias: str) -> views.SourceTicket:
    return views.SourceTicket(
        ticket=str(one.ticket),
        number=f"#{one.number}",
        subject=one.subject,
        worker=alias,
        resolved_at=one.resolved_at,
        article_href=f"/b/{slug}/knowledge/{one.article}" if one.article else "",
    )


def is_open(detail: GapDetail) -> bool:
    return detail.line.state in (GapState.OPEN, GapState.BEING_WRITTEN)


# Coverage


def coverage_row(part: CategoryCoverage) -> views.CoverageRow:
    return views.CoverageRow(
        category=part.name,
        tickets=part.tickets,
        covered=part.covered,
        partly=part.partly,
        missing=part.missing,
        share=part.share or 0.0,
        change=_change(part),
    )


def coverage_caption(whole: CategoryCoverage) -> str:
    if not whole.tickets:
        return "Guidance has looked at no ticket in the last 30 days."
    tickets = "1 ticket" if whole.tickets == 1 else f"{whole.tickets:,} tickets"
    return f"A passage above the threshold was there for {whole.covered:,} of {tickets}."


def _change(part: CategoryCoverage) -> Badge:
    """Percentage points against the 30 days before."""
    if part.share is None or part.share_before is None:
        return Badge(label="no month before")
    points = round(100 * (part.share - part.share_before))
    if points == 0:
        return Badge(label="as before")
    sign, tone = ("+", Tone.GOOD) if points > 0 else ("−", Tone.BAD)
    return Badge(label=f"{sign}{abs(points)} points", tone=tone)
