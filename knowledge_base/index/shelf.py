"""Searching a brand's published snapshots behind one call, wherever they lie.

A query is encoded by the caller, once, and its vectors travel with it (1.5 KB each). An encoder beside every
snapshot was the alternative and lost: it is 8 ms of a core against the 0.1 ms of the search, so it grows by
other reasons; a second replica would encode again; and processors round int8 a little differently, so two
replicas could order one question's passages in two ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.index.evidence import Ranking, ranking_of
from knowledge_base.index.hybrid import Hit, ModelMismatch, Query, hybrid
from knowledge_base.index.snapshot import Snapshot, SnapshotDamaged
from knowledge_base.index.snapshot_cache import SnapshotCache
from marketplace.kernel.ids import BrandId

CACHED_BYTES = 512 * 2**20
"""Of opened snapshots in memory: half a million passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedQuery:
    """A query with the vectors of its texts; `name` is the vector space, as an Embedder names it."""

    query: Query
    name: str
    vectors: Mapping[str, Vectors]

    @classmethod
    def of(cls, query: Query, embedder: Embedder) -> "EncodedQuery":
        texts = {text for text in (query.conversation, query.last_turn) if text.strip()}
        return cls(
            query=query, name=embedder.name, vectors={text: embedder.encode_query(text) for text in texts}
        )

    def encode_query(self, text: str) -> Vectors:
        return self.vectors[text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A snapshot that was not searched, and why not."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the snapshot `number` gave; it is None when none could be searched.

    `hits` are those of `hybrid`, `ranking` that of the last turn alone. `refused` are the snapshots that
    were asked for before it.
    """

    number: int | None = None
    hits: tuple[Hit, ...] = ()
    ranking: Ranking = field(default_factory=Ranking)
    refused: tuple[Refused, ...] = ()


class IndexShelf(Protocol):
    """Where published snapshots are searched. Safe to use from several threads."""

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, *, weight: float, top: int
    ) -> Findings:
        """Search the first of the brand's `numbers` that is whole and was built in the query's vector space.

        Callers name them newest first. A snapshot that is missing, damaged or of another model is never an
        error: it is named in `refused`, in that order, and the next one is searched. The ids are of that
        brand's snapshot only, live or not: texts come from the database. Every implementation finds the same
        ids in the same order, with scores equal to 1e-5.
        """

    def forget(self, brand: BrandId) -> None:
        """Let go of what is kept of a brand besides its published snapshots: its knowledge was erased."""


class LocalShelf:
    """Snapshots in a folder of this machine, opened when they are asked for and kept in bounded memory."""

    def __init__(self, folder: Path, *, cached_bytes: int = CACHED_BYTES) -> None:
        self._folder = folder
        self._cache = SnapshotCache(cached_bytes)

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, *, weight: float, top: int
    ) -> Findings:
        refused: list[Refused] = []
        for number in numbers:
            try:
                found = self._find_in(brand, number, query, weight=weight, top=top)
            except (SnapshotDamaged, ModelMismatch, OSError) as fault:
                refused.append(Refused(number=number, reason=str(fault) or type(fault).__name__))
            else:
                return Findings(number=number, hits=found[0], ranking=found[1], refused=tuple(refused))
        return Findings(refused=tuple(refused))

    def forget(self, brand: BrandId) -> None:
        self._cache.forget(brand)

    def _find_in(
        self, brand: BrandId, number: int, query: EncodedQuery, *, weight: float, top: int
    ) -> tuple[tuple[Hit, ...], Ranking]:
        snapshot = self._cache.snapshot(brand, number, snapshots_folder(self._folder, brand) / str(number))
        return find_in(snapshot, query, weight=weight, top=top)


def find_in(
    snapshot: Snapshot, query: EncodedQuery, *, weight: float, top: int
) -> tuple[tuple[Hit, ...], Ranking]:
    """The `top` hits of `hybrid`, and the ranking of the last turn alone. Raises ModelMismatch."""
    hits = hybrid(snapshot, query, query.query, weight=weight, top=top)
    return tuple(hits), ranking_of(snapshot, query, query.query.last_turn)


def snapshots_folder(folder: Path, brand: BrandId) -> Path:
    """Where a brand's snapshots lie, each in a folder named by its number."""
    return folder / str(brand)
