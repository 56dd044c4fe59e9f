"""Where the gates' figures come from: a port, and its first source, the tickets' own records."""

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.tickets.endings import BY_SILENCE
from marketplace.tickets.gates import Measure

FIRST_CONTACT = timedelta(days=7)
GOOD_STARS = 4


class QualityInputs(Protocol):
    """Counts, for one brand, the cases since a time and how many went well.

    Only cases that began their end (were resolved, escalated) at or after `since` count, so that a new stage
    starts with none.
    """

    def fcr(self, tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        """Tickets resolved for good by their first resolution."""

    def csat(self, tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        """Customers' ratings of resolutions."""

    def accuracy(self, tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        """Workers' doings that the brand looked at and decided on."""


class TicketRecords:
    """The port over what the tickets themselves tell."""

    def fcr(self, tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        """A ticket is solved at first contact when within 7 days of its first resolution nothing came back:
        it was not reopened, no ticket goes on from it, and its customer posted no other of that category.

        Until the 7 days are over it is early: a failure is certain, a success is not.
        """
        found = tx.execute(_FCR, {"brand": brand, "since": since, "now": now, "contact": FIRST_CONTACT}).one()
        return Measure(
            good=found.good, total=found.total, early_good=found.early_good, early_total=found.early_total
        )

    def csat(self, tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        """The share of 4 and 5 stars: the mean hides a few very angry customers behind many content ones."""
        found = tx.execute(_CSAT, {"brand": brand, "since": since, "good": GOOD_STARS}).one()
        return Measure(good=found.good, total=found.total)

    def accuracy(self, tx: Tx, *, brand: BrandId, since: datetime, now: datetime) -> Measure:
        """What people at the brand found right, of what they looked at: replies on probation they approved or
        gave back, escalations they confirmed or rejected. What time decided is nobody's judgement, and a reply given
        back that was the brand's own answer, as it was shown, is no worker's doing.
        """
        found = tx.execute(_ACCURACY, {"brand": brand, "since": since, "silence": BY_SILENCE}).one()
        return Measure(good=found.good, total=found.total)


# Joined, not looked up ticket by ticket: with 100,000 tickets in the window that is twice as fast.
_FCR = text("""
    WITH first AS (
        SELECT r.id, r.resolved_at, r.reopened_at, t.id AS ticket_id, t.customer_id, t.category,
            least(t.answered_at, r.resolved_at) AS answered_at
        FROM resolution r JOIN ticket t ON t.brand_id = r.brand_id AND t.id = r.ticket_id
        WHERE r.brand_id = :brand AND r.number = 1 AND r.resolved_at >= :since AND r.resolved_at <= :now
    ), again AS (
        SELECT DISTINCT f.id
        FROM first f JOIN ticket later ON later.brand_id = :brand AND later.customer_id = f.customer_id
            AND later.id <> f.ticket_id AND (later.category = f.category OR later.follows_id = f.ticket_id)
            AND later.posted_at > f.answered_at AND later.posted_at <= f.resolved_at + :contact
    )
    SELECT count(*) FILTER (WHERE is_final) AS total,
        count(*) FILTER (WHERE is_final AND NOT came_back) AS good,
        count(*) FILTER (WHERE NOT is_final) AS early_total,
        count(*) FILTER (WHERE NOT is_final AND NOT came_back) AS early_good
    FROM (
        SELECT f.resolved_at + :contact <= :now AS is_final,
            coalesce(f.reopened_at <= f.resolved_at + :contact, false) OR a.id IS NOT NULL AS came_back
        FROM first f LEFT JOIN again a ON a.id = f.id
    ) AS resolved
""")

_CSAT = text("""
    SELECT count(*) AS total, count(*) FILTER (WHERE g.stars >= :good) AS good
    FROM resolution r JOIN rating g ON g.brand_id = r.brand_id AND g.resolution_id = r.id
    WHERE r.brand_id = :brand AND r.resolved_at >= :since
""")

_ACCURACY = text("""
    SELECT count(*) AS total, count(*) FILTER (WHERE found_right) AS good
    FROM (
        SELECT v.state = 'approved' AS found_right
        FROM reply_review v JOIN reply y ON y.brand_id = v.brand_id AND y.id = v.reply_id
        WHERE v.brand_id = :brand AND v.asked_at >= :since
            AND (v.state = 'approved' OR v.state = 'rejected' AND NOT y.as_shown)
        UNION ALL
        SELECT state = 'confirmed' FROM escalation
        WHERE brand_id = :brand AND state <> 'open' AND decided_by <> :silence AND escalated_at >= :since
    ) AS decided
""")
