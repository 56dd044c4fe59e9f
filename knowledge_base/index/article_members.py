"""Which passages make up the article of a passage, by position."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from knowledge_base.index.lexical_index import Positions

MAX_MEMBERS = 64
"""Of an article's passages that stand for all of it, the first ones; 64 are about 5,800 words."""


class Articles(NamedTuple):
    """Articles one after another: their `passages`, where each one's begin, and which article each position asked
    for belongs to."""

    passages: Positions
    starts: Positions
    article_of: Positions


class ArticleMembers:
    """Made from the article id of each position."""

    def __init__(self, articles: npt.NDArray[np.void]) -> None:
        _, article_of = np.unique(articles, return_inverse=True)
        self._article_of = article_of.astype(np.int32)
        self._passages = np.argsort(self._article_of, kind="stable").astype(np.int32)
        self._ends = np.cumsum(np.bincount(self._article_of)).astype(np.int32)

    @property
    def nbytes(self) -> int:
        return self._article_of.nbytes + self._passages.nbytes + self._ends.nbytes

    def of(self, positions: Positions) -> Articles:
        """The articles of `positions`, which are not empty."""
        articles, article_of = np.unique(self._article_of[positions], return_inverse=True)
        begins = np.where(articles > 0, self._ends[articles - 1], 0)
        lengths = np.minimum(self._ends[articles] - begins, MAX_MEMBERS)
        starts = np.cumsum(lengths) - lengths
        within = np.arange(lengths.sum()) - np.repeat(starts, lengths)
        passages = self._passages[np.repeat(begins, lengths) + within]
        return Articles(passages.astype(np.int64), starts.astype(np.int64), article_of.astype(np.int64))
