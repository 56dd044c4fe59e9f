"""Building a brand's index snapshot from its live passages; a crash at any step leaves the last one serving.

Encoded passages are kept batch by batch, the folder appears whole or not at all, and only the last commit
publishes it. No transaction is open while texts are encoded or files written.
"""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import structlog
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.drafting import hold_knowledge
from knowledge_base.imports import finish_indexed, waiting_for_index
from knowledge_base.in_force import holds_or_will
from knowledge_base.index.atomic_folder import BUILDING_PREFIX
from knowledge_base.index.bulk_work import BulkWork
from knowledge_base.index.commands import note_damage, note_encoded, request_rebuild
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.index.snapshot import Base, base_in, build_beside
from knowledge_base.models import Embedding, IndexSnapshot, Passage
from knowledge_base.queries import index_status, snapshot_numbers
from marketplace.events.commands import record
from marketplace.events.facts import IndexPublished
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, PassageId
from marketplace.kernel.only_one import only_one

log = structlog.get_logger()

ROWS_PER_FETCH = 1_000
BUILDS_PER_CALL = 20
SMALLEST_BASE = 1_000
"""Passages of a main part from which on a small edit is written beside it; below, all is written in a second."""
MERGE_SHARE = 0.1
MOST_BESIDE = 0.2
"""Of the main part, added and dead: from MERGE_SHARE on it is made anew after the edit, from MOST_BESIDE on before."""
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
    """What the next snapshot holds: every change up to `number`, and perhaps a few later ones.

    `passages` are to be written: all `live` ones, or beside the main part of `base` those it lacks.
    """

    number: int
    imports: tuple[ImportId, ...]
    passages: tuple[LivePassage, ...]
    live: int
    base: Base | None = None

    @property
    def is_heavy(self) -> bool:
        """Whether so much changed since the main part was built that it is due to be built anew."""
        return self.base is not None and _changed(self.base, len(self.passages), self.live) > MERGE_SHARE


def build_index(database: Database, brand: BrandId, *, bulk: BulkWork, folder: Path) -> int | None:
    """Bring the brand's index up to every change; the number published last, None when nothing was to do.

    Of several callers one builds; the others return at once and their changes are built by that one. What
    changes faster than BUILDS_PER_CALL builds is left to the next call.
    """
    published, merge = None, False
    for _ in range(BUILDS_PER_CALL):
        # Asked again after each release of the lock: a caller turned away by it has counted on this.
        if not _is_behind(database, brand):
            break
        with sole_builder(database, brand) as alone:
            if not alone:
                break
            work = _build(database, brand, bulk, snapshots_folder(folder, brand), merge=merge)
        # The edit is found first; the main part, which takes longer, is made anew after it.
        merge = work is not None and work.is_heavy
        if merge:
            _request_rebuild(database, brand)
        published = work.number if work else published
    return published


def rebuild_on_damage(database: Database) -> Callable[[BrandId, int, str], None]:
    """What a Retriever calls about a damaged snapshot; the sweep of `queries.brands_behind` rebuilds it."""

    def report(brand: BrandId, number: int, reason: str) -> None:
        # A commit of its own: the search that found the damage may fail and roll back.
        with database.transaction(Scope(brand=brand)) as tx:
            note_damage(tx, brand, number=number, reason=reason)

    return report


def _request_rebuild(database: Database, brand: BrandId) -> None:
    with database.transaction(Scope(brand=brand)) as tx:
        request_rebuild(tx, brand)


def _is_behind(database: Database, brand: BrandId) -> bool:
    with database.transaction(Scope(brand=brand)) as tx:
        return index_status(tx, brand=brand).behind


def sole_builder(database: Database, brand: BrandId) -> AbstractContextManager[bool]:
    """Whether this process may build the brand's index now."""
    return only_one(database, f"knowledge index {brand}")


def _build(database: Database, brand: BrandId, bulk: BulkWork, folder: Path, *, merge: bool) -> Work | None:
    """`merge` asks for one part of everything, whatever the last snapshot holds."""
    work = _work(database, brand, None if merge else _newest_base(database, brand, bulk.model, folder))
    if work is None:
        return None
    _write(database, brand, bulk, folder / str(work.number), work)
    kept = _publish(database, brand, work)
    if work.base is None:
        _forget_vectors(database, brand, bulk.model, work.passages)
    _remove_others(folder, kept)
    log.info(
        "index.published",
        brand=str(brand),
        number=work.number,
        passages=work.live,
        written=len(work.passages),
    )
    return work


def _write(database: Database, brand: BrandId, bulk: BulkWork, target: Path, work: Work) -> None:
    ids = [passage.id for passage in work.passages]
    article_ids = [passage.article_id for passage in work.passages]
    texts = [passage.embedding_text for passage in work.passages]
    vectors = _vectors(database, brand, bulk, work.passages)
    if work.base is None:
        bulk.write_snapshot(
            target,
            brand=brand,
            number=work.number,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
        )
    else:
        # So little that no other machine is asked to.
        build_beside(
            work.base,
            target,
            number=work.number,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
        )
    bulk.hand_on(target, brand=brand, number=work.number)


def _newest_base(database: Database, brand: BrandId, model: str, folder: Path) -> Base | None:
    """The snapshot that serves, when it is large and whole."""
    with database.transaction(Scope(brand=brand)) as tx:
        damaged, numbers = index_status(tx, brand=brand).damaged, snapshot_numbers(tx, brand=brand)
    if damaged or not numbers:
        return None
    base = base_in(folder / str(numbers[0]), brand=brand, number=numbers[0], model=model)
    return base if base and len(base.passages) >= SMALLEST_BASE else None


def _work(database: Database, brand: BrandId, base: Base | None) -> Work | None:
    with database.transaction(Scope(brand=brand)) as tx:
        # The number is read first: every change up to it is then visible to the statements after it.
        status = index_status(tx, brand=brand)
        if not status.behind:
            return None
        imports = tuple(waiting_for_index(tx, brand))
        beside = None if base is None else _beside(tx, brand, base)
        if beside is not None:
            passages, live = beside
            return Work(number=status.changed, imports=imports, passages=passages, live=live, base=base)
        passages = _live_passages(tx, brand)
        return Work(number=status.changed, imports=imports, passages=passages, live=len(passages))


def _beside(tx: Tx, brand: BrandId, base: Base) -> tuple[tuple[LivePassage, ...], int] | None:
    """The live passages that `base` lacks, and how many live in all; None when too much changed since."""
    ids = list(tx.scalars(select(Passage.id).where(holds_or_will(brand))))
    lacking = [one for one in ids if one.bytes not in base.passages]
    if _changed(base, len(lacking), len(ids)) > MOST_BESIDE:
        return None
    return _live_passages(tx, brand, Passage.id.in_(lacking)), len(ids)


def _changed(base: Base, new: int, live: int) -> float:
    """What was added to the main part and what is dead in it, as a share of it."""
    dead = len(base.passages) - (live - new)
    return (new + dead) / len(base.passages)


def _live_passages(tx: Tx, brand: BrandId, *which: ColumnElement[bool]) -> tuple[LivePassage, ...]:
    """Those that hold now and those that are scheduled to: a search asks the rows which of them hold."""
    rows = tx.execute(
        select(Passage.id, Passage.article_id, Passage.embedding_text, Passage.sha256)
        .where(holds_or_will(brand), *which)
        .order_by(Passage.article_id, Passage.ordinal)
        .execution_options(yield_per=ROWS_PER_FETCH)
    )
    return tuple(LivePassage(**row._asdict()) for row in rows)


def _vectors(database: Database, brand: BrandId, bulk: BulkWork, passages: Sequence[LivePassage]) -> Vectors:
    """The passages' vectors, shape (passages, dimensions); texts met before are not encoded again."""
    vectors = np.empty((len(passages), bulk.dimensions), dtype=np.float32)
    places: dict[str, list[int]] = {}
    for position, passage in enumerate(passages):
        places.setdefault(passage.sha256, []).append(position)
    missing = set(places)
    for start in range(0, len(places), ROWS_PER_FETCH):
        names = list(islice(places, start, start + ROWS_PER_FETCH))
        for sha256, vector in _known_vectors(database, brand, bulk.model, names):
            vectors[places[sha256]] = vector
            missing.discard(sha256)
    _encode(database, brand, bulk, passages, vectors, places, missing)
    return vectors


def _encode(
    database: Database,
    brand: BrandId,
    bulk: BulkWork,
    passages: Sequence[LivePassage],
    vectors: Vectors,
    places: Mapping[str, Sequence[int]],
    missing: Collection[str],
) -> None:
    """Fill in the vectors that are missing, and keep each batch before the next is begun."""
    names = sorted(missing, key=lambda sha256: places[sha256][0])
    done = len(places) - len(names)
    for positions, encoded in bulk.encode([passages[places[sha256][0]].embedding_text for sha256 in names]):
        batch = dict(zip((names[position] for position in positions), encoded, strict=True))
        with database.transaction(Scope(brand=brand)) as tx:
            _keep_vectors(tx, brand, bulk.model, batch)
            note_encoded(tx, brand, encoded=done + len(batch), to_encode=len(places), before=done)
        done += len(batch)
        for sha256, vector in batch.items():
            vectors[places[sha256]] = vector


def _known_vectors(
    database: Database, brand: BrandId, model: str, names: Sequence[str]
) -> list[tuple[str, Vectors]]:
    with database.transaction(Scope(brand=brand)) as tx:
        rows = tx.execute(
            select(Embedding.sha256, Embedding.vector).where(
                Embedding.brand_id == brand, Embedding.model == model, Embedding.sha256.in_(names)
            )
        )
        return [(row.sha256, np.frombuffer(row.vector, dtype="<f4")) for row in rows]


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
    snapshot = IndexSnapshot(brand_id=brand, number=work.number, passages=work.live, built_at=app_now(tx))
    tx.add(snapshot)
    tx.flush()
    kept = snapshot_numbers(tx, brand=brand)[:SNAPSHOTS_KEPT]
    tx.execute(
        delete(IndexSnapshot).where(IndexSnapshot.brand_id == brand, IndexSnapshot.number.not_in(kept))
    )


def _forget_vectors(database: Database, brand: BrandId, model: str, passages: Sequence[LivePassage]) -> None:
    """Drop vectors of models before this one, and of texts that are not among all `passages` of the brand.

    Compared here: joined in SQL the planner read all passages for each vector, and at 100,000 ran into the time limit.
    Only the sole builder adds vectors, so none of a later text can be among them.
    """
    named = (Embedding.brand_id == brand, Embedding.model == model)
    with database.transaction(Scope(brand=brand)) as tx:
        tx.execute(delete(Embedding).where(Embedding.brand_id == brand, Embedding.model != model))
        kept = set(tx.scalars(select(Embedding.sha256).where(*named)))
        outdated = sorted(kept - {passage.sha256 for passage in passages})
        for start in range(0, len(outdated), ROWS_PER_FETCH):
            names = outdated[start : start + ROWS_PER_FETCH]
            tx.execute(delete(Embedding).where(*named, Embedding.sha256.in_(names)))


def _remove_others(folder: Path, kept: Sequence[int]) -> None:
    """Delete snapshots that nobody opens any more, and what crashed builds left. Call as the sole builder."""
    names = {str(number) for number in kept}
    for path in folder.iterdir():
        outdated = path.name.isdecimal() and path.name not in names
        if outdated or path.name.startswith(BUILDING_PREFIX):
            # What cannot be deleted now is deleted after the next build.
            shutil.rmtree(path, ignore_errors=True)
