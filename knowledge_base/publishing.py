"""Saying which revision of an article holds, from when until when.

Whoever changes what holds first locks the brand's knowledge_version row. So changes of one brand queue up (two
imports with the same keys in different order cannot deadlock), and a reader who sees number n sees the changes
1 to n.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, text, update

from knowledge_base.drafting import (
    Put,
    contents_of,
    draft_articles,
    hold_knowledge,
    insert_rows,
    plain_name,
    raise_changed,
)
from knowledge_base.models import Article, Publication, Revision
from knowledge_base.reading.documents import Document
from knowledge_base.steps import NothingPlanned, Step, Steps, cancelled, published, published_for, retired
from marketplace.events.commands import record
from marketplace.events.facts import KnowledgeChanged
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import ArticleId, BrandId, PersonId, RevisionId

MAX_PLANNED = 100
INSTANT = timedelta(microseconds=1)


class ArticleNotFound(NotFound):
    """There is no such article in this knowledge base."""


class RevisionNotFound(NotFound):
    """There is no such revision in this knowledge base."""


class EndsTooEarly(Invalid):
    """The text would end before it begins to hold. Choose a later end."""


class TooMuchPlanned(Conflict):
    """An article may have 100 planned changes. Cancel some first."""


def put_article(tx: Tx, *, brand: BrandId, document: Document, author: PersonId | None, now: datetime) -> Put:
    """Make `document` the text that holds under its key, from this commit on.

    Raises EmptyArticle or NameTooLong.
    """
    return put_articles(tx, brand=brand, documents=[document], author=author, now=now)[0]


def put_articles(
    tx: Tx,
    *,
    brand: BrandId,
    documents: Sequence[Document],
    author: PersonId | None,
    now: datetime,
    note: str = "",
    starts: datetime | None = None,
    ends: datetime | None = None,
) -> list[Put]:
    """Draft and publish documents of different keys; together they raise the brand's number by one.

    Raises what `draft_articles` and `publish_revisions` raise.
    """
    if starts is None and ends is None and (held := _all_standing(tx, brand, documents)):
        return held
    hold_knowledge(tx, brand)
    puts = draft_articles(tx, brand=brand, documents=documents, author=author, now=now, note=note)
    changed = publish_revisions(
        tx,
        brand=brand,
        revisions=[put.revision_id for put in puts],
        author=author,
        now=now,
        starts=starts,
        ends=ends,
    )
    return [_published(put, changed=put.article_id in changed) for put in puts]


def publish_revisions(
    tx: Tx,
    *,
    brand: BrandId,
    revisions: Sequence[RevisionId],
    author: PersonId | None,
    now: datetime,
    starts: datetime | None = None,
    ends: datetime | None = None,
) -> set[ArticleId]:
    """Let revisions of different articles hold from `starts` (else from this commit) until `ends`.

    Without `ends` each is its article's standing text: it holds until the next planned one, and a period that runs
    at its start ends. With `ends` it is a period, over whatever was planned for that time; then the standing text
    returns. Returns the articles whose schedule changed. Raises RevisionNotFound, EndsTooEarly or TooMuchPlanned.
    """
    if ends is not None and ends <= max(starts or now, now):
        raise EndsTooEarly
    hold_knowledge(tx, brand)
    wanted = _articles_of(tx, brand, revisions)

    def act(article: ArticleId, steps: Steps, moment: datetime) -> Steps:
        at = max(starts or moment, moment)
        if ends is None:
            return published(steps, wanted[article], at=at)
        return published_for(steps, wanted[article], start=at, end=ends)

    changed = _reschedule(tx, brand, list(wanted), act, author=author, now=now)
    _name_by(tx, brand, {article: wanted[article] for article in changed})
    if starts is None or starts <= now:
        _verify(tx, brand, changed, now)
    return changed


def retire_articles(
    tx: Tx, *, brand: BrandId, articles: Sequence[ArticleId], author: PersonId | None, now: datetime
) -> set[ArticleId]:
    """From this commit on they are not found and nothing is planned; what quoted them keeps its quotes.

    Returns those of which something held or was planned or drafted before.
    """
    hold_knowledge(tx, brand)
    return _reschedule(
        tx, brand, articles, lambda _article, steps, at: retired(steps, at=at), author=author, now=now
    )


def delete_article(tx: Tx, *, brand: BrandId, key: str, author: PersonId | None = None) -> None:
    """Retire the article under `key`. Raises ArticleNotFound, also when it is retired already."""
    hold_knowledge(tx, brand)
    found = tx.scalar(select(Article.id).where(Article.brand_id == brand, Article.key == plain_name(key)))
    if found is None or not retire_articles(
        tx, brand=brand, articles=[found], author=author, now=app_now(tx)
    ):
        raise ArticleNotFound


def cancel_planned(
    tx: Tx, *, brand: BrandId, article: ArticleId, starts: datetime, author: PersonId | None, now: datetime
) -> None:
    """Take back what was planned to begin at `starts`. Raises NothingPlanned."""
    hold_knowledge(tx, brand)

    def act(_article: ArticleId, steps: Steps, moment: datetime) -> Steps:
        if starts <= moment:
            raise NothingPlanned
        return cancelled(steps, at=starts)

    _reschedule(tx, brand, [article], act, author=author, now=now)


_Act = Callable[[ArticleId, Steps, datetime], Steps]


def _reschedule(
    tx: Tx,
    brand: BrandId,
    articles: Sequence[ArticleId],
    act: _Act,
    *,
    author: PersonId | None,
    now: datetime,
) -> set[ArticleId]:
    """Make `act` the schedule of each article; returns those it changed. Call with the brand's knowledge held."""
    clock = tx.scalars(text("SELECT app_clock()")).one()
    held = _steps(tx, brand, articles, clock)
    changed: dict[ArticleId, Steps] = {}
    for article in articles:
        steps = held.get(article, ())
        moment = _moment(steps, now, clock)
        after = act(article, steps, moment)
        if after != steps:
            changed[article] = tuple(step for step in after if step.starts_at >= moment)
            if len(changed[article]) > MAX_PLANNED:
                raise TooMuchPlanned
            if any(step.starts_at >= moment for step in steps):
                _forget_plans(tx, brand, article, moment)
    rows = [_row(brand, article, step, author, now) for article, steps in changed.items() for step in steps]
    insert_rows(tx, Publication, rows)
    if changed:
        raise_changed(tx, brand)
    for article in changed:
        record(tx, KnowledgeChanged(brand=brand, article=article))
    return set(changed)


def _moment(steps: Steps, now: datetime, clock: datetime) -> datetime:
    """When an act holds from: `now`, or after what began while this transaction waited for its turn."""
    begun = [step.starts_at for step in steps if now < step.starts_at <= clock]
    return max(begun) + INSTANT if begun else now


def _steps(
    tx: Tx, brand: BrandId, articles: Sequence[ArticleId], clock: datetime
) -> Mapping[ArticleId, Steps]:
    """What holds of each article and what is planned."""
    found: dict[ArticleId, Steps] = {}
    for row in tx.execute(_CURRENT_AND_PLANNED, {"brand": brand, "articles": list(articles), "clock": clock}):
        step = Step(
            starts_at=row.starts_at, revision=row.revision_id, standing=row.standing_id, seasonal=row.seasonal
        )
        found[row.article_id] = (*found.get(row.article_id, ()), step)
    return found


def _forget_plans(tx: Tx, brand: BrandId, article: ArticleId, moment: datetime) -> None:
    tx.execute(
        delete(Publication).where(
            Publication.brand_id == brand,
            Publication.article_id == article,
            Publication.starts_at >= moment,
        )
    )


def _row(
    brand: BrandId, article: ArticleId, step: Step, author: PersonId | None, now: datetime
) -> dict[str, object]:
    return {
        "brand_id": brand,
        "article_id": article,
        "starts_at": step.starts_at,
        "revision_id": step.revision,
        "standing_id": step.standing,
        "seasonal": step.seasonal,
        "author_id": author,
        "written_at": now,
    }


def _articles_of(tx: Tx, brand: BrandId, revisions: Sequence[RevisionId]) -> Mapping[ArticleId, RevisionId]:
    rows = tx.execute(
        select(Revision.article_id, Revision.id).where(Revision.brand_id == brand, Revision.id.in_(revisions))
    )
    found = {row.article_id: row.id for row in rows}
    if len(found) < len(revisions):
        raise RevisionNotFound
    return found


def _name_by(tx: Tx, brand: BrandId, published_now: Mapping[ArticleId, RevisionId]) -> None:
    """An article is known by the title of what was published last."""
    if not published_now:
        return
    titles = tx.execute(
        select(Revision.id, Revision.title).where(
            Revision.brand_id == brand, Revision.id.in_(published_now.values())
        )
    )
    title_of = {row.id: row.title for row in titles}
    tx.connection().execute(
        update(Article)
        .where(Article.brand_id == brand, Article.id == bindparam("article"))
        .values(title=bindparam("named")),
        [{"article": article, "named": title_of[revision]} for article, revision in published_now.items()],
    )


def _verify(tx: Tx, brand: BrandId, articles: Collection[ArticleId], now: datetime) -> None:
    """Who publishes a text says that it is true. Who plans one says nothing of the text that holds until then."""
    these = (Article.brand_id == brand, Article.id.in_(articles))
    tx.execute(
        update(Article)
        .where(*these)
        .values(verified_at=now, verified=True)
        .execution_options(synchronize_session=False)
    )


def _all_standing(tx: Tx, brand: BrandId, documents: Sequence[Document]) -> list[Put]:
    """The puts of documents that all stand as they are, else none. Those wait for nobody."""
    wanted = {content.document.key: content.sha256 for content in contents_of(documents)}
    keys = list(wanted)
    rows = {row.key: row for row in tx.execute(_STANDING, {"brand": brand, "keys": keys})}
    if wanted != {key: row.sha256 for key, row in rows.items()}:
        return []
    return [
        Put(
            article_id=rows[key].article_id,
            revision_id=rows[key].id,
            revision_number=rows[key].number,
            changed=False,
        )
        for key in keys
    ]


def _published(put: Put, *, changed: bool) -> Put:
    return Put(
        article_id=put.article_id,
        revision_id=put.revision_id,
        revision_number=put.revision_number,
        changed=put.changed or changed,
    )


_CURRENT_AND_PLANNED = text("""
SELECT p.article_id, p.starts_at, p.revision_id, p.standing_id, p.seasonal
FROM unnest(CAST(:articles AS uuid[])) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT max(begun.starts_at) AS at FROM publication begun
    WHERE begun.brand_id = :brand AND begun.article_id = wanted.id AND begun.starts_at <= :clock) AS newest
JOIN publication p ON p.brand_id = :brand AND p.article_id = wanted.id
    AND p.starts_at >= coalesce(newest.at, '-infinity')
ORDER BY p.article_id, p.starts_at
""")
_STANDING = text("""
SELECT a.key, a.id AS article_id, r.id, r.number, r.sha256
FROM article a CROSS JOIN LATERAL (
    SELECT p.standing_id, p.seasonal FROM publication p
    WHERE p.brand_id = a.brand_id AND p.article_id = a.id AND p.starts_at <= app_now()
    ORDER BY p.starts_at DESC LIMIT 1) AS newest
JOIN revision r ON r.brand_id = a.brand_id AND r.id = newest.standing_id
WHERE a.brand_id = :brand AND a.key = ANY(:keys) AND NOT newest.seasonal
""")
