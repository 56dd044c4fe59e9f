"""Building a brand's index snapshot from its live passages; a crash at any step leaves the last one serving.

Encoded passages are kept batch by batch, the folder appears whole or not at all, and only the last commit
publishes it. No transaction is open while texts are encoded or files written.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.commands import hold_knowledge
from knowledge_base.imports import finish_indexed, waiting_for_index
from knowledge_base.in_force import holds_or_will
from knowledge_base.index.atomic_folder import BUILDING_PREFIX
from knowledge_base.index.bulk_work import BulkWork
from knowledge_base.index.commands import note_damage, note_encoded
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.models import Embedding, IndexSnapshot, Passage
from knowledge_base.queries import index_status, snapshot_numbers
from marketplace.events.commands import record
from marketplace.events.facts import IndexPublished
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, PassageId

log = structlog.get_logger()

ROWS_PER_FETCH = 1_000
BUILDS_PER_CALL = 20
SNAPSHOTS_KEPT = 2
"""The newest, and one to fall back to when it is damaged or still being opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePassage:
    id: PassageId
    article_id: ArticleId
    embedding_text: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the next snapshot holds: every change up to `number`, and perhaps a few later ones."""

    number: int
    imports: tuple[ImportId, ...]
    passages: tuple[LivePassage, ...]


def build_index(database: Database, brand: BrandId, *, bulk: BulkWork, folder: Path) -> int | None:
    """Bring the brand's index up to every change; the number published last, None when nothing was to do.

    Of several callers one builds; the others return at once and their changes are built by that one. What
    changes faster than BUILDS_PER_CALL builds is left to the next call.
    """
    published = None
    for _ in range(BUILDS_PER_CALL):
        # Asked again after each release of the lock: a caller turned away by it has counted on this.
        if not _is_behind(database, brand):
            break
        with _sole_builder(database, brand) as alone:
            if not alone:
                break
            published = _build(database, brand, bulk, snapshots_folder(folder, brand)) or published
    return published


def rebuild_on_damage(database: Database) -> Callable[[BrandId, int, str], None]:
    """What a Retriever calls about a damaged snapshot; the sweep of `queries.brands_behind` rebuilds it."""

    def report(brand: BrandId, number: int, reason: str) -> None:
        # A commit of its own: the search that found the damage may fail and roll back.
        with database.transaction(Scope(brand=brand)) as tx:
            note_damage(tx, brand, number=number, reason=reason)

    return report


def _is_behind(database: Database, brand: BrandId) -> bool:
    with database.transaction(Scope(brand=brand)) as tx:
        return index_status(tx, brand=brand).behind


@contextmanager
def _sole_builder(database: Database, brand: BrandId) -> Iterator[bool]:
    """Whether this process may build the brand's index now; kill -9 closes the connection and so frees it."""
    lock = {"name": f"knowledge index {brand}"}
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        alone = bool(connection.execute(_LOCK, lock).scalar_one())
        try:
            yield alone
        finally:
            if alone:
                connection.execute(_UNLOCK, lock)


_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


def _build(database: Database, brand: BrandId, bulk: BulkWork, folder: Path) -> int | None:
    work = _work(database, brand)
    if work is None:
        return None
    bulk.write_snapshot(
        folder / str(work.number),
        brand=brand,
        number=work.number,
        ids=[passage.id for passage in work.passages],
        article_ids=[passage.article_id for passage in work.passages],
        texts=[passage.embedding_text for passage in work.passages],
        vectors=_vectors(database, brand, bulk, work.passages),
    )
    kept = _publish(database, brand, work)
    _forget_vectors(database, brand, bulk.model)
    _remove_others(folder, kept)
    log.info("index.published", brand=str(brand), number=work.number, passages=len(work.passages))
    return work.number


def _work(database: Database, brand: BrandId) -> Work | None:
    with database.transaction(Scope(brand=brand)) as tx:
        # The number is read first: every change up to it is then visible to the statements after it.
        status = index_status(tx, brand=brand)
        if not status.behind:
            return None
        imports = waiting_for_index(tx, brand)
        return Work(number=status.changed, imports=tuple(imports), passages=_live_passages(tx, brand))


def _live_passages(tx: Tx, brand: BrandId) -> tuple[LivePassage, ...]:
    """Those that hold now and those that are scheduled to: a search asks the rows which of them hold."""
    rows = tx.execute(
        select(Passage.id, Passage.article_id, Passage.embedding_text, Passage.sha256)
        .where(holds_or_will(brand))
        .order_by(Passage.article_id, Passage.ordinal)
        .execution_options(yield_per=ROWS_PER_FETCH)
    )
    return tuple(LivePassage(**row._asdict()) for row in rows)


def _vectors(database: Database, brand: BrandId, bulk: BulkWork, passages: Sequence[LivePassage]) -> Vectors:
    """The passages' vectors, shape (passages, dimensions); texts met before are not encoded again."""
    known = _known_vectors(database, brand, bulk.model)
    missing = {passage.sha256: passage.embedding_text for passage in passages if passage.sha256 not in known}
    names, to_encode = list(missing), len({passage.sha256 for passage in passages})
    for positions, encoded in bulk.encode(list(missing.values())):
        batch = dict(zip((names[position] for position in positions), encoded, strict=True))
        with database.transaction(Scope(brand=brand)) as tx:
            _keep_vectors(tx, brand, bulk.model, batch)
            done = to_encode - len(missing)
            note_encoded(tx, brand, encoded=done + len(batch), to_encode=to_encode, before=done)
        for sha256 in batch:
            del missing[sha256]
        known.update(batch)
    vectors = np.empty((len(passages), bulk.dimensions), dtype=np.float32)
    for position, passage in enumerate(passages):
        vectors[position] = known[passage.sha256]
    return vectors


def _known_vectors(database: Database, brand: BrandId, model: str) -> dict[str, Vectors]:
    with database.transaction(Scope(brand=brand)) as tx:
        rows = tx.execute(
            select(Embedding.sha256, Embedding.vector)
            .where(Embedding.brand_id == brand, Embedding.model == model)
            .execution_options(yield_per=ROWS_PER_FETCH)
        )
        return {row.sha256: np.frombuffer(row.vector, dtype="<f4") for row in rows}


def _keep_vectors(tx: Tx, brand: BrandId, model: str, vectors: Mapping[str, Vectors]) -> None:
    rows = [
        {"brand_id": brand, "model": model, "sha256": sha256, "vector": vector.astype("<f4").tobytes()}
        for sha256, vector in vectors.items()
    ]
    tx.execute(upsert(Embedding).on_conflict_do_nothing(), rows)


def _publish(database: Database, brand: BrandId, work: Work) -> list[int]:
    """Make the snapshot the one that is searched; returns the numbers that are kept."""
    with database.transaction(Scope(brand=brand)) as tx:
        version = hold_knowledge(tx, brand)
        if version.indexed < work.number:
            version.indexed = work.number
            version.indexed_at = app_now(tx)
            _add_snapshot(tx, brand, work)
            finish_indexed(tx, brand, caught_up=version.changed == work.number, seen=work.imports)
            record(tx, IndexPublished(brand=brand, number=work.number))
        return snapshot_numbers(tx, brand=brand)


def _add_snapshot(tx: Tx, brand: BrandId, work: Work) -> None:
    snapshot = IndexSnapshot(
        brand_id=brand, number=work.number, passages=len(work.passages), built_at=app_now(tx)
    )
    tx.add(snapshot)
    tx.flush()
    kept = snapshot_numbers(tx, brand=brand)[:SNAPSHOTS_KEPT]
    tx.execute(
        delete(IndexSnapshot).where(IndexSnapshot.brand_id == brand, IndexSnapshot.number.not_in(kept))
    )


def _forget_vectors(database: Database, brand: BrandId, model: str) -> None:
    """Drop vectors of texts that hold no more and are not scheduled to, and of models before this one."""
    with database.transaction(Scope(brand=brand)) as tx:
        live = select(Passage.sha256).where(holds_or_will(brand))
        outdated = (Embedding.model != model) | Embedding.sha256.not_in(live)
        tx.execute(delete(Embedding).where(Embedding.brand_id == brand, outdated))


def _remove_others(folder: Path, kept: Sequence[int]) -> None:
    """Delete snapshots that nobody opens any more, and what crashed builds left. Call as the sole builder."""
    names = {str(number) for number in kept}
    for path in folder.iterdir():
        outdated = path.name.isdecimal() and path.name not in names
        if outdated or path.name.startswith(BUILDING_PREFIX):
            # What cannot be deleted now is deleted after the next build.
            shutil.rmtree(path, ignore_errors=True)
