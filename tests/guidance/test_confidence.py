"""When the engine answers, and what it says when it does not."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.confidence import Reason, Signals, assess, normalised_lexical

CLEAR = Signals(top_dense_cosine=0.72, margin=0.12, lexical_top_normalised=0.7, agreement=True, query_words=9)
VAGUE = Signals(
    top_dense_cosine=0.42, margin=0.05, lexical_top_normalised=0.2, agreement=False, query_words=9
)

signals = st.builds(
    Signals,
    top_dense_cosine=st.floats(-1, 1),
    margin=st.floats(0, 2),
    lexical_top_normalised=st.floats(0, 1),
    agreement=st.booleans(),
    query_words=st.integers(0, 5_000),
)


def test_a_clear_match_is_answered() -> None:
    assessment = assess(CLEAR)
    assert assessment.answer
    assert assessment.reason is Reason.GROUNDED
    assert 0.75 < assessment.confidence < 1


def test_a_vague_match_is_not_answered() -> None:
    assessment = assess(VAGUE)
    assert not assessment.answer
    assert assessment.confidence < 0.5


def test_the_threshold_is_the_brands() -> None:
    confidence = assess(VAGUE).confidence
    assert assess(VAGUE, threshold=confidence).answer
    assert not assess(CLEAR, threshold=0.999).answer


@pytest.mark.parametrize(
    ("change", "reason", "step"),
    [
        ({"query_words": 2}, Reason.TOO_SHORT, "Ask the customer which product"),
        ({"top_dense_cosine": 0.2}, Reason.OFF_TOPIC, "Escalate to the plant desk"),
        ({"margin": 0.0}, Reason.AMBIGUOUS, "“Returns” or “Exchanges”"),
        ({}, Reason.WEAK, "escalate to the plant desk"),
        (
            {"top_dense_cosine": 0.0, "lexical_top_normalised": 0.0},
            Reason.NOTHING_FOUND,
            "Escalate to the plant desk",
        ),
    ],
)
def test_silence_has_a_reason_and_a_next_step(change: dict[str, float], reason: Reason, step: str) -> None:
    assessment = assess(
        replace(VAGUE, **change),  # type: ignore[arg-type]  # one table for all fields
        candidates=("Returns", "Returns", "Exchanges"),
        escalate_to="the plant desk",
    )
    assert not assessment.answer
    assert assessment.reason is reason
    assert step in assessment.next_step


def test_an_ambiguous_question_without_titles_still_has_a_next_step() -> None:
    assert assess(replace(VAGUE, margin=0.0)).next_step.startswith("Ask the customer which")


@given(signals=signals, threshold=st.floats(0.01, 0.99))
def test_every_assessment_is_whole(signals: Signals, threshold: float) -> None:
    assessment = assess(signals, threshold=threshold)
    assert 0 <= assessment.confidence <= 1
    assert assessment.next_step
    assert assessment.answer == (assessment.reason is Reason.GROUNDED)
    assert not assessment.answer or assessment.confidence >= threshold


@given(signals=signals, more=st.floats(0, 0.5))
def test_better_evidence_never_lowers_the_confidence(signals: Signals, more: float) -> None:
    before = assess(signals).confidence
    assert assess(replace(signals, margin=signals.margin + more)).confidence >= before
    assert assess(replace(signals, agreement=True)).confidence >= before
    assert (
        assess(replace(signals, top_dense_cosine=min(1, signals.top_dense_cosine + more))).confidence
        >= before
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_broken_score_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        replace(VAGUE, top_dense_cosine=number)


def test_bm25_is_normalised_by_the_length_of_the_question() -> None:
    assert normalised_lexical(0.0, 5) == 0
    assert normalised_lexical(7.5, 5) == pytest.approx(0.5)
    assert normalised_lexical(99.0, 5) == 1
    assert normalised_lexical(1.0, 0) == pytest.approx(1 / 3)
