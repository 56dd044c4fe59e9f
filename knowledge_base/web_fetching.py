"""Fetching what imports from the web still need: one request at a time for each of them, then a pause.

A step is: take an import that is due, ask for one address, keep what it gave in one commit. The first step looks at
the address that was named; of a sitemap it asks for robots.txt and the sitemaps within, for WALK_SECONDS at most.
No transaction is open while the network is asked, a lock that ends with its connection keeps others away, and after
kill -9 the next step asks for the page that has not been kept. What cannot be fetched, even by a fault of ours, is
refused by name and reason and stops nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

import structlog
from sqlalchemy import select

from knowledge_base.fetched_files import (
    close_fetched,
    expect_files,
    keep_fetched,
    refuse_fetched,
    refuse_file,
)
from knowledge_base.import_files import give_up, locked_import
from knowledge_base.import_models import FileState, ImportFile, ImportSource, ImportState
from knowledge_base.problems import Problem, told_apart
from knowledge_base.sitemaps import MAX_LISTED, Robots, is_sitemap, read_robots, read_sitemap
from knowledge_base.web_files import web_file
from knowledge_base.web_models import FetchStage, WebFetch, WebSource
from knowledge_base.web_pages import PAUSE_SECONDS, no_longer_listed
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import AppError, Invalid, TooLarge, Unavailable
from marketplace.kernel.ids import BrandId, ImportId, WebSourceId
from marketplace.kernel.only_one import only_one
from marketplace.kernel.safe_fetch import AnswerRefused, CertificateRefused, Fetched, FetchTooSlow, PageGone

log = structlog.get_logger()

Fetch = Callable[[str], Fetched]
"""`safe_fetch` by an operator's rules."""

MAX_PAGES = 500
MAX_SITEMAPS = 20
WALK_SECONDS = 60.0
"""For the sitemaps that one sitemap names: other imports wait meanwhile."""
MAX_NAMED = 100
"""Pages that are refused one by one for one reason; the rest is counted."""
ATTEMPTS = 3
RETRY_SECONDS = 20.0
CANDIDATES = 20

NOT_ALLOWED = Problem(
    reason="The site's robots.txt asks machines not to read this page.",
    remedy="Name the page by itself, upload it, or allow HumanCloud there.",
)
NOT_LISTED = Problem(
    reason="The sitemap no longer lists this page.", remedy="Retire its article when it holds no more."
)
GONE = Problem(
    reason="The site says that there is no such page any more.",
    remedy="Retire its article when it holds no more.",
)
TOO_MANY_SITEMAPS = Problem(
    reason=f"{MAX_SITEMAPS} sitemaps or {MAX_LISTED:,} pages are looked through at once.",
    remedy="Name this one by itself.",
)
OTHER_SITE = Problem(reason="This page leads to another site.", remedy="Name its own address to read it.")


class RobotsUnreadable(Unavailable):
    """The site's robots.txt cannot be read just now, so its pages are left alone. Try again later."""


class ReadingBroke(Unavailable):
    """It could not be read because of a fault on our side. Try again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One import's next request."""

    brand: BrandId
    import_id: ImportId
    source: WebSourceId
    stage: FetchStage
    address: str
    ordinal: int | None = None
    """The file that is fetched; None for the source's own address."""


@dataclass(kw_only=True)
class Listed:
    """What a walk through sitemaps found."""

    pages: list[str] = field(default_factory=list)
    refused: list[tuple[str, Problem]] = field(default_factory=list)
    pause_seconds: float = PAUSE_SECONDS


def fetch_due(database: Database, fetch: Fetch) -> int:
    """One request for each import that is due; how many there were."""
    with database.transaction() as tx:
        waiting = [
            (row.brand_id, row.import_id)
            for row in tx.execute(
                select(WebFetch.brand_id, WebFetch.import_id)
                .where(WebFetch.stage != FetchStage.DONE, WebFetch.due_at <= app_now(tx))
                .order_by(WebFetch.due_at)
                .limit(CANDIDATES)
            )
        ]
    return sum(_stand_apart(database, brand, import_id, fetch) for brand, import_id in waiting)


def _stand_apart(database: Database, brand: BrandId, import_id: ImportId, fetch: Fetch) -> bool:
    """One import's step; a fault in it keeps none of those behind it waiting."""
    try:
        return fetch_step(database, brand, import_id, fetch)
    except Exception:  # the edge of one import's step
        log.exception("web.step_broke", knowledge_import=str(import_id))
    _put_off(database, brand, import_id)
    return True


def fetch_step(database: Database, brand: BrandId, import_id: ImportId, fetch: Fetch) -> bool:
    """The next request of one import, if it is due and nobody else is at it."""
    with only_one(database, f"web fetch {import_id}") as alone:
        due = _due(database, brand, import_id) if alone else None
        if due is None:
            return False
        try:
            if due.stage is FetchStage.LOOKING:
                _look(database, due, fetch)
            else:
                _page(database, due, fetch)
        except AppError as error:
            _failed(database, due, error)
        except Exception:  # the edge of one request: this page is tried again or refused, the others go on
            log.exception("web.page_broke", knowledge_import=str(import_id))
            _failed(database, due, ReadingBroke())
    return True


def _due(database: Database, brand: BrandId, import_id: ImportId) -> Due | None:
    with database.transaction(Scope(brand=brand)) as tx:
        state = tx.get(WebFetch, (brand, import_id))
        if state is None or state.stage is FetchStage.DONE or state.due_at > app_now(tx):
            return None
        if locked_import(tx, brand, import_id).state is not ImportState.FETCHING:
            state.stage = FetchStage.DONE  # it was given up meanwhile
            return None
        source = tx.get_one(WebSource, (brand, state.source_id))
        due = Due(
            brand=brand,
            import_id=import_id,
            source=source.id,
            stage=state.stage,
            address=source.address,
        )
        if state.stage is FetchStage.LOOKING:
            return due
        file = _next_file(tx, brand, import_id)
        if file is None:
            _finish(tx, state)
            return None
        return Due(
            brand=brand,
            import_id=import_id,
            source=source.id,
            stage=state.stage,
            address=file.name,
            ordinal=file.ordinal,
        )


def _next_file(tx: Tx, brand: BrandId, import_id: ImportId) -> ImportFile | None:
    waiting = select(ImportFile).where(
        ImportFile.brand_id == brand,
        ImportFile.import_id == import_id,
        ImportFile.state == FileState.FETCHING,
    )
    return tx.scalars(waiting.order_by(ImportFile.ordinal).limit(1)).one_or_none()


def _look(database: Database, due: Due, fetch: Fetch) -> None:
    found = fetch(due.address)
    if is_sitemap(found.body):
        _expect(database, due, _walk(found, fetch))
        return
    file = web_file(found)
    with _step(database, due) as (tx, state):
        (ordinal,) = expect_files(tx, due.brand, due.import_id, [due.address], now=app_now(tx))
        keep_fetched(tx, due.brand, due.import_id, ordinal, file, now=app_now(tx))
        _finish(tx, state)


def _page(database: Database, due: Due, fetch: Fetch) -> None:
    assert due.ordinal is not None
    found = fetch(due.address)
    if _site(found.address) != _site(due.address):
        _refuse(database, due, OTHER_SITE)
        return
    file = web_file(found)
    with _step(database, due) as (tx, state):
        keep_fetched(tx, due.brand, due.import_id, due.ordinal, file, now=app_now(tx))
        _go_on(tx, state)


@contextmanager
def _step(database: Database, due: Due) -> Iterator[tuple[Tx, WebFetch]]:
    with database.transaction(Scope(brand=due.brand)) as tx:
        yield tx, tx.get_one(WebFetch, (due.brand, due.import_id), with_for_update=True)


def _go_on(tx: Tx, state: WebFetch) -> None:
    state.attempts = 0
    state.due_at = app_now(tx) + timedelta(seconds=state.pause_seconds)
    if _next_file(tx, state.brand_id, state.import_id) is None:
        _finish(tx, state)


def _finish(tx: Tx, state: WebFetch) -> None:
    state.stage = FetchStage.DONE
    tx.flush()
    close_fetched(tx, state.brand_id, state.import_id, now=app_now(tx))


def _failed(database: Database, due: Due, error: AppError) -> None:
    """Once more later when the site may only be busy; else the page is refused, and the next one is asked for."""
    log.info("web.not_fetched", knowledge_import=str(due.import_id), reason=error.code)
    if isinstance(error, Unavailable) and not isinstance(error, AnswerRefused | CertificateRefused):
        with _step(database, due) as (tx, state):
            if state.attempts + 1 < ATTEMPTS:
                state.attempts += 1
                state.due_at = app_now(tx) + timedelta(seconds=RETRY_SECONDS * state.attempts)
                return
    _refuse(database, due, GONE if isinstance(error, PageGone) else told_apart(error.detail))


def _put_off(database: Database, brand: BrandId, import_id: ImportId) -> None:
    """After a fault that is no page's: again later, and after ATTEMPTS the import is given up."""
    with database.transaction(Scope(brand=brand)) as tx:
        state = tx.get(WebFetch, (brand, import_id), with_for_update=True)
        if state is None or state.stage is FetchStage.DONE:
            return  # erased or finished meanwhile
        now = app_now(tx)
        state.attempts += 1
        state.due_at = now + timedelta(seconds=RETRY_SECONDS * state.attempts)
        if state.attempts < ATTEMPTS:
            return
        problem = told_apart(ReadingBroke().detail)
        if state.stage is FetchStage.LOOKING:
            source = tx.get_one(WebSource, (brand, state.source_id))
            refuse_file(tx, brand, import_id, source.address, problem, now=now)
        state.stage = FetchStage.DONE
        found = locked_import(tx, brand, import_id)
        give_up(tx, found, reason=problem.reason, remedy=problem.remedy, now=now)


def _refuse(database: Database, due: Due, problem: Problem) -> None:
    with _step(database, due) as (tx, state):
        now = app_now(tx)
        if due.ordinal is None:
            refuse_file(tx, due.brand, due.import_id, due.address, problem, now=now)
            _finish(tx, state)
        else:
            refuse_fetched(tx, due.brand, due.import_id, due.ordinal, problem, now=now)
            _go_on(tx, state)


def _walk(first: Fetched, fetch: Fetch) -> Listed:
    """The pages of a sitemap, and of those it names, that may be read. Raises what fetching or reading it raises."""
    site = _site(first.address)
    robots = _robots(first.address, fetch)
    listed = Listed(pause_seconds=max(PAUSE_SECONDS, robots.pause_seconds))
    own, foreign = _sorted_by_site(_pages_of(first, site, _until(fetch, WALK_SECONDS), listed), site)
    allowed, forbidden = _sorted_by_rules(own, robots)
    listed.pages = allowed[:MAX_PAGES]
    _name(listed, forbidden, NOT_ALLOWED)
    _name(listed, foreign, OTHER_SITE)
    if len(allowed) > MAX_PAGES:
        problem = Problem(
            reason=f"It lists {len(allowed):,} pages, and {MAX_PAGES} are read at once.",
            remedy="Name a smaller sitemap for the others.",
        )
        listed.refused.append((first.address, problem))
    return listed


def _until(fetch: Fetch, seconds: float) -> Fetch:
    """`fetch` for so long from now on; what is asked for later is too slow."""
    ends = time.monotonic() + seconds

    def fetch_in_time(address: str) -> Fetched:
        if time.monotonic() >= ends:
            raise FetchTooSlow
        return fetch(address)

    return fetch_in_time


def _pages_of(first: Fetched, site: str, fetch: Fetch, listed: Listed) -> list[str]:
    """Addresses of pages, in their order and without repeats. One sitemap of several that fails is refused."""
    found = read_sitemap(first.body)
    pages = dict.fromkeys(_whole(found.pages, first.address))
    further = [address for address in _whole(found.sitemaps, first.address) if _site(address) == site]
    for place, address in enumerate(further):
        if place >= MAX_SITEMAPS or len(pages) >= MAX_LISTED:
            listed.refused.append((address, TOO_MANY_SITEMAPS))
            continue
        try:
            inner = fetch(address)
            pages |= dict.fromkeys(_whole(read_sitemap(inner.body).pages, inner.address))
        except AppError as error:
            listed.refused.append((address, told_apart(error.detail)))
    return list(pages)


def _whole(addresses: Sequence[str], base: str) -> list[str]:
    whole = []
    for address in addresses:
        try:
            whole.append(urljoin(base, address).partition("#")[0])
        except ValueError:
            continue  # not an address in anybody's eyes
    return whole


def _robots(address: str, fetch: Fetch) -> Robots:
    """What the site allows. One without a robots.txt allows everything; one that fails is left alone."""
    try:
        return read_robots(fetch(urljoin(address, "/robots.txt")).body)
    except Unavailable as error:
        if isinstance(error, AnswerRefused):
            return read_robots(b"")
        raise RobotsUnreadable from error
    except (Invalid, TooLarge, PageGone):
        return read_robots(b"")


def _sorted_by_site(pages: Sequence[str], site: str) -> tuple[list[str], list[str]]:
    own = [page for page in pages if _site(page) == site]
    return own, [page for page in pages if _site(page) != site]


def _sorted_by_rules(pages: Sequence[str], robots: Robots) -> tuple[list[str], list[str]]:
    """Those that may be read and those that may not; each is held against the rules once."""
    allowed: list[str] = []
    forbidden: list[str] = []
    for page in pages:
        (allowed if robots.allow(page) else forbidden).append(page)
    return allowed, forbidden


def _site(address: str) -> str:
    """Host and port; nothing for what is no address."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _name(listed: Listed, pages: Sequence[str], problem: Problem) -> None:
    listed.refused += [(page, problem) for page in pages[:MAX_NAMED]]
    if len(pages) > MAX_NAMED:
        rest = Problem(reason=f"{problem.reason} So it is with {len(pages) - MAX_NAMED:,} more.", remedy="")
        listed.refused.append((pages[MAX_NAMED], rest))


def _expect(database: Database, due: Due, listed: Listed) -> None:
    """Make the pages the import's files, those refused and those that are gone among them."""
    with _step(database, due) as (tx, state):
        now = app_now(tx)
        locked_import(tx, due.brand, due.import_id).source = ImportSource.SITEMAP
        gone = no_longer_listed(tx, brand=due.brand, source=due.source, listed=listed.pages)
        for name, problem in [*listed.refused, *((name, NOT_LISTED) for name in gone[:MAX_PAGES])]:
            refuse_file(tx, due.brand, due.import_id, name, problem, now=now)
        expect_files(tx, due.brand, due.import_id, listed.pages, now=now)
        state.stage, state.pause_seconds = FetchStage.PAGES, listed.pause_seconds
        _go_on(tx, state)
