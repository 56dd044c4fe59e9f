"""What a brand's suggestions use now, and how it came to that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from guidance.answer_models import RememberedAnswer
from guidance.learning_models import GuidanceCaution, GuidanceTuning, TuningCause
from guidance.tuning import FEWEST_TICKETS, Tuning, tuning_from
from guidance.versions import newest_version
from marketplace.accounts.models import Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId

VERSIONS_SHOWN = 30
NIGHT = timedelta(hours=20)
"""A brand is looked at again after this, if anything was resolved since."""

SOON = timedelta(minutes=10)
GROWTH = 1.5
"""A brand whose resolved tickets grew so much is looked at without waiting for the night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningLine:
    """One version, with its author's name where it is a person's word."""

    row: GuidanceTuning
    author: str | None


def tuning_of(tx: Tx, *, brand: BrandId, otherwise: float) -> Tuning:
    """What holds for the brand; with `otherwise` as its dense share while nothing was learned."""
    row = newest_tuning(tx, brand=brand)
    return Tuning(dense_weight=otherwise) if row is None else tuning_from(row.tuning)


def newest_tuning(tx: Tx, *, brand: BrandId) -> GuidanceTuning | None:
    return newest_version(tx, GuidanceTuning, brand=brand)


def tuning_versions(tx: Tx, *, brand: BrandId) -> list[TuningLine]:
    """The newest first."""
    rows = tx.execute(
        select(GuidanceTuning, Person.name)
        .outerjoin(Person, Person.id == GuidanceTuning.author_id)
        .where(GuidanceTuning.brand_id == brand)
        .order_by(GuidanceTuning.version.desc())
        .limit(VERSIONS_SHOWN)
    )
    return [TuningLine(row=row, author=author) for row, author in rows]


def caution_of(tx: Tx, *, brand: BrandId) -> GuidanceCaution | None:
    return newest_version(tx, GuidanceCaution, brand=brand)


def threshold_of(tx: Tx, *, brand: BrandId, otherwise: float) -> float:
    """The confidence from which answering costs less than silence; `otherwise` while the brand has not said."""
    caution = caution_of(tx, brand=brand)
    return otherwise if caution is None else threshold_at(caution.wrong_cost)


def threshold_at(wrong_cost: float) -> float:
    """Of a suggestion right with probability p, showing costs (1 − p)·wrong_cost and hiding p: equal at this p."""
    return wrong_cost / (1 + wrong_cost)


def brands_to_learn(tx: Tx, *, now: datetime, limit: int = 100) -> Sequence[BrandId]:
    """Brands with enough resolved tickets that changed since their last look; not those a person holds."""
    counted = (
        select(RememberedAnswer.brand_id, func.count().label("tickets"))
        .group_by(RememberedAnswer.brand_id)
        .having(func.count() >= FEWEST_TICKETS)
        .subquery()
    )
    newest = (
        select(GuidanceTuning)
        .ext(distinct_on(GuidanceTuning.brand_id))
        .order_by(GuidanceTuning.brand_id, GuidanceTuning.version.desc())
        .subquery()
    )
    grown = counted.c.tickets >= newest.c.tickets * GROWTH
    due = (newest.c.made_at <= now - NIGHT) & (counted.c.tickets != newest.c.tickets)
    return tx.scalars(
        select(counted.c.brand_id)
        .outerjoin(newest, newest.c.brand_id == counted.c.brand_id)
        .where(
            newest.c.version.is_(None)
            | (newest.c.cause != TuningCause.RETURNED) & (due | (newest.c.made_at <= now - SOON) & grown)
        )
        .order_by(newest.c.made_at.nulls_first(), counted.c.brand_id)
        .limit(limit)
    ).all()
