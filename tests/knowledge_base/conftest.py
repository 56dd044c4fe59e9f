"""Builders of knowledge: brands, articles, and a search that holds all the parts together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge_base.drafting import Put, draft_articles
from knowledge_base.index.building import build_index, rebuild_on_damage
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.embedder import Embedder
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import Retrieved, Retriever
from knowledge_base.index.shelf import LocalShelf
from knowledge_base.liveness import is_live
from knowledge_base.models import Article, ArticleState, Passage, Publication
from knowledge_base.publishing import (
    cancel_planned,
    delete_article,
    publish_revisions,
    put_article,
    put_articles,
    retire_articles,
)
from knowledge_base.queries import article_by_key, index_status
from knowledge_base.reading.documents import Document, Section
from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now, shift_clock
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.ids import BrandId, new_id
from tests.fakes import MortalDatabase, WordHashEmbedder
from workers_ui.bootstrap import same_transaction_bus


def document(
    key: str = "returns",
    text: str = "Send the kettle back within thirty days.",
    title: str = "Returns",
    page: int | None = None,
) -> Document:
    return Document(key=key, title=title, sections=(Section(path=(), text=text, page=page),))


@dataclass(frozen=True, kw_only=True)
class KnowledgeBase:
    """A knowledge base as the application uses it: every call is a transaction of its own."""

    database: Database
    embedder: Embedder
    folder: Path
    retriever: Retriever

    def brand(self) -> BrandId:
        brand = BrandId(new_id())
        with self.database.transaction() as tx:
            tx.add(Brand(id=brand, slug=str(brand), name="Fern", dial_salt="x", created_at=app_now(tx)))
        return brand

    def put(self, brand: BrandId, wanted: Document) -> Put:
        with self.database.transaction(Scope(brand=brand)) as tx:
            return put_article(tx, brand=brand, document=wanted, author=None, now=app_now(tx))

    def delete(self, brand: BrandId, key: str) -> None:
        with self.database.transaction(Scope(brand=brand)) as tx:
            delete_article(tx, brand=brand, key=key)

    def index(self, brand: BrandId) -> int | None:
        return build_index(self.database, brand, bulk=LocalWork(self.embedder), folder=self.folder)

    def search(self, brand: BrandId, question: str, *, top: int = 3) -> Retrieved:
        with self.database.transaction(Scope(brand=brand)) as tx:
            return self.retriever.search(tx, brand=brand, query=Query.of([question]), weight=0.5, top=top)

    def texts(self, brand: BrandId, question: str, *, top: int = 3) -> list[str]:
        return [passage.text for passage in self.search(brand, question, top=top).passages]


@pytest.fixture
def mortal(database_url: str) -> Iterator[MortalDatabase]:
    database = MortalDatabase(
        database_url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


Open = Callable[..., KnowledgeBase]


@pytest.fixture
def embedder() -> WordHashEmbedder:
    return WordHashEmbedder()


@pytest.fixture
def open_base(background: Database, tmp_path: Path, embedder: WordHashEmbedder) -> Open:
    """Opens the knowledge base afresh, as a process that has just started does: nothing in memory."""

    def opened(with_embedder: Embedder = embedder) -> KnowledgeBase:
        retriever = Retriever(
            shelf=LocalShelf(tmp_path / "index"),
            load_embedder=lambda: with_embedder,
            report_damage=rebuild_on_damage(background),
        )
        return KnowledgeBase(
            database=background, embedder=with_embedder, folder=tmp_path / "index", retriever=retriever
        )

    return opened


@pytest.fixture
def base(open_base: Open) -> KnowledgeBase:
    return open_base()


@pytest.fixture
def brand(base: KnowledgeBase) -> BrandId:
    return base.brand()


HOUR = timedelta(hours=1)


class House:
    """One brand's acts, each in a transaction of its own; times are hours from now."""

    def __init__(self, base: KnowledgeBase, brand: BrandId) -> None:
        self.base = base
        self.brand = brand

    def put(self, body: str, *, starts: int | None = None, ends: int | None = None) -> Put:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            now = app_now(tx)
            return put_articles(
                tx,
                brand=self.brand,
                documents=[document(text=body)],
                author=None,
                now=now,
                starts=None if starts is None else now + starts * HOUR,
                ends=None if ends is None else now + ends * HOUR,
            )[0]

    def draft(self, body: str) -> Put:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return draft_articles(
                tx, brand=self.brand, documents=[document(text=body)], author=None, now=app_now(tx)
            )[0]

    def publish(self, put: Put) -> None:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            publish_revisions(tx, brand=self.brand, revisions=[put.revision_id], author=None, now=app_now(tx))

    def retire(self, put: Put) -> None:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            retire_articles(tx, brand=self.brand, articles=[put.article_id], author=None, now=app_now(tx))

    def cancel(self, put: Put, starts: datetime) -> None:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            cancel_planned(
                tx, brand=self.brand, article=put.article_id, starts=starts, author=None, now=app_now(tx)
            )

    def planned(self) -> list[datetime]:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            times = select(Publication.starts_at).where(Publication.brand_id == self.brand)
            return list(tx.scalars(times.order_by(Publication.starts_at)))

    def state(self) -> ArticleState:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return article_by_key(tx, brand=self.brand, key="returns").line.state

    def changes(self) -> int:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return index_status(tx, brand=self.brand).changed

    def held(self, after: int = 0) -> list[str]:
        """The live texts `after` hours from now, asked of the rows."""
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            at = app_now(tx) + after * HOUR
            rows = select(Passage.text).join(Article, is_live(at)).where(Passage.brand_id == self.brand)
            return list(tx.scalars(rows))


@pytest.fixture
def house(base: KnowledgeBase, brand: BrandId) -> House:
    other = House(base, base.brand())
    other.put("The same key in another brand.")
    return House(base, brand)


HoursPass = Callable[[int], None]


@pytest.fixture
def hours_pass(background: Database) -> HoursPass:
    def passes(hours: int) -> None:
        with background.transaction() as tx:
            shift_clock(tx, by=timedelta(hours=hours))

    return passes
