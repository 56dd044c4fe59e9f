"""Writing one article by hand: nobody's text is lost when two write at once, and each sees that the other does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.drafting import Put, draft_articles, hold_knowledge
from knowledge_base.models import Article, ArticleEditor, Revision
from knowledge_base.publishing import ArticleNotFound
from knowledge_base.reading.documents import Document
from marketplace.accounts.models import Person
from marketplace.events.commands import record
from marketplace.events.facts import ArticleEdited, ArticleNoted
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import ArticleId, BrandId, PersonId

SEEN_WITHIN = timedelta(seconds=60)
"""An open editor says so every 20 seconds; who was silent for three times that is gone."""

EDITORS_SHOWN = 5


class RevisedMeanwhile(Conflict):
    """Somebody saved another text of this article while you were writing. Nothing of yours is lost: compare both
    texts and save again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """Somebody else who has the article open."""

    name: str
    since: datetime


def save_draft(
    tx: Tx,
    *,
    brand: BrandId,
    document: Document,
    base: int,
    author: PersonId | None,
    now: datetime,
    note: str = "",
) -> Put:
    """Keep a text that was written over revision `base` (0: there was none) as the newest revision.

    Raises RevisedMeanwhile when that is not the newest any more, and what `draft_articles` raises.
    """
    hold_knowledge(tx, brand)
    if _newest_number(tx, brand, document.key) != base:
        raise RevisedMeanwhile
    put = draft_articles(tx, brand=brand, documents=[document], author=author, now=now, note=note)[0]
    if put.changed:
        record(tx, ArticleNoted(brand=brand, article=put.article_id))
    return put


def say_editing(tx: Tx, *, brand: BrandId, article: ArticleId, person: PersonId, now: datetime) -> None:
    """`person` has the article open; say it again while it lasts. Raises ArticleNotFound."""
    if tx.get(Article, (brand, article)) is None:
        raise ArticleNotFound
    before = tx.get(ArticleEditor, (brand, article, person))
    is_new = before is None or before.seen_at <= now - SEEN_WITHIN
    row = {"brand_id": brand, "article_id": article, "person_id": person, "since": now, "seen_at": now}
    kept = {"seen_at": now, **({"since": now} if is_new else {})}
    tx.execute(
        upsert(ArticleEditor)
        .values(row)
        .on_conflict_do_update(index_elements=["brand_id", "article_id", "person_id"], set_=kept)
    )
    if is_new:
        _forget_the_gone(tx, brand, now)
        record(tx, ArticleEdited(brand=brand, article=article))


def stop_editing(tx: Tx, *, brand: BrandId, article: ArticleId, person: PersonId) -> None:
    gone = delete(ArticleEditor).where(
        ArticleEditor.brand_id == brand,
        ArticleEditor.article_id == article,
        ArticleEditor.person_id == person,
    )
    if tx.scalars(gone.returning(ArticleEditor.person_id)).first() is not None:
        record(tx, ArticleEdited(brand=brand, article=article))


def others_editing(
    tx: Tx, *, brand: BrandId, article: ArticleId, but: PersonId, now: datetime
) -> Sequence[Editor]:
    """Who else has the article open, the first one first."""
    rows = tx.execute(
        select(Person.name, ArticleEditor.since)
        .join(Person, Person.id == ArticleEditor.person_id)
        .where(
            ArticleEditor.brand_id == brand,
            ArticleEditor.article_id == article,
            ArticleEditor.person_id != but,
            ArticleEditor.seen_at > now - SEEN_WITHIN,
        )
        .order_by(ArticleEditor.since)
        .limit(EDITORS_SHOWN)
    )
    return [Editor(name=row.name, since=row.since) for row in rows]


def _newest_number(tx: Tx, brand: BrandId, key: str) -> int:
    newest = (
        select(func.max(Revision.number))
        .join(Article, (Article.brand_id == Revision.brand_id) & (Article.id == Revision.article_id))
        .where(Article.brand_id == brand, Article.key == key)
    )
    return tx.scalar(newest) or 0


def _forget_the_gone(tx: Tx, brand: BrandId, now: datetime) -> None:
    tx.execute(
        delete(ArticleEditor).where(
            ArticleEditor.brand_id == brand, ArticleEditor.seen_at <= now - SEEN_WITHIN
        )
    )
