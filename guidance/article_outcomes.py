"""How a brand's articles fare: what became of the replies that stand in them, and what guidance makes of it.

An article answers for the replies that left as guidance showed them; what a worker edited is his. A new revision begins
anew: what its predecessor failed at says nothing of it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Uuid, bindparam, text

from guidance.confidence import Assessment, Reason
from knowledge_base.index.retrieval import FoundPassage
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, RevisionId, TicketId

WINDOW = timedelta(days=90)
FEWEST_JUDGED = 5
"""Answers whose outcome is known; of fewer nothing is said and nothing is made."""

ANSWERS_LOOKED_AT = 100
"""Newest of a revision that its record counts: more would say little more, and every suggestion asks."""

COMPARED = 2
"""Passages whose records a suggestion hears: the first, and the one it may give way to."""

REPLIES_LOOKED_AT = 5_000
"""Newest of a brand, or of an article, that a list counts."""

ARTICLES_LISTED = 20
REPLIES_LISTED = 50
CLOSE_SCORES = 0.02
"""Of a search: passages nearer than this are equally good."""

Z = 1.96
"""Two-sided 95 %."""

READ_FIRST = (
    "Sent as it stands, this answer failed {faults} of {judged} times. Read its passages before you send it."
)
DO_NOT_SEND = (
    "Sent as it stands, this answer failed {faults} of {judged} times, so it is not offered. Read the passages; "
    "if none answers the question, escalate to the brand's team."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Of the answers of one text that left as it has them, how many went well and how many badly."""

    good: int
    faults: int

    @property
    def judged(self) -> int:
        return self.good + self.faults

    @property
    def score(self) -> float | None:
        """The share that goes well, at least, by what is known; None while too little is."""
        return wilson(self.good, self.judged)[0] if self.judged >= FEWEST_JUDGED else None

    @property
    def is_failing(self) -> bool:
        return self.judged >= FEWEST_JUDGED and self.faults > self.good


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionOutcomes:
    """What became of the replies of the window that stand in one revision. `edited_share` is the median."""

    revision: int
    shown: int
    replies: int
    inserted: int
    as_shown: int
    edited: int
    edited_share: float | None
    resolved: int
    reopened: int
    rated_low: int
    refused: int
    corrected: int
    good: int
    faults: int

    @property
    def record(self) -> Record:
        return Record(good=self.good, faults=self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleReply:
    """A reply that stands in the article, and what became of it: one that `is_bad` and left `as_shown` is a fault."""

    ticket: TicketId
    number: int
    revision: int
    written_at: datetime
    edited_share: float
    as_shown: bool
    resolved: bool
    held: bool
    reopened: bool
    rated_low: bool
    refused: bool
    corrected: bool
    is_bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRecord:
    """An article whose text that holds now has failed at least once."""

    article: ArticleId
    title: str
    record: Record


Texts = Mapping[tuple[ArticleId, RevisionId], Record]


def wilson(good: int, total: int) -> tuple[float, float]:
    """Between which shares the true one lies, with 95 % (Wilson's score interval). `total` is positive."""
    share, squared = good / total, Z * Z
    middle = share + squared / (2 * total)
    spread = Z * math.sqrt(share * (1 - share) / total + squared / (4 * total * total))
    return max(0.0, (middle - spread) / (1 + squared / total)), (middle + spread) / (1 + squared / total)


def records_of(tx: Tx, *, brand: BrandId, passages: Sequence[FoundPassage]) -> Texts:
    """The records of the texts of the first of `passages`; one without any known outcome is left out."""
    texts = sorted({(one.article_id, one.revision_id) for one in passages[:COMPARED]})
    if not texts:
        return {}
    rows = tx.execute(
        _RECORDS,
        {
            "brand": brand,
            "articles": [article for article, _ in texts],
            "revisions": [revision for _, revision in texts],
            "limit": ANSWERS_LOOKED_AT,
        },
    )
    return {
        (ArticleId(row.article_id), RevisionId(row.revision_id)): Record(good=row.good, faults=row.faults)
        for row in rows
    }


def in_fair_order(passages: tuple[FoundPassage, ...], records: Texts) -> tuple[FoundPassage, ...]:
    """`passages`, best first, with a first one that fails behind an equally good second one that does not.

    Scores stay with their places. Nothing is lifted for having gone well.
    """
    if len(passages) < 2:
        return passages
    first, second, *others = passages
    is_equal = first.score - second.score <= CLOSE_SCORES
    if not is_equal or not _fails(first, records) or _fails(second, records):
        return passages
    return (replace(second, score=first.score), replace(first, score=second.score), *others)


def heeding(
    assessment: Assessment, passages: Sequence[FoundPassage], records: Texts, *, threshold: float
) -> Assessment:
    """`assessment`, no surer than the record of the first of `passages` lets anybody be."""
    record = records.get((passages[0].article_id, passages[0].revision_id)) if passages else None
    if not assessment.answer or record is None or not record.is_failing:
        return assessment
    confidence = min(assessment.confidence, wilson(record.good, record.judged)[1])
    is_offered = confidence >= threshold
    words = READ_FIRST if is_offered else DO_NOT_SEND
    return Assessment(
        confidence=confidence,
        answer=is_offered,
        reason=Reason.FAILING,
        next_step=words.format(faults=record.faults, judged=record.judged),
    )


def outcomes_of_article(
    tx: Tx, *, brand: BrandId, article: ArticleId, now: datetime
) -> list[RevisionOutcomes]:
    """By revision, the newest first; one that was neither shown nor used in the window is left out."""
    asked = {"brand": brand, "article": article, "since": now - WINDOW, "limit": REPLIES_LOOKED_AT}
    return [RevisionOutcomes(**row._mapping) for row in tx.execute(_BY_REVISION, asked)]


def replies_of_article(tx: Tx, *, brand: BrandId, article: ArticleId, now: datetime) -> list[ArticleReply]:
    """The rows behind the counts: faults first, then what else went badly, then the others, each the newest first."""
    asked = {
        "brand": brand,
        "article": article,
        "since": now - WINDOW,
        "counted": REPLIES_LOOKED_AT,
        "limit": REPLIES_LISTED,
    }
    return [ArticleReply(**row._mapping) for row in tx.execute(_REPLIES, asked)]


def worst_articles(tx: Tx, *, brand: BrandId, now: datetime) -> list[ArticleRecord]:
    """Articles whose text that holds now has failed, the worst first; those with too little known come last."""
    asked = {
        "brand": brand,
        "since": now - WINDOW,
        "replies": REPLIES_LOOKED_AT,
    }
    found = [
        ArticleRecord(
            article=ArticleId(row.article_id),
            title=row.title,
            record=Record(good=row.good, faults=row.faults),
        )
        for row in tx.execute(_WORST, asked)
    ]
    found.sort(key=lambda one: (_sorting(one.record), -one.record.faults, one.title))
    return found[:ARTICLES_LISTED]


def _sorting(record: Record) -> float:
    return 2.0 if record.score is None else record.score


def _fails(passage: FoundPassage, records: Texts) -> bool:
    record = records.get((passage.article_id, passage.revision_id))
    return record is not None and record.is_failing


_RECORDS = text("""
    SELECT w.article_id, w.revision_id, count(*) FILTER (WHERE o.is_good) AS good,
        count(*) FILTER (WHERE o.is_bad) AS faults
    FROM unnest(:articles, :revisions) AS w (article_id, revision_id)
    CROSS JOIN LATERAL (
        SELECT c.is_good, c.is_bad FROM reply_outcome c
        WHERE c.brand_id = :brand AND c.article_id = w.article_id AND c.revision_id = w.revision_id AND c.as_shown
        ORDER BY c.receipt_id DESC LIMIT :limit
    ) AS o
    GROUP BY w.article_id, w.revision_id HAVING bool_or(o.is_good OR o.is_bad)
""").bindparams(bindparam("articles", type_=ARRAY(Uuid)), bindparam("revisions", type_=ARRAY(Uuid)))
_BY_REVISION = text("""
    WITH used AS (
        SELECT * FROM reply_outcome o
        WHERE o.brand_id = :brand AND o.article_id = :article AND o.written_at >= :since
        ORDER BY o.receipt_id DESC LIMIT :limit
    ), became AS (
        SELECT revision_id, count(*) AS replies, count(*) FILTER (WHERE inserted <> '[]') AS inserted,
            count(*) FILTER (WHERE as_shown) AS as_shown,
            count(*) FILTER (WHERE inserted <> '[]' AND NOT as_shown) AS edited,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY edited_share) FILTER (WHERE inserted <> '[]') AS edited_share,
            count(*) FILTER (WHERE resolved) AS resolved, count(*) FILTER (WHERE reopened) AS reopened,
            count(*) FILTER (WHERE rated_low) AS rated_low, count(*) FILTER (WHERE refused) AS refused,
            count(*) FILTER (WHERE corrected) AS corrected,
            count(*) FILTER (WHERE as_shown AND is_good) AS good, count(*) FILTER (WHERE as_shown AND is_bad) AS faults
        FROM used GROUP BY revision_id
    ), seen AS (
        SELECT p.revision_id, count(DISTINCT p.suggestion_id) AS shown
        FROM suggestion_passage p JOIN suggestion s ON s.brand_id = p.brand_id AND s.id = p.suggestion_id
        WHERE p.brand_id = :brand AND p.article_id = :article AND s.prepared_at >= :since GROUP BY p.revision_id
    )
    SELECT v.number AS revision, coalesce(s.shown, 0) AS shown, coalesce(b.replies, 0) AS replies,
        coalesce(b.inserted, 0) AS inserted, coalesce(b.as_shown, 0) AS as_shown, coalesce(b.edited, 0) AS edited,
        b.edited_share, coalesce(b.resolved, 0) AS resolved, coalesce(b.reopened, 0) AS reopened,
        coalesce(b.rated_low, 0) AS rated_low, coalesce(b.refused, 0) AS refused,
        coalesce(b.corrected, 0) AS corrected, coalesce(b.good, 0) AS good, coalesce(b.faults, 0) AS faults
    FROM seen s FULL JOIN became b ON b.revision_id = s.revision_id
    JOIN revision v ON v.brand_id = :brand AND v.id = coalesce(s.revision_id, b.revision_id)
    ORDER BY v.number DESC
""")
_REPLIES = text("""
    WITH used AS (
        SELECT * FROM reply_outcome o
        WHERE o.brand_id = :brand AND o.article_id = :article AND o.written_at >= :since
        ORDER BY o.receipt_id DESC LIMIT :counted
    )
    SELECT o.ticket_id AS ticket, t.number, v.number AS revision, o.written_at, o.edited_share, o.as_shown, o.resolved,
        o.held, o.reopened, o.rated_low, o.refused, o.corrected, o.is_bad
    FROM used o JOIN ticket t ON t.brand_id = :brand AND t.id = o.ticket_id
    JOIN revision v ON v.brand_id = :brand AND v.id = o.revision_id
    ORDER BY o.is_bad AND o.as_shown DESC, o.is_bad DESC, o.receipt_id DESC LIMIT :limit
""")
_WORST = text("""
    WITH sent AS (
        SELECT o.article_id, o.revision_id, o.is_good, o.is_bad FROM reply_outcome o
        WHERE o.brand_id = :brand AND o.article_id IS NOT NULL AND o.as_shown AND o.written_at >= :since
        ORDER BY o.receipt_id DESC LIMIT :replies
    ), counted AS (
        SELECT article_id, revision_id, count(*) FILTER (WHERE is_good) AS good,
            count(*) FILTER (WHERE is_bad) AS faults
        FROM sent GROUP BY article_id, revision_id HAVING bool_or(is_bad)
    )
    SELECT c.article_id, a.title, c.good, c.faults
    FROM counted c JOIN article a ON a.brand_id = :brand AND a.id = c.article_id
    JOIN LATERAL (
        SELECT h.revision_id FROM publication h
        WHERE h.brand_id = :brand AND h.article_id = c.article_id AND h.starts_at <= app_now()
        ORDER BY h.starts_at DESC LIMIT 1
    ) AS held ON held.revision_id = c.revision_id
""")
