"""`humancloud import` and `reindex`: a brand's knowledge from files, without the web."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

import click
from rich.console import Console
from rich.progress import Progress

from knowledge_base import import_queries
from knowledge_base.commands import request_rebuild
from knowledge_base.import_files import start_import
from knowledge_base.import_models import ImportSource
from knowledge_base.imports import read_import
from knowledge_base.index.building import build_index
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.embedder import Embedder
from knowledge_base.reading.formats import ACCEPTED_ENDINGS
from marketplace.accounts.errors import NoSuchBrand
from marketplace.accounts.queries import brand_by_slug
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.ids import BrandId, ImportId
from marketplace.kernel.settings import Settings
from workers_ui import parts

LOOK_SECONDS = 0.2


def import_paths(settings: Settings, slug: str, paths: Sequence[Path]) -> import_queries.ImportStatus:
    """Read every readable file under `paths` into the brand's knowledge and index it, with a progress bar."""
    database = parts.database(settings, role=Role.BACKGROUND, process="import")
    try:
        brand = _brand(database, slug)
        with database.transaction(Scope(brand=brand)) as tx:
            files = list(_files(paths))
            started = start_import(
                tx, brand=brand, files=files, author=None, now=app_now(tx), source=ImportSource.COMMAND
            )
        _read_with_progress(database, brand, started)
        click.echo("Indexing …", err=True)
        build_index(database, brand, bulk=LocalWork(_embedder(settings)), folder=parts.snapshots(settings))
        return _status(database, brand, started)
    finally:
        database.dispose()


def rebuild(settings: Settings, slug: str) -> None:
    """Build the brand's index anew; what is unchanged is not encoded again."""
    database = parts.database(settings, role=Role.BACKGROUND, process="reindex")
    try:
        brand = _brand(database, slug)
        with database.transaction(Scope(brand=brand)) as tx:
            request_rebuild(tx, brand)
        build_index(database, brand, bulk=LocalWork(_embedder(settings)), folder=parts.snapshots(settings))
    finally:
        database.dispose()


def _read_with_progress(database: Database, brand: BrandId, started: ImportId) -> None:
    reading = Thread(target=read_import, args=(database, brand, started))
    reading.start()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=1.0)
        while reading.is_alive():
            reading.join(LOOK_SECONDS)
            bar.update(task, completed=_status(database, brand, started).progress)


def _status(database: Database, brand: BrandId, started: ImportId) -> import_queries.ImportStatus:
    with database.transaction(Scope(brand=brand)) as tx:
        return import_queries.import_status(tx, brand=brand, import_id=started)


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path.is_file():
            yield path.name, path.read_bytes()
        else:
            for found in sorted(path.rglob("*")):
                if found.is_file() and found.suffix.lower() in ACCEPTED_ENDINGS:
                    yield str(found.relative_to(path)), found.read_bytes()


def _brand(database: Database, slug: str) -> BrandId:
    with database.transaction() as tx:
        card = brand_by_slug(tx, slug)
    if card is None:
        raise NoSuchBrand
    return card.id


def _embedder(settings: Settings) -> Embedder:
    return parts.embedder(settings.model_dir, settings.encoder_threads)
