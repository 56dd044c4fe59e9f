"""What others write of a brand's knowledge, in one place; and having an index built anew."""

from sqlalchemy import text

from knowledge_base.drafting import (
    EmptyArticle,
    NameTooLong,
    Put,
    fit_article,
    hold_knowledge,
    plain_name,
)
from knowledge_base.publishing import (
    ArticleNotFound,
    delete_article,
    put_article,
    put_articles,
)
from knowledge_base.verification import verify_article
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId

__all__ = [
    "ArticleNotFound",
    "EmptyArticle",
    "NameTooLong",
    "Put",
    "delete_article",
    "fit_article",
    "hold_knowledge",
    "plain_name",
    "put_article",
    "put_articles",
    "request_rebuild",
    "verify_article",
]


def request_rebuild(tx: Tx, brand: BrandId) -> bool:
    """Make the brand's index due although no passage changed; false when it is due anyway."""
    return tx.execute(_REQUEST_REBUILD, {"brand": brand}).first() is not None


# Skips a locked row: who holds it changes passages or publishes, and then the index is due or new anyway.
_REQUEST_REBUILD = text(
    "UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = (SELECT brand_id "
    "FROM knowledge_version WHERE brand_id = :brand AND changed = indexed FOR UPDATE SKIP LOCKED) "
    "RETURNING changed"
)
