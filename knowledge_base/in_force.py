"""What holds of an article at a time: the last row of `publication` that has begun by then.

Asked of rows at query time, so a date switches texts in every process at once, without building anything.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, and_, any_, case, func, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute

from knowledge_base.models import Article, ArticleState, Passage, Publication, Revision
from marketplace.kernel.db import TIMESTAMP
from marketplace.kernel.ids import ArticleId, BrandId, RevisionId


def is_in_force(at: datetime | None = None) -> ColumnElement[bool]:
    """Whether the selected Revision is the one that holds of its article."""
    return Revision.id == revision_holding(Revision.brand_id, Revision.article_id, at)


def held_revision(at: datetime | None = None) -> ColumnElement[RevisionId | None]:
    """The revision that holds of the selected Article, NULL when nothing does."""
    return revision_holding(Article.brand_id, Article.id, at)


def held_by(brand: BrandId) -> Subquery:
    """The step that holds now of each of `brand`'s articles: article_id, and revision_id, NULL when nothing does."""
    return (
        select(Publication.article_id, Publication.revision_id)
        .ext(distinct_on(Publication.article_id))
        .where(Publication.brand_id == brand, Publication.starts_at <= moment(None))
        .order_by(Publication.article_id, Publication.starts_at.desc())
        .subquery()
    )


def has_state(state: ArticleState, at: datetime | None = None) -> ColumnElement[bool]:
    return article_state(at) == state.value


def article_state(at: datetime | None = None) -> ColumnElement[str]:
    """The selected Article's state: a draft until something begins, retired when what began is nothing."""
    begun = select(Publication.starts_at).where(
        Publication.brand_id == Article.brand_id,
        Publication.article_id == Article.id,
        Publication.starts_at <= moment(at),
    )
    return case(
        (held_revision(at).is_not(None), ArticleState.PUBLISHED.value),
        (begun.correlate(Article).exists(), ArticleState.RETIRED.value),
        else_=ArticleState.DRAFT.value,
    )


def next_change() -> ColumnElement[datetime]:
    """When the schedule of the selected Article changes what holds next, NULL when nothing is planned."""
    return (
        select(func.min(Publication.starts_at))
        .where(
            Publication.brand_id == Article.brand_id,
            Publication.article_id == Article.id,
            Publication.starts_at > moment(None),
        )
        .correlate(Article)
        .scalar_subquery()
    )


def holds_or_will(brand: BrandId) -> ColumnElement[bool]:
    """Whether a passage of `brand` holds now or is scheduled to: what an index must have.

    One pass over the brand's steps, then its passages by their index. Written as joins it depended on statistics that
    a table just filled by an import does not have yet, and ran into the time limit.
    """
    ends = func.lead(Publication.starts_at).over(
        partition_by=Publication.article_id, order_by=Publication.starts_at
    )
    steps = (
        select(Publication.revision_id, ends.label("ends_at")).where(Publication.brand_id == brand).subquery()
    )
    revisions = select(steps.c.revision_id).where(
        steps.c.revision_id.is_not(None), steps.c.ends_at.is_(None) | (steps.c.ends_at > moment(None))
    )
    return and_(
        Passage.brand_id == brand, Passage.revision_id == any_(func.array(revisions.scalar_subquery()))
    )


def revision_holding(
    brand: InstrumentedAttribute[BrandId], article: InstrumentedAttribute[ArticleId], at: datetime | None
) -> ColumnElement[RevisionId | None]:
    """The revision that holds at `at`, else now, of the article that two columns of one table name."""
    return (
        select(Publication.revision_id)
        .where(
            Publication.brand_id == brand,
            Publication.article_id == article,
            Publication.starts_at <= moment(at),
        )
        .order_by(Publication.starts_at.desc())
        .limit(1)
        .correlate(brand.class_)
        .scalar_subquery()
    )


def moment(at: datetime | None) -> ColumnElement[datetime]:
    """`at`, or the transaction's time when it is None."""
    # As a subquery the function is called once for the statement, not once for each row.
    return select(func.app_now()).scalar_subquery() if at is None else literal(at, TIMESTAMP)
