"""A brand's stage in the pool: how much of its tickets it lets in, and every way that changes.

Without a row in `brand_stage` the gates are off. Each move is one conditional UPDATE and one line in the log,
so that several processes may judge at once and the share still moves once.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import StageMoved
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, PersonId, StageMoveId, new_id
from marketplace.tickets.gate_models import BrandStage, StageMove, StagePolicy
from marketplace.tickets.gates import (
    WHOLE_PERCENT,
    Figures,
    Gate,
    MoveCause,
    Policy,
    Standing,
    counted_since,
    decide,
)
from marketplace.tickets.quality_inputs import QualityInputs

CHECKED_EVERY = timedelta(minutes=1)
REASON_LIMIT = 500
NO_FIGURES: Figures = {}


class GatesOff(Conflict):
    """The gates are off. Switch them on first; the share then starts on the first stage."""


class SameStage(Conflict):
    """The share stands on this stage already."""


class NoSuchStage(Invalid):
    """There is no such stage. Choose one from the list."""


class ReasonNeeded(Invalid):
    """Say in 1 to 500 characters why the share moves by hand; it stands in the log."""


def stage_percent(tx: Tx, brand: BrandId) -> int:
    """How much of the brand's tickets its stage lets into the pool, in percent; 100 without gates."""
    found = tx.execute(_PERCENT, {"brand": brand}).scalar()
    return WHOLE_PERCENT if found is None else int(found)


_PERCENT = text(
    "SELECT p.percents[least(s.stage + 1, cardinality(p.percents))] "
    "FROM brand_stage s JOIN stage_policy p ON p.brand_id = s.brand_id WHERE s.brand_id = :brand"
)


def policy_of(tx: Tx, brand: BrandId) -> Policy:
    """The brand's own policy, else the defaults."""
    row = tx.scalars(
        select(StagePolicy).where(StagePolicy.brand_id == brand).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return Policy()
    return Policy(
        percents=tuple(row.percents),
        window_days=row.window_days,
        stage_days=row.stage_days,
        minimum=row.minimum,
        fcr_basis_points=row.fcr_basis_points,
        csat_basis_points=row.csat_basis_points,
        accuracy_basis_points=row.accuracy_basis_points,
        breach_margin_basis_points=row.breach_margin_basis_points,
    )


def standing_of(tx: Tx, brand: BrandId) -> Standing | None:
    """Where the brand stands; None while its gates are off."""
    return _standing(tx, select(BrandStage.stage, BrandStage.since).where(BrandStage.brand_id == brand))


def figures_of(tx: Tx, inputs: QualityInputs, *, brand: BrandId, since: datetime, now: datetime) -> Figures:
    """What each gate has counted since `since`."""
    return {
        Gate.FCR: inputs.fcr(tx, brand=brand, since=since, now=now),
        Gate.CSAT: inputs.csat(tx, brand=brand, since=since, now=now),
        Gate.ACCURACY: inputs.accuracy(tx, brand=brand, since=since, now=now),
    }


def save_policy(tx: Tx, *, brand: BrandId, policy: Policy, person: PersonId, now: datetime) -> None:
    """Keep `policy`; where it changes the share in force, the share moves at once and the log says by whom.

    A share that stood on a stage which is no more goes to the last one left.
    """
    standing, before = _locked(tx, brand), stage_percent(tx, brand)
    _write_policy(tx, brand, policy, person, now)
    if standing is None:
        return
    stage = min(standing.stage, policy.last_stage)
    if stage == standing.stage and policy.percents[stage] == before:
        return
    _set_stage(tx, brand, standing, stage, now)
    _log(
        tx,
        brand,
        moved=(standing.stage, stage),
        percents=(before, policy.percents[stage]),
        cause=MoveCause.SETTINGS,
        numbers=numbers_of(policy, NO_FIGURES, since=now),
        now=now,
        person=person,
    )


def enable(tx: Tx, *, brand: BrandId, person: PersonId, now: datetime) -> None:
    """Switch the gates on: the share starts on the first stage. Again, nothing happens."""
    policy = policy_of(tx, brand)
    if not _has_policy(tx, brand):
        _write_policy(tx, brand, policy, person, now)
    begun = insert(BrandStage).values(brand_id=brand, stage=0, since=now, checked_at=now)
    fresh = tx.execute(begun.on_conflict_do_nothing().returning(BrandStage.brand_id)).first()
    if fresh is None:
        return
    _log(
        tx,
        brand,
        moved=(None, 0),
        percents=(WHOLE_PERCENT, policy.percents[0]),
        cause=MoveCause.ENABLED,
        numbers=numbers_of(policy, NO_FIGURES, since=now),
        now=now,
        person=person,
    )


def disable(tx: Tx, *, brand: BrandId, person: PersonId, reason: str, now: datetime) -> None:
    """Switch the gates off: the whole dial counts again. Raises GatesOff, ReasonNeeded."""
    checked, standing, policy = _checked(reason), _locked(tx, brand), policy_of(tx, brand)
    if standing is None:
        raise GatesOff
    tx.execute(delete(BrandStage).where(BrandStage.brand_id == brand))
    _log(
        tx,
        brand,
        moved=(standing.stage, None),
        percents=(policy.percents[standing.stage], WHOLE_PERCENT),
        cause=MoveCause.DISABLED,
        numbers=numbers_of(policy, NO_FIGURES, since=standing.since),
        now=now,
        person=person,
        reason=checked,
    )


def move_by_hand(
    tx: Tx,
    inputs: QualityInputs,
    *,
    brand: BrandId,
    to_stage: int,
    reason: str,
    person: PersonId,
    now: datetime,
) -> None:
    """Put the share on `to_stage` whatever the gates say; counting begins anew.

    Raises GatesOff, NoSuchStage, SameStage, ReasonNeeded.
    """
    checked, standing, policy = _checked(reason), _locked(tx, brand), policy_of(tx, brand)
    if standing is None:
        raise GatesOff
    if not 0 <= to_stage <= policy.last_stage:
        raise NoSuchStage
    if to_stage == standing.stage:
        raise SameStage
    since = counted_since(policy, standing, now)
    figures = figures_of(tx, inputs, brand=brand, since=since, now=now)
    _set_stage(tx, brand, standing, to_stage, now)
    _log(
        tx,
        brand,
        moved=(standing.stage, to_stage),
        percents=(policy.percents[standing.stage], policy.percents[to_stage]),
        cause=MoveCause.BY_HAND,
        numbers=numbers_of(policy, figures, since=since),
        now=now,
        person=person,
        reason=checked,
    )


def judge_next(tx: Tx, inputs: QualityInputs, *, now: datetime) -> int:
    """Judge the brand that has waited longest, if one was not judged within the last minute; how many."""
    due = tx.execute(
        select(BrandStage.brand_id, BrandStage.stage, BrandStage.since)
        .where(BrandStage.checked_at <= now - CHECKED_EVERY)
        .order_by(BrandStage.checked_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if due is None:
        return 0
    _judge(tx, inputs, due.brand_id, Standing(stage=due.stage, since=due.since), now)
    tx.execute(update(BrandStage).where(BrandStage.brand_id == due.brand_id).values(checked_at=now))
    return 1


def numbers_of(policy: Policy, figures: Figures, *, since: datetime) -> dict[str, object]:
    """What the decision saw, thresholds included: later settings do not change what stands in the log."""
    return {
        "counted_since": since.isoformat(),
        "minimum": policy.minimum,
        "breach_minimum": policy.breach_minimum,
        "gates": {
            gate.value: {
                "threshold": policy.threshold(gate),
                "breach_below": policy.breach_below(gate),
                **(asdict(figures[gate]) if gate in figures else {}),
            }
            for gate in Gate
        },
    }


def _judge(tx: Tx, inputs: QualityInputs, brand: BrandId, standing: Standing, now: datetime) -> None:
    """Let the figures move the brand's share, if they do."""
    policy = policy_of(tx, brand)
    since = counted_since(policy, standing, now)
    figures = figures_of(tx, inputs, brand=brand, since=since, now=now)
    move = decide(policy, standing, figures, now)
    if move is None or not _set_stage(tx, brand, standing, move.to_stage, now):
        return
    _log(
        tx,
        brand,
        moved=(standing.stage, move.to_stage),
        percents=(policy.percents[standing.stage], policy.percents[move.to_stage]),
        cause=move.cause,
        numbers=numbers_of(policy, figures, since=since),
        now=now,
    )


def _locked(tx: Tx, brand: BrandId) -> Standing | None:
    wanted = select(BrandStage.stage, BrandStage.since).where(BrandStage.brand_id == brand)
    return _standing(tx, wanted.with_for_update())


def _standing(tx: Tx, wanted: Select[int, datetime]) -> Standing | None:
    row = tx.execute(wanted).first()
    return None if row is None else Standing(stage=row.stage, since=row.since)


def _set_stage(tx: Tx, brand: BrandId, standing: Standing, stage: int, now: datetime) -> bool:
    """Move on from exactly `standing`; whether this call did. Counting begins anew."""
    moved = (
        update(BrandStage)
        .where(
            BrandStage.brand_id == brand,
            BrandStage.stage == standing.stage,
            BrandStage.since == standing.since,
        )
        .values(stage=stage, since=now)
        .returning(BrandStage.brand_id)
    )
    return tx.execute(moved).first() is not None


def _has_policy(tx: Tx, brand: BrandId) -> bool:
    return tx.scalar(select(StagePolicy.brand_id).where(StagePolicy.brand_id == brand)) is not None


def _write_policy(tx: Tx, brand: BrandId, policy: Policy, person: PersonId, now: datetime) -> None:
    values = asdict(policy) | {"percents": list(policy.percents), "saved_at": now, "saved_by": person}
    written = insert(StagePolicy).values(brand_id=brand, **values)
    tx.execute(written.on_conflict_do_update(index_elements=[StagePolicy.brand_id], set_=values))


def _checked(reason: str) -> str:
    return words_within(reason, REASON_LIMIT, ReasonNeeded)


def _log(
    tx: Tx,
    brand: BrandId,
    *,
    moved: tuple[int | None, int | None],
    percents: tuple[int, int],
    cause: MoveCause,
    numbers: dict[str, object],
    now: datetime,
    person: PersonId | None = None,
    reason: str = "",
) -> None:
    move = StageMoveId(new_id())
    tx.add(
        StageMove(
            brand_id=brand,
            id=move,
            from_stage=moved[0],
            to_stage=moved[1],
            from_percent=percents[0],
            to_percent=percents[1],
            cause=cause,
            reason=reason,
            numbers=numbers,
            moved_at=now,
            moved_by=person,
        )
    )
    fact = StageMoved(
        brand=brand, move=move, cause=cause.value, from_percent=percents[0], to_percent=percents[1]
    )
    record(tx, fact)
