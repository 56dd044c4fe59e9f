"""Fit a brand's own reading of confidence to its resolved tickets.

Each ticket teaches three times: left out by itself (its article is known by others), with all tickets of its article
hidden (a new subject, in knowledge), and with its article hidden too (not in knowledge: whatever is shown is wrong).
So what lies outside is learned from the brand's own questions, and none outside has to be named by anybody.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from guidance.confidence import Calibration, TicketSignals

OUTSIDE_SHARE = 0.5
"""Questions that knowledge does not answer; so a confidence means what it says where they are as common as others."""

LEAST_NEW_SHARE, MOST_NEW_SHARE = 0.02, 0.5
RIDGE = 3.0
ROUNDS = 50
CLOSE_ENOUGH = 1e-7
Numbers = npt.NDArray[np.float64]


class Kind(StrEnum):
    """How much of a ticket's article was hidden when it was asked again."""

    KNOWN = "known"
    NEW = "new"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A question with a known answer: what search and tickets said, and whether an answer was among those shown."""

    kind: Kind
    knowledge: float
    tickets: TicketSignals
    right: bool


def calibrated(lessons: Sequence[Lesson], *, articles: Sequence[str]) -> Calibration | None:
    """The reading under which these lessons are likeliest; None when nothing in them was right or nothing wrong.

    `articles` are those that answered the brand's tickets, one for each.
    """
    if len({lesson.right for lesson in lessons}) < 2:
        return None
    weights = lesson_weights([lesson.kind for lesson in lessons], new_share=new_share(articles))
    signals = np.array(
        [[lesson.knowledge, lesson.tickets.highest, lesson.tickets.nearest] for lesson in lessons]
    )
    right = np.array([lesson.right for lesson in lessons], dtype=np.float64)
    intercept, (knowledge, highest, nearest) = _logistic(signals, right, weights)
    return Calibration(intercept=intercept, knowledge=knowledge, highest=highest, nearest=nearest)


def lesson_weights(kinds: Sequence[Kind], *, new_share: float) -> Numbers:
    """What each lesson counts, 1 in the mean, so that the kinds are as common as they are among a brand's questions."""
    shares = {
        Kind.KNOWN: (1 - OUTSIDE_SHARE) * (1 - new_share),
        Kind.NEW: (1 - OUTSIDE_SHARE) * new_share,
        Kind.OUTSIDE: OUTSIDE_SHARE,
    }
    counted = Counter(kinds)
    weights = np.array([shares[kind] / counted[kind] for kind in kinds])
    return np.asarray(weights / weights.mean())


def new_share(articles: Sequence[str]) -> float:
    """How often a new question is about an article that has answered none yet, by those that answered only one."""
    once = sum(count == 1 for count in Counter(articles).values())
    return min(MOST_NEW_SHARE, max(LEAST_NEW_SHARE, once / len(articles)))


def _logistic(signals: Numbers, right: Numbers, weights: Numbers) -> tuple[float, tuple[float, ...]]:
    """Intercept and weights; a signal that would speak against its meaning is not heard."""
    mean, spread = signals.mean(0), signals.std(0) + 1e-9
    scaled, heard = (signals - mean) / spread, np.ones(signals.shape[1], dtype=bool)
    while True:
        fitted = _newton(scaled[:, heard], right, weights)
        if (fitted[1:] >= 0).all():
            break
        heard[np.flatnonzero(heard)[fitted[1:] < 0]] = False
    slopes = np.zeros(signals.shape[1])
    slopes[heard] = fitted[1:] / spread[heard]
    return float(fitted[0] - slopes @ mean), tuple(map(float, slopes))


def _newton(signals: Numbers, right: Numbers, weights: Numbers) -> Numbers:
    columns = np.hstack([np.ones((len(signals), 1)), signals])
    ridge = np.full(columns.shape[1], RIDGE)
    ridge[0] = CLOSE_ENOUGH
    fitted = np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        stated = 1 / (1 + np.exp(-columns @ fitted))
        slope = columns.T @ (weights * (stated - right)) + ridge * fitted
        bend = (columns * (weights * stated * (1 - stated))[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        fitted -= step
        if np.abs(step).max() < CLOSE_ENOUGH:
            break
    return fitted
