"""Who answers for an article, and when somebody says next that it is still true."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.drafting import plain_name
from knowledge_base.due_dates import VERIFY_DAYS, due_at, every_days
from knowledge_base.in_force import has_state, held_revision
from knowledge_base.models import Article, ArticleState, KnowledgeSetting
from knowledge_base.publishing import ArticleNotFound
from marketplace.accounts.letters import Words
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Brand, Member, Person
from marketplace.events.commands import record
from marketplace.events.facts import ArticleNoted
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import ArticleId, BrandId, PersonId

MAX_VERIFY_DAYS = 3_650
DUE_SOON = timedelta(days=14)
REMINDERS_SHOWN = 100
OWNERS_A_SWEEP = 50
ARTICLES_A_LETTER = 20


class BadInterval(Invalid):
    """An article is checked every 1 to 3,650 days. Write a number of days."""


class NotAMember(Invalid):
    """An article's owner is one of the brand's people. Choose one of them, or nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeRules:
    """`verified_only`: what is unverified or overdue is not offered. `verify_days` is for articles without own."""

    verified_only: bool = False
    verify_days: int = VERIFY_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Who answers for an article. `verified` is false while nobody said that its text is true."""

    owner: PersonId | None
    owner_name: str
    own_days: int | None
    every_days: int
    verified: bool
    verified_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """An article that holds and is due, or will be soon."""

    article: ArticleId
    title: str
    owner: PersonId | None
    owner_name: str
    verified: bool
    due_at: datetime


def rules_of(tx: Tx, *, brand: BrandId) -> KnowledgeRules:
    found = tx.get(KnowledgeSetting, brand)
    if found is None:
        return KnowledgeRules()
    return KnowledgeRules(verified_only=found.verified_only, verify_days=found.verify_days)


def set_rules(tx: Tx, *, brand: BrandId, rules: KnowledgeRules) -> None:
    """They hold in every search from this commit on. Raises BadInterval."""
    _check(rules.verify_days)
    values = {"verified_only": rules.verified_only, "verify_days": rules.verify_days}
    tx.execute(
        upsert(KnowledgeSetting)
        .values(brand_id=brand, **values)
        .on_conflict_do_update(index_elements=["brand_id"], set_=values)
    )


def set_owner(
    tx: Tx, *, brand: BrandId, article: ArticleId, owner: PersonId | None, verify_days: int | None
) -> None:
    """`verify_days` None is the brand's interval. Raises ArticleNotFound, NotAMember or BadInterval."""
    if verify_days is not None:
        _check(verify_days)
    if owner is not None and tx.get(Member, (brand, owner)) is None:
        raise NotAMember
    found = _locked(tx, brand, Article.id == article)
    found.owner_id, found.verify_days = owner, verify_days
    tx.flush()
    record(tx, ArticleNoted(brand=brand, article=article))


def verify_article(tx: Tx, *, brand: BrandId, key: str, now: datetime) -> None:
    """Say that the text that holds is still true. Raises ArticleNotFound."""
    wanted = and_(Article.key == plain_name(key), has_state(ArticleState.PUBLISHED))
    found = _locked(tx, brand, wanted)
    found.verified_at = max(found.verified_at, now)
    found.verified = True
    tx.flush()
    record(tx, ArticleNoted(brand=brand, article=found.id))


def doubt_article(tx: Tx, *, brand: BrandId, article: ArticleId) -> None:
    """Nobody has said that the text that holds is true: it waits for `verify_article`."""
    found = _locked(tx, brand, Article.id == article)
    found.verified = False
    tx.flush()
    record(tx, ArticleNoted(brand=brand, article=article))


def verification(tx: Tx, *, brand: BrandId, article: ArticleId) -> Verification:
    """Raises ArticleNotFound."""
    row = tx.execute(_verifications(brand).where(Article.id == article)).one_or_none()
    if row is None:
        raise ArticleNotFound
    return Verification(
        owner=row.owner_id,
        owner_name=row.owner_name,
        own_days=row.verify_days,
        every_days=row.every_days,
        verified=row.verified,
        verified_at=row.verified_at,
        due_at=row.due_at,
    )


def reminders(tx: Tx, *, brand: BrandId, now: datetime) -> list[Reminder]:
    """Articles that hold and are unverified, overdue or due soon: by owner, the longest overdue first."""
    due = (~Article.verified) | (due_at() <= now + DUE_SOON)
    rows = tx.execute(
        _verifications(brand)
        .where(due, held_revision().is_not(None))
        .order_by(Person.name.nulls_first(), Article.owner_id, due_at(), Article.id)
        .limit(REMINDERS_SHOWN)
    )
    return [
        Reminder(
            article=row.id,
            title=row.title,
            owner=row.owner_id,
            owner_name=row.owner_name,
            verified=row.verified,
            due_at=row.due_at,
        )
        for row in rows
    ]


def remind_owners(tx: Tx, *, base_url: str, now: datetime) -> int:
    """Write to owners of articles that have come due, once for each due date; how many letters."""
    letters = 0
    for owner, brand in _owners_to_remind(tx, now):
        told = _take_due(tx, owner, brand, now)
        if told:  # else another process was faster
            _write(tx, owner, brand, told, base_url=base_url, now=now)
            letters += 1
    return letters


def _check(days: int) -> None:
    if not 1 <= days <= MAX_VERIFY_DAYS:
        raise BadInterval


def _locked(tx: Tx, brand: BrandId, which: ColumnElement[bool]) -> Article:
    wanted = select(Article).where(Article.brand_id == brand, which).with_for_update()
    found = tx.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        raise ArticleNotFound
    return found


def _verifications(brand: BrandId) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Article.id,
            Article.title,
            Article.owner_id,
            func.coalesce(Person.name, "").label("owner_name"),
            Article.verify_days,
            every_days().label("every_days"),
            Article.verified,
            Article.verified_at,
            due_at().label("due_at"),
        )
        .outerjoin(Person, Person.id == Article.owner_id)
        .where(Article.brand_id == brand)
    )


def _is_to_be_told(now: datetime) -> ColumnElement[bool]:
    return and_(
        Article.owner_id.is_not(None),
        due_at() <= now,
        Article.reminded_for.is_distinct_from(due_at()),
        held_revision().is_not(None),
    )


def _owners_to_remind(tx: Tx, now: datetime) -> Sequence[tuple[Person, Brand]]:
    owned = (
        select(Article.owner_id, Article.brand_id)
        # Who has left the brand reads nothing of it any more, and keeps no other waiting.
        .join(Member, (Member.brand_id == Article.brand_id) & (Member.person_id == Article.owner_id))
        .where(_is_to_be_told(now))
        .distinct()
        .limit(OWNERS_A_SWEEP)
    ).subquery()
    rows = tx.execute(
        select(Person, Brand)
        .join(owned, owned.c.owner_id == Person.id)
        .join(Brand, Brand.id == owned.c.brand_id)
    )
    return [(row.Person, row.Brand) for row in rows]


def _take_due(tx: Tx, owner: Person, brand: Brand, now: datetime) -> Sequence[str]:
    """Titles of the owner's articles that came due, now noted as told."""
    return tx.scalars(
        update(Article)
        .where(Article.brand_id == brand.id, Article.owner_id == owner.id, _is_to_be_told(now))
        .values(reminded_for=due_at())
        .returning(Article.title)
        .execution_options(synchronize_session=False)
    ).all()


def _write(
    tx: Tx, owner: Person, brand: Brand, titles: Sequence[str], *, base_url: str, now: datetime
) -> None:
    words = articles_are_due(
        brand=brand.name, titles=titles, link=f"{base_url}/b/{brand.slug}/knowledge/checks"
    )
    write_letter(tx, recipient=owner.email, subject=words.subject, body=words.body, now=now)


def articles_are_due(*, brand: str, titles: Sequence[str], link: str) -> Words:
    named = "\n".join(f"- {title}" for title in sorted(titles)[:ARTICLES_A_LETTER])
    more = len(titles) - ARTICLES_A_LETTER
    rest = f"\nand {more:,} more" if more > 0 else ""
    one = len(titles) == 1
    return Words(
        subject=f"{len(titles):,} {'article' if one else 'articles'} of {brand} to check",
        body=(
            "Hello,\n\n"
            f"you answer for {'this article' if one else 'these articles'}, and it is time to say whether "
            f"{'it is' if one else 'they are'} still true:\n\n"
            f"{named}{rest}\n\n"
            f"Look at them here: {link}\n\n"
            "We write once for each date. Say that an article is still true and its next date is set.\n"
        ),
    )
