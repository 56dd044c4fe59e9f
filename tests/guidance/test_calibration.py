"""A brand's own reading of confidence: what it learns from its tickets, and what it refuses to learn."""

import random

import pytest

from guidance.calibration import Kind, Lesson, calibrated, lesson_weights, new_share
from guidance.confidence import Signals, TicketSignals, assess, probability
from guidance.ranking_metrics import calibration_error

SEED = 11


def lessons(count: int, *, told: float = 6.0) -> list[Lesson]:
    """Questions of which those well known by tickets are right, as a coin of their own falls."""
    chance = random.Random(SEED)
    found = []
    for _ in range(count):
        highest = chance.random()
        right = chance.random() < probability(told * (highest - 0.5))
        kind = Kind.KNOWN if right or chance.random() < 0.2 else Kind.OUTSIDE
        tickets = TicketSignals(highest=highest, nearest=chance.random())
        found.append(Lesson(kind=kind, knowledge=chance.gauss(0, 1), tickets=tickets, right=right))
    return found


def test_a_stated_confidence_comes_true_on_questions_that_taught_nothing() -> None:
    found = lessons(4_000)
    calibration = calibrated(found[:2_000], articles=["a", "b"] * 1_000)
    assert calibration is not None

    held_out = found[2_000:]
    stated = [
        (probability(calibration.logit(lesson.knowledge, lesson.tickets)), lesson.right)
        for lesson in held_out
    ]

    error = calibration_error(stated, list(lesson_weights([one.kind for one in held_out], new_share=0.02)))
    assert error is not None
    assert error < 0.05
    assert calibration.highest > 3 * calibration.nearest


def test_a_signal_that_speaks_against_its_meaning_is_not_heard() -> None:
    """Nobody could understand that a ticket more alike makes an answer less likely."""
    calibration = calibrated(lessons(1_000, told=-6.0), articles=["a", "b"] * 500)

    assert calibration is not None
    assert calibration.highest == 0
    assert min(calibration.knowledge, calibration.nearest) >= 0


def test_tickets_that_were_all_right_or_all_wrong_teach_nothing() -> None:
    right = [one for one in lessons(200) if one.right]

    assert calibrated(right, articles=["a"] * 200) is None
    assert calibrated([], articles=[]) is None


def test_the_kinds_count_as_often_as_a_brand_meets_them() -> None:
    weights = lesson_weights([Kind.KNOWN, Kind.NEW, Kind.OUTSIDE, Kind.OUTSIDE], new_share=0.2)

    assert weights.mean() == pytest.approx(1)
    assert weights[2] + weights[3] == pytest.approx(weights[0] + weights[1])
    assert weights[1] == pytest.approx(weights[0] / 4)


def test_how_many_articles_answered_once_says_how_many_will_be_new() -> None:
    assert new_share(["a", "a", "a", "b"]) == pytest.approx(0.25)
    assert new_share(["a"] * 1_000) == pytest.approx(0.02)
    assert new_share(["a", "b", "c"]) == pytest.approx(0.5)


def test_a_brand_without_a_reading_of_its_own_is_read_as_all_brands() -> None:
    signals = Signals(
        top_dense_cosine=0.5, margin=0.1, lexical_top_normalised=0.5, agreement=True, query_words=8
    )
    calibration = calibrated(lessons(1_000), articles=["a", "b"] * 500)
    known, strange = (TicketSignals(highest=highest, nearest=0.5) for highest in (0.95, 0.05))

    usual = assess(signals).confidence
    assert assess(signals, tickets=known).confidence == usual
    assert assess(signals, calibration=calibration).confidence == usual
    assert (
        assess(signals, tickets=known, calibration=calibration).confidence
        > 0.5
        > assess(signals, tickets=strange, calibration=calibration).confidence
    )
