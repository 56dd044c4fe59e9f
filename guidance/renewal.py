"""Suggestions whose passages may not be offered any more: who looks at them, and preparing them anew.

What is outdated is asked of the rows as they are now, so it does not matter what ended a passage: an edit, a
retirement, a date, a stop, a quarantine or a missing check. A suggestion prepared anew rests on what may be offered,
so it is not found again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, select, text

from guidance.answer_memory import AnswerMemory
from guidance.commands import prepare_suggestion
from guidance.models import Suggestion, SuggestionPassage, SuggestionState
from knowledge_base.index.retrieval import Retriever
from knowledge_base.liveness import is_offered
from knowledge_base.models import Article, KnowledgeVersion, Passage
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, TicketId, WorkerId
from marketplace.tickets.models import PoolState, PoolTicket
from marketplace.tickets.switch_models import KillSwitch, SwitchKind

RENEWED_AT_DESKS = 50
RENEWED_OF_A_BRAND = 200
"""Of a brand's open tickets, those at desks first. What is left is marked as out of date and renewed once claimed."""

Outdated = list[tuple[BrandId, TicketId]]


def outdated_at_desks(tx: Tx) -> Outdated:
    """Claimed tickets of every brand whose newest suggestion may not be shown any more, the most urgent first."""
    return _outdated(tx, PoolTicket.state == PoolState.CLAIMED, limit=RENEWED_AT_DESKS)


def outdated_of_brand(tx: Tx, *, brand: BrandId) -> Outdated:
    """The same of one brand's tickets that are claimed or wait in the pool."""
    open_ones = PoolTicket.state.in_((PoolState.CLAIMED, PoolState.OPEN))
    return _outdated(tx, and_(PoolTicket.brand_id == brand, open_ones), limit=RENEWED_OF_A_BRAND)


def renew_suggestion(
    tx: Tx,
    retriever: Retriever,
    *,
    brand: BrandId,
    ticket: TicketId,
    weight: float,
    threshold: float,
    now: datetime,
    memory: AnswerMemory | None = None,
) -> bool:
    """Prepare the ticket's suggestion anew if it is still outdated; of several callers one does. Raises
    IndexUnavailable."""
    tx.execute(_LOCK, {"name": f"suggestion {ticket}"})
    if not _outdated(tx, PoolTicket.ticket_id == ticket, limit=1):
        return False
    prepare_suggestion(
        tx,
        retriever,
        brand=brand,
        ticket=ticket,
        weight=weight,
        threshold=threshold,
        now=now,
        memory=memory,
    )
    return True


def desks_showing(
    tx: Tx, articles: Collection[tuple[BrandId, ArticleId]]
) -> Mapping[ArticleId, Sequence[tuple[WorkerId, TicketId]]]:
    """Who holds a ticket whose newest suggestion quotes one of `articles`, by article."""
    found: dict[ArticleId, list[tuple[WorkerId, TicketId]]] = defaultdict(list)
    asked = {"brands": [brand for brand, _ in articles], "articles": [article for _, article in articles]}
    for row in tx.execute(_DESKS, asked):
        found[ArticleId(row.article_id)].append((WorkerId(row.worker_id), TicketId(row.ticket_id)))
    return found


def desks_of(tx: Tx, brands: Collection[BrandId]) -> Sequence[tuple[WorkerId, TicketId]]:
    """Who holds which ticket of these brands."""
    held = select(PoolTicket.worker_id, PoolTicket.ticket_id).where(PoolTicket.brand_id.in_(brands))
    return [(worker, ticket) for worker, ticket in tx.execute(held) if worker is not None]


def _outdated(tx: Tx, which: ColumnElement[bool], *, limit: int) -> Outdated:
    rows = tx.execute(
        select(PoolTicket.brand_id, PoolTicket.ticket_id)
        .where(which, _quotes_what_ended(), ~_index_is_behind(), ~_guidance_is_stopped())
        .order_by(PoolTicket.lease_ends_at.nulls_last(), PoolTicket.ticket_id)
        .limit(limit)
    )
    return [(brand, ticket) for brand, ticket in rows]


def _quotes_what_ended() -> ColumnElement[bool]:
    newest = (
        select(Suggestion.id)
        .where(Suggestion.brand_id == PoolTicket.brand_id, Suggestion.ticket_id == PoolTicket.ticket_id)
        .order_by(Suggestion.id.desc())
        .limit(1)
        .correlate(PoolTicket)
        .scalar_subquery()
    )
    offered = (
        select(Passage.id)
        .join(Article, is_offered())
        .where(Passage.brand_id == SuggestionPassage.brand_id, Passage.id == SuggestionPassage.passage_id)
    )
    ended = exists().where(
        SuggestionPassage.brand_id == PoolTicket.brand_id,
        SuggestionPassage.suggestion_id == newest,
        ~offered.exists(),
    )
    shown = exists().where(
        SuggestionPassage.brand_id == Suggestion.brand_id, SuggestionPassage.suggestion_id == Suggestion.id
    )
    left_bare = exists().where(
        Suggestion.brand_id == PoolTicket.brand_id,
        Suggestion.id == newest,
        Suggestion.state == SuggestionState.READY,
        ~shown,
    )
    return ended | left_bare


def _index_is_behind() -> ColumnElement[bool]:
    """What takes the place of the old text is not found yet; the index's publication asks again."""
    return exists().where(
        KnowledgeVersion.brand_id == PoolTicket.brand_id,
        KnowledgeVersion.indexed < KnowledgeVersion.changed,
    )


def _guidance_is_stopped() -> ColumnElement[bool]:
    return exists().where(
        KillSwitch.kind == SwitchKind.GUIDANCE,
        (KillSwitch.brand_id == PoolTicket.brand_id) | KillSwitch.brand_id.is_(None),
        KillSwitch.lifted_at.is_(None),
    )


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_DESKS = text(
    "SELECT DISTINCT shown.article_id, p.worker_id, p.ticket_id "
    "FROM pool_ticket p "
    "CROSS JOIN LATERAL (SELECT s.id FROM suggestion s WHERE s.brand_id = p.brand_id "
    "AND s.ticket_id = p.ticket_id ORDER BY s.id DESC LIMIT 1) AS newest "
    "JOIN suggestion_passage shown ON shown.brand_id = p.brand_id AND shown.suggestion_id = newest.id "
    "WHERE p.worker_id IS NOT NULL AND (p.brand_id, shown.article_id) IN "
    "(SELECT * FROM unnest(CAST(:brands AS uuid[]), CAST(:articles AS uuid[])))"
)
