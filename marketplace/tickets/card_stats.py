"""What the card before a claim says of a category and of a brand: measured, kept, and read in one look-up.

Figures are measured anew every ten minutes, never for a page. Earnings belong to billing, which hands in a
`PayRecord`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.kernel.money import BASIS_POINTS

MEASURED_EVERY = timedelta(minutes=10)
MEASURED_OVER = timedelta(days=90)
NEWEST_TICKETS = 10_000
ENOUGH_TICKETS = 5
USUAL_MINUTES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRecord:
    """How a brand has paid: of `decided` pieces of work, `paid` were paid; and the median days until then."""

    decided: int
    paid: int
    days_to_pay: int | None


def next_to_measure(tx: Tx, *, now: datetime) -> BrandId | None:
    """A brand with a category not measured for ten minutes, the longest unmeasured first."""
    found = tx.execute(_DUE, {"before": now - MEASURED_EVERY}).scalar()
    return None if found is None else BrandId(found)


_DUE = text("""
    SELECT c.brand_id
    FROM category c LEFT JOIN category_stat s ON s.brand_id = c.brand_id AND s.category = c.key
    WHERE s.measured_at IS NULL OR s.measured_at <= :before
    ORDER BY s.measured_at NULLS FIRST, c.brand_id LIMIT 1
""")


def measure_categories(tx: Tx, *, brand: BrandId, now: datetime) -> None:
    """Keep each category's median of active minutes, from claim to last reply, of its resolved tickets.

    A category with fewer than 5 of them takes its brand's median, such a brand the platform's; the time a
    ticket waited for its customer is nobody's work.
    """
    tx.execute(
        _MEASURE,
        {
            "brand": brand,
            "now": now,
            "since": now - MEASURED_OVER,
            "newest": NEWEST_TICKETS,
            "enough": ENOUGH_TICKETS,
            "usual": USUAL_MINUTES,
        },
    )


_MEASURE = text("""
    WITH resolved AS (
        SELECT r.ticket_id, t.category
        FROM resolution r JOIN ticket t ON t.brand_id = r.brand_id AND t.id = r.ticket_id
        WHERE r.brand_id = :brand AND r.reopened_at IS NULL AND r.resolved_at >= :since
        ORDER BY r.resolved_at DESC LIMIT :newest
    ), turn AS (
        SELECT d.ticket_id, d.category, p.written_at, c.claimed_at,
            lag(p.written_at) OVER (PARTITION BY d.ticket_id ORDER BY p.id) AS replied_before
        FROM resolved d
        JOIN reply p ON p.brand_id = :brand AND p.ticket_id = d.ticket_id AND p.state IN ('queued', 'sent')
        JOIN claim c ON c.brand_id = p.brand_id AND c.id = p.claim_id
    ), worked AS (
        SELECT ticket_id, category, sum(extract(epoch FROM written_at - greatest(claimed_at, (
            SELECT min(m.written_at) FROM message m
            WHERE m.brand_id = :brand AND m.ticket_id = turn.ticket_id AND m.author = 'customer'
                AND m.written_at > turn.replied_before)))) / 60 AS minutes
        FROM turn GROUP BY ticket_id, category
    ), measured AS (
        SELECT category, count(*) AS resolved, percentile_cont(0.5) WITHIN GROUP (ORDER BY minutes) AS median
        FROM worked GROUP BY GROUPING SETS ((category), ())
    ), fallback AS (
        SELECT coalesce(
            (SELECT median FROM measured WHERE category IS NULL AND resolved >= :enough),
            (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY median_minutes) FROM category_stat
             WHERE resolved >= :enough),
            :usual) AS median
    )
    INSERT INTO category_stat (brand_id, category, median_minutes, resolved, measured_at)
    SELECT c.brand_id, c.key,
        greatest(1, round(CASE WHEN m.resolved >= :enough THEN m.median ELSE f.median END)),
        coalesce(m.resolved, 0), :now
    FROM category c CROSS JOIN fallback f LEFT JOIN measured m ON m.category = c.key
    WHERE c.brand_id = :brand
    ORDER BY c.key
    ON CONFLICT (brand_id, category) DO UPDATE SET median_minutes = excluded.median_minutes,
        resolved = excluded.resolved, measured_at = excluded.measured_at
""")


def keep_pay_record(tx: Tx, *, brand: BrandId, record: PayRecord, now: datetime) -> None:
    """Keep how the brand has paid. A brand that decided nothing yet has no figures: a card calls it new."""
    if not record.decided:
        tx.execute(_FORGET, {"brand": brand})
        return
    tx.execute(
        _KEEP,
        {
            "brand": brand,
            "approval": record.paid * BASIS_POINTS // record.decided,
            "days": record.days_to_pay,
            "decided": record.decided,
            "now": now,
        },
    )


_FORGET = text("DELETE FROM brand_stat WHERE brand_id = :brand")
_KEEP = text("""
    INSERT INTO brand_stat (brand_id, approval_basis_points, days_to_pay, decided, measured_at)
    VALUES (:brand, :approval, :days, :decided, :now)
    ON CONFLICT (brand_id) DO UPDATE SET approval_basis_points = excluded.approval_basis_points,
        days_to_pay = excluded.days_to_pay, decided = excluded.decided, measured_at = excluded.measured_at
""")
