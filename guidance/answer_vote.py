"""Which article answers a question, by the brand's resolved questions that are like it.

Kernel ridge regression, one output per article: two texts are alike by their vectors and by the parts of their words.
It has a closed form, so each ticket is judged by all the others without fitting again (leave-one-out), and what is
chosen for a brand is chosen on its own tickets alone. Figures and tries: docs/decisions, Answers that worked before.
"""

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Matrix = npt.NDArray[np.float32]
T = TypeVar("T")

BUCKETS = 1 << 16
PART_CHARACTERS = (3, 4, 5)
SHARPNESS = (2.0, 4.0, 8.0)
WORD_SHARES = (0.0, 0.25, 0.5)
RIDGES = (0.03, 0.1, 0.3)
BRIER_WEIGHT = 0.05
"""Against the share of right answers: it decides between settings that are right equally often."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`sharpness` of the likeness of vectors, the `word_share` of the words beside them, and the `ridge`."""

    sharpness: float
    word_share: float
    ridge: float


SETTINGS = tuple(
    Setting(sharpness=sharpness, word_share=share, ridge=ridge)
    for sharpness, share, ridge in itertools.product(SHARPNESS, WORD_SHARES, RIDGES)
)
USUAL = Setting(sharpness=4.0, word_share=0.25, ridge=0.1)
"""The middle of what may be chosen: for a brand for which nothing has been chosen yet."""

EVIDENCE = Setting(sharpness=8.0, word_share=0.25, ridge=0.1)
"""Sharper than what orders best: a question unlike all that were resolved stays near 0, so that how high the highest
score is tells whether it is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Texts whose article is known: `vectors` of shape (texts, dimensions), each of length 1."""

    texts: Sequence[str]
    vectors: Matrix
    articles: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What resolved questions say to one: how much speaks for each article (about 0 to 1), the `highest` by EVIDENCE,
    and the cosine with the `nearest` of them."""

    scores: Mapping[str, float]
    highest: float
    nearest: float


NOTHING_HEARD = Heard(scores={}, highest=0.0, nearest=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What would be heard of each question if it had not been resolved (`alone`; None for an article's only one), and
    if none of its article had been (`hidden`)."""

    alone: Sequence[Heard | None]
    hidden: Sequence[Heard]


class AnswerVote:
    """Fitted to resolved questions; an article's title is one example more. Safe to use from several threads."""

    def __init__(self, questions: Examples, titles: Examples, setting: Setting | None = None) -> None:
        """Without `setting` the best by leave-one-out over `questions` is taken. Raises ValueError without any."""
        if not questions.texts:
            raise ValueError("a vote needs at least one resolved question")
        self.articles = tuple(dict.fromkeys([*questions.articles, *titles.articles]))
        self._questions = len(questions.texts)
        self._vectors = np.vstack([questions.vectors, titles.vectors])
        self._words = _Words([*questions.texts, *titles.texts])
        places = {article: at for at, article in enumerate(self.articles)}
        self._owners = np.array([places[article] for article in (*questions.articles, *titles.articles)])
        self._wanted = np.eye(len(self.articles), dtype=np.float32)[self._owners]
        cosines, words = self._likenesses()
        fits = [
            _fit(_likeness(cosines, words, one), self._wanted, one, self._questions)
            for one in ([setting] if setting else SETTINGS)
        ]
        best = max(fits, key=lambda fit: fit.goodness)
        self.setting, self.right_share, self._weights = best.setting, best.right_share, best.weights
        self._evidence = _inverse(_likeness(cosines, words, EVIDENCE), EVIDENCE) @ self._wanted
        self.title_right_share = _title_right_share(questions, titles)

    @property
    def is_worth_hearing(self) -> bool:
        """Whether questions left out were answered right more often than by the titles alone."""
        return self.right_share > self.title_right_share

    def hear(self, text: str, vector: Matrix) -> Heard:
        """`vector` has shape (dimensions,) and length 1."""
        cosines, words = self._vectors @ vector, self._words.likeness(text)
        return self._heard(
            _likeness(cosines, words, self.setting) @ self._weights,
            _likeness(cosines, words, EVIDENCE) @ self._evidence,
            cosines[: self._questions],
        )

    def without(self, questions: Collection[int]) -> "AnswerVote":
        """The vote in which these of the questions, by their place, have no voice any more; the others keep theirs."""
        silent = np.isin(np.arange(len(self._owners)), list(questions))[:, None]
        left = copy(self)
        left._weights = np.where(silent, 0, self._weights)
        left._evidence = np.where(silent, 0, self._evidence)
        return left

    def left_out(self) -> LeftOut:
        """What is heard of each question without it, in closed form: nothing is fitted again."""
        cosines, words = self._likenesses()
        ordering = _Inverse.of(cosines, words, self.setting, self._wanted)
        evidence = _Inverse.of(cosines, words, EVIDENCE, self._wanted)
        asked = cosines[: self._questions, : self._questions]
        np.fill_diagonal(asked, -1)
        own = self._owners[: self._questions]
        alone = [
            self._heard(by_order, by_evidence, near) if (own == owner).sum() > 1 else None
            for by_order, by_evidence, near, owner in zip(
                ordering.each_left_out(), evidence.each_left_out(), asked, own, strict=False
            )
        ]
        hidden: list[Heard] = [NOTHING_HEARD] * self._questions
        for article in np.unique(own):
            group = np.flatnonzero(self._owners == article)
            by_order, by_evidence = ordering.left_out(group), evidence.left_out(group)
            for row, place in enumerate(group[group < self._questions]):
                near = np.where(own == article, -1, asked[place])
                hidden[place] = self._heard(by_order[row], by_evidence[row], near, hidden=int(article))
        return LeftOut(alone=alone, hidden=hidden)

    def _heard(self, scores: Matrix, evidence: Matrix, near: Matrix, hidden: int | None = None) -> Heard:
        told = dict(zip(self.articles, map(float, scores), strict=True))
        if hidden is not None:
            del told[self.articles[hidden]]
            evidence = np.delete(evidence, hidden)
        return Heard(scores=told, highest=float(evidence.max(initial=0)), nearest=float(near.max(initial=0)))

    def _likenesses(self) -> tuple[Matrix, Matrix]:
        return self._vectors @ self._vectors.T, self._words.likeness_of_all()


def in_their_places(ranked: Sequence[str], votes: Mapping[str, float], voted: Collection[str]) -> list[str]:
    """`ranked` articles, with those of `voted` put in the order of their votes into the places that these hold.

    An article without resolved tickets keeps its place to the number, so it loses nothing to those that have some.
    """
    ordered = iter(
        sorted((one for one in ranked if one in voted), key=lambda one: -votes.get(one, -math.inf))
    )
    return [next(ordered) if one in voted else one for one in ranked]


def spread(rows: Sequence[tuple[str, T]], most: int) -> list[T]:
    """At most `most` of the rows, each with its article, from all articles alike: the first of each, then others."""
    seen: Counter[str] = Counter()
    turns = []
    for place, (article, row) in enumerate(rows):
        turns.append((seen[article], place, row))
        seen[article] += 1
    first = sorted(turns, key=lambda turn: turn[:2])[:most]
    return [row for _, _, row in sorted(first, key=lambda turn: turn[1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    setting: Setting
    weights: Matrix
    right_share: float
    goodness: float


def _fit(likeness: Matrix, wanted: Matrix, setting: Setting, questions: int) -> _Fit:
    inverse = _inverse(likeness, setting)
    weights = inverse @ wanted
    left_out = (wanted - weights / np.diag(inverse)[:, None])[:questions]
    real = wanted[:questions]
    right_share = float((left_out.argmax(1) == real.argmax(1)).mean())
    brier = float(((real - left_out) ** 2).sum(1).mean())
    return _Fit(
        setting=setting,
        weights=weights,
        right_share=right_share,
        goodness=right_share - BRIER_WEIGHT * brier,
    )


def _inverse(likeness: Matrix, setting: Setting) -> Matrix:
    ridge = setting.ridge * np.eye(len(likeness), dtype=np.float32)
    return np.asarray(np.linalg.inv(likeness + ridge), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Inverse:
    """What leaving examples out needs: the inverse of their likeness, and it times what was wanted."""

    inverse: Matrix
    wanted: Matrix
    weights: Matrix

    @classmethod
    def of(cls, cosines: Matrix, words: Matrix, setting: Setting, wanted: Matrix) -> "_Inverse":
        inverse = _inverse(_likeness(cosines, words, setting), setting)
        return cls(inverse, wanted, inverse @ wanted)

    def each_left_out(self) -> Matrix:
        return self.wanted - self.weights / np.diag(self.inverse)[:, None]

    def left_out(self, group: npt.NDArray[np.intp]) -> Matrix:
        """The scores of the examples in `group` when all of them are left out together."""
        return self.wanted[group] - np.linalg.solve(self.inverse[np.ix_(group, group)], self.weights[group])


def _title_right_share(questions: Examples, titles: Examples) -> float:
    if not titles.texts:
        return 0.0
    nearest = (questions.vectors @ titles.vectors.T).argmax(1)
    right = [titles.articles[at] == own for at, own in zip(nearest, questions.articles, strict=True)]
    return float(np.mean(right))


def _likeness(cosines: Matrix, words: Matrix, setting: Setting) -> Matrix:
    near = np.exp(setting.sharpness * (cosines - 1))
    return np.asarray((1 - setting.word_share) * near + setting.word_share * words, dtype=np.float32)


class _Words:
    """Texts by the parts of their words and pairs of words, the rarer the heavier; likeness is a cosine."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = _counts(texts)
        held = np.bincount(counts.indices, minlength=BUCKETS)
        self._rarity = np.log((1 + len(texts)) / (1 + held)) + 1
        self._rows = self._unit(counts)

    def likeness_of_all(self) -> Matrix:
        return np.asarray((self._rows @ self._rows.T).toarray(), dtype=np.float32)

    def likeness(self, text: str) -> Matrix:
        return np.asarray((self._rows @ self._unit(_counts([text])).T).toarray(), dtype=np.float32)[:, 0]

    def _unit(self, counts: csr_matrix) -> csr_matrix:
        values = counts.data * self._rarity[counts.indices]
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        length = np.sqrt(np.bincount(rows, weights=values**2, minlength=counts.shape[0]))
        return csr_matrix(
            (values / np.maximum(length[rows], 1e-9), counts.indices, counts.indptr), shape=counts.shape
        )


def _counts(texts: Sequence[str]) -> csr_matrix:
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for text in texts:
        counted = Counter(zlib.crc32(part.encode()) % BUCKETS for part in _parts(text))
        columns.extend(counted)
        values.extend(1 + math.log(count) for count in counted.values())
        ends.append(len(columns))
    shape = (len(texts), BUCKETS)
    return csr_matrix(
        (np.array(values), np.array(columns, dtype=np.int32), np.array(ends, dtype=np.int32)), shape=shape
    )


def _parts(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    parts = [f"_{word}" for word in words] + [f"_{one}_{next_}" for one, next_ in itertools.pairwise(words)]
    for word in (f" {word} " for word in words):
        for size in PART_CHARACTERS:
            parts += [word[at : at + size] for at in range(max(1, len(word) - size + 1))]
    return parts
