"""A brand's stages as its people see them: words for what the gates decide on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marketplace.tickets.gates import (
    WHOLE_PERCENT,
    Gate,
    Measure,
    MoveCause,
    Policy,
    Standing,
    is_breached,
    is_passed,
    may_advance_from,
)
from marketplace.tickets.stage_queries import MoveLine, StageView
from workers_ui.pages.percents import share_label
from workers_ui.presenters import stages as views
from workers_ui.presenters.values import Badge, Choice, FormState, Tone

THREE_STAGES = ("Crawl", "Walk", "Run")
NAMES: Mapping[Gate, str] = {
    Gate.FCR: "Solved at first contact",
    Gate.CSAT: "Rated 4 or 5 stars",
    Gate.ACCURACY: "Found right by you",
}
UNITS: Mapping[Gate, tuple[str, str]] = {
    Gate.FCR: ("ticket", "tickets"),
    Gate.CSAT: ("rating", "ratings"),
    Gate.ACCURACY: ("decision", "decisions"),
}
CAUSES: Mapping[MoveCause, Badge] = {
    MoveCause.ENABLED: Badge(label="switched on", tone=Tone.INFO),
    MoveCause.DISABLED: Badge(label="switched off", tone=Tone.NEUTRAL),
    MoveCause.ADVANCED: Badge(label="advanced", tone=Tone.GOOD),
    MoveCause.ROLLED_BACK: Badge(label="fell back", tone=Tone.BAD),
    MoveCause.BY_HAND: Badge(label="by hand", tone=Tone.WARN),
    MoveCause.SETTINGS: Badge(label="new settings", tone=Tone.INFO),
}
BY_ITSELF = "the gates"
NEXT_CHECK = "at the next check, within a minute"


def stage_name(policy: Policy, stage: int) -> str:
    return THREE_STAGES[stage] if len(policy.percents) == len(THREE_STAGES) else f"Stage {stage + 1}"


def percent_in_force(seen: StageView) -> str:
    return _percent(seen.policy.percents[seen.standing.stage] if seen.standing else WHOLE_PERCENT)


def steps(seen: StageView) -> tuple[views.StageStep, ...]:
    """The whole way, with the stage the brand stands on marked."""
    return tuple(
        views.StageStep(
            name=stage_name(seen.policy, stage),
            percent=_percent(percent),
            note=_step_note(seen.standing, stage),
            current=seen.standing is not None and seen.standing.stage == stage,
            passed=seen.standing is not None and seen.standing.stage > stage,
        )
        for stage, percent in enumerate(seen.policy.percents)
    )


def _step_note(standing: Standing | None, stage: int) -> str:
    if standing is None:
        return "gates are off"
    if stage == standing.stage:
        return "you are here"
    if stage == standing.stage + 1:
        return "next"
    return "passed" if stage < standing.stage else "later"


def gate_cards(seen: StageView) -> tuple[views.GateCard, ...]:
    is_last = seen.standing is not None and seen.standing.stage == seen.policy.last_stage
    return tuple(_card(seen.policy, gate, seen.figures[gate], is_last=is_last) for gate in Gate)


def _card(policy: Policy, gate: Gate, measure: Measure, *, is_last: bool) -> views.GateCard:
    share = measure.share_basis_points
    threshold, breach = policy.threshold(gate), policy.breach_below(gate)
    return views.GateCard(
        key=gate.value,
        name=NAMES[gate],
        state=_gate_state(policy, gate, measure),
        share="–" if share is None else share_label(share),
        counted=_counted(gate, measure),
        gauge=None
        if share is None
        else views.Gauge(filled=share // 10, breach=breach // 10, threshold=threshold // 10),
        limits=f"Holds from {share_label(threshold)}. Falls back under {share_label(breach)}.",
        evidence=f"{measure.total:,} counted"
        + ("" if is_last else f", {policy.minimum:,} needed to advance"),
        collected=min(measure.total, policy.minimum),
        needed=0 if is_last else policy.minimum,
        early=_early(gate, measure),
    )


def _gate_state(policy: Policy, gate: Gate, measure: Measure) -> Badge:
    if is_breached(policy, gate, measure):
        return Badge(label="breached", tone=Tone.BAD)
    if is_passed(policy, gate, measure):
        return Badge(label="holds", tone=Tone.GOOD)
    if measure.total < policy.minimum:
        return Badge(label="too few yet", tone=Tone.NEUTRAL)
    return Badge(label="below its threshold", tone=Tone.WARN)


def _counted(gate: Gate, measure: Measure) -> str:
    if not measure.total:
        return f"no {UNITS[gate][1]} counted yet"
    return f"{measure.good:,} of {_amount(gate, measure.total)}"


def _early(gate: Gate, measure: Measure) -> str:
    if not measure.early_total:
        return ""
    failed = measure.early_total - measure.early_good
    so_far = f"{failed:,} of them came back so far" if failed else "none of them came back so far"
    return f"{_amount(gate, measure.early_total)} more not yet 7 days old; {so_far}."


def verdict(seen: StageView, now: datetime) -> views.Verdict:
    """What comes next, in one sentence; where something is missing, what."""
    policy, standing = seen.policy, seen.standing
    if standing is None:
        return views.Verdict(text="The gates are off: every ticket that passes your dial may enter the pool.")
    breached = tuple(NAMES[gate] for gate in Gate if is_breached(policy, gate, seen.figures[gate]))
    here = _percent(policy.percents[standing.stage])
    if breached and standing.stage == 0:
        text = f"This is the first stage, so the share stays at {here} although these are breached:"
        return views.Verdict(text=text, parts=breached, tone=Tone.BAD)
    if breached:
        back = _percent(policy.percents[standing.stage - 1])
        text = f"The share falls back to {back} {NEXT_CHECK}. Breached:"
        return views.Verdict(text=text, parts=breached, tone=Tone.BAD)
    if standing.stage == policy.last_stage:
        text = f"This is the last stage: the share stays at {here} for as long as no gate is breached."
        return views.Verdict(text=text, tone=Tone.GOOD)
    return _about_advance(seen, standing, now)


def _about_advance(seen: StageView, standing: Standing, now: datetime) -> views.Verdict:
    policy = seen.policy
    ahead = _percent(policy.percents[standing.stage + 1])
    missing = [lack for gate in Gate if (lack := _lack(policy, gate, seen.figures[gate]))]
    if now < may_advance_from(policy, standing):
        missing.append(f"the share has stood on this stage for {_days(policy.stage_days)}")
    if not missing:
        text = f"Every gate holds. The share advances to {ahead} {NEXT_CHECK}."
        return views.Verdict(text=text, tone=Tone.GOOD)
    return views.Verdict(text=f"Advances to {ahead} when", parts=tuple(missing))


def _lack(policy: Policy, gate: Gate, measure: Measure) -> str:
    if is_passed(policy, gate, measure):
        return ""
    wanted = f"“{NAMES[gate]}” is {share_label(policy.threshold(gate))} or more"
    if measure.total < policy.minimum:
        return f"{wanted}, over {_amount(gate, policy.minimum - measure.total, 'more ')}"
    return wanted


def move_rows(moves: tuple[MoveLine, ...]) -> tuple[views.MoveRow, ...]:
    return tuple(_move_row(move) for move in moves)


def _move_row(move: MoveLine) -> views.MoveRow:
    return views.MoveRow(
        moved_at=move.moved_at,
        what=f"{_percent(move.from_percent)} → {_percent(move.to_percent)}",
        cause=CAUSES[move.cause],
        by=move.person or BY_ITSELF,
        reason=move.reason,
        numbers=tuple(
            _logged(gate, move.numbers["gates"][gate.value])
            for gate in Gate
            if "total" in move.numbers["gates"][gate.value]
        ),
    )


def _logged(gate: Gate, numbers: Mapping[str, Any]) -> str:
    """ "Solved at first contact: 48 of 50 (96 %), threshold 75 %"."""
    measure = Measure(**{name: numbers[name] for name in ("good", "total", "early_good", "early_total")})
    share = measure.share_basis_points
    shown = f" ({share_label(share)})" if share is not None else ""
    threshold = share_label(numbers["threshold"])
    failed = measure.early_total - measure.early_good
    early = f"; {measure.early_total:,} early, {f'{failed:,}' if failed else 'none'} of them back"
    return (
        f"{NAMES[gate]}: {measure.good:,} of {measure.total:,}{shown}, threshold {threshold}"
        f"{early if measure.early_total else ''}"
    )


def other_stages(seen: StageView) -> tuple[Choice, ...]:
    """Where the share may be moved by hand."""
    if seen.standing is None:
        return ()
    return tuple(
        Choice(value=str(stage), label=f"{stage_name(seen.policy, stage)}: {_percent(percent)}")
        for stage, percent in enumerate(seen.policy.percents)
        if stage != seen.standing.stage
    )


def settings_form(policy: Policy) -> FormState:
    return FormState(
        values={
            "percents": ", ".join(str(percent) for percent in policy.percents),
            "window_days": str(policy.window_days),
            "stage_days": str(policy.stage_days),
            "minimum": str(policy.minimum),
            "fcr": _typed(policy.fcr_basis_points),
            "csat": _typed(policy.csat_basis_points),
            "accuracy": _typed(policy.accuracy_basis_points),
            "margin": _typed(policy.breach_margin_basis_points),
        }
    )


def earliest_advance(seen: StageView) -> datetime | None:
    """Before this, no figures advance the share; None where there is nothing to advance to."""
    if seen.standing is None or seen.standing.stage == seen.policy.last_stage:
        return None
    return may_advance_from(seen.policy, seen.standing)


def _typed(basis_points: int) -> str:
    return f"{basis_points / 100:g}"


def _percent(percent: int) -> str:
    return f"{percent}\N{NO-BREAK SPACE}%"


def _amount(gate: Gate, count: int, which: str = "") -> str:
    one, many = UNITS[gate]
    return f"{count:,} {which}{one if count == 1 else many}"


def _days(days: int) -> str:
    return "a day" if days == 1 else f"{days} days"
