"""A brand's stage: what moves it, once, and what the log keeps of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, PersonId
from marketplace.tickets import stages
from marketplace.tickets.gate_models import StageMove
from marketplace.tickets.gates import Gate, Measure, MoveCause, Policy
from marketplace.tickets.stage_queries import moves_of
from tests.builders import Clock, a_brand, a_member, as_brand

GOOD = Measure(good=48, total=50)
BAD = Measure(good=10, total=50)
EIGHT_DAYS = timedelta(days=8)


@dataclass(slots=True)
class Told:
    """Quality inputs that say what they are told to, of cases since the stage began."""

    figures: dict[Gate, Measure] = field(default_factory=lambda: dict.fromkeys(Gate, GOOD))
    asked_since: list[datetime] = field(default_factory=list)

    def fcr(self, _tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        return self._since(Gate.FCR, since, now)

    def csat(self, _tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        return self._since(Gate.CSAT, since, now)

    def accuracy(self, _tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        return self._since(Gate.ACCURACY, since, now)

    def _since(self, gate: Gate, since: datetime, now: datetime) -> Measure:
        self.asked_since.append(since)
        return self.figures[gate] if since < now else Measure()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    brand: BrandId
    owner: PersonId


@pytest.fixture
def house(background: Database) -> House:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise")
        stages.enable(tx, brand=noise, person=a_member(tx, noise), now=app_now(tx) + timedelta(days=3_650))
        brand = a_brand(tx)
        return House(brand=brand, owner=a_member(tx, brand))


@pytest.fixture
def gated(db: Database, house: House) -> House:
    with db.transaction(as_brand(house.brand)) as tx:
        stages.enable(tx, brand=house.brand, person=house.owner, now=app_now(tx))
    return house


def percent(db: Database, house: House) -> int:
    with db.transaction(as_brand(house.brand)) as tx:
        return stages.stage_percent(tx, house.brand)


def judge(background: Database, inputs: Told) -> int:
    with background.transaction() as tx:
        return stages.judge_next(tx, inputs, now=app_now(tx))


def log(db: Database, house: House) -> list[tuple[MoveCause, int, int]]:
    with db.transaction(as_brand(house.brand)) as tx:
        kept = moves_of(tx, brand=house.brand, page=1).moves
    return [(one.cause, one.from_percent, one.to_percent) for one in kept]


def test_without_gates_the_whole_dial_counts(db: Database, house: House) -> None:
    assert percent(db, house) == 100
    with db.transaction(as_brand(house.brand)) as tx:
        assert stages.policy_of(tx, house.brand) == Policy()
        assert stages.standing_of(tx, house.brand) is None


def test_switched_on_the_share_starts_on_the_first_stage_once(db: Database, gated: House) -> None:
    with db.transaction(as_brand(gated.brand)) as tx:
        stages.enable(tx, brand=gated.brand, person=gated.owner, now=app_now(tx))
    assert percent(db, gated) == 5
    assert log(db, gated) == [(MoveCause.ENABLED, 100, 5)]


def test_good_figures_walk_a_share_up_to_the_whole_and_no_further(
    db: Database, background: Database, gated: House, clock: Clock
) -> None:
    seen = []
    for _ in range(4):
        clock.forward(EIGHT_DAYS)
        assert judge(background, Told()) == 1
        seen.append(percent(db, gated))
    assert seen == [25, 100, 100, 100]
    assert log(db, gated) == [
        (MoveCause.ADVANCED, 25, 100),
        (MoveCause.ADVANCED, 5, 25),
        (MoveCause.ENABLED, 100, 5),
    ]


def test_a_breach_takes_one_stage_back_at_once_with_its_numbers(
    db: Database, background: Database, gated: House, clock: Clock
) -> None:
    clock.forward(EIGHT_DAYS)
    judge(background, Told())
    clock.forward(timedelta(hours=1))
    judge(background, Told(figures=dict.fromkeys(Gate, GOOD) | {Gate.CSAT: BAD}))
    assert percent(db, gated) == 5
    with db.transaction(as_brand(gated.brand)) as tx:
        move = moves_of(tx, brand=gated.brand, page=1).moves[0]
        told = tx.execute(text("SELECT body FROM event WHERE kind = 'stage_moved' ORDER BY id DESC")).first()
    assert (move.cause, move.from_stage, move.to_stage, move.person) == (MoveCause.ROLLED_BACK, 1, 0, None)
    assert move.numbers["minimum"] == 50
    assert move.numbers["gates"]["csat"] == {
        "good": 10,
        "total": 50,
        "early_good": 0,
        "early_total": 0,
        "threshold": 8_000,
        "breach_below": 7_700,
    }
    assert told is not None
    assert told.body["cause"] == "rolled_back"
    assert (told.body["from_percent"], told.body["to_percent"]) == (25, 5)


def test_a_brand_is_judged_once_a_minute_and_again_after_it(
    background: Database, gated: House, clock: Clock
) -> None:
    assert judge(background, Told()) == 0
    clock.forward(timedelta(seconds=61))
    assert judge(background, Told()) == 1
    assert judge(background, Told()) == 0


def test_counting_begins_anew_with_each_stage(
    db: Database, background: Database, gated: House, clock: Clock
) -> None:
    clock.forward(EIGHT_DAYS)
    judge(background, Told())
    with db.transaction(as_brand(gated.brand)) as tx:
        standing = stages.standing_of(tx, gated.brand)
    assert standing is not None
    clock.forward(timedelta(minutes=2))
    inputs = Told()
    judge(background, inputs)
    assert set(inputs.asked_since) == {standing.since}
    assert percent(db, gated) == 25


def test_processes_that_judge_at_once_move_the_share_once(
    db: Database, background: Database, gated: House, clock: Clock
) -> None:
    clock.forward(EIGHT_DAYS)
    together = Barrier(4)

    def one(_number: int) -> None:
        with background.transaction() as tx:
            together.wait()
            stages.judge_next(tx, Told(), now=app_now(tx))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    assert log(db, gated) == [(MoveCause.ADVANCED, 5, 25), (MoveCause.ENABLED, 100, 5)]


# By hand


def by_hand(tx: Tx, house: House, **changes: object) -> None:
    values: dict[str, object] = {"to_stage": 2, "reason": "The season starts."}
    stages.move_by_hand(
        tx,
        Told(),
        brand=house.brand,
        person=house.owner,
        now=app_now(tx),
        **(values | changes),  # type: ignore[arg-type]  # keywords of this module alone
    )


def test_the_owner_may_skip_stages_with_a_reason_that_stands_in_the_log(
    db: Database, gated: House, clock: Clock
) -> None:
    clock.forward(timedelta(days=1))
    with db.transaction(as_brand(gated.brand)) as tx:
        by_hand(tx, gated)
    assert percent(db, gated) == 100
    with db.transaction(as_brand(gated.brand)) as tx:
        move = moves_of(tx, brand=gated.brand, page=1).moves[0]
    assert (move.cause, move.reason, move.person) == (MoveCause.BY_HAND, "The season starts.", "Mo Manager")
    assert move.numbers["gates"]["fcr"]["good"] == 48


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"to_stage": 0}, stages.SameStage),
        ({"to_stage": 3}, stages.NoSuchStage),
        ({"to_stage": -1}, stages.NoSuchStage),
        ({"reason": "  "}, stages.ReasonNeeded),
        ({"reason": "x" * 501}, stages.ReasonNeeded),
    ],
)
def test_a_move_by_hand_that_makes_no_sense_is_refused(
    db: Database, gated: House, changes: dict[str, object], refusal: type[Exception]
) -> None:
    with db.transaction(as_brand(gated.brand)) as tx, pytest.raises(refusal):
        by_hand(tx, gated, **changes)
    assert percent(db, gated) == 5


def test_switched_off_the_whole_dial_counts_again_and_nothing_can_be_moved(
    db: Database, background: Database, gated: House, clock: Clock
) -> None:
    with db.transaction(as_brand(gated.brand)) as tx:
        stages.disable(tx, brand=gated.brand, person=gated.owner, reason="Trial is over.", now=app_now(tx))
    assert percent(db, gated) == 100
    assert log(db, gated)[0] == (MoveCause.DISABLED, 5, 100)
    clock.forward(EIGHT_DAYS)
    assert judge(background, Told()) == 0
    with db.transaction(as_brand(gated.brand)) as tx, pytest.raises(stages.GatesOff):
        by_hand(tx, gated)
    with db.transaction(as_brand(gated.brand)) as tx, pytest.raises(stages.GatesOff):
        stages.disable(tx, brand=gated.brand, person=gated.owner, reason="Again.", now=app_now(tx))


# Settings


def save(db: Database, house: House, policy: Policy) -> None:
    with db.transaction(as_brand(house.brand)) as tx:
        stages.save_policy(tx, brand=house.brand, policy=policy, person=house.owner, now=app_now(tx))


def test_settings_are_kept_and_thresholds_alone_move_nothing(db: Database, gated: House) -> None:
    policy = replace(Policy(), minimum=20, csat_basis_points=90_00)
    save(db, gated, policy)
    with db.transaction(as_brand(gated.brand)) as tx:
        assert stages.policy_of(tx, gated.brand) == policy
    assert log(db, gated) == [(MoveCause.ENABLED, 100, 5)]


def test_another_percentage_in_force_is_a_move_and_counting_begins_anew(
    db: Database, gated: House, clock: Clock
) -> None:
    clock.forward(timedelta(days=1))
    save(db, gated, replace(Policy(), percents=(10, 50, 100)))
    assert percent(db, gated) == 10
    assert log(db, gated)[0] == (MoveCause.SETTINGS, 5, 10)
    with db.transaction(as_brand(gated.brand)) as tx:
        standing = stages.standing_of(tx, gated.brand)
        assert standing is not None
        assert app_now(tx) - standing.since < timedelta(hours=1)


def test_a_stage_that_is_no_more_leads_to_the_last_one_left(db: Database, gated: House) -> None:
    with db.transaction(as_brand(gated.brand)) as tx:
        by_hand(tx, gated)
    save(db, gated, replace(Policy(), percents=(5, 60)))
    assert percent(db, gated) == 60
    assert log(db, gated)[0] == (MoveCause.SETTINGS, 100, 60)


# Walls


@pytest.mark.parametrize(
    "statement",
    ["UPDATE stage_move SET reason = 'other'", "DELETE FROM stage_move", "TRUNCATE stage_move"],
)
def test_the_log_cannot_be_rewritten(background: Database, gated: House, statement: str) -> None:
    with pytest.raises(DBAPIError), background.transaction() as tx:
        tx.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    [
        lambda move: setattr(move, "to_stage", 2),
        lambda move: setattr(move, "cause", MoveCause.ROLLED_BACK),
        lambda move: setattr(move, "cause", MoveCause.BY_HAND),
    ],
)
def test_the_database_refuses_a_move_that_skips_or_names_nobody(
    background: Database, gated: House, change: Callable[[StageMove], None]
) -> None:
    with background.transaction() as tx:
        kept = tx.query(StageMove).filter_by(brand_id=gated.brand).one()
        values = {one.name: getattr(kept, one.name) for one in StageMove.__table__.columns}
    move = StageMove(**(values | {"id": uuid4(), "cause": MoveCause.ADVANCED, "moved_by": None}))
    move.from_stage, move.to_stage = 0, 1
    change(move)
    with pytest.raises(DBAPIError), background.transaction() as tx:
        tx.add(move)


def test_another_brands_stage_is_not_seen(db: Database, background: Database, gated: House) -> None:
    with background.transaction() as tx:
        stranger = a_brand(tx)
    with db.transaction(as_brand(stranger)) as tx:
        assert stages.stage_percent(tx, gated.brand) == 100
        assert moves_of(tx, brand=gated.brand, page=1).moves == ()
