"""`humancloud import` and `reindex`: a brand's knowledge from files and addresses, without the web process."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import sleep

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from knowledge_base import import_queries
from knowledge_base.import_acts import advance_import
from knowledge_base.import_files import start_import
from knowledge_base.import_models import FileState, ImportSource, ImportState
from knowledge_base.index.building import build_index
from knowledge_base.index.bulk_work import BulkWork
from knowledge_base.index.commands import request_rebuild, roll_back_index
from knowledge_base.index.embedder import Vectors
from knowledge_base.reading.formats import ACCEPTED_ENDINGS
from knowledge_base.web_fetching import fetch_step
from knowledge_base.web_pages import import_address
from marketplace.accounts.errors import NoSuchBrand
from marketplace.accounts.queries import brand_by_slug
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.errors import Invalid, NotFound
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, PassageId
from marketplace.kernel.safe_fetch import rules_of
from marketplace.kernel.settings import Settings
from workers_ui import parts

LOOK_SECONDS = 0.2


class MixedSources(Invalid):
    """Name one address alone, without --review, or files and folders."""


class NoSuchPath(NotFound):
    """There is no such file or folder. Check its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of the files; `resumed` when an import that was cut off went on."""

    status: import_queries.ImportStatus
    resumed: bool


def import_sources(settings: Settings, slug: str, sources: Sequence[str], *, looks_first: bool) -> Imported:
    """Read files, folders or one address into the brand's knowledge and index it, with a bar for each stage.

    When the same files were being imported and that was cut off, that import goes on where it was. Raises
    MixedSources, NoSuchPath, or what an import of them raises.
    """
    addresses = [source for source in sources if "://" in source]
    if addresses and (len(sources) > 1 or looks_first):
        raise MixedSources
    database = parts.database(settings, role=Role.BACKGROUND, process="import")
    try:
        brand = _brand(database, slug)
        if addresses:
            started, resumed = _fetched(database, brand, settings, addresses[0]), False
        else:
            files = list(_files([_path(source) for source in sources]))
            started, resumed = _begun(database, brand, files, looks_first=looks_first)
        with _bars() as bars:
            _read(settings, database, brand, started, bars)
            _index(settings, database, brand, bars)
        return Imported(status=_status(database, brand, started), resumed=resumed)
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


def _begun(
    database: Database, brand: BrandId, files: Sequence[tuple[str, bytes]], *, looks_first: bool
) -> tuple[ImportId, bool]:
    """The import of these files: one that was cut off, else a new one; and which of both."""
    names = {name: hashlib.sha256(content).hexdigest() for name, content in files}
    with database.transaction(Scope(brand=brand)) as tx:
        cut_off = import_queries.unfinished_like(
            tx, brand=brand, source=ImportSource.COMMAND, files=names, looks_first=looks_first
        )
        if cut_off is not None:
            return cut_off, True
        started = start_import(
            tx,
            brand=brand,
            files=files,
            author=None,
            now=app_now(tx),
            source=ImportSource.COMMAND,
            looks_first=looks_first,
        )
    return started, False


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


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _read(settings: Settings, database: Database, brand: BrandId, started: ImportId, bars: Progress) -> None:
    """Reading counts files that were looked into, splitting those whose passages are written."""
    status = _status(database, brand, started)
    reading = bars.add_task("Reading", total=status.files, said="")
    splitting = bars.add_task("Splitting", total=status.files, said="")

    def show() -> None:
        now = _status(database, brand, started)
        bars.update(reading, completed=now.files_read + now.by_state.get(FileState.SPLITTING, 0))
        bars.update(splitting, completed=now.files_read, said=f"{now.passages:,} passages")

    _watched(lambda: advance_import(database, brand, started, reader=parts.reader(settings)), show)


def _index(settings: Settings, database: Database, brand: BrandId, bars: Progress) -> None:
    """Counts the passages that were not encoded before."""
    indexing = bars.add_task("Indexing", total=None, said="")
    bulk = _Counting(parts.bulk_work(settings))

    def show() -> None:
        bars.update(indexing, total=bulk.asked or None, completed=bulk.encoded)

    _watched(lambda: build_index(database, brand, bulk=bulk, folder=parts.snapshots(settings)), show)


class _Counting:
    """Heavy work, wherever it runs, that says how far it is; a BulkWork itself."""

    def __init__(self, work: BulkWork) -> None:
        self._work = work
        self.asked = 0
        self.encoded = 0

    @property
    def model(self) -> str:
        return self._work.model

    @property
    def dimensions(self) -> int:
        return self._work.dimensions

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[int], Vectors]]:
        self.asked += len(texts)
        for positions, vectors in self._work.encode(texts):
            yield positions, vectors
            self.encoded += len(positions)

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
        self._work.write_snapshot(
            folder,
            brand=brand,
            number=number,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
        )

    def hand_on(self, folder: Path, *, brand: BrandId, number: int) -> None:
        self._work.hand_on(folder, brand=brand, number=number)


def _watched(act: Callable[[], object], show: Callable[[], None]) -> None:
    """Do `act` beside the bars; what it raises is raised here."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # handed over to the thread that waits
            failed.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_SECONDS)
        show()
    if failed:
        raise failed[0]


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
                    yield found.relative_to(path).as_posix(), found.read_bytes()


def _brand(database: Database, slug: str) -> BrandId:
    with database.transaction() as tx:
        card = brand_by_slug(tx, slug)
    if card is None:
        raise NoSuchBrand
    return card.id
