"""What a worker can choose among in the pool, and what of his lanes is not for him all the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId

BRANDS_OFFERED = 200


def brands_waiting(tx: Tx, lanes: Sequence[str]) -> list[tuple[str, str]]:
    """Address and name of the brands with an open ticket in one of `lanes`, by name, up to BRANDS_OFFERED."""
    found = tx.execute(_BRANDS, {"lanes": list(lanes), "limit": BRANDS_OFFERED})
    return [(row.slug, row.name) for row in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFor:
    """Addresses of brands that a worker is not offered (his own, hidden ones, where he is stopped), and whether what
    is kept for newcomers is kept from him."""

    brands: tuple[str, ...]
    newcomers_tickets: bool


def not_for(tx: Tx, worker: WorkerId) -> NotFor:
    row = tx.execute(_NOT_FOR, {"worker": worker}).one()
    return NotFor(brands=tuple(row.brands), newcomers_tickets=not row.newcomer)


_NOT_FOR = text(
    "SELECT is_newcomer(w) AS newcomer, ARRAY(SELECT slug FROM brand WHERE id = ANY(brands_not_for(w)) "
    "ORDER BY slug) AS brands FROM worker w WHERE w.id = :worker"
)
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
