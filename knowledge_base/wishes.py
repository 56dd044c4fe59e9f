"""What one call of the API may want of an article: a text, from when until when, and who answers for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from knowledge_base.drafting import Put, hold_knowledge, plain_name
from knowledge_base.editing import RevisedMeanwhile, save_draft
from knowledge_base.models import Article, Revision
from knowledge_base.publishing import put_articles
from knowledge_base.reading.documents import Document
from knowledge_base.verification import NotAMember, doubt_article, set_owner
from marketplace.accounts.models import Member, Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`as_draft` writes the text and lets it hold nowhere. `owner` is an address; an owner or interval not given
    stays as it is. `over` is the revision that the writer read, None when that is no matter. `vouched` is false for
    a text that somebody at the brand has yet to verify."""

    document: Document
    note: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    as_draft: bool = False
    owner: str | None = None
    verify_days: int | None = None
    vouched: bool = True
    over: int | None = None


def put_as_wished(tx: Tx, *, brand: BrandId, wish: Wish, now: datetime) -> Put:
    """The same wish again changes nothing.

    Raises RevisedMeanwhile, NotAMember, BadInterval, and what `put_articles` raises.
    """
    hold_knowledge(tx, brand)
    newest = _newest(tx, brand, wish.document.key)
    if wish.over is not None and wish.over != newest:
        raise RevisedMeanwhile
    put = _drafted(tx, brand, wish, newest, now) if wish.as_draft else _published(tx, brand, wish, now)
    if wish.owner is not None or wish.verify_days is not None:
        _own(tx, brand, put.article_id, wish)
    if put.changed and not wish.vouched and not wish.as_draft:
        doubt_article(tx, brand=brand, article=put.article_id)
    return put


def _drafted(tx: Tx, brand: BrandId, wish: Wish, newest: int, now: datetime) -> Put:
    return save_draft(
        tx, brand=brand, document=wish.document, base=newest, author=None, now=now, note=wish.note
    )


def _published(tx: Tx, brand: BrandId, wish: Wish, now: datetime) -> Put:
    return put_articles(
        tx,
        brand=brand,
        documents=[wish.document],
        author=None,
        now=now,
        note=wish.note,
        starts=wish.starts,
        ends=wish.ends,
    )[0]


def _own(tx: Tx, brand: BrandId, article: ArticleId, wish: Wish) -> None:
    found = tx.get_one(Article, (brand, article), populate_existing=True)
    owner = found.owner_id if wish.owner is None else _member(tx, brand, wish.owner)
    days = found.verify_days if wish.verify_days is None else wish.verify_days
    if (owner, days) != (found.owner_id, found.verify_days):
        set_owner(tx, brand=brand, article=article, owner=owner, verify_days=days)


def _member(tx: Tx, brand: BrandId, address: str) -> PersonId | None:
    """The brand's person with this address; None for an empty one, which takes the owner away."""
    if not address.strip():
        return None
    found = tx.scalar(
        select(Person.id)
        .join(Member, Member.person_id == Person.id)
        .where(Member.brand_id == brand, Person.email == address.strip().lower())
    )
    if found is None:
        raise NotAMember
    return found


def _newest(tx: Tx, brand: BrandId, key: str) -> int:
    newest = (
        select(func.max(Revision.number))
        .join(Article, (Article.brand_id == Revision.brand_id) & (Article.id == Revision.article_id))
        .where(Article.brand_id == brand, Article.key == plain_name(key))
    )
    return tx.scalar(newest) or 0
