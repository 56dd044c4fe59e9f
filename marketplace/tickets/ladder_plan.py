"""The backlog ladder a brand has set: which rung is climbed when a ticket has waited how long."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import exists, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId
from marketplace.kernel.money import BASIS_POINTS
from marketplace.tickets.models import PoolTicket
from marketplace.tickets.service_models import BacklogLadder, ClockKind, ClockState, Rung, TicketClock

MOST_PERCENT = 300
HIGHEST_SURGE_BASIS_POINTS = 3 * BASIS_POINTS
LEAST_STEP_BASIS_POINTS = 100
HIGHEST_BUDGET_MINOR = 100_000_00


class BadLadder(Invalid):
    """A rung comes after 1 to 300 percent of the first reply's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung at its time; `level` is the surge that the price is raised to."""

    percent: int
    rung: Rung
    level: int = 0

    def after_seconds(self, seconds: int) -> int:
        """How much of a clock of `seconds` is gone when this step is due."""
        return seconds * self.percent // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Percents of the first reply's time, None for a rung that is off.

    Telling and widening are on from the start: they cost nothing. What spends money or takes a ticket out of the
    pool is on only where the brand said so.
    """

    notify_percent: int | None = 50
    raise_percent: int | None = None
    raise_every_percent: int = 10
    raise_step_basis_points: int = 2_000
    raise_cap_basis_points: int = 6_000
    daily_budget_minor: int = 0
    widen_percent: int | None = 80
    give_back_percent: int | None = None

    def steps(self) -> tuple[Step, ...]:
        """Every step in the order it is climbed; of those due together the mildest first."""
        single = (
            (Rung.NOTIFY, self.notify_percent),
            (Rung.WIDEN, self.widen_percent),
            (Rung.GIVE_BACK, self.give_back_percent),
        )
        steps = [Step(percent=percent, rung=rung) for rung, percent in single if percent is not None]
        order = list(Rung)
        return tuple(
            sorted((*steps, *self._raises()), key=lambda step: (step.percent, order.index(step.rung)))
        )

    def next_step(self, *, after_seconds: int, of_seconds: int) -> Step | None:
        """The first step that is not due yet when `after_seconds` of a clock of `of_seconds` are gone."""
        later = (step for step in self.steps() if step.after_seconds(of_seconds) > after_seconds)
        return next(later, None)

    def _raises(self) -> list[Step]:
        if self.raise_percent is None:
            return []
        cap, step = self.raise_cap_basis_points, self.raise_step_basis_points
        return [
            Step(
                percent=self.raise_percent + number * self.raise_every_percent,
                rung=Rung.RAISE,
                level=min((number + 1) * step, cap),
            )
            for number in range(-(-cap // step))
        ]


def ladder_of(tx: Tx, brand: BrandId) -> Ladder:
    row = tx.get(BacklogLadder, brand)
    if row is None:
        return Ladder()
    return Ladder(**{name: getattr(row, name) for name in asdict(Ladder())})


def set_ladder(tx: Tx, *, brand: BrandId, ladder: Ladder, now: datetime) -> None:
    """Tickets that wait now climb by `ladder` too, from where they are. Raises BadLadder."""
    _check(ladder)
    made = insert(BacklogLadder).values(brand_id=brand, **asdict(ladder))
    kept = made.on_conflict_do_update(index_elements=[BacklogLadder.brand_id], set_=asdict(ladder))
    tx.scalars(kept.returning(BacklogLadder), execution_options={"populate_existing": True}).one()
    tx.execute(
        update(TicketClock)
        .where(
            TicketClock.brand_id == brand,
            TicketClock.kind == ClockKind.FIRST,
            TicketClock.state == ClockState.RUNNING,
            exists().where(PoolTicket.ticket_id == TicketClock.ticket_id),
        )
        .values(ladder_at=now)
        .execution_options(synchronize_session=False)
    )


def _check(ladder: Ladder) -> None:
    percents = [
        one
        for one in (
            ladder.notify_percent,
            ladder.raise_percent,
            ladder.widen_percent,
            ladder.give_back_percent,
        )
        if one is not None
    ]
    if not all(1 <= one <= MOST_PERCENT for one in (*percents, ladder.raise_every_percent)):
        raise BadLadder
    if not LEAST_STEP_BASIS_POINTS <= ladder.raise_step_basis_points <= ladder.raise_cap_basis_points:
        raise BadLadder("The price is raised by at least 1 %, and by no more than the highest raise.")
    if ladder.raise_cap_basis_points > HIGHEST_SURGE_BASIS_POINTS:
        raise BadLadder("A price is raised by 300 % at most.")
    if not 0 <= ladder.daily_budget_minor <= HIGHEST_BUDGET_MINOR:
        raise BadLadder("The budget for raises is at most 100,000 a day.")
    if ladder.raise_percent is not None and ladder.daily_budget_minor == 0:
        raise BadLadder("Raising prices needs a daily budget.")
    if ladder.give_back_percent is not None and ladder.give_back_percent < max(percents):
        raise BadLadder("Giving a ticket back to you comes last, after the other steps.")
