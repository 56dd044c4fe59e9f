"""Coverage: of the tickets that guidance looked at, how many had a passage above the threshold when they came.

Counted once a ticket, from its first suggestion as it was recorded, in the words of a card before a claim
(`coverage.verdict_of`); nothing is searched again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ARRAY, Uuid, bindparam, text

from guidance.coverage import Coverage, verdict_of
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, SuggestionId

COVERAGE_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCoverage:
    """A category's tickets of the last 30 days by what guidance found, and the same of the 30 days before."""

    category: str
    name: str
    covered: int
    partly: int
    missing: int
    covered_before: int
    tickets_before: int

    @property
    def tickets(self) -> int:
        return self.covered + self.partly + self.missing

    @property
    def share(self) -> float | None:
        """None without a ticket."""
        return self.covered / self.tickets if self.tickets else None

    @property
    def share_before(self) -> float | None:
        return self.covered_before / self.tickets_before if self.tickets_before else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeCoverage:
    """All categories with a ticket, the least covered first, and all together."""

    categories: tuple[CategoryCoverage, ...]
    whole: CategoryCoverage
    since: date


def count_first_looks(tx: Tx, *, brand: BrandId, suggestions: Sequence[SuggestionId]) -> None:
    """Count the tickets whose first suggestion is among `suggestions`. Call once for each suggestion."""
    rows = tx.execute(_FIRST, {"brand": brand, "suggestions": list(suggestions)})
    counted = Counter((row.category, row.day, verdict_of(row.state, row.reason)) for row in rows)
    for (category, day, verdict), tickets in sorted(counted.items()):
        counts = {one.value: tickets if one is verdict else 0 for one in Coverage}
        tx.execute(_ADD, {"brand": brand, "category": category, "day": day, **counts})


def knowledge_coverage(tx: Tx, *, brand: BrandId, now: datetime) -> KnowledgeCoverage:
    """The last 30 days, today included, in UTC days."""
    today = now.astimezone(UTC).date()
    since = today - timedelta(days=COVERAGE_DAYS - 1)
    before = since - timedelta(days=COVERAGE_DAYS)
    rows = tx.execute(_BY_CATEGORY, {"brand": brand, "since": since, "before": before})
    found = [CategoryCoverage(**row._asdict()) for row in rows]
    found.sort(key=lambda one: (one.share if one.share is not None else 2.0, -one.tickets, one.category))
    return KnowledgeCoverage(categories=tuple(found), whole=_whole(found), since=since)


def _whole(parts: Sequence[CategoryCoverage]) -> CategoryCoverage:
    return CategoryCoverage(
        category="",
        name="All categories",
        covered=sum(part.covered for part in parts),
        partly=sum(part.partly for part in parts),
        missing=sum(part.missing for part in parts),
        covered_before=sum(part.covered_before for part in parts),
        tickets_before=sum(part.tickets_before for part in parts),
    )


_FIRST = text("""
    SELECT t.category, CAST(s.prepared_at AT TIME ZONE 'UTC' AS date) AS day, s.state, s.reason
    FROM suggestion s JOIN ticket t ON t.brand_id = s.brand_id AND t.id = s.ticket_id
    WHERE s.brand_id = :brand AND s.id = ANY(:suggestions) AND NOT EXISTS (
        SELECT FROM suggestion e WHERE e.brand_id = s.brand_id AND e.ticket_id = s.ticket_id AND e.id < s.id)
""").bindparams(bindparam("suggestions", type_=ARRAY(Uuid)))
_ADD = text("""
    INSERT INTO coverage_day AS c (brand_id, category, day, covered, partly, missing)
    VALUES (:brand, :category, :day, :covered, :partly, :missing)
    ON CONFLICT (brand_id, category, day) DO UPDATE SET covered = c.covered + excluded.covered,
        partly = c.partly + excluded.partly, missing = c.missing + excluded.missing
""")
_BY_CATEGORY = text("""
    SELECT d.category, g.name,
        coalesce(sum(d.covered) FILTER (WHERE d.day >= :since), 0)::int AS covered,
        coalesce(sum(d.partly) FILTER (WHERE d.day >= :since), 0)::int AS partly,
        coalesce(sum(d.missing) FILTER (WHERE d.day >= :since), 0)::int AS missing,
        coalesce(sum(d.covered) FILTER (WHERE d.day < :since), 0)::int AS covered_before,
        coalesce(sum(d.covered + d.partly + d.missing) FILTER (WHERE d.day < :since), 0)::int AS tickets_before
    FROM coverage_day d JOIN category g ON g.brand_id = d.brand_id AND g.key = d.category
    WHERE d.brand_id = :brand AND d.day >= :before
    GROUP BY d.category, g.name
""")
