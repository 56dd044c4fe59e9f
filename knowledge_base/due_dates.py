"""When an article is to be checked next, and whether one that was not may be offered: conditions on its row."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from knowledge_base.in_force import moment
from knowledge_base.models import Article, KnowledgeSetting

VERIFY_DAYS = 90
"""How often an article is checked where neither it nor its brand says."""


def every_days() -> ColumnElement[int]:
    """How often the selected Article is checked."""
    of_brand = (
        select(KnowledgeSetting.verify_days)
        .where(KnowledgeSetting.brand_id == Article.brand_id)
        .correlate(Article)
        .scalar_subquery()
    )
    return func.coalesce(Article.verify_days, of_brand, VERIFY_DAYS)


def due_at() -> ColumnElement[datetime]:
    """When somebody is to say next that the selected Article is still true."""
    due: ColumnElement[datetime] = Article.verified_at + func.make_interval(0, 0, 0, every_days())
    return due


def is_kept_back() -> ColumnElement[bool]:
    """Whether the selected Article is unverified or overdue in a brand that offers verified texts only."""
    strict = select(KnowledgeSetting.brand_id).where(
        KnowledgeSetting.brand_id == Article.brand_id,
        KnowledgeSetting.verified_only,
        (~Article.verified) | (due_at() <= moment(None)),
    )
    return strict.correlate(Article).exists()
