"""Addresses as sources of knowledge: named by a person, fetched in the background, read like any other file.

A page that somebody names is fetched as his browser would. The pages of a sitemap are walked by us, so there the
site's robots.txt is asked, for `HumanCloud` and else for everybody. What is to be fetched are the import's files in
the state `fetching`; what an address gave is kept in the commit that says so, and nothing is remembered elsewhere.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.drafting import plain_name
from knowledge_base.import_files import open_import
from knowledge_base.import_models import FileState, ImportFile, ImportSource, ImportState, KnowledgeImport
from knowledge_base.in_force import held_revision
from knowledge_base.models import Article
from knowledge_base.reading.documents import MAX_KEY_CHARACTERS
from knowledge_base.web_models import FetchStage, WebFetch, WebSource
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, NotFound, TooLarge
from marketplace.kernel.ids import BrandId, ImportId, PersonId, WebSourceId, new_id
from marketplace.kernel.safe_fetch import FetchRules, check_address

MAX_SOURCES = 200
PAUSE_SECONDS = 1.0
"""Between two requests to one site; its robots.txt may ask for more."""


class AddressTooLong(TooLarge):
    """An address may have 500 characters. Use a shorter one, or upload the page as a file."""


class TooManyAddresses(TooLarge):
    """A knowledge base may have 200 addresses. Name a sitemap instead of its pages."""


class AlreadyFetching(Conflict):
    """This address is being read just now. Wait until it is done."""


class AddressNotFound(NotFound):
    """There is no such address in this knowledge base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """An address of a brand and its last reading."""

    id: WebSourceId
    address: str
    last_import: ImportId
    last_at: datetime
    is_sitemap: bool
    is_busy: bool


def import_address(
    tx: Tx, *, brand: BrandId, address: str, author: PersonId | None, now: datetime, rules: FetchRules
) -> ImportId:
    """Have a page, a document or a sitemap fetched and read; the same address again reads it again.

    Nothing is asked of the network here. Raises what the address's form forbids (`safe_fetch.check_address`),
    AddressTooLong, TooManyAddresses or AlreadyFetching.
    """
    checked = check_address(address, rules=rules)
    if len(checked) > MAX_KEY_CHARACTERS:
        raise AddressTooLong
    source = _source(tx, brand, checked, author, now)
    return _begin(tx, brand, source, author, now)


def import_again(
    tx: Tx, *, brand: BrandId, source: WebSourceId, author: PersonId | None, now: datetime
) -> ImportId:
    """Read an address again: changed pages become new revisions, pages that are gone are named.

    Raises AddressNotFound or AlreadyFetching.
    """
    found = tx.get(WebSource, (brand, source))
    if found is None:
        raise AddressNotFound
    return _begin(tx, brand, found, author, now)


def sources(tx: Tx, *, brand: BrandId) -> list[SourceLine]:
    """The addresses of a brand, those read last first."""
    rows = tx.execute(
        select(
            WebSource.id,
            WebSource.address,
            WebFetch.import_id.label("last_import"),
            KnowledgeImport.started_at.label("last_at"),
            (KnowledgeImport.source == ImportSource.SITEMAP).label("is_sitemap"),
            (WebFetch.stage != FetchStage.DONE).label("is_busy"),
        )
        .ext(distinct_on(WebSource.id))
        .join(WebFetch, (WebFetch.brand_id == WebSource.brand_id) & (WebFetch.source_id == WebSource.id))
        .join(
            KnowledgeImport,
            (KnowledgeImport.brand_id == WebFetch.brand_id) & (KnowledgeImport.id == WebFetch.import_id),
        )
        .where(WebSource.brand_id == brand)
        .order_by(WebSource.id, WebFetch.import_id.desc())
        .limit(MAX_SOURCES)
    )
    lines = [SourceLine(**row._asdict()) for row in rows]
    return sorted(lines, key=lambda line: line.last_at, reverse=True)


def count_sources(tx: Tx, *, brand: BrandId) -> int:
    return tx.scalar(select(func.count()).select_from(WebSource).where(WebSource.brand_id == brand)) or 0


def no_longer_listed(
    tx: Tx, *, brand: BrandId, source: WebSourceId, listed: Collection[str]
) -> Sequence[str]:
    """Pages that an earlier reading of the source took, whose articles hold, and that are not `listed` now."""
    taken = (
        select(ImportFile.name)
        .distinct()
        .join(
            WebFetch,
            (WebFetch.brand_id == ImportFile.brand_id) & (WebFetch.import_id == ImportFile.import_id),
        )
        .join(Article, (Article.brand_id == ImportFile.brand_id) & (Article.key == ImportFile.name))
        .where(
            ImportFile.brand_id == brand,
            WebFetch.source_id == source,
            ImportFile.state.in_([FileState.READY, FileState.INDEXING]),
            held_revision().is_not(None),
        )
        .order_by(ImportFile.name)
    )
    names = {plain_name(address) for address in listed}
    return [name for name in tx.scalars(taken) if name not in names]


def _source(tx: Tx, brand: BrandId, address: str, author: PersonId | None, now: datetime) -> WebSource:
    known = select(WebSource).where(WebSource.brand_id == brand, WebSource.address == address)
    if tx.scalars(known).one_or_none() is None:
        if count_sources(tx, brand=brand) >= MAX_SOURCES:
            raise TooManyAddresses
        new = upsert(WebSource).values(
            brand_id=brand, id=new_id(), address=address, added_by=author, added_at=now
        )
        tx.execute(new.on_conflict_do_nothing())
    return tx.scalars(known).one()


def _begin(tx: Tx, brand: BrandId, source: WebSource, author: PersonId | None, now: datetime) -> ImportId:
    # Two people who press the same button wait for each other here.
    tx.refresh(source, with_for_update=True)
    busy = exists().where(
        WebFetch.brand_id == brand, WebFetch.source_id == source.id, WebFetch.stage != FetchStage.DONE
    )
    if tx.scalar(select(busy)):
        raise AlreadyFetching
    started = open_import(
        tx, brand=brand, author=author, now=now, source=ImportSource.ADDRESS, state=ImportState.FETCHING
    )
    tx.add(
        WebFetch(
            brand_id=brand,
            import_id=started,
            source_id=source.id,
            stage=FetchStage.LOOKING,
            pause_seconds=PAUSE_SECONDS,
            due_at=now,
        )
    )
    tx.flush()
    return started
