"""Stand-ins that keep their ports' promises without their cost."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np

from knowledge_base.index.embedder import Vectors
from marketplace.kernel.db import NOBODY, Database, Scope, Tx
from marketplace.kernel.ids import BrandId, ReplyId
from marketplace.tickets.reviews import Changes


class WordHashEmbedder:
    """An Embedder by word counts: texts that share words have near vectors. Remembers what it encoded."""

    def __init__(self, *, name: str = "word-hash", dimensions: int = 1024) -> None:
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
            vector[
                1 + int.from_bytes(blake2b(word.encode(), digest_size=4).digest()) % (self.dimensions - 1)
            ] += 1
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


class BrokenEmbedder(Exception):
    """The encoder stopped in the middle."""


class Killed(BaseException):
    """The process ended here, so that no edge of the code catches it."""


class MortalDatabase(Database):
    """A Database whose process is killed at its `dies_at`-th transaction, before or after the commit."""

    dies_at = 0
    dies_after_commit = False
    transactions = 0

    @contextmanager
    def transaction(self, scope: Scope = NOBODY) -> Iterator[Tx]:
        self.transactions += 1
        dies = self.transactions == self.dies_at
        with super().transaction(scope) as tx:
            yield tx
            if dies and not self.dies_after_commit:
                raise Killed
        if dies:
            raise Killed


class Ground:
    """Grounds that say what a test tells them: nothing has changed, or what `told` says."""

    def __init__(self, told: Changes | None = None) -> None:
        self.told = told

    def hold_and_compare(self, tx: Tx, *, brand: BrandId, reply: ReplyId) -> Changes | None:
        return self.told
