"""How a brand has paid for work, as a worker wants to know it before he claims."""

from datetime import datetime

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.tickets.card_stats import MEASURED_OVER, PayRecord


def pay_record(tx: Tx, *, brand: BrandId, now: datetime) -> PayRecord:
    """Over the last 90 days: of all decided work, how much was paid, and after how many days.

    Decided are earnings past their review window, taken back or rejected for good, and escalations the brand
    rejected, which earn nothing. What is given beside the price is no decision. Days run from the resolution to the
    transfer, or, before any was made, to the pay being payable.
    """
    found = tx.execute(_RECORD, {"brand": brand, "since": now - MEASURED_OVER}).one()
    return PayRecord(decided=found.decided + found.rejected, paid=found.paid, days_to_pay=found.days)


_RECORD = text("""
    WITH decided AS (
        SELECT e.id, e.state, e.accrued_at, e.payable_at, EXISTS (
            SELECT FROM earning_rejection j JOIN rejection_appeal p ON p.brand_id = j.brand_id AND p.rejection_id = j.id
            WHERE j.brand_id = e.brand_id AND j.earning_id = e.id AND p.ended_as = 'reversed') AS restored
        FROM earning e WHERE e.brand_id = :brand AND e.accrued_at >= :since
            AND e.state NOT IN ('in_window', 'held', 'disputed') AND e.kind IN ('resolution', 'escalation', 'recall')
    ), sent AS (
        SELECT e.accrued_at, o.paid_at
        FROM earning e
        JOIN payout_line l ON l.brand_id = e.brand_id AND l.earning_id = e.id AND NOT l.dropped
        JOIN payout o ON o.id = l.payout_id AND o.paid_at >= :since
        WHERE e.brand_id = :brand
    )
    SELECT count(*) AS decided,
        count(*) FILTER (WHERE state NOT IN ('reversed', 'rejected', 'clawed_back') OR restored) AS paid,
        (SELECT count(*) FROM escalation x
         WHERE x.brand_id = :brand AND x.state = 'rejected' AND x.decided_at >= :since) AS rejected,
        CAST(round(coalesce(
            (SELECT percentile_cont(0.5) WITHIN GROUP (
                ORDER BY extract(epoch FROM paid_at - accrued_at)) FROM sent),
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM payable_at - accrued_at))
        ) / 86400) AS int) AS days
    FROM decided
""")
