"""Vectors for the benchmarks of size: real texts are encoded once and kept under the data directory.

To encode 100,000 passages takes an hour of two cores, and says nothing about searching them. So beyond the real ones a
vector is a mixture of two real passages' and a little noise, as the varied texts are sentences of two: near neighbours
are nearer and more than among real texts, which makes recall harder, not easier.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.knowledge_texts import questions, real_passages
from knowledge_base.index.embedder import Embedder, Vectors
from marketplace.kernel.settings import Settings

NOISE = 0.02


def varied_vectors(embedder: Embedder, count: int, *, seed: int = 13) -> Vectors:
    """`count` unit vectors: those of real passages first."""
    chance = np.random.default_rng(seed)
    real = kept_vectors(embedder, real_passages())
    vectors = np.empty((count, real.shape[1]), dtype=np.float32)
    vectors[: len(real)] = real[:count]
    for start in range(len(real), count, 10_000):
        size = min(10_000, count - start)
        one, other = real[chance.integers(len(real), size=(2, size))]
        share = chance.uniform(0.5, 0.9, size=(size, 1)).astype(np.float32)
        mixed = share * one + (1 - share) * other
        vectors[start : start + size] = mixed + chance.normal(0, NOISE, mixed.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def question_vectors(embedder: Embedder, count: int) -> Vectors:
    return kept_vectors(embedder, questions(count))


def kept_vectors(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The texts' vectors, encoded at the first call ever and read from a file since."""
    file = _file(embedder.name, texts)
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        writing = file.with_suffix(f".{os.getpid()}.npy")
        np.save(writing, embedder.encode(texts))
        writing.replace(file)
    vectors: Vectors = np.load(file)
    return vectors


def _file(model: str, texts: Sequence[str]) -> Path:
    content = hashlib.sha256("\0".join([model, *texts]).encode()).hexdigest()
    return Settings().data_dir / "benchmarks" / f"{content[:24]}.npy"
