"""What holds of an article at any time, against a plain model: two lists of texts, one entry per minute."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.steps import (
    NothingPlanned,
    Step,
    Steps,
    cancelled,
    published,
    published_for,
    retired,
    step_at,
)
from marketplace.kernel.ids import RevisionId

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 12
REVISIONS = tuple(RevisionId(UUID(int=number)) for number in range(1, 4))


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


@dataclass
class Minutes:
    """The model: of each minute what stands, and what covers it."""

    standing: list[RevisionId | None] = field(default_factory=lambda: [None] * MINUTES)
    cover: list[RevisionId | None] = field(default_factory=lambda: [None] * MINUTES)

    def holds(self) -> list[RevisionId | None]:
        return [cover or standing for cover, standing in zip(self.cover, self.standing, strict=True)]

    def publish(self, revision: RevisionId, minute: int) -> None:
        self._fill(self.cover, minute, None)
        self._fill(self.standing, minute, revision)

    def publish_for(self, revision: RevisionId, start: int, end: int) -> None:
        self.cover[start:end] = [revision] * (end - start)

    def retire(self, minute: int) -> None:
        self.standing[minute:] = self.cover[minute:] = [None] * (MINUTES - minute)

    def cancel(self, minute: int) -> bool:
        if self.cover[minute] is not None and self.cover[minute] != self.cover[minute - 1]:
            self._fill(self.cover, minute, None)
        elif self.standing[minute] != self.standing[minute - 1]:
            self._fill(self.standing, minute, self.standing[minute - 1])
        else:
            return False
        return True

    @staticmethod
    def _fill(line: list[RevisionId | None], minute: int, value: RevisionId | None) -> None:
        """`value` from `minute` on for as long as the line is what it is there."""
        there = line[minute]
        while minute < MINUTES and line[minute] == there:
            line[minute] = value
            minute += 1


@st.composite
def acts(draw: st.DrawFn) -> list[tuple[str, int, int, RevisionId]]:
    """Acts of any kind whose times only move forward, each for a time at or after it."""
    now = 0
    found = []
    for _ in range(draw(st.integers(1, 10))):
        now = draw(st.integers(now, MINUTES - 2))
        start = draw(st.integers(now, MINUTES - 2))
        end = draw(st.integers(start + 1, MINUTES - 1))
        kind = draw(st.sampled_from(["publish", "publish_for", "retire", "cancel"]))
        found.append((kind, start if kind != "retire" else now, end, draw(st.sampled_from(REVISIONS))))
    return found


def act(steps: Steps, model: Minutes, kind: str, start: int, end: int, revision: RevisionId) -> Steps:
    match kind:
        case "publish":
            model.publish(revision, start)
            return published(steps, revision, at=at(start))
        case "publish_for":
            model.publish_for(revision, start, end)
            return published_for(steps, revision, start=at(start), end=at(end))
        case "retire":
            model.retire(start)
            return retired(steps, at=at(start))
        case _:
            return cancel(steps, model, start)


def cancel(steps: Steps, model: Minutes, minute: int) -> Steps:
    if minute and model.cancel(minute):
        return cancelled(steps, at=at(minute))
    return steps


@given(acts())
def test_any_acts_in_any_order_leave_what_the_plain_model_holds(
    done: list[tuple[str, int, int, RevisionId]],
) -> None:
    steps: Steps = ()
    model = Minutes()
    for kind, start, end, revision in done:
        before = steps
        steps = act(steps, model, kind, start, end, revision)

        assert [_held(steps, minute) for minute in range(MINUTES)] == model.holds()
        assert [step for step in before if step.starts_at < at(start)] == [
            step for step in steps if step.starts_at < at(start)
        ]
        assert [step.starts_at for step in steps] == sorted({step.starts_at for step in steps})


def _held(steps: Steps, minute: int) -> RevisionId | None:
    step = step_at(steps, at(minute))
    return step.revision if step else None


ORDINARY, WINTER, CORRECTED = REVISIONS


def test_a_period_returns_to_the_text_that_was_published_while_it_was_planned() -> None:
    steps = published((), ORDINARY, at=at(0))
    steps = published_for(steps, WINTER, start=at(5), end=at(8))
    steps = published(steps, CORRECTED, at=at(2))

    assert [_held(steps, minute) for minute in (0, 2, 5, 7, 8)] == [
        ORDINARY,
        CORRECTED,
        WINTER,
        WINTER,
        CORRECTED,
    ]


def test_periods_back_to_back_leave_no_gap_and_no_return_between_them() -> None:
    steps = published((), ORDINARY, at=at(0))
    steps = published_for(steps, WINTER, start=at(2), end=at(4))
    steps = published_for(steps, CORRECTED, start=at(4), end=at(6))

    assert [(step.starts_at, step.revision) for step in steps] == [
        (at(0), ORDINARY),
        (at(2), WINTER),
        (at(4), CORRECTED),
        (at(6), ORDINARY),
    ]


def test_of_two_overlapping_periods_the_later_act_has_the_overlap() -> None:
    steps = published((), ORDINARY, at=at(0))
    steps = published_for(steps, WINTER, start=at(2), end=at(6))
    steps = published_for(steps, CORRECTED, start=at(4), end=at(8))

    assert [_held(steps, minute) for minute in (3, 4, 6, 7, 8)] == [
        WINTER,
        CORRECTED,
        CORRECTED,
        CORRECTED,
        ORDINARY,
    ]


def test_publishing_what_stands_already_is_no_step() -> None:
    steps = published((), ORDINARY, at=at(0))

    assert published(steps, ORDINARY, at=at(5)) == steps


@pytest.mark.parametrize("minute", [1, 4], ids=["no step", "the end of a period"])
def test_what_was_not_planned_to_begin_cannot_be_cancelled(minute: int) -> None:
    steps = published_for(published((), ORDINARY, at=at(0)), WINTER, start=at(2), end=at(4))

    with pytest.raises(NothingPlanned):
        cancelled(steps, at=at(minute))


def test_retiring_a_draft_is_a_step_of_its_own() -> None:
    assert retired((), at=at(3)) == (Step(starts_at=at(3), revision=None, standing=None),)
