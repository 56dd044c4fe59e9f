"""BM25 over stemmed words; the only door to bm25s and PyStemmer.

Lucene's variant with its defaults (k1 1.5, b 0.75), English stop words and stems. Words of other languages
are matched too, only their endings are not.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import Stemmer
from bm25s import BM25
from bm25s.stopwords import STOPWORDS_EN

Found = tuple[list[int], list[float]]

MAX_QUERY_WORDS = 400


class LexicalIndex:
    """Texts by position: the first one is 0."""

    def __init__(self, bm25: BM25 | None) -> None:
        self._bm25 = bm25

    @classmethod
    def build(cls, texts: Sequence[str]) -> "LexicalIndex":
        stemmed = [_words(text) for text in texts]
        # bm25s cannot index nothing at all.
        if not any(stemmed):
            return cls(None)
        bm25 = BM25(method="lucene", k1=1.5, b=0.75)
        bm25.index(stemmed, show_progress=False)
        return cls(bm25)

    def search(self, query: str, *, top: int) -> Found:
        """Positions and BM25 scores of the `top` texts that share a word with `query`, best first."""
        words = _words(query)[:MAX_QUERY_WORDS]
        if self._bm25 is None or not words:
            return [], []
        scores = np.asarray(self._bm25.get_scores(words), dtype=np.float32)
        best = _best(scores, top)
        return best.tolist(), scores[best].tolist()

    def save(self, folder: Path) -> None:
        """Write the files of the index into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._bm25 is not None:
            self._bm25.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """What `save` wrote; an empty folder is an index without a word."""
        if not any(folder.iterdir()):
            return cls(None)
        return cls(BM25.load(folder, show_progress=False))


_WORD = re.compile(r"(?u)\b\w\w+\b")
_STOP_WORDS = frozenset(STOPWORDS_EN)


def _words(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]
    # A stemmer keeps a cache and is not safe between threads; making one costs microseconds.
    stems: list[str] = Stemmer.Stemmer("english").stemWords(words)
    return stems


def _best(scores: npt.NDArray[np.float32], top: int) -> npt.NDArray[np.intp]:
    """Positions of the best positive scores; of equal ones the earlier first, so the order is repeatable."""
    matching = np.flatnonzero(scores > 0)
    order = np.argsort(-scores[matching], kind="stable")
    return matching[order[:top]]
