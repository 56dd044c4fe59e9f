"""A ticket's three clocks and the rungs it climbed, as its brand reads them."""

from collections.abc import Iterable, Mapping

from marketplace.tickets.service_models import ClockKind, ClockState, LadderStep, Rung, TicketClock
from workers_ui.pages.durations import written_duration
from workers_ui.presenters.service_levels import ClockLine, LadderLine
from workers_ui.presenters.values import Badge, Tone

CLOCKS: Mapping[ClockKind, str] = {
    ClockKind.FIRST: "First reply",
    ClockKind.NEXT: "Next reply",
    ClockKind.RESOLUTION: "Resolution",
}
SECONDS_A_MINUTE = 60
BASIS_POINTS_A_PERCENT = 100


def clock_lines(clocks: Iterable[TicketClock]) -> tuple[ClockLine, ...]:
    return tuple(_line(clock) for clock in clocks)


def ladder_lines(steps: Iterable[LadderStep]) -> tuple[LadderLine, ...]:
    return tuple(LadderLine(text=_step(step), at=step.climbed_at) for step in steps)


def _line(clock: TicketClock) -> ClockLine:
    label, late = CLOCKS[clock.kind], clock.breached_at is not None
    match clock.state:
        case ClockState.RUNNING:
            badge = Badge(label="late", tone=Tone.BAD) if late else Badge(label="running", tone=Tone.INFO)
            return ClockLine(label=label, badge=badge, says="was due" if late else "due", at=clock.due_at)
        case ClockState.MET:
            badge = Badge(label="late", tone=Tone.WARN) if late else Badge(label="in time", tone=Tone.GOOD)
            return ClockLine(label=label, badge=badge, says="met", at=clock.met_at)
        case ClockState.PAUSED:
            return ClockLine(
                label=label,
                badge=Badge(label="late", tone=Tone.BAD) if late else Badge(label="paused"),
                says=f"waits for the customer, {_left(clock)} left",
            )
        case ClockState.STOPPED:
            says = "the ticket is yours to answer"
            return ClockLine(label=label, badge=Badge(label="stopped"), says=says)


def _left(clock: TicketClock) -> str:
    minutes = (clock.left_seconds or 0) // SECONDS_A_MINUTE
    return written_duration(minutes * SECONDS_A_MINUTE) if minutes else "less than a minute"


def _step(step: LadderStep) -> str:
    match step.rung:
        case Rung.NOTIFY:
            return "You were told that it waits."
        case Rung.RAISE:
            by = f"{step.level // BASIS_POINTS_A_PERCENT} %"
            if step.detail.startswith("not raised"):
                why = (
                    "your daily budget is used up"
                    if step.detail.endswith("budget")
                    else "the wallet lacks it"
                )
                return f"Its price was not raised by {by}: {why}."
            return f"Its price was raised by {by}."
        case Rung.WIDEN:
            return "It was opened to more workers."
        case Rung.GIVE_BACK:
            return "It was given back to you; its price is in your wallet again."
