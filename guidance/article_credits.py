"""Whose answers articles were begun from: kept for good, shown with the article and to the worker. No pay follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from guidance.gap_models import ArticleCredit
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, TicketId, WorkerId

CREDITS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLine:
    """One article that a worker's answers began, as he reads it."""

    title: str
    brand: str
    credited_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCredit:
    """A ticket and the worker whose replies to it an article was begun from, as the brand reads it."""

    worker: str
    ticket: TicketId
    number: int
    credited_at: datetime


def note_published(tx: Tx, *, brand: BrandId, now: datetime) -> None:
    """Say of the credits whose article is published by now that it is."""
    tx.execute(_PUBLISHED, {"brand": brand, "now": now})


def credits_of_article(tx: Tx, *, brand: BrandId, article: ArticleId) -> Sequence[ArticleCredit]:
    """The credits of an article, the oldest first."""
    return tx.scalars(
        select(ArticleCredit)
        .where(ArticleCredit.brand_id == brand, ArticleCredit.article_id == article)
        .order_by(ArticleCredit.credited_at, ArticleCredit.reply_id)
        .limit(CREDITS_SHOWN)
    ).all()


def named_credits(tx: Tx, *, brand: BrandId, article: ArticleId) -> list[NamedCredit]:
    """The credits of an article, one for each worker and ticket, the oldest first."""
    rows = tx.execute(_NAMED, {"brand": brand, "article": article, "limit": CREDITS_SHOWN})
    return [NamedCredit(**row._asdict()) for row in rows]


def article_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> ArticleId | None:
    """The article that was begun from this ticket, if one was."""
    return tx.scalars(
        select(ArticleCredit.article_id)
        .where(ArticleCredit.brand_id == brand, ArticleCredit.ticket_id == ticket)
        .order_by(ArticleCredit.credited_at)
        .limit(1)
    ).one_or_none()


def credits_of_worker(tx: Tx, *, worker: WorkerId) -> list[CreditLine]:
    """The articles begun from this worker's answers, the newest first, each once."""
    rows = tx.execute(_OF_WORKER, {"worker": worker, "limit": CREDITS_SHOWN})
    return [CreditLine(**row._asdict()) for row in rows]


_PUBLISHED = text("""
    UPDATE article_credit c SET published_at = :now
    WHERE c.brand_id = :brand AND c.published_at IS NULL AND EXISTS (
        SELECT FROM publication p WHERE p.brand_id = c.brand_id AND p.article_id = c.article_id
            AND p.revision_id IS NOT NULL AND p.starts_at <= :now)
""")
_NAMED = text("""
    SELECT n.name AS worker, c.ticket_id AS ticket, t.number, min(c.credited_at) AS credited_at
    FROM article_credit c
    JOIN ticket t ON t.brand_id = c.brand_id AND t.id = c.ticket_id
    JOIN worker w ON w.id = c.worker_id JOIN person n ON n.id = w.person_id
    WHERE c.brand_id = :brand AND c.article_id = :article
    GROUP BY n.name, c.worker_id, c.ticket_id, t.number
    ORDER BY credited_at, t.number, c.worker_id LIMIT :limit
""")
_OF_WORKER = text("""
    SELECT c.title, b.name AS brand, min(c.credited_at) AS credited_at, min(c.published_at) AS published_at
    FROM article_credit c JOIN brand b ON b.id = c.brand_id
    WHERE c.worker_id = :worker GROUP BY c.brand_id, c.article_id, c.title, b.name
    ORDER BY credited_at DESC, c.title LIMIT :limit
""")
