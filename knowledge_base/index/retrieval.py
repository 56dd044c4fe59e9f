"""Search in a brand's knowledge: ids come from a snapshot, texts only from rows that are live now."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import Row, select

from knowledge_base.index.building import snapshots_folder
from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.index.evidence import Evidence, Ranking, evidence_of, ranking_of
from knowledge_base.index.hybrid import Hit, ModelMismatch, Query, best_of_articles, hybrid
from knowledge_base.index.snapshot import TOP, Snapshot, SnapshotDamaged
from knowledge_base.index.snapshot_cache import SnapshotCache
from knowledge_base.models import Article, Passage, Revision
from knowledge_base.queries import index_status, is_live, snapshot_numbers
from knowledge_base.stops import is_not_stopped
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Unavailable
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, RevisionId

log = structlog.get_logger()

CACHED_PASSAGES = 200_000
"""About 400 MB of snapshots in memory."""

FIRST_LOOK = 16
"""Passages of each ranking that are looked up at first; more only when many of them are no longer live."""


class IndexUnavailable(Unavailable):
    """This brand's knowledge is being indexed. Try again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """A live passage with its source.

    `score` (0 to 1) orders passages of one search only; `dense` is the cosine with the conversation,
    `lexical` its BM25 score; a rank (from 1) is None when that index did not have the passage among its best.
    """

    passage_id: PassageId
    article_id: ArticleId
    article_key: str
    revision_id: RevisionId
    revision_number: int
    title: str
    section_path: tuple[str, ...]
    text: str
    verified_at: datetime
    score: float
    dense: float
    lexical: float
    dense_rank: int | None
    lexical_rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The best passage of each of the best articles, best first, and the evidence of the last turn alone.

    `snapshot` is the number of the index that was searched, None when the brand has no knowledge at all.
    """

    passages: tuple[FoundPassage, ...]
    evidence: Evidence
    snapshot: int | None


class Retriever:
    """Holds opened snapshots of many brands; safe to use from several threads."""

    def __init__(
        self,
        *,
        folder: Path,
        load_embedder: Callable[[], Embedder],
        report_damage: Callable[[BrandId], None],
        cached_passages: int = CACHED_PASSAGES,
    ) -> None:
        """`load_embedder` is called at the first search.

        `report_damage` is told of a brand that must be indexed anew; it commits that by itself, because the
        search that found the damage may fail and roll back (`indexing.rebuild_on_damage`).
        """
        self._folder = folder
        self._embedder = _LoadedOnce(load_embedder)
        self._report_damage = report_damage
        self._cache = SnapshotCache(cached_passages)

    def search(self, tx: Tx, *, brand: BrandId, query: Query, weight: float, top: int = 3) -> Retrieved:
        """The `top` best live passages, each of another article; `weight` is the dense share of the score.

        Raises IndexUnavailable when the brand has knowledge but no index that can be opened.
        """
        words = len(query.last_turn.split())
        snapshot = self._newest(tx, brand)
        if snapshot is None:
            return Retrieved(passages=(), evidence=evidence_of(Ranking(), words=words), snapshot=None)
        embedder = _Remembering(self._embedder())
        try:
            hits = hybrid(snapshot, embedder, query, weight=weight, top=2 * TOP)
        except ModelMismatch as mismatch:
            self._tell(brand, snapshot.manifest.number, mismatch)
            raise IndexUnavailable from mismatch
        ranking = ranking_of(snapshot, embedder, query.last_turn)
        passages, held = _live(tx, brand, hits, ranking, top)
        evidence = evidence_of(held, words=words)
        return Retrieved(passages=passages, evidence=evidence, snapshot=snapshot.manifest.number)

    def _newest(self, tx: Tx, brand: BrandId) -> Snapshot | None:
        numbers = snapshot_numbers(tx, brand=brand)
        snapshot = self._first_whole(brand, numbers)
        if snapshot is None:
            # Between asking and opening, the builder may have published twice and removed what was asked for.
            newer = snapshot_numbers(tx, brand=brand)
            snapshot = self._first_whole(brand, newer) if newer != numbers else None
        if snapshot is None and index_status(tx, brand=brand).changed:
            raise IndexUnavailable
        return snapshot

    def _first_whole(self, brand: BrandId, numbers: Sequence[int]) -> Snapshot | None:
        for number in numbers:
            try:
                return self._cache.snapshot(
                    brand, number, snapshots_folder(self._folder, brand) / str(number)
                )
            except (SnapshotDamaged, OSError) as damage:
                self._tell(brand, number, damage)
        return None

    def _tell(self, brand: BrandId, number: int, damage: Exception) -> None:
        log.error(
            "index.damaged", brand=str(brand), number=number, error=str(damage) or type(damage).__name__
        )
        self._report_damage(brand)


def _live(
    tx: Tx, brand: BrandId, hits: Sequence[Hit], ranking: Ranking, top: int
) -> tuple[tuple[FoundPassage, ...], Ranking]:
    """What of the hits and the ranking still holds; looks deeper when too little of their fronts does."""
    wanted = min(top, len({hit.article_id for hit in hits}))
    for depth in (max(FIRST_LOOK, 4 * top), 2 * TOP):
        front = ranking.front(depth)
        rows = _live_rows(tx, brand, {*(hit.passage_id for hit in hits[:depth]), *front.passage_ids()})
        passages = _found_passages(hits[:depth], rows, top)
        held = front.only(rows.keys())
        if len(passages) == wanted and held.tells_as_much_as(ranking):
            break
    return passages, held


def _live_rows(tx: Tx, brand: BrandId, passage_ids: Collection[PassageId]) -> dict[PassageId, Row[Any]]:
    rows = tx.execute(
        select(
            Passage.id,
            Article.key,
            Passage.revision_id,
            Revision.number,
            Revision.title,
            Passage.section_path,
            Passage.text,
            Article.verified_at,
        )
        .join(Article, is_live())
        .join(Revision, (Revision.brand_id == Passage.brand_id) & (Revision.id == Passage.revision_id))
        .where(Passage.brand_id == brand, Passage.id.in_(passage_ids), is_not_stopped())
    )
    return {row.id: cast(Row[Any], row) for row in rows}


def _found_passages(
    hits: Sequence[Hit], rows: Mapping[PassageId, Row[Any]], top: int
) -> tuple[FoundPassage, ...]:
    best = best_of_articles(hit for hit in hits if hit.passage_id in rows)[:top]
    return tuple(_found_passage(hit, rows[hit.passage_id]) for hit in best)


def _found_passage(hit: Hit, row: Row[Any]) -> FoundPassage:
    return FoundPassage(
        passage_id=hit.passage_id,
        article_id=hit.article_id,
        article_key=row.key,
        revision_id=row.revision_id,
        revision_number=row.number,
        title=row.title,
        section_path=tuple(row.section_path),
        text=row.text,
        verified_at=row.verified_at,
        score=hit.score,
        dense=hit.dense,
        lexical=hit.lexical,
        dense_rank=hit.dense_rank,
        lexical_rank=hit.lexical_rank,
    )


class _LoadedOnce:
    """The embedder, loaded by the first who needs it."""

    def __init__(self, load: Callable[[], Embedder]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None

    def __call__(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                self._embedder = self._load()
            return self._embedder


class _Remembering:
    """An embedder for one search: the last turn is asked about twice and encoded once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._encoded: dict[str, Vectors] = {}

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def encode(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.encode(texts)

    def encode_query(self, text: str) -> Vectors:
        if text not in self._encoded:
            self._encoded[text] = self._embedder.encode_query(text)
        return self._encoded[text]
