"""How much two texts have in common: the share of five-word runs that stand in both (Jaccard), guessed by MinHash.

Why runs of words and not embeddings: two policies that differ in one number are near by meaning and must not be called
the same; what a brand wants to hear of is a page that was copied and edited, and that is what shared runs count.
"""

import hashlib
import re

import numpy as np
from numpy.typing import NDArray

SHINGLE_WORDS = 5
PERMUTATIONS = 128
SIGNATURE_BYTES = PERMUTATIONS * 4

Signatures = NDArray[np.uint32]


def words_of(text: str) -> list[str]:
    """The words as they are compared: letter case, punctuation and spacing say nothing."""
    return _WORD.findall(text.casefold())


def text_sha256(text: str) -> str:
    return hashlib.sha256(" ".join(words_of(text)).encode()).hexdigest()


def shingles(text: str) -> frozenset[str]:
    """Every run of five words; a text shorter than that is one run."""
    words = words_of(text)
    last = max(len(words) - SHINGLE_WORDS, 0)
    return frozenset(" ".join(words[start : start + SHINGLE_WORDS]) for start in range(last + 1)) - {""}


def signature(text: str) -> bytes:
    """The text's MinHash: of two texts' signatures about as many places agree as the texts share runs."""
    hashes = np.array([_hashed(run) for run in shingles(text)] or [0], dtype=np.uint64)
    smallest = np.full(PERMUTATIONS, np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(hashes), _RUNS_AT_ONCE):
        some = hashes[start : start + _RUNS_AT_ONCE, None]
        # Multiply-add-shift: the upper half of a * x + b modulo 2^64, one a and b for each place.
        mixed = ((some * _FACTORS + _OFFSETS) >> np.uint64(32)).astype(np.uint32)
        smallest = np.minimum(smallest, mixed.min(axis=0))
    return smallest.astype("<u4").tobytes()


def stacked(signatures: list[bytes]) -> Signatures:
    """Signatures as one array of shape (PERMUTATIONS, texts): place by place they are compared four times as fast."""
    texts = np.frombuffer(b"".join(signatures), dtype="<u4").reshape(len(signatures), PERMUTATIONS)
    return np.ascontiguousarray(texts.T)


def guessed_shares(one: bytes, others: Signatures) -> NDArray[np.float64]:
    """About how much each of `others` has in common with `one`, 0 to 1; the error is about 0.04."""
    agreeing = np.zeros(others.shape[1], dtype=np.uint8)
    for mine, theirs in zip(np.frombuffer(one, dtype="<u4"), others, strict=True):
        agreeing += theirs == mine
    return agreeing / PERMUTATIONS


def share_in_common(one: str, other: str) -> float:
    """Of all runs of both texts the share that stands in both, 0 to 1."""
    mine, theirs = shingles(one), shingles(other)
    together = mine | theirs
    return len(mine & theirs) / len(together) if together else 0.0


def _hashed(run: str) -> int:
    return int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest(), "little")


_WORD = re.compile(r"\w+")
_RUNS_AT_ONCE = 1_000
# Made by a hash and not by a generator, so that kept signatures mean the same for ever. Factors are odd.
_FACTORS = np.array([_hashed(f"factor {place}") | 1 for place in range(PERMUTATIONS)], dtype=np.uint64)
_OFFSETS = np.array([_hashed(f"offset {place}") for place in range(PERMUTATIONS)], dtype=np.uint64)
