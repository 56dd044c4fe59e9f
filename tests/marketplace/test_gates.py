"""The decision between stages: what it never does, whatever the figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.tickets.gates import (
    BadPolicy,
    Figures,
    Gate,
    Measure,
    Move,
    MoveCause,
    Policy,
    Standing,
    decide,
    is_breached,
    is_passed,
    may_advance_from,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NONE_YET = {gate: Measure() for gate in Gate}

SHARES = st.integers(0, 10_000)


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    total, early = draw(st.integers(0, 300)), draw(st.integers(0, 300))
    return Measure(
        good=draw(st.integers(0, total)),
        total=total,
        early_good=draw(st.integers(0, early)),
        early_total=early,
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    percents = draw(st.sets(st.integers(1, 100), min_size=1, max_size=6))
    return Policy(
        percents=tuple(sorted(percents)),
        window_days=draw(st.integers(8, 90)),
        stage_days=draw(st.integers(0, 90)),
        minimum=draw(st.integers(1, 200)),
        fcr_basis_points=draw(SHARES),
        csat_basis_points=draw(SHARES),
        accuracy_basis_points=draw(SHARES),
        breach_margin_basis_points=draw(SHARES),
    )


@st.composite
def standings(draw: st.DrawFn, policy: Policy) -> Standing:
    stage = draw(st.integers(0, policy.last_stage))
    return Standing(stage=stage, since=NOW - timedelta(days=draw(st.integers(0, 120))))


FIGURES = st.fixed_dictionaries({gate: measures() for gate in Gate})


@given(st.data(), policies(), FIGURES)
def test_no_move_skips_a_stage_or_leaves_the_stages_there_are(
    data: st.DataObject, policy: Policy, figures: Figures
) -> None:
    standing = data.draw(standings(policy))
    move = decide(policy, standing, figures, NOW)
    if move is not None:
        assert abs(move.to_stage - standing.stage) == 1
        assert 0 <= move.to_stage <= policy.last_stage
        assert (move.cause is MoveCause.ADVANCED) == (move.to_stage > standing.stage)


@given(st.data(), policies(), FIGURES)
def test_nothing_advances_on_too_few_tickets_too_soon_or_past_a_breach(
    data: st.DataObject, policy: Policy, figures: Figures
) -> None:
    standing = data.draw(standings(policy))
    move = decide(policy, standing, figures, NOW)
    if move is not None and move.cause is MoveCause.ADVANCED:
        assert all(figures[gate].total >= policy.minimum for gate in Gate)
        assert may_advance_from(policy, standing) <= NOW
        assert not any(is_breached(policy, gate, figures[gate]) for gate in Gate)


@given(st.data(), policies(), FIGURES)
def test_every_breach_above_the_first_stage_rolls_back(
    data: st.DataObject, policy: Policy, figures: Figures
) -> None:
    standing = data.draw(standings(policy))
    move = decide(policy, standing, figures, NOW)
    breached = any(is_breached(policy, gate, figures[gate]) for gate in Gate)
    rolled_back = move is not None and move.cause is MoveCause.ROLLED_BACK
    assert rolled_back == (breached and standing.stage > 0)


@given(st.data(), policies(), FIGURES)
def test_deciding_again_says_the_same_and_a_stage_just_begun_stays(
    data: st.DataObject, policy: Policy, figures: Figures
) -> None:
    standing = data.draw(standings(policy))
    move = decide(policy, standing, figures, NOW)
    assert decide(policy, standing, figures, NOW) == move
    if move is not None:
        begun = Standing(stage=move.to_stage, since=NOW)
        assert decide(policy, begun, NONE_YET, NOW) is None


@given(st.data(), policies(), FIGURES, st.sampled_from(Gate))
def test_one_more_good_case_instead_of_a_bad_one_never_makes_the_decision_worse(
    data: st.DataObject, policy: Policy, figures: dict[Gate, Measure], gate: Gate
) -> None:
    standing, one = data.draw(standings(policy)), figures[gate]
    better = [
        replace(one, good=min(one.good + 1, one.total)),
        replace(one, early_good=min(one.early_good + 1, one.early_total)),
    ]
    before = _rank(decide(policy, standing, figures, NOW))
    for instead in better:
        assert _rank(decide(policy, standing, figures | {gate: instead}, NOW)) >= before


@given(policies(), measures(), st.sampled_from(Gate))
def test_no_gate_is_passed_and_breached_at_once(policy: Policy, measure: Measure, gate: Gate) -> None:
    assert not (is_passed(policy, gate, measure) and is_breached(policy, gate, measure))


def _rank(move: Move | None) -> int:
    if move is None:
        return 0
    return 1 if move.cause is MoveCause.ADVANCED else -1


# Examples

STARTED = Standing(stage=0, since=NOW - timedelta(days=10))
HELD = {gate: Measure(good=48, total=50) for gate in Gate}


def test_fifty_good_tickets_of_every_kind_advance() -> None:
    assert decide(Policy(), STARTED, HELD, NOW) == Move(to_stage=1, cause=MoveCause.ADVANCED)


def test_forty_nine_do_not() -> None:
    few = HELD | {Gate.CSAT: Measure(good=49, total=49)}
    assert decide(Policy(), STARTED, few, NOW) is None


def test_six_days_on_a_stage_are_not_seven() -> None:
    assert decide(Policy(), replace(STARTED, since=NOW - timedelta(days=6, hours=23)), HELD, NOW) is None


def test_the_threshold_itself_holds_and_a_hair_under_it_does_not() -> None:
    exact = HELD | {Gate.ACCURACY: Measure(good=45, total=50)}  # 90 % of 50
    under = HELD | {Gate.ACCURACY: Measure(good=899, total=1_000)}
    assert decide(Policy(), STARTED, exact, NOW) is not None
    assert decide(Policy(), STARTED, under, NOW) is None


def test_between_threshold_and_breach_the_share_stays() -> None:
    between = HELD | {Gate.CSAT: Measure(good=78, total=100)}  # 78 %: under 80, not under 77
    assert decide(Policy(), replace(STARTED, stage=1), between, NOW) is None


def test_thirteen_tickets_are_enough_to_roll_back_and_twelve_are_not() -> None:
    second = replace(STARTED, stage=1, since=NOW - timedelta(hours=2))
    bad = NONE_YET | {Gate.CSAT: Measure(good=5, total=13)}
    assert decide(Policy(), second, bad, NOW) == Move(to_stage=0, cause=MoveCause.ROLLED_BACK)
    assert decide(Policy(), second, NONE_YET | {Gate.CSAT: Measure(good=4, total=12)}, NOW) is None


def test_a_breach_on_the_first_stage_has_nowhere_to_fall() -> None:
    assert decide(Policy(), STARTED, HELD | {Gate.FCR: Measure(good=0, total=50)}, NOW) is None


def test_early_failures_alone_are_no_breach_while_the_rest_may_turn_out_well() -> None:
    """A week-long wait makes failures known first: 10 of 100 failed is 90 %, not 0 of 10."""
    second = replace(STARTED, stage=1)
    young = NONE_YET | {Gate.FCR: Measure(early_good=90, early_total=100)}
    assert decide(Policy(), second, young, NOW) is None


def test_early_failures_that_nothing_can_make_good_roll_back_before_the_week_is_over() -> None:
    second = replace(STARTED, stage=1)
    young = NONE_YET | {Gate.FCR: Measure(early_good=71, early_total=100)}
    assert decide(Policy(), second, young, NOW) == Move(to_stage=0, cause=MoveCause.ROLLED_BACK)


@pytest.mark.parametrize(
    "changes",
    [
        {"percents": ()},
        {"percents": (5, 5)},
        {"percents": (25, 5)},
        {"percents": (0, 100)},
        {"percents": (5, 101)},
        {"percents": (1, 2, 3, 4, 5, 6, 7)},
        {"window_days": 7},
        {"stage_days": -1},
        {"minimum": 0},
        {"fcr_basis_points": 10_001},
        {"breach_margin_basis_points": -1},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_in_words(changes: dict[str, object]) -> None:
    with pytest.raises(BadPolicy):
        replace(Policy(), **changes)  # type: ignore[arg-type]  # one field at a time, of its own type
