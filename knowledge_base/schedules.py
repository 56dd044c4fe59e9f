"""An article's schedule to read: what holds now and until when, what is planned, what held before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from knowledge_base.models import Publication, Revision
from knowledge_base.steps import Step
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, RevisionId

PAST_STEPS = 50
PLANNED_STEPS = 200


class StepKind(StrEnum):
    """What begins: a text without an end, one for a time, the return after it, or nothing."""

    STANDING = "standing"
    SEASON = "season"
    RETURN = "return"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLine:
    """One step. `revision_number` is None when nothing holds; `ends_at` when the next step begins, if one does."""

    kind: StepKind
    starts_at: datetime
    ends_at: datetime | None
    revision_number: int | None

    @property
    def cancelable(self) -> bool:
        """A mere return is cancelled with its season."""
        return self.kind is not StepKind.RETURN


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`current` is None for what never held; `past` begins with the newest; `published` are the numbers of all texts
    that hold, held or will."""

    published: frozenset[int]
    current: ScheduleLine | None
    planned: tuple[ScheduleLine, ...]
    past: tuple[ScheduleLine, ...]


def schedule(tx: Tx, *, brand: BrandId, article: ArticleId, now: datetime) -> Schedule:
    steps = _steps(tx, brand, article, now)
    numbers = _numbers(tx, brand, steps)
    lines = [_line(steps, at, numbers) for at in range(len(steps))]
    begun = [line for line in lines if line.starts_at <= now]
    return Schedule(
        published=frozenset(numbers.values()),
        current=begun[-1] if begun else None,
        planned=tuple(line for line in lines if line.starts_at > now),
        past=tuple(reversed(begun[:-1])),
    )


def _steps(tx: Tx, brand: BrandId, article: ArticleId, now: datetime) -> Sequence[Step]:
    own = select(Publication).where(Publication.brand_id == brand, Publication.article_id == article)
    begun = own.where(Publication.starts_at <= now).order_by(Publication.starts_at.desc()).limit(PAST_STEPS)
    planned = own.where(Publication.starts_at > now).order_by(Publication.starts_at).limit(PLANNED_STEPS)
    rows = [*reversed(tx.scalars(begun).all()), *tx.scalars(planned)]
    return [
        Step(
            starts_at=row.starts_at,
            revision=row.revision_id,
            standing=row.standing_id,
            seasonal=row.seasonal,
        )
        for row in rows
    ]


def _numbers(tx: Tx, brand: BrandId, steps: Sequence[Step]) -> Mapping[RevisionId, int]:
    wanted = {one for step in steps for one in (step.revision, step.standing) if one}
    rows = tx.execute(
        select(Revision.id, Revision.number).where(Revision.brand_id == brand, Revision.id.in_(wanted))
    )
    return {row.id: row.number for row in rows}


def _line(steps: Sequence[Step], at: int, numbers: Mapping[RevisionId, int]) -> ScheduleLine:
    step = steps[at]
    return ScheduleLine(
        kind=_kind(step, steps[at - 1] if at else None),
        starts_at=step.starts_at,
        ends_at=steps[at + 1].starts_at if at + 1 < len(steps) else None,
        revision_number=numbers[step.revision] if step.revision else None,
    )


def _kind(step: Step, before: Step | None) -> StepKind:
    if step.seasonal:
        return StepKind.SEASON
    if before is not None and before.seasonal and step.standing == before.standing:
        return StepKind.RETURN
    return StepKind.STANDING if step.revision else StepKind.NOTHING
