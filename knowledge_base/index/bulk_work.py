"""The heavy steps of making knowledge searchable, wherever they run; none of them touches the database."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from knowledge_base.index import snapshot
from knowledge_base.index.embedder import Embedder, Vectors
from marketplace.kernel.ids import ArticleId, BrandId, PassageId

PASSAGES_PER_BATCH = 64


class BulkWork(Protocol):
    """Encodes passages and writes snapshots of one model; the caller keeps what comes back.

    So nobody else needs a way into the database, and what was kept is never asked for again.
    """

    @property
    def model(self) -> str:
        """The vector space, as an Embedder names it."""

    @property
    def dimensions(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[int], Vectors]]:
        """Positions in `texts` and their vectors, in batches as they are done, each position exactly once.

        A caller that keeps every batch before it asks for the next one loses only what was under way when it
        is killed. Raises in the middle when a text cannot be encoded at all.
        """

    def write_snapshot(
        self,
        folder: Path,
        *,
        brand: BrandId,
        number: int,
        ids: Sequence[PassageId],
        article_ids: Sequence[ArticleId],
        texts: Sequence[str],
        vectors: Vectors,
    ) -> None:
        """As `snapshot.build`: when it returns, the snapshot is in `folder` of this machine, else nothing is."""

    def hand_on(self, folder: Path, *, brand: BrandId, number: int) -> None:
        """A snapshot is whole in `folder` and about to be published: take it to where it will be searched.

        It may fail silently, because a search can always be done here.
        """


def batches(texts: Sequence[str]) -> list[list[int]]:
    """Positions of texts to encode together, of like length, because padding is paid for like words.

    Equal wherever it is done: an encoder may round what it is given together as one.
    """
    by_length = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    return [
        by_length[start : start + PASSAGES_PER_BATCH]
        for start in range(0, len(by_length), PASSAGES_PER_BATCH)
    ]


class LocalWork:
    """In this process."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def model(self) -> str:
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[int], Vectors]]:
        for positions in batches(texts):
            yield positions, self._embedder.encode([texts[position] for position in positions])

    def write_snapshot(
        self,
        folder: Path,
        *,
        brand: BrandId,
        number: int,
        ids: Sequence[PassageId],
        article_ids: Sequence[ArticleId],
        texts: Sequence[str],
        vectors: Vectors,
    ) -> None:
        snapshot.build(
            folder,
            brand=brand,
            number=number,
            model=self.model,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
        )

    def hand_on(self, folder: Path, *, brand: BrandId, number: int) -> None:
        """It is searched where it was written."""
