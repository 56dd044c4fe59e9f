"""Stand-ins that keep their ports' promises without their cost."""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from knowledge_base.embedder import Vectors


class WordHashEmbedder:
    """An Embedder by word counts: texts that share words have near vectors. Remembers what it was asked to encode."""

    def __init__(self, *, name: str = "word-hash", dimensions: int = 256) -> None:
        self.name = name
        self.dimensions = dimensions
        self.encoded: list[str] = []
        self.fails_after: int | None = None
        """Batches after which `encode` raises BrokenEmbedder, as when its process is killed."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.fails_after is not None:
            if self.fails_after == 0:
                raise BrokenEmbedder
            self.fails_after -= 1
        self.encoded += texts
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(-1, self.dimensions)

    def encode_query(self, text: str) -> Vectors:
        return self._vector(text)

    def _vector(self, text: str) -> Vectors:
        vector = np.zeros(self.dimensions, dtype=np.float32)
        vector[0] = 0.01  # a text without a word has a vector too
        for word in re.findall(r"\w+", text.lower()):
            vector[1 + int.from_bytes(blake2b(word.encode(), digest_size=4).digest()) % (self.dimensions - 1)] += 1
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


class BrokenEmbedder(Exception):
    """The encoder stopped in the middle."""
