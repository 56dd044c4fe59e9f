"""What a brand's knowledge does not answer, for its own systems: gaps by cost, and coverage by category."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from guidance import gap_queries
from guidance.article_outcomes import outcomes_of_article, replies_of_article, worst_articles
from guidance.gap_models import GapState
from guidance.knowledge_coverage import CategoryCoverage, knowledge_coverage
from knowledge_base import queries
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import ArticleId, BrandId, GapId
from workers_ui.api.gap_schemas import (
    ArticleOutcomesOut,
    ArticleRecordOut,
    ArticleReplyOut,
    CoverageOut,
    CoveragePartOut,
    GapDetailOut,
    GapOut,
    GapsOut,
    RevisionOutcomesOut,
)
from workers_ui.deps import HasTx, by_key

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]


@router.get("/gaps", response_model=GapsOut)
def list_gaps(
    tx: HasTx,
    brand: Reads,
    state: Annotated[list[GapState] | None, Query(max_length=len(GapState))] = None,
    page: Annotated[int, Query(ge=1, le=gap_queries.MAX_PAGES)] = 1,
) -> GapsOut:
    """25 gaps, the costliest first; without `state` those that are open or being written."""
    states = tuple(state) if state else gap_queries.ON_THE_LIST
    found = gap_queries.gaps(tx, brand=brand, states=states, page=page, now=app_now(tx))
    return GapsOut(
        gaps=[GapOut(**_gap(line)) for line in found.lines], page=found.page, has_more=found.has_more
    )


@router.get("/gaps/{gap}", response_model=GapDetailOut)
def read_gap(gap: UUID, tx: HasTx, brand: Reads) -> dict[str, Any]:
    """One gap with its newest questions, which hold nothing of their customers, and the lines of its cost."""
    found = gap_queries.gap_detail(tx, brand=brand, gap=GapId(gap), now=app_now(tx))
    return {
        **_gap(found.line),
        "examples": [
            {
                "ticket": one.ticket,
                "question": one.question,
                "causes": list(one.causes),
                "asked_at": one.asked_at,
                "nearest_article": one.nearest_title,
                "nearest_passage": one.nearest_quote,
                "confidence": one.confidence,
            }
            for one in found.examples
        ],
        "costs": [
            {
                "kind": one.kind.value,
                "ticket": one.ticket,
                "amount_minor": one.amount.amount_minor,
                "seconds": one.seconds,
                "pay_minor": one.pay.amount_minor if one.pay else None,
                "per_minutes": one.per_minutes,
                "at": one.at,
            }
            for one in found.costs
        ],
        "more_costs": found.more_costs,
    }


@router.get("/coverage", response_model=CoverageOut)
def read_coverage(tx: HasTx, brand: Reads) -> CoverageOut:
    """The last 30 UTC days' tickets by what guidance found at its first look, beside the 30 days before."""
    found = knowledge_coverage(tx, brand=brand, now=app_now(tx))
    return CoverageOut(
        since=found.since,
        whole=_part(found.whole),
        categories=[_part(part) for part in found.categories],
    )


@router.get("/article-outcomes", response_model=list[ArticleRecordOut])
def list_outcomes(tx: HasTx, brand: Reads) -> object:
    """Articles whose text that holds now has failed, the worst first, at most 20: of the replies of the last 90 days
    that left as guidance showed them. `score` is at least how large the share is that goes well (the lower end of
    Wilson's 95 % interval), null while fewer than 5 outcomes are known."""
    return [
        ArticleRecordOut(
            article=one.article,
            title=one.title,
            good=one.record.good,
            faults=one.record.faults,
            score=one.record.score,
        )
        for one in worst_articles(tx, brand=brand, now=app_now(tx))
    ]


@router.get("/article-outcomes/{article}", response_model=ArticleOutcomesOut)
def read_outcomes(article: UUID, tx: HasTx, brand: Reads) -> object:
    """What became of the last 90 days' replies that stand in an article, by revision, and up to 50 of them, its faults
    first."""
    found = queries.article(tx, brand=brand, article_id=ArticleId(article))
    known, now = found.line.id, app_now(tx)
    revisions = outcomes_of_article(tx, brand=brand, article=known, now=now)
    replies = replies_of_article(tx, brand=brand, article=known, now=now)
    return ArticleOutcomesOut(
        article=article,
        revisions=[RevisionOutcomesOut(**asdict(one), score=one.record.score) for one in revisions],
        replies=[ArticleReplyOut(**asdict(one)) for one in replies],
    )


def _gap(line: gap_queries.GapLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "name": line.name,
        "key_words": list(line.key_words),
        "state": line.state.value,
        "tickets": line.tickets,
        "tickets_30_days": line.recent,
        "tickets_30_days_before": line.before,
        "escalations": line.escalations,
        "reopens": line.reopens,
        "currency": line.costs.whole.currency,
        "unpaid_time_minor": line.costs.unpaid.amount_minor,
        "escalation_fees_minor": line.costs.fees.amount_minor,
        "taken_back_minor": line.costs.reopened.amount_minor,
        "cost_minor": line.costs.whole.amount_minor,
        "first_at": line.first_at,
        "last_at": line.last_at,
        "article": line.article,
        "closed_at": line.closed_at,
    }


def _part(part: CategoryCoverage) -> CoveragePartOut:
    return CoveragePartOut(
        category=part.category or None,
        name=part.name,
        tickets=part.tickets,
        covered=part.covered,
        partly=part.partly,
        missing=part.missing,
        share=part.share,
        share_before=part.share_before,
    )
