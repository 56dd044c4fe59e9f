"""Where a brand stands with its gates, and the log of its moves, as read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from marketplace.accounts.models import Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, StageMoveId
from marketplace.tickets.gate_models import StageMove
from marketplace.tickets.gates import Figures, MoveCause, Policy, Standing, counted_since
from marketplace.tickets.quality_inputs import QualityInputs
from marketplace.tickets.stages import figures_of, policy_of, standing_of

PAGE_ROWS = 20
DEEPEST_PAGE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """A brand's stage with the figures its gates see now. While the gates are off, figures of the window."""

    policy: Policy
    standing: Standing | None
    counted_since: datetime
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveLine:
    """One move; `person` is who made it, None where the figures did. `numbers` as the decision saw them."""

    id: StageMoveId
    moved_at: datetime
    cause: MoveCause
    from_stage: int | None
    to_stage: int | None
    from_percent: int
    to_percent: int
    reason: str
    person: str | None
    numbers: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    moves: tuple[MoveLine, ...]
    has_more: bool


def view_of(tx: Tx, inputs: QualityInputs, *, brand: BrandId, now: datetime) -> StageView:
    """What `stages.judge_next` would see at `now`."""
    policy, standing = policy_of(tx, brand), standing_of(tx, brand)
    since = counted_since(policy, standing, now) if standing else now - timedelta(days=policy.window_days)
    return StageView(
        policy=policy,
        standing=standing,
        counted_since=since,
        figures=figures_of(tx, inputs, brand=brand, since=since, now=now),
    )


def moves_of(tx: Tx, *, brand: BrandId, page: int) -> Moves:
    """The brand's moves, newest first, 20 a page."""
    rows = tx.execute(
        select(
            StageMove.id,
            StageMove.moved_at,
            StageMove.cause,
            StageMove.from_stage,
            StageMove.to_stage,
            StageMove.from_percent,
            StageMove.to_percent,
            StageMove.reason,
            Person.name.label("person"),
            StageMove.numbers,
        )
        .outerjoin(Person, Person.id == StageMove.moved_by)
        .where(StageMove.brand_id == brand)
        .order_by(StageMove.id.desc())
        .offset((page - 1) * PAGE_ROWS)
        .limit(PAGE_ROWS + 1)
    ).all()
    lines = tuple(MoveLine(**row._mapping) for row in rows[:PAGE_ROWS])
    return Moves(moves=lines, has_more=len(rows) > PAGE_ROWS)
