"""The usual figures, with values worked out by hand."""

import math

import pytest

from guidance.ranking_metrics import Judged, auroc, calibration_error, ranking_figures


def judged(ranked: str, **grades: float) -> Judged:
    return Judged(ranked=ranked.split(), grades=grades)


def test_one_question_with_its_answers_first_and_third() -> None:
    figures = ranking_figures([judged("a x b y z c", a=1, b=1, c=1, d=1)])
    dcg, best = 1 + 1 / 2 + 1 / math.log2(7), 1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)
    assert figures == pytest.approx(
        {
            "hit@1": 1.0,
            "hit@5": 1.0,
            "recall@1": 0.25,
            "recall@5": 0.5,
            "recall@10": 0.75,
            "mrr@10": 1.0,
            "ndcg@10": dcg / best,
        }
    )


def test_figures_are_means_over_questions_and_a_miss_counts_nothing() -> None:
    figures = ranking_figures([judged("x y a", a=1), judged("x y z", a=1)])
    assert (figures["hit@1"], figures["hit@5"]) == (0.0, 0.5)
    assert figures["mrr@10"] == pytest.approx(1 / 6)
    assert figures["ndcg@10"] == pytest.approx(0.25)


def test_what_stands_after_the_tenth_place_is_not_seen() -> None:
    figures = ranking_figures([judged("1 2 3 4 5 6 7 8 9 10 a", a=1)])
    assert (figures["mrr@10"], figures["recall@10"], figures["ndcg@10"]) == (0.0, 0.0, 0.0)


def test_a_better_grade_gains_more_and_a_grade_of_nought_answers_nothing() -> None:
    good_first = ranking_figures([judged("a b", a=2, b=1)])["ndcg@10"]
    good_last = ranking_figures([judged("b a", a=2, b=1)])["ndcg@10"]
    assert good_first == 1.0
    assert good_last == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    assert ranking_figures([judged("n a", n=0, a=1)])["hit@1"] == 0.0


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1, 0.2], [0.9, 0.8], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.3], [0.5, 0.3], 0.625),
        ([], [0.5], None),
        ([0.5], [], None),
    ],
)
def test_the_chance_that_an_answerable_question_is_the_surer_one(
    positives: list[float], negatives: list[float], expected: float | None
) -> None:
    assert auroc(positives, negatives) == expected


def test_calibration_is_off_by_as_much_as_a_bin_promises_too_much() -> None:
    assert calibration_error([]) is None
    assert calibration_error([(0.95, True), (0.95, False)]) == pytest.approx(0.45)
    assert calibration_error([(0.25, False), (0.25, True), (0.21, False), (0.29, False)]) == pytest.approx(0)
    assert calibration_error([(1.0, True), (0.0, False)]) == 0.0
