"""How knowledge is used: which passages sent replies rest on, and which open suggestions would fall with one.

A passage counts as cited by a reply when the worker inserted it, or when a sentence of the sent text stands
in it; that it was merely shown does not count.
"""

from collections.abc import Sequence

from sqlalchemy import ARRAY, Uuid, bindparam, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, PassageId


def citations_of_articles(tx: Tx, *, brand: BrandId, articles: Sequence[ArticleId]) -> dict[ArticleId, int]:
    """How many replies cite each of `articles`, by any of its revisions; those never cited are left out."""
    rows = tx.execute(_BY_ARTICLE, {"brand": brand, "articles": list(articles)})
    return {ArticleId(row.article_id): row.cited for row in rows}


def citations_of_passages(tx: Tx, *, brand: BrandId, article: ArticleId) -> dict[PassageId, int]:
    """How many replies cite each passage of `article`; those never cited are left out."""
    rows = tx.execute(_BY_PASSAGE, {"brand": brand, "articles": [article]})
    return {PassageId(row.passage_id): row.cited for row in rows}


def open_suggestions_citing(tx: Tx, *, brand: BrandId, article: ArticleId) -> int:
    """How many tickets that wait for an answer are shown a passage of `article` now."""
    return int(tx.execute(_OPEN, {"brand": brand, "article": article}).scalar_one())


RESTS_ON = (
    "(jsonb_exists(r.inserted, p.rank::text) "
    "OR r.support @> jsonb_build_array(jsonb_build_object('passage_rank', p.rank)))"
)
"""Whether the reply of receipt `r` rests on the passage shown as `p`."""

_CITED = (
    "FROM suggestion_passage p "
    "JOIN receipt r ON r.brand_id = p.brand_id AND r.suggestion_id = p.suggestion_id "
    f"WHERE p.brand_id = :brand AND p.article_id = ANY(:articles) AND {RESTS_ON} "
)
_ARTICLES = bindparam("articles", type_=ARRAY(Uuid))
_BY_ARTICLE = text(
    f"SELECT p.article_id, count(DISTINCT r.id) AS cited {_CITED} GROUP BY p.article_id"
).bindparams(_ARTICLES)
_BY_PASSAGE = text(
    f"SELECT p.passage_id, count(DISTINCT r.id) AS cited {_CITED} GROUP BY p.passage_id"
).bindparams(_ARTICLES)
_OPEN = text(
    "SELECT count(*) FROM pool_ticket k "
    "JOIN LATERAL (SELECT s.id FROM suggestion s WHERE s.brand_id = k.brand_id AND s.ticket_id = k.ticket_id "
    "ORDER BY s.id DESC LIMIT 1) AS newest ON true "
    "WHERE k.brand_id = :brand AND k.state IN ('open', 'claimed') AND EXISTS ("
    "SELECT FROM suggestion_passage p WHERE p.brand_id = k.brand_id AND p.suggestion_id = newest.id "
    "AND p.article_id = :article)"
)
