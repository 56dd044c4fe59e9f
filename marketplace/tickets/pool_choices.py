"""What a worker can choose among in the pool: the brands that have tickets in his lanes."""

from collections.abc import Sequence

from sqlalchemy import text

from marketplace.kernel.db import Tx

BRANDS_OFFERED = 200


def brands_waiting(tx: Tx, lanes: Sequence[str]) -> list[tuple[str, str]]:
    """Address and name of the brands with an open ticket in one of `lanes`, by name, up to BRANDS_OFFERED."""
    found = tx.execute(_BRANDS, {"lanes": list(lanes), "limit": BRANDS_OFFERED})
    return [(row.slug, row.name) for row in found]


# From one brand to the next by the index of lane and brand: a long pool costs no more than a short one.
_BRANDS = text(
    "WITH RECURSIVE lane AS (SELECT unnest(CAST(:lanes AS text[])) AS lane), "
    "found AS (SELECT l.lane, (SELECT p.brand_id FROM pool_ticket p WHERE p.state = 'open' AND p.lane = l.lane "
    "ORDER BY p.brand_id LIMIT 1) AS brand_id FROM lane l "
    "UNION ALL SELECT f.lane, (SELECT p.brand_id FROM pool_ticket p WHERE p.state = 'open' AND p.lane = f.lane "
    "AND p.brand_id > f.brand_id ORDER BY p.brand_id LIMIT 1) FROM found f WHERE f.brand_id IS NOT NULL) "
    'SELECT b.slug, b.name FROM brand b WHERE b.id IN (SELECT brand_id FROM found) ORDER BY b.name COLLATE "C" '
    "LIMIT :limit"
)
