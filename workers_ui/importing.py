"""`humancloud import` and `reindex`: a brand's knowledge from files and addresses, without the web process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from time import sleep

import click
from rich.console import Console
from rich.progress import Progress

from knowledge_base import import_queries
from knowledge_base.commands import request_rebuild
from knowledge_base.import_files import start_import
from knowledge_base.import_models import ImportSource, ImportState
from knowledge_base.imports import read_import
from knowledge_base.index.building import build_index
from knowledge_base.index.commands import roll_back_index
from knowledge_base.reading.formats import ACCEPTED_ENDINGS
from knowledge_base.web_fetching import fetch_step
from knowledge_base.web_pages import import_address
from marketplace.accounts.errors import NoSuchBrand
from marketplace.accounts.queries import brand_by_slug
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.errors import Invalid, NotFound
from marketplace.kernel.ids import BrandId, ImportId
from marketplace.kernel.safe_fetch import rules_of
from marketplace.kernel.settings import Settings
from workers_ui import parts

LOOK_SECONDS = 0.2


class MixedSources(Invalid):
    """Name one address alone, or files and folders."""


class NoSuchPath(NotFound):
    """There is no such file or folder. Check its name."""


def import_sources(settings: Settings, slug: str, sources: Sequence[str]) -> import_queries.ImportStatus:
    """Read files, folders or one address into the brand's knowledge and index it, with a progress bar.

    Raises MixedSources, NoSuchPath, or what an import of them raises.
    """
    addresses = [source for source in sources if "://" in source]
    if addresses and len(sources) > 1:
        raise MixedSources
    database = parts.database(settings, role=Role.BACKGROUND, process="import")
    try:
        brand = _brand(database, slug)
        started = (
            _fetched(database, brand, settings, addresses[0])
            if addresses
            else _uploaded(database, brand, [_path(source) for source in sources])
        )
        _read_with_progress(database, brand, started)
        click.echo("Indexing …", err=True)
        build_index(database, brand, bulk=parts.bulk_work(settings), folder=parts.snapshots(settings))
        return _status(database, brand, started)
    finally:
        database.dispose()


def roll_back(settings: Settings, slug: str, reason: str) -> str:
    """Search the snapshot before the newest until the next is built; says what serves now."""
    database = parts.database(settings, role=Role.BACKGROUND, process="reindex")
    try:
        brand = _brand(database, slug)
        with database.transaction(Scope(brand=brand)) as tx:
            number = roll_back_index(tx, brand, by=None, reason=reason, now=app_now(tx))
    finally:
        database.dispose()
    return f"Index {number} serves until the next change. What is retired or replaced since stays hidden."


def rebuild(settings: Settings, slug: str) -> str:
    """Build the brand's index anew; what is unchanged is not encoded again."""
    database = parts.database(settings, role=Role.BACKGROUND, process="reindex")
    try:
        brand = _brand(database, slug)
        with database.transaction(Scope(brand=brand)) as tx:
            request_rebuild(tx, brand)
        build_index(database, brand, bulk=parts.bulk_work(settings), folder=parts.snapshots(settings))
    finally:
        database.dispose()
    return "The index is new."


def _path(source: str) -> Path:
    if not Path(source).exists():
        raise NoSuchPath(f"There is no file or folder {source}. Check its name.")
    return Path(source)


def _uploaded(database: Database, brand: BrandId, paths: Sequence[Path]) -> ImportId:
    with database.transaction(Scope(brand=brand)) as tx:
        files = list(_files(paths))
        return start_import(
            tx, brand=brand, files=files, author=None, now=app_now(tx), source=ImportSource.COMMAND
        )


def _fetched(database: Database, brand: BrandId, settings: Settings, address: str) -> ImportId:
    """An import of what `address` gives. The background may fetch too: each request is made by one of them."""
    with database.transaction(Scope(brand=brand)) as tx:
        started = import_address(
            tx, brand=brand, address=address, author=None, now=app_now(tx), rules=rules_of(settings)
        )
    fetch = parts.fetch(settings)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Fetching", total=None)
        while (status := _status(database, brand, started)).state is ImportState.FETCHING:
            bar.update(task, total=status.files or None, completed=status.files_read)
            if not fetch_step(database, brand, started, fetch):
                sleep(LOOK_SECONDS)
    return started


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
