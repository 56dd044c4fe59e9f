"""Which passages hold, and which of them may be offered: the conditions that every search and suggestion asks."""

from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, and_, func, select

from knowledge_base.due_dates import is_kept_back
from knowledge_base.in_force import revision_holding
from knowledge_base.models import Article, Passage
from knowledge_base.report_models import PassageQuarantine
from knowledge_base.stops import is_not_stopped


def is_live(at: datetime | None = None) -> ColumnElement[bool]:
    """A passage is live while its revision is the one that holds (at `at`, else now); join Article by this."""
    return and_(
        Article.brand_id == Passage.brand_id,
        Article.id == Passage.article_id,
        Passage.revision_id == revision_holding(Passage.brand_id, Passage.article_id, at),
    )


@cache  # a dozen subqueries, put together at each search otherwise
def is_offered() -> ColumnElement[bool]:
    """A passage may be shown to a worker: live, not stopped, not in quarantine, and verified where
    the brand wants that; join Article by this.

    It is asked of the rows at each search, so that a quarantine holds from its commit on in every process. The
    index keeps such passages: lifting brings them back without building anything.
    """
    return and_(is_live(), is_not_stopped(), ~in_quarantine(), ~is_kept_back())


def in_quarantine() -> ColumnElement[bool]:
    """Whether the passage's very words were taken out, in whatever revision of its article they stand."""
    held = select(PassageQuarantine.id).where(
        PassageQuarantine.brand_id == Passage.brand_id,
        PassageQuarantine.article_id == Passage.article_id,
        PassageQuarantine.lifted_at.is_(None),
        PassageQuarantine.text_sha256 == sha256_of_text(),
    )
    return held.exists()


def sha256_of_text() -> ColumnElement[str]:
    """The SHA-256 of a passage's words, in hex; `reports.sha256_of` in SQL."""
    return func.encode(func.sha256(func.convert_to(Passage.text, "UTF8")), "hex")
