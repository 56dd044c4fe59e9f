"""Erasing all of a brand's knowledge: its rows, its snapshots on disk, and what processes hold of it in memory.

Asking makes it hold at once: nothing is published any more and no snapshot is named, so no search finds anything from
that commit on. Then a job deletes in slices, tables before those they refer to, alone with the brand's index; after
kill -9 it goes on, since what is left is what the tables still have. Files go after rows: a folder without rows is
deleted by a sweep, a row without its folder would be a broken index.

Every table of this package that has a brand is erased, unless KEPT says why not; a new one needs no line here. What a
sent reply rested on stays with its receipt: it is evidence for pay.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Table, delete, exists, select, tuple_, update

from knowledge_base import (  # noqa: F401 - their tables must be known here, whoever erases
    erasure_models,
    import_models,
    models,
    report_models,
    web_models,
)
from knowledge_base.erasure_models import KnowledgeErasure, is_being_erased
from knowledge_base.index.building import sole_builder
from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.models import IndexSnapshot, KnowledgeVersion, Publication
from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import KnowledgeErased, KnowledgeErasureAsked
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Base, Database, Scope, Tx
from marketplace.kernel.errors import Conflict, Invalid, Unavailable
from marketplace.kernel.ids import BrandId, ErasureId, PersonId, new_id

log = structlog.get_logger()

Forget = Callable[[Tx, BrandId, int], int]
"""Deletes up to so many rows that quote a brand's knowledge; how many it did, 0 when none is left."""

ROWS_PER_SLICE = 2_000
MAX_UNFINISHED = 100
REMEMBERED = timedelta(days=1)
KEPT: Mapping[str, str] = {
    "knowledge_erasure": "It is the record of the erasure itself.",
    "knowledge_setting": "It is a setting of the brand and quotes nothing.",
    "report_policy": "It is a setting of the brand and quotes nothing.",
}


class ConfirmationDiffers(Invalid):
    """What you typed is not the brand's short name. Type it exactly as it stands in its address."""


class ErasureUnderWay(Conflict):
    """This brand's knowledge is being erased already. Wait until it is done."""


class IndexIsBusy(Unavailable):
    """The brand's index is being built just now. The erasure goes on when that is done."""


def ask_erasure(
    tx: Tx, *, brand: BrandId, confirmation: str, by: PersonId | None, now: datetime
) -> ErasureId:
    """Begin to erase everything; from this commit on no search finds any of it.

    `confirmation` is the brand's short name as a person typed it. Raises ConfirmationDiffers or ErasureUnderWay.
    """
    if confirmation.strip() != tx.get_one(Brand, brand).slug:
        raise ConfirmationDiffers
    if tx.scalar(select(is_being_erased(brand))):
        raise ErasureUnderWay
    erasure = KnowledgeErasure(brand_id=brand, id=ErasureId(new_id()), asked_by=by, asked_at=now)
    tx.add(erasure)
    tx.flush()
    tx.execute(delete(Publication).where(Publication.brand_id == brand))
    tx.execute(delete(IndexSnapshot).where(IndexSnapshot.brand_id == brand))
    tx.execute(delete(KnowledgeVersion).where(KnowledgeVersion.brand_id == brand))
    record(tx, KnowledgeErasureAsked(brand=brand, erasure=erasure.id))
    return erasure.id


def erase(database: Database, brand: BrandId, *, folder: Path, forget: Sequence[Forget] = ()) -> bool:
    """Erase what was asked to be; false when nothing was. `forget` is asked first, by whom quotes knowledge.

    Raises IndexIsBusy, or OSError for a snapshot that cannot be deleted: then call again later.
    """
    with sole_builder(database, brand) as alone:
        if not alone:
            raise IndexIsBusy
        with database.transaction(Scope(brand=brand)) as tx:
            if not tx.scalar(select(is_being_erased(brand))):
                return False
        for step in (*forget, *(_deleting(table) for table in erased_tables())):
            _work_off(database, brand, step)
        _remove(snapshots_folder(folder, brand))
        with database.transaction(Scope(brand=brand)) as tx:
            _finish(tx, brand)
    return True


def erased_tables() -> list[Table]:
    """Every table of this package with a brand that is not KEPT, each before those it refers to."""
    own = {
        str(mapper.class_.__tablename__)
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.partition(".")[0] == "knowledge_base"
    }
    tables = [Base.metadata.tables[name] for name in own - set(KEPT)]
    # By names: what knowledge refers to elsewhere need not be known here.
    refers = {
        table.name: {key.target_fullname.partition(".")[0] for key in table.foreign_keys} for table in tables
    }
    parents_first = TopologicalSorter({name: refers[name] & set(refers) - {name} for name in sorted(refers)})
    order = reversed(list(parents_first.static_order()))
    return [Base.metadata.tables[name] for name in order if "brand_id" in Base.metadata.tables[name].c]


def unfinished_erasures(tx: Tx) -> list[tuple[BrandId]]:
    """Brands whose erasure is under way, for the sweep after a restart."""
    waiting = select(KnowledgeErasure.brand_id).where(KnowledgeErasure.finished_at.is_(None))
    return [
        (brand,) for brand in tx.scalars(waiting.order_by(KnowledgeErasure.asked_at).limit(MAX_UNFINISHED))
    ]


def erased_brands(tx: Tx) -> list[tuple[BrandId, ErasureId]]:
    """Erasures of the last day: a process that held something of those brands lets go of it."""
    lately = KnowledgeErasure.asked_at > app_now(tx) - REMEMBERED
    rows = tx.execute(select(KnowledgeErasure.brand_id, KnowledgeErasure.id).where(lately))
    return [(row.brand_id, row.id) for row in rows]


def newest_erasure(tx: Tx, *, brand: BrandId) -> KnowledgeErasure | None:
    wanted = select(KnowledgeErasure).where(KnowledgeErasure.brand_id == brand)
    return tx.scalars(wanted.order_by(KnowledgeErasure.id.desc()).limit(1)).one_or_none()


def remove_left_folders(database: Database, folder: Path) -> int:
    """Delete snapshots of brands that have no knowledge any more; how many brands'.

    A brand that is indexed for the first time has its counters before it has a folder. What cannot be deleted is
    logged and left to the next call.
    """
    left = [BrandId(UUID(path.name)) for path in _folders(folder) if not _has_knowledge(database, path.name)]
    return sum(_remove_left(database, brand, snapshots_folder(folder, brand)) for brand in left)


def _remove_left(database: Database, brand: BrandId, folder: Path) -> bool:
    with sole_builder(database, brand) as alone:
        if not alone or _has_knowledge(database, str(brand)):
            return False
        try:
            _remove(folder)
        except OSError as error:
            log.error("erasure.folder_left", brand=str(brand), error=str(error))
            return False
    log.info("erasure.folder_removed", brand=str(brand))
    return True


def _deleting(table: Table) -> Forget:
    key = table.primary_key.columns

    def step(tx: Tx, brand: BrandId, limit: int) -> int:
        some = select(*key).where(table.c.brand_id == brand).limit(limit)
        return len(tx.execute(delete(table).where(tuple_(*key).in_(some)).returning(table.c.brand_id)).all())

    return step


def _work_off(database: Database, brand: BrandId, step: Forget) -> None:
    """In slices, each with its count in one commit."""
    while True:
        with database.transaction(Scope(brand=brand)) as tx:
            done = step(tx, brand, ROWS_PER_SLICE)
            if not done:
                return
            tx.execute(
                update(KnowledgeErasure).where(*_its_row(brand)).values(rows=KnowledgeErasure.rows + done)
            )


def _remove(folder: Path) -> None:
    """Raises OSError: what is left on disk is not erased."""
    if folder.exists():
        shutil.rmtree(folder)


def _finish(tx: Tx, brand: BrandId) -> None:
    erasure = tx.scalars(select(KnowledgeErasure).where(*_its_row(brand))).one()
    erasure.finished_at = app_now(tx)
    record(tx, KnowledgeErased(brand=brand, erasure=erasure.id))
    log.info("erasure.finished", brand=str(brand), rows=erasure.rows)


def _its_row(brand: BrandId) -> tuple[ColumnElement[bool], ...]:
    return KnowledgeErasure.brand_id == brand, KnowledgeErasure.finished_at.is_(None)


def _folders(folder: Path) -> Iterator[Path]:
    """Folders named as a brand's are."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir() and _IS_ID.fullmatch(path.name):
            yield path


_IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _has_knowledge(database: Database, brand: str) -> bool:
    with database.transaction() as tx:
        counters = exists().where(KnowledgeVersion.brand_id == BrandId(UUID(brand)))
        return bool(tx.scalar(select(counters)))
