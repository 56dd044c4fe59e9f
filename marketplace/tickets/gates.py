"""When a brand's share in the pool grows or shrinks: a pure decision over figures, with nothing to look up.

A share stands on a stage. It advances one stage when every gate holds on enough cases of this stage, and falls
back one stage when any gate is breached on a quarter as many: trust is slow to win and quick to lose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.kernel.errors import Invalid
from marketplace.kernel.money import BASIS_POINTS

WHOLE_PERCENT = 100
MOST_STAGES = 6
WINDOW_DAYS_BETWEEN = (8, 90)
STAGE_DAYS_BETWEEN = (0, 90)
MINIMUM_BETWEEN = (1, 100_000)
FEWEST_FOR_BREACH = 10
BREACH_SHARE = 4


class Gate(StrEnum):
    """First-contact resolution, customers' ratings, and what the brand itself found right."""

    FCR = "fcr"
    CSAT = "csat"
    ACCURACY = "accuracy"


class MoveCause(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    ADVANCED = "advanced"
    ROLLED_BACK = "rolled_back"
    BY_HAND = "by_hand"
    SETTINGS = "settings"


class BadPolicy(Invalid):
    """The stages need rising percentages from 1 to 100, and thresholds from 0 to 100 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How many cases went well. `good` of `total` are final; the early ones are too young to be sure of.

    An early case that has failed has failed; one that has not may still do so.
    """

    good: int = 0
    total: int = 0
    early_good: int = 0
    early_total: int = 0

    @property
    def seen(self) -> int:
        return self.total + self.early_total

    def holds(self, threshold: int) -> bool:
        """Whether the final share reaches `threshold` (basis points), and early failures do not deny it."""
        return not self.falls_below(threshold)

    def falls_below(self, threshold: int) -> bool:
        """Whether the final share, or the best that all cases can still come to, is under `threshold`."""
        best = self.good + self.early_good
        return _under(self.good, self.total, threshold) or _under(best, self.seen, threshold)

    @property
    def share_basis_points(self) -> int | None:
        """The final share, rounded down; None while nothing is final."""
        return self.good * BASIS_POINTS // self.total if self.total else None


Figures = Mapping[Gate, Measure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A brand's stages, and what moves it between them. Shares are in basis points.

    `minimum` is the number of cases every gate needs before an advance. A gate is breached where its share
    falls `breach_margin` below its threshold: the space between keeps a share from going up and down daily.
    """

    percents: tuple[int, ...] = (5, 25, 100)
    window_days: int = 28
    stage_days: int = 7
    minimum: int = 50
    fcr_basis_points: int = 75_00
    csat_basis_points: int = 80_00
    accuracy_basis_points: int = 90_00
    breach_margin_basis_points: int = 3_00

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.percents, self.percents[1:], strict=False))
        if not 1 <= len(self.percents) <= MOST_STAGES or not rising:
            raise BadPolicy(f"Give 1 to {MOST_STAGES} percentages, each higher than the one before.")
        if self.percents[0] < 1 or self.percents[-1] > WHOLE_PERCENT:
            raise BadPolicy("A stage shares from 1 to 100 %.")
        for name, value, (lowest, highest) in (
            ("The window", self.window_days, WINDOW_DAYS_BETWEEN),
            ("The time on a stage", self.stage_days, STAGE_DAYS_BETWEEN),
            ("The number of tickets", self.minimum, MINIMUM_BETWEEN),
        ):
            if not lowest <= value <= highest:
                raise BadPolicy(f"{name} is from {lowest:,} to {highest:,}.")
        shares = (*(self.threshold(gate) for gate in Gate), self.breach_margin_basis_points)
        if any(not 0 <= share <= BASIS_POINTS for share in shares):
            raise BadPolicy

    def threshold(self, gate: Gate) -> int:
        match gate:
            case Gate.FCR:
                return self.fcr_basis_points
            case Gate.CSAT:
                return self.csat_basis_points
            case Gate.ACCURACY:
                return self.accuracy_basis_points

    def breach_below(self, gate: Gate) -> int:
        return max(0, self.threshold(gate) - self.breach_margin_basis_points)

    @property
    def breach_minimum(self) -> int:
        """Cases after which a breach counts: fewer than an advance needs, never so few that one case decides."""
        return min(self.minimum, max(FEWEST_FOR_BREACH, -(-self.minimum // BREACH_SHARE)))

    @property
    def last_stage(self) -> int:
        return len(self.percents) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """On which stage a brand stands, counted from 0, and since when."""

    stage: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    to_stage: int
    cause: MoveCause


def counted_since(policy: Policy, standing: Standing, now: datetime) -> datetime:
    """From when on cases count: since this stage began, and no longer ago than the window."""
    return max(standing.since, now - timedelta(days=policy.window_days))


def decide(policy: Policy, standing: Standing, figures: Figures, now: datetime) -> Move | None:
    """One stage back on a breach; one on when every gate holds on enough cases for long enough; else nothing."""
    if any(is_breached(policy, gate, figures[gate]) for gate in Gate):
        if standing.stage == 0:
            return None
        return Move(to_stage=standing.stage - 1, cause=MoveCause.ROLLED_BACK)
    if standing.stage >= policy.last_stage or now < may_advance_from(policy, standing):
        return None
    if not all(is_passed(policy, gate, figures[gate]) for gate in Gate):
        return None
    return Move(to_stage=standing.stage + 1, cause=MoveCause.ADVANCED)


def may_advance_from(policy: Policy, standing: Standing) -> datetime:
    return standing.since + timedelta(days=policy.stage_days)


def is_breached(policy: Policy, gate: Gate, measure: Measure) -> bool:
    return measure.seen >= policy.breach_minimum and measure.falls_below(policy.breach_below(gate))


def is_passed(policy: Policy, gate: Gate, measure: Measure) -> bool:
    return measure.total >= policy.minimum and measure.holds(policy.threshold(gate))


def _under(good: int, total: int, threshold: int) -> bool:
    """Compared in whole numbers: 2 of 3 is not under 66.66 %."""
    return total > 0 and good * BASIS_POINTS < threshold * total
