"""Whether knowledge left a question unanswered, and by which signs: read from what was recorded at the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from guidance.confidence import Reason
from guidance.gap_models import Cause
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, MessageId, SuggestionId, TicketId
from marketplace.tickets.models import EscalationReason, ReleaseReason

NOT_OF_KNOWLEDGE = (Reason.TOO_SHORT,)
"""Silences that no article would end: the message itself says too little."""

KNOWLEDGE_ESCALATIONS = (
    EscalationReason.NO_GROUNDED_ANSWER,
    EscalationReason.POLICY_EXCEPTION,
    EscalationReason.OTHER,
)
"""What needs the brand's own hands, or is sensitive, would be escalated whatever an article says."""

STOPPED_TICKETS = 100
"""Newest tickets of a stopped article that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A ticket whose question knowledge did not answer. `message` is the one that was asked, if it is known."""

    ticket: TicketId
    causes: tuple[Cause, ...]
    suggestion: SuggestionId | None
    message: MessageId | None
    escalations: int
    reopens: int
    asked_at: datetime


def unanswered(tx: Tx, *, brand: BrandId, tickets: Sequence[TicketId]) -> dict[TicketId, Unanswered | None]:
    """Those of `tickets` that are the brand's: None where nothing speaks against the knowledge."""
    rows = tx.execute(
        _EVIDENCE,
        {
            "brand": brand,
            "tickets": list(tickets),
            "silences": list(NOT_OF_KNOWLEDGE),
            "escalated_for": list(KNOWLEDGE_ESCALATIONS),
            "released_for": ReleaseReason.KNOWLEDGE_MISSING,
        },
    )
    return {TicketId(row.ticket_id): _read(row) for row in rows}


def tickets_resting_on(tx: Tx, *, brand: BrandId, article: ArticleId) -> list[TicketId]:
    """The newest tickets whose best passage was of `article`."""
    rows = tx.execute(_RESTING, {"brand": brand, "article": article, "limit": STOPPED_TICKETS})
    return [TicketId(row.ticket_id) for row in rows]


def _read(row: Row[tuple[object, ...]]) -> Unanswered | None:
    found = {
        Cause.ABSTAINED: row.abstained_id is not None,
        Cause.UNUSED: row.unused_id is not None,
        Cause.ESCALATED: row.escalated,
        Cause.RELEASED: row.released,
        Cause.STOPPED: row.stopped_id is not None,
        Cause.FAILED: row.failed_id is not None,
    }
    causes = tuple(cause for cause, holds in found.items() if holds)
    if not causes:
        return None
    suggestion = row.abstained_id or row.unused_id or row.stopped_id or row.failed_id or row.first_id
    asked = (row.abstained_message, row.unused_message, row.stopped_message, row.failed_message)
    message = next(filter(None, asked), row.first_message)
    return Unanswered(
        ticket=TicketId(row.ticket_id),
        causes=causes,
        suggestion=None if suggestion is None else SuggestionId(suggestion),
        message=None if message is None else MessageId(message),
        escalations=row.escalations,
        reopens=row.reopens,
        asked_at=row.asked_at,
    )


_EVIDENCE = text("""
    SELECT t.id AS ticket_id, first.id AS first_id, first.message_id AS first_message,
        abstained.id AS abstained_id, abstained.message_id AS abstained_message,
        unused.id AS unused_id, unused.message_id AS unused_message,
        stopped.id AS stopped_id, stopped.message_id AS stopped_message,
        failed.id AS failed_id, failed.message_id AS failed_message,
        coalesce(first.prepared_at, t.posted_at) AS asked_at,
        coalesce(handed.for_knowledge, false) AS escalated, coalesce(handed.many, 0) AS escalations,
        EXISTS (SELECT FROM release l WHERE l.ticket_id = t.id AND l.brand_id = t.brand_id
            AND l.reason = :released_for) AS released,
        (SELECT count(*) FROM resolution r WHERE r.brand_id = t.brand_id AND r.ticket_id = t.id
            AND r.reopened_at IS NOT NULL) AS reopens
    FROM ticket t
    LEFT JOIN LATERAL (
        SELECT s.id, s.message_id, s.prepared_at FROM suggestion s
        WHERE s.brand_id = t.brand_id AND s.ticket_id = t.id ORDER BY s.id LIMIT 1) AS first ON true
    LEFT JOIN LATERAL (
        SELECT s.id, s.message_id FROM suggestion s
        WHERE s.brand_id = t.brand_id AND s.ticket_id = t.id AND s.state = 'abstained'
            AND s.reason <> ALL(:silences) ORDER BY s.id LIMIT 1) AS abstained ON true
    LEFT JOIN LATERAL (
        SELECT s.id, s.message_id FROM receipt r
        JOIN reply p ON p.brand_id = r.brand_id AND p.id = r.reply_id AND p.state IN ('queued', 'sent', 'failed')
        JOIN suggestion s ON s.brand_id = r.brand_id AND s.id = r.suggestion_id AND s.state = 'ready'
        WHERE r.brand_id = t.brand_id AND r.ticket_id = t.id
            AND jsonb_array_length(r.shown) > 0 AND jsonb_array_length(r.inserted) = 0
            AND NOT EXISTS (SELECT FROM jsonb_array_elements(r.support) u
                WHERE jsonb_typeof(u -> 'passage_rank') = 'number')
        ORDER BY r.id LIMIT 1) AS unused ON true
    LEFT JOIN LATERAL (
        SELECT s.id, s.message_id FROM suggestion s
        JOIN suggestion_passage p ON p.brand_id = s.brand_id AND p.suggestion_id = s.id AND p.rank = 1
        WHERE s.brand_id = t.brand_id AND s.ticket_id = t.id AND s.state = 'ready' AND (EXISTS (
            SELECT FROM kill_switch k WHERE k.kind = 'article' AND k.brand_id = p.brand_id
                AND k.key = p.article_id::text AND k.lifted_at IS NULL)
            OR EXISTS (
            SELECT FROM passage_quarantine h
            JOIN passage w ON w.brand_id = p.brand_id AND w.id = p.passage_id
            WHERE h.brand_id = p.brand_id AND h.article_id = p.article_id AND h.lifted_at IS NULL
                AND h.text_sha256 = encode(sha256(convert_to(w.text, 'UTF8')), 'hex')))
        ORDER BY s.id LIMIT 1) AS stopped ON true
    LEFT JOIN LATERAL (
        SELECT s.id, s.message_id FROM reply y
        JOIN reply_outcome o ON o.brand_id = y.brand_id AND o.reply_id = y.id AND o.is_bad
        JOIN receipt r ON r.brand_id = o.brand_id AND r.id = o.receipt_id
        JOIN suggestion s ON s.brand_id = r.brand_id AND s.id = r.suggestion_id
        WHERE y.brand_id = t.brand_id AND y.ticket_id = t.id AND y.as_shown
        ORDER BY y.id LIMIT 1) AS failed ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS many, bool_or(x.reason = ANY(:escalated_for)) AS for_knowledge FROM escalation x
        WHERE x.brand_id = t.brand_id AND x.ticket_id = t.id) AS handed ON true
    WHERE t.brand_id = :brand AND t.id = ANY(:tickets)
    ORDER BY t.id
""").bindparams(
    bindparam("tickets", type_=ARRAY(Uuid)),
    bindparam("silences", type_=ARRAY(Text)),
    bindparam("escalated_for", type_=ARRAY(Text)),
)
_RESTING = text("""
    SELECT s.ticket_id, max(s.id::text) FROM suggestion_passage p
    JOIN suggestion s ON s.brand_id = p.brand_id AND s.id = p.suggestion_id
    WHERE p.brand_id = :brand AND p.article_id = :article AND p.rank = 1
    GROUP BY s.ticket_id ORDER BY 2 DESC LIMIT :limit
""")
