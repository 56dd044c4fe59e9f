"""Which revision of an article holds when: a step function, and the acts that change it. Knows no database.

Two lines lie over each other: the standing text, and periods (seasons) that cover it for a while. A step tells
both, so the end of a period returns to whatever text stands by then, also to one published during the period.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import RevisionId


class NothingPlanned(NotFound):
    """Nothing is planned to begin at that time. Reload the page to see the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From `starts_at` until the next step `revision` holds (None: nothing does).

    `standing` is what would hold without the period that runs if `seasonal`.
    """

    starts_at: datetime
    revision: RevisionId | None
    standing: RevisionId | None
    seasonal: bool = False


Steps = tuple[Step, ...]


def step_at(steps: Sequence[Step], at: datetime) -> Step | None:
    """The step that holds at `at`; None before the first."""
    return next((step for step in reversed(steps) if step.starts_at <= at), None)


def published(steps: Steps, revision: RevisionId, *, at: datetime) -> Steps:
    """`revision` stands from `at` until the next planned standing text; a period that runs then ends there."""
    here = step_at(steps, at)
    period_over = _run_end(steps, at, lambda step: _same_period(here, step))
    without = _over(steps, at, period_over, _end_period) if here and here.seasonal else steps
    standing = here.standing if here else None
    run_over = _run_end(steps, at, lambda step: step.standing == standing)
    return _over(without, at, run_over, lambda step: _stand(step, revision))


def published_for(steps: Steps, revision: RevisionId, *, start: datetime, end: datetime) -> Steps:
    """`revision` holds from `start` until before `end`, over whatever was planned for that time."""
    return _over(steps, start, end, lambda step: replace(step, revision=revision, seasonal=True))


def retired(steps: Steps, *, at: datetime) -> Steps:
    """Nothing holds from `at` on, and nothing is planned any more."""
    return _over(steps, at, None, lambda step: Step(starts_at=step.starts_at, revision=None, standing=None))


def cancelled(steps: Steps, *, at: datetime) -> Steps:
    """Without the period that begins at `at`, else without the standing text that does.

    Raises NothingPlanned, also for the mere end of a period: the period is what can be cancelled.
    """
    step = next((step for step in steps if step.starts_at == at), None)
    before = next((step for step in reversed(steps) if step.starts_at < at), None)
    if step is None:
        raise NothingPlanned
    if step.seasonal and not _same_period(before, step):
        return _over(steps, at, _run_end(steps, at, lambda later: _same_period(step, later)), _end_period)
    standing = before.standing if before else None
    if step.standing == standing:
        raise NothingPlanned
    run_over = _run_end(steps, at, lambda later: later.standing == step.standing)
    return _over(steps, at, run_over, lambda later: _stand(later, standing))


def _over(steps: Steps, start: datetime, end: datetime | None, change: Callable[[Step], Step]) -> Steps:
    """The steps with `change` made to all of [start, end), cut at both."""
    cut = _cut(_cut(steps, start), end) if end else _cut(steps, start)
    changed = (change(step) if start <= step.starts_at and _before(step, end) else step for step in cut)
    return _without_repeats(tuple(changed), start)


def _before(step: Step, end: datetime | None) -> bool:
    return end is None or step.starts_at < end


def _cut(steps: Steps, at: datetime) -> Steps:
    here = step_at(steps, at)
    if here and here.starts_at == at:
        return steps
    nothing = Step(starts_at=at, revision=None, standing=None)
    begun = replace(here, starts_at=at) if here else nothing
    return (
        *(step for step in steps if step.starts_at < at),
        begun,
        *(step for step in steps if step.starts_at > at),
    )


def _without_repeats(steps: Steps, start: datetime) -> Steps:
    """What began before `start` is history and stays as it is."""
    kept: list[Step] = []
    for step in steps:
        if step.starts_at < start or not kept or replace(kept[-1], starts_at=step.starts_at) != step:
            kept.append(step)
    return tuple(kept)


def _run_end(steps: Steps, at: datetime, goes_on: Callable[[Step], bool]) -> datetime | None:
    """When the first step after `at` begins for which `goes_on` is false."""
    later = [step for step in steps if step.starts_at > at]
    run = len(list(takewhile(goes_on, later)))
    return later[run].starts_at if run < len(later) else None


def _same_period(one: Step | None, other: Step) -> bool:
    return one is not None and one.seasonal and other.seasonal and one.revision == other.revision


def _end_period(step: Step) -> Step:
    return replace(step, revision=step.standing, seasonal=False)


def _stand(step: Step, standing: RevisionId | None) -> Step:
    return replace(step, standing=standing, revision=step.revision if step.seasonal else standing)
