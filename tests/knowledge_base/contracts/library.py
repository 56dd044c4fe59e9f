"""Snapshots written without a database, and a search through them by brute force."""

import math
import random
import statistics
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
    """Every passage and its score, best first: cosines and BM25 by their definitions, no index of ours.

    For up to 100 passages, which are all compared, in articles of up to 64.
    """
    asked, texts = query.query, shelved.texts
    fellows = [
        [other for other, owner in enumerate(shelved.article_ids) if owner == mine]
        for mine in shelved.article_ids
    ]
    gives = _bm25(texts, asked.conversation)
    having = [any(words) for words in gives]
    scores = _sum(
        _standing(_dense(texts, fellows, asked.conversation, embedder), [True] * len(texts)),
        _standing(_lexical(gives, fellows), having),
        weight,
    )
    if asked.last_turn != asked.conversation:
        last = _standing(_dense(texts, fellows, asked.last_turn, embedder), [True] * len(texts))
        scores = _sum(last, scores, 0.5)
    low, high = min(scores), max(scores)
    scaled = [(score - low) / (high - low) if high > low else 1.0 for score in scores]
    best = sorted(range(len(texts)), key=lambda at: (-scaled[at], at))
    return [(shelved.ids[at], scaled[at]) for at in best]


def _dense(
    texts: Sequence[str], fellows: Sequence[Sequence[int]], question: str, embedder: WordHashEmbedder
) -> list[float]:
    """Half of a passage's own cosine, half of its whole article's mean."""
    vector = embedder.encode_query(question)
    kept = [_kept(embedder.encode_query(text)) for text in texts]
    means = [np.sum([kept[other] for other in members], axis=0) for members in fellows]
    return [
        (float(own @ vector) + float(mean @ vector) / max(float(np.linalg.norm(mean)), 1e-9)) / 2
        for own, mean in zip(kept, means, strict=True)
    ]


def _lexical(gives: Sequence[Sequence[float]], fellows: Sequence[Sequence[int]]) -> list[float]:
    """Half of a passage's own BM25 score, half of its article's: the best that each word has there."""
    return [
        (sum(own) + sum(max(of_word) for of_word in zip(*(gives[other] for other in members), strict=True)))
        / 2
        for own, members in zip(gives, fellows, strict=True)
    ]


def _kept(vector: Vectors) -> Vectors:
    """An index keeps vectors in half precision."""
    return vector.astype(np.float16).astype(np.float32)


def _bm25(texts: Sequence[str], question: str) -> list[list[float]]:
    """What each word of the question gives to each text."""
    words = [text.split() for text in texts]
    average = sum(map(len, words)) / len(words)
    holders = Counter(word for text in words for word in set(text))
    gives: list[list[float]] = []
    for text in words:
        counts = Counter(text)
        rarity = [
            math.log(1 + (len(words) - holders[word] + 0.5) / (holders[word] + 0.5))
            for word in question.split()
        ]
        often = [
            counts[word] / (counts[word] + 1.5 * (0.25 + 0.75 * len(text) / average))
            for word in question.split()
        ]
        gives.append([rare * much for rare, much in zip(rarity, often, strict=True)])
    return gives


def _standing(likeness: Sequence[float], found: Sequence[bool]) -> list[float]:
    """Standard deviations above the mean of those found, where the others count as nothing; 5 at most."""
    compared = [one if is_found else 0.0 for one, is_found in zip(likeness, found, strict=True)]
    mean, spread = statistics.fmean(compared), statistics.pstdev(compared)
    return [min(5.0, (one - mean) / spread) if spread > 1e-6 else 0.0 for one in likeness]


def _sum(one: Sequence[float], other: Sequence[float], weight: float) -> list[float]:
    return [weight * mine + (1 - weight) * theirs for mine, theirs in zip(one, other, strict=True)]
