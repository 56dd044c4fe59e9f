"""How good rankings and confidences are, by the field's usual figures. Each is a mean over questions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from statistics import fmean

BINS = 10
"""Of the expected calibration error: equal widths from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A ranking of document ids, best first, without repeats, and the grades of those that answer."""

    ranked: Sequence[str]
    grades: Mapping[str, float]

    @property
    def relevant(self) -> set[str]:
        return {document for document, grade in self.grades.items() if grade > 0}


def ranking_figures(judged: Sequence[Judged]) -> dict[str, float]:
    """hit@1, hit@5, recall@1, recall@5, recall@10, mrr@10 and ndcg@10, each 0 to 1; `judged` is not empty."""
    return {
        **{f"hit@{k}": fmean(_hit(one, k) for one in judged) for k in (1, 5)},
        **{f"recall@{k}": fmean(_recall(one, k) for one in judged) for k in (1, 5, 10)},
        "mrr@10": fmean(_reciprocal_rank(one, 10) for one in judged),
        "ndcg@10": fmean(_ndcg(one, 10) for one in judged),
    }


def _hit(one: Judged, k: int) -> float:
    return float(not one.relevant.isdisjoint(one.ranked[:k]))


def _recall(one: Judged, k: int) -> float:
    return len(one.relevant & set(one.ranked[:k])) / len(one.relevant)


def _reciprocal_rank(one: Judged, k: int) -> float:
    relevant = one.relevant
    ranks = (rank for rank, document in enumerate(one.ranked[:k], start=1) if document in relevant)
    return 1 / next(ranks, math.inf)


def _ndcg(one: Judged, k: int) -> float:
    """Gain 2^grade − 1, discounted by log2(rank + 1), over that of the best order."""
    gains = [one.grades.get(document, 0.0) for document in one.ranked[:k]]
    best = sorted(one.grades.values(), reverse=True)[:k]
    return _discounted(gains) / _discounted(best)


def _discounted(grades: Sequence[float]) -> float:
    return sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """The chance that a positive scores above a negative, ties half; None without one of each."""
    if not positives or not negatives:
        return None
    scored = sorted([(score, True) for score in positives] + [(score, False) for score in negatives])
    wins, below = 0.0, 0
    for _, tied in groupby(scored, key=itemgetter(0)):
        group = [positive for _, positive in tied]
        ups, downs = sum(group), len(group) - sum(group)
        wins += ups * (below + downs / 2)
        below += downs
    return wins / (len(positives) * len(negatives))


def calibration_error(
    stated: Sequence[tuple[float, bool]], weights: Sequence[float] | None = None
) -> float | None:
    """The expected calibration error: how far stated confidences are from the share that came true, by bins."""
    if not stated:
        return None
    counted = weights or [1.0] * len(stated)
    off: dict[int, float] = {}
    for (confidence, came_true), weight in zip(stated, counted, strict=True):
        place = min(int(confidence * BINS), BINS - 1)
        off[place] = off.get(place, 0.0) + weight * (confidence - came_true)
    return sum(map(abs, off.values())) / sum(counted)
