"""Search in a brand's knowledge: ids come from a snapshot, texts only from rows that are live now."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

import structlog
from sqlalchemy import ColumnElement, Row, select

from knowledge_base.index.embedder import Embedder
from knowledge_base.index.evidence import Evidence, Ranking, evidence_of
from knowledge_base.index.hybrid import Hit, Query, best_of_articles
from knowledge_base.index.own_language import own_language_first
from knowledge_base.index.past import PastIndexes
from knowledge_base.index.shelf import EncodedQuery, Findings, IndexShelf
from knowledge_base.index.snapshot import TOP
from knowledge_base.liveness import is_live, is_offered
from knowledge_base.models import Article, Passage, Revision
from knowledge_base.queries import index_status, snapshot_numbers
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Unavailable
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, RevisionId

log = structlog.get_logger()

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
    page: int | None = None
    """Where it begins in a paged file, from 1."""

    language: str | None = None
    """As two letters; None where nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The best passage of each of the best articles, best first, and what is near the last turn alone.

    `words` are those of the last turn; `snapshot` is the number of the index that was searched, None when the brand has
    no knowledge at all.
    """

    passages: tuple[FoundPassage, ...]
    ranking: Ranking
    words: int
    snapshot: int | None

    @property
    def evidence(self) -> Evidence:
        return evidence_of(self.ranking, words=self.words)


class Search(Protocol):
    """Finds passages of what holds at one time, now or another; of near ones those in the query's language first."""

    def search(self, tx: Tx, *, brand: BrandId, query: Query, weight: float, top: int = 3) -> Retrieved: ...


class Retriever:
    """Finds passages of many brands; safe to use from several threads."""

    def __init__(
        self,
        *,
        shelf: IndexShelf,
        load_embedder: Callable[[], Embedder],
        report_damage: Callable[[BrandId, int, str], None],
    ) -> None:
        """`load_embedder` is called at the first search.

        `report_damage` is told of a brand that must be indexed anew, of the snapshot and its fault; it commits
        that by itself, because the search that found it may fail and roll back (`building.rebuild_on_damage`).
        """
        self._shelf = shelf
        self._embedder = _LoadedOnce(load_embedder)
        self._report_damage = report_damage
        self._past = PastIndexes()

    def search(self, tx: Tx, *, brand: BrandId, query: Query, weight: float, top: int = 3) -> Retrieved:
        """The `top` best live passages, each of another article; `weight` is the dense share of the score.

        Raises IndexUnavailable when the brand has knowledge but no index that can be opened.
        """
        words = len(query.last_turn.split())
        numbers = snapshot_numbers(tx, brand=brand)
        if not numbers and not index_status(tx, brand=brand).changed:
            return Retrieved(passages=(), ranking=Ranking(), words=words, snapshot=None)
        found = self._find(tx, brand, numbers, query, weight)
        passages, held = _live(tx, brand, query, found.hits, found.ranking, top, is_offered())
        return Retrieved(passages=passages, ranking=held, words=words, snapshot=found.number)

    def as_of(self, at: datetime) -> "Search":
        """Search in what held at `at`, or will: with the revisions of that time, whatever is stopped since."""
        return _AsOf(self, at)

    def _search_at(
        self, tx: Tx, at: datetime, *, brand: BrandId, query: Query, weight: float, top: int
    ) -> Retrieved:
        embedder = self._embedder()
        hits, ranking = self._past.find(
            tx,
            embedder,
            brand=brand,
            at=at,
            query=EncodedQuery.of(query, embedder),
            weight=weight,
            top=2 * TOP,
        )
        passages, held = _live(tx, brand, query, hits, ranking, top, is_live(at))
        return Retrieved(passages=passages, ranking=held, words=len(query.last_turn.split()), snapshot=None)

    def forget(self, brand: BrandId) -> None:
        """Let go of what is held in memory of a brand whose knowledge was erased."""
        self._shelf.forget(brand)
        self._past.forget()

    def _find(self, tx: Tx, brand: BrandId, numbers: Sequence[int], query: Query, weight: float) -> Findings:
        if not numbers:
            raise IndexUnavailable
        encoded = EncodedQuery.of(query, self._embedder())
        found = self._told(brand, self._shelf.find(brand, numbers, encoded, weight=weight, top=2 * TOP))
        if found.number is None:
            # Between asking and opening, the builder may have published twice and removed what was asked for.
            newer = snapshot_numbers(tx, brand=brand)
            if newer != numbers:
                found = self._told(brand, self._shelf.find(brand, newer, encoded, weight=weight, top=2 * TOP))
        if found.number is None:
            raise IndexUnavailable
        return found

    def _told(self, brand: BrandId, found: Findings) -> Findings:
        for refused in found.refused:
            log.error("index.damaged", brand=str(brand), number=refused.number, error=refused.reason)
            self._report_damage(brand, refused.number, refused.reason)
        return found


@dataclass(frozen=True, slots=True)
class _AsOf:
    """A Search in the past, or in what is scheduled. Raises TooMuchHeldThen."""

    retriever: Retriever
    at: datetime

    def search(self, tx: Tx, *, brand: BrandId, query: Query, weight: float, top: int = 3) -> Retrieved:
        return self.retriever._search_at(tx, self.at, brand=brand, query=query, weight=weight, top=top)


def _live(
    tx: Tx,
    brand: BrandId,
    query: Query,
    hits: Sequence[Hit],
    ranking: Ranking,
    top: int,
    holds: ColumnElement[bool],
) -> tuple[tuple[FoundPassage, ...], Ranking]:
    """What of the hits and the ranking still holds; looks deeper when too little of their fronts does."""
    wanted = min(top, len({hit.article_id for hit in hits}))
    for depth in (max(FIRST_LOOK, 4 * top), 2 * TOP):
        front = ranking.front(depth)
        rows = _live_rows(tx, brand, {*(hit.passage_id for hit in hits[:depth]), *front.passage_ids()}, holds)
        passages = _found_passages(hits[:depth], rows, query.language, top)
        held = front.only(rows.keys())
        if len(passages) == wanted and held.tells_as_much_as(ranking):
            break
    return passages, held


def _live_rows(
    tx: Tx, brand: BrandId, passage_ids: Collection[PassageId], holds: ColumnElement[bool]
) -> dict[PassageId, Row[Any]]:
    rows = tx.execute(
        select(
            Passage.id,
            Article.key,
            Passage.revision_id,
            Revision.number,
            Revision.title,
            Passage.section_path,
            Passage.text,
            Passage.page,
            Passage.language,
            Article.verified_at,
        )
        .select_from(Passage)
        .join(Article, holds)
        .join(Revision, (Revision.brand_id == Passage.brand_id) & (Revision.id == Passage.revision_id))
        .where(Passage.brand_id == brand, Passage.id.in_(passage_ids))
    )
    return {row.id: cast(Row[Any], row) for row in rows}


def _found_passages(
    hits: Sequence[Hit], rows: Mapping[PassageId, Row[Any]], language: str | None, top: int
) -> tuple[FoundPassage, ...]:
    live = [hit for hit in hits if hit.passage_id in rows]
    languages = {hit.passage_id: rows[hit.passage_id].language for hit in live}
    best = best_of_articles(own_language_first(live, languages, language))[:top]
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
        page=row.page,
        language=row.language,
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
