"""Search in what held at another time: built from the database when it is asked for, kept while it is asked again.

Nothing of it is published. Passages that hold at that time and are in the index anyway lend their vectors; the
others are encoded here, so their number is bounded.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import Row, select

from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.index.evidence import Ranking
from knowledge_base.index.hybrid import Hit
from knowledge_base.index.shelf import EncodedQuery, find_in
from knowledge_base.index.snapshot import Snapshot, build, open_snapshot
from knowledge_base.liveness import is_live
from knowledge_base.models import Article, Embedding, Passage
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import ArticleId, BrandId, PassageId

MAX_PAST_PASSAGES = 20_000
MAX_ENCODED = 400
SNAPSHOTS_KEPT = 4


class TooMuchHeldThen(Invalid):
    """Too much held on that date that holds no more, or in all, to search it here. Choose a later date, or open the
    article and its history."""


class PastIndexes:
    """Snapshots of other times, by what they hold. Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._lock = threading.Lock()
        self._forgotten = 0

    def find(
        self,
        tx: Tx,
        embedder: Embedder,
        *,
        brand: BrandId,
        at: datetime,
        query: EncodedQuery,
        weight: float,
        top: int,
    ) -> tuple[Sequence[Hit], Ranking]:
        """What of the brand's passages at `at` the query finds. Raises TooMuchHeldThen."""
        forgotten = self._forgotten
        held = _held(tx, brand, at)
        if not held:
            return (), Ranking()
        name = _name(brand, embedder.name, held)
        snapshot = self._known(name) or self._keep(name, _built(tx, embedder, brand, held), forgotten)
        return find_in(snapshot, query, weight=weight, top=top)

    def forget(self) -> None:
        """Let go of everything, what is being built too: few are kept, and whose they are is not."""
        with self._lock:
            self._forgotten += 1
            self._kept.clear()

    def _known(self, name: str) -> Snapshot | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def _keep(self, name: str, snapshot: Snapshot, forgotten: int) -> Snapshot:
        with self._lock:
            if forgotten == self._forgotten:
                self._kept[name] = snapshot
            while len(self._kept) > SNAPSHOTS_KEPT:
                self._kept.popitem(last=False)
        return snapshot


_Held = Sequence[Row[PassageId, ArticleId, str, str]]


def _held(tx: Tx, brand: BrandId, at: datetime) -> _Held:
    rows = tx.execute(
        select(Passage.id, Passage.article_id, Passage.embedding_text, Passage.sha256)
        .select_from(Passage)
        .join(Article, is_live(at))
        .where(Passage.brand_id == brand)
        .order_by(Passage.article_id, Passage.ordinal)
        .limit(MAX_PAST_PASSAGES + 1)
    ).all()
    if len(rows) > MAX_PAST_PASSAGES:
        raise TooMuchHeldThen
    return rows


def _name(brand: BrandId, model: str, held: _Held) -> str:
    """Equal for times at which the same passages held."""
    content = hashlib.sha256(brand.bytes + model.encode())
    for row in held:
        content.update(row.id.bytes)
    return content.hexdigest()


def _built(tx: Tx, embedder: Embedder, brand: BrandId, held: _Held) -> Snapshot:
    vectors = _vectors(tx, embedder, brand, held)
    with TemporaryDirectory(prefix="humancloud-past-") as folder:
        build(
            Path(folder) / "then",
            brand=brand,
            number=0,
            model=embedder.name,
            ids=[row.id for row in held],
            article_ids=[row.article_id for row in held],
            texts=[row.embedding_text for row in held],
            vectors=np.stack([vectors[row.sha256] for row in held]).astype(np.float32),
        )
        return open_snapshot(Path(folder) / "then")


def _vectors(tx: Tx, embedder: Embedder, brand: BrandId, held: _Held) -> Mapping[str, Vectors]:
    texts = {row.sha256: row.embedding_text for row in held}
    rows = tx.execute(
        select(Embedding.sha256, Embedding.vector).where(
            Embedding.brand_id == brand, Embedding.model == embedder.name, Embedding.sha256.in_(texts)
        )
    )
    known = {row.sha256: np.frombuffer(row.vector, dtype="<f4") for row in rows}
    missing = [sha256 for sha256 in texts if sha256 not in known]
    if len(missing) > MAX_ENCODED:
        raise TooMuchHeldThen
    encoded = embedder.encode([texts[sha256] for sha256 in missing]) if missing else ()
    return {**known, **dict(zip(missing, encoded, strict=True))}
