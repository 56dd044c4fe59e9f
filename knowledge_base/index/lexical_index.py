"""BM25 over stemmed words; the only door to PyStemmer.

Lucene's variant with its usual constants, English stop words and stems. Words of other languages are matched too, only
their endings are not. The scores are those of bm25s (a test compares them), which it replaced: at 100,000 passages that
took gigabytes of word lists to build, and it weighs words once and for all, so that a few new passages beside many old
ones could not be ranked together.

A word is kept as 64 bits of its hash: the files hold no text, a thousand small brands need no dictionaries in memory,
and that two of a million words fall together is one chance in forty million.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge_base.index.words import words_of

Found = tuple[list[int], list[float]]
Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

MAX_QUERY_WORDS = 400
_K1 = 1.5
_B = 0.75
_TEXTS_PER_STEP = 5_000
# Twelve words: what an index is taken to hold that has none to measure.
_USUAL_WORDS = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many texts there are, and in how many each asked word stands: what a word is worth depends on both."""

    texts: int
    having: npt.NDArray[np.int64]

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(texts=self.texts + other.texts, having=self.having + other.having)


class LexicalIndex:
    """Texts by position: the first one is 0. `average_words` is the length that theirs are compared with."""

    def __init__(
        self,
        *,
        texts: int,
        average_words: float,
        terms: npt.NDArray[np.uint64],
        starts: npt.NDArray[np.int64],
        positions: npt.NDArray[np.int32],
        weights: npt.NDArray[np.float32],
    ) -> None:
        """The texts of term `t` and its weight in each are at starts[t]:starts[t + 1]; `terms` is sorted."""
        self.texts = texts
        self.average_words = average_words
        self._terms = terms
        self._starts = starts
        self._positions = positions
        self._weights = weights

    @classmethod
    def build(cls, texts: Sequence[str], *, average_words: float | None = None) -> "LexicalIndex":
        """`average_words` is that of the larger index whose scores these will be ranked with."""
        hashes, lengths = _hashed(texts)
        average = average_words or (float(lengths.mean()) if hashes.size else _USUAL_WORDS)
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
        order = np.lexsort((owners, hashes))
        hashes, owners = hashes[order], owners[order]
        # One entry for each word of each text, and how often it stands there.
        first = np.ones(len(hashes), dtype=bool)
        first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
        begins = np.flatnonzero(first)
        often = np.diff(np.append(begins, len(hashes))).astype(np.float32)
        hashes, owners = hashes[begins], owners[begins]
        terms, starts = np.unique(hashes, return_index=True)
        norm = _K1 * (1 - _B + _B * lengths[owners] / average)
        return cls(
            texts=len(texts),
            average_words=average,
            terms=terms,
            starts=np.append(starts, len(hashes)).astype(np.int64),
            positions=owners,
            weights=(often / (often + norm)).astype(np.float32),
        )

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in (self._terms, self._starts, self._positions, self._weights))

    def counts(self, hashes: npt.NDArray[np.uint64]) -> Counts:
        begins, ends = self._spans(hashes)
        return Counts(texts=self.texts, having=ends - begins)

    def search(self, query: str, *, top: int) -> Found:
        """Positions and BM25 scores of the `top` texts that share a word with `query`, best first."""
        hashes = query_hashes(query)
        return self.best(hashes, self.counts(hashes), top=top)

    def best(self, hashes: npt.NDArray[np.uint64], counts: Counts, *, top: int) -> Found:
        """`search` by what each word is worth in `counts`, which may be those of several indexes."""
        scores = np.zeros(self.texts, dtype=np.float32)
        for begin, end, value in zip(*self._spans(hashes), _worth(counts), strict=True):
            # A text stands once in a word's list, so nothing is lost by adding them all at once.
            scores[self._positions[begin:end]] += self._weights[begin:end] * np.float32(value)
        best = _best(scores, top)
        return best.tolist(), scores[best].tolist()

    def scores_at(self, hashes: Hashes, counts: Counts, positions: Positions) -> npt.NDArray[np.float32]:
        """What each word gives to each text, of shape (words, positions); a text's BM25 score is its column's sum."""
        gives = np.zeros((len(hashes), len(positions)), dtype=np.float32)
        for row, begin, end, value in zip(gives, *self._spans(hashes), _worth(counts), strict=True):
            if begin < end:
                holders = self._positions[begin:end]
                at = np.minimum(np.searchsorted(holders, positions), end - begin - 1)
                holds = holders[at] == positions
                row[holds] = self._weights[begin:end][at[holds]] * np.float32(value)
        return gives

    def save(self, file: Path) -> None:
        with file.open("wb") as stream:
            np.savez(
                stream,
                size=np.array([self.texts, self.average_words]),
                terms=self._terms,
                starts=self._starts,
                positions=self._positions,
                weights=self._weights,
            )

    @classmethod
    def load(cls, file: Path) -> "LexicalIndex":
        """What `save` wrote. Check a checksum first."""
        with np.load(file) as kept:
            texts, average_words = kept["size"].tolist()
            arrays = {name: kept[name] for name in ("terms", "starts", "positions", "weights")}
        return cls(texts=int(texts), average_words=average_words, **arrays)

    def _spans(self, hashes: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where each word's entries begin and end; both are 0 for a word that stands nowhere."""
        if not len(self._terms):
            return np.zeros(len(hashes), dtype=np.int64), np.zeros(len(hashes), dtype=np.int64)
        at = np.minimum(np.searchsorted(self._terms, hashes), len(self._terms) - 1)
        known = self._terms[at] == hashes
        return np.where(known, self._starts[at], 0), np.where(known, self._starts[at + 1], 0)


def _worth(counts: Counts) -> npt.NDArray[np.float64]:
    """What each word is worth: the more, the fewer texts have it."""
    worth: npt.NDArray[np.float64] = np.log1p((counts.texts - counts.having + 0.5) / (counts.having + 0.5))
    return worth


def query_hashes(query: str) -> npt.NDArray[np.uint64]:
    """The words asked for, as often as they are asked for."""
    return np.array([_hash(word) for word in words_of(query)[:MAX_QUERY_WORDS]], dtype=np.uint64)


def _hashed(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The hashes of all words, text after text, and how many each text has."""
    known: dict[str, int] = {}
    hashes, lengths = [], np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _TEXTS_PER_STEP):
        step: list[int] = []
        for position, text in enumerate(texts[start : start + _TEXTS_PER_STEP], start):
            words = words_of(text)
            lengths[position] = len(words)
            step += _known_hashes(words, known)
        hashes.append(np.array(step, dtype=np.uint64))
    return np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64), lengths


def _known_hashes(words: Iterable[str], known: dict[str, int]) -> Iterable[int]:
    for word in words:
        found = known.get(word)
        if found is None:
            found = known[word] = _hash(word)
        yield found


def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _best(scores: npt.NDArray[np.float32], top: int) -> npt.NDArray[np.intp]:
    """Positions of the best positive scores; of equal ones the earlier first, so the order is repeatable."""
    matching = np.flatnonzero(scores > 0)
    if len(matching) > top:
        # Only what may be among the best is sorted: everything from the score of the last of them.
        least = np.partition(scores[matching], len(matching) - top)[len(matching) - top]
        matching = matching[scores[matching] >= least]
    order = np.argsort(-scores[matching], kind="stable")
    return matching[order[:top]]
