"""Snapshots written without a database, and a search through them by brute force."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from knowledge_base.index.embedder import Vectors
from knowledge_base.index.hybrid import Query
from knowledge_base.index.shelf import EncodedQuery, snapshots_folder
from knowledge_base.index.snapshot import build
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, new_id
from tests.fakes import WordHashEmbedder

WORDS = [f"word{number}" for number in range(80)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What one snapshot was made of."""

    brand: BrandId
    number: int
    texts: tuple[str, ...]
    ids: tuple[PassageId, ...]
    article_ids: tuple[ArticleId, ...]


@dataclass(kw_only=True)
class Library:
    """Writes snapshots to where a shelf looks for them."""

    folder: Path
    embedder: WordHashEmbedder = field(default_factory=WordHashEmbedder)

    def write(
        self,
        texts: Sequence[str],
        *,
        brand: BrandId | None = None,
        number: int = 1,
        embedder: WordHashEmbedder | None = None,
    ) -> Shelved:
        encoder = embedder or self.embedder
        brand = brand or BrandId(new_id())
        shelved = Shelved(
            brand=brand,
            number=number,
            texts=tuple(texts),
            ids=tuple(PassageId(uuid5(NAMESPACE_URL, f"{brand} {text}")) for text in texts),
            article_ids=tuple(ArticleId(uuid5(NAMESPACE_URL, f"{brand} {text[:8]}")) for text in texts),
        )
        build(
            self.path(brand, number),
            brand=brand,
            number=number,
            model=encoder.name,
            ids=shelved.ids,
            article_ids=shelved.article_ids,
            texts=texts,
            vectors=encoder.encode(texts),
        )
        return shelved

    def path(self, brand: BrandId, number: int) -> Path:
        return snapshots_folder(self.folder, brand) / str(number)

    def tear(self, brand: BrandId, number: int) -> None:
        vectors = self.path(brand, number) / "main" / "vectors.faiss"
        vectors.write_bytes(vectors.read_bytes()[:-7])

    def query(self, *turns: str) -> EncodedQuery:
        return EncodedQuery.of(Query.of(turns), self.embedder)


def random_texts(count: int, *, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [
        f"text{number} " + " ".join(chance.choices(WORDS, k=chance.randint(8, 30))) for number in range(count)
    ]


def random_turns(chance: random.Random) -> list[str]:
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, 6))) for _ in range(chance.randint(1, 3))]


def by_brute_force(
    shelved: Shelved, query: EncodedQuery, embedder: WordHashEmbedder, *, weight: float
) -> list[tuple[PassageId, float]]:
    """Every passage and its score, best first: cosines and BM25 by their definitions, no index of ours."""
    asked = query.query
    dense = _normalised(_cosines(shelved.texts, asked.conversation, embedder))
    lexical = _normalised(
        {at: score for at, score in _bm25(shelved.texts, asked.conversation).items() if score > 0}
    )
    scores = _sum(dense, lexical, weight)
    if asked.last_turn != asked.conversation:
        scores = _sum(_normalised(_cosines(shelved.texts, asked.last_turn, embedder)), scores, 0.5)
    best = sorted(scores, key=lambda at: (-scores[at], at))
    return [(shelved.ids[at], scores[at]) for at in best]


def _cosines(texts: Sequence[str], question: str, embedder: WordHashEmbedder) -> dict[int, float]:
    vector = embedder.encode_query(question)
    return {at: float(_kept(embedder.encode_query(text)) @ vector) for at, text in enumerate(texts)}


def _kept(vector: Vectors) -> Vectors:
    """An index keeps vectors in half precision."""
    return vector.astype(np.float16).astype(np.float32)


def _bm25(texts: Sequence[str], question: str) -> dict[int, float]:
    words = [text.split() for text in texts]
    average = sum(map(len, words)) / len(words)
    holders = Counter(word for text in words for word in set(text))
    scores = dict.fromkeys(range(len(texts)), 0.0)
    for at, text in enumerate(words):
        counts = Counter(text)
        for word in question.split():
            rarity = math.log(1 + (len(words) - holders[word] + 0.5) / (holders[word] + 0.5))
            often = counts[word] / (counts[word] + 1.5 * (0.25 + 0.75 * len(text) / average))
            scores[at] += rarity * often
    return scores


def _normalised(scores: dict[int, float]) -> dict[int, float]:
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    return {at: (score - low) / (high - low) if high > low else 1.0 for at, score in scores.items()}


def _sum(one: dict[int, float], other: dict[int, float], weight: float) -> dict[int, float]:
    return {
        at: weight * one.get(at, 0.0) + (1 - weight) * other.get(at, 0.0) for at in one.keys() | other.keys()
    }
