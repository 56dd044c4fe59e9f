"""Reading replies in review: the reviewer's queue, and what became of a worker's own."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, ReplyId, ReviewId, TicketId, WorkerId
from marketplace.tickets.models import Channel
from marketplace.tickets.reply_models import AfterLimit, ReplyReview, ReviewReason, ReviewState

REVIEWS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCard:
    """A reply that waits, with the question it answers and how its worker's replies fared before."""

    id: ReviewId
    reply: ReplyId
    ticket: TicketId
    number: int
    subject: str
    category: str
    channel: Channel
    question: str
    text: str
    label: str
    worker_name: str
    approved: int
    rejected: int
    asked_at: datetime
    decide_by: datetime
    after_limit: AfterLimit


def waiting_reviews(tx: Tx, *, brand: BrandId, limit: int = REVIEWS_SHOWN) -> list[ReviewCard]:
    """The brand's replies that wait for approval, oldest first."""
    return [
        ReviewCard(
            **dict(row._mapping)
            | {"channel": Channel(row.channel), "after_limit": AfterLimit(row.after_limit)}
        )
        for row in tx.execute(_WAITING, {"brand": brand, "limit": limit})
    ]


def count_waiting(tx: Tx, *, brand: BrandId) -> int:
    counted = select(func.count()).where(
        ReplyReview.brand_id == brand, ReplyReview.state == ReviewState.WAITING
    )
    return tx.scalar(counted) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReview:
    """How the newest review of a worker's replies to a ticket stands."""

    state: ReviewState
    reason: ReviewReason | None
    note: str
    asked_at: datetime
    decide_by: datetime
    after_limit: AfterLimit
    decided_at: datetime | None
    text: str
    as_shown: bool


def find_own_review(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> OwnReview | None:
    """The newest review of what `worker` wrote on `ticket`."""
    row = tx.execute(_OWN, {"ticket": ticket, "worker": worker}).one_or_none()
    if row is None:
        return None
    return OwnReview(
        state=ReviewState(row.state),
        reason=ReviewReason(row.reason) if row.reason else None,
        note=row.note,
        asked_at=row.asked_at,
        decide_by=row.decide_by,
        after_limit=AfterLimit(row.after_limit),
        decided_at=row.decided_at,
        text=row.body,
        as_shown=row.as_shown,
    )


def waiting_review_of(tx: Tx, *, brand: BrandId, ticket: TicketId) -> ReplyReview | None:
    """The review that a ticket waits for, if any."""
    return tx.scalars(
        select(ReplyReview).where(
            ReplyReview.brand_id == brand,
            ReplyReview.ticket_id == ticket,
            ReplyReview.state == ReviewState.WAITING,
        )
    ).one_or_none()


_WAITING = text(
    "SELECT v.id, v.reply_id AS reply, v.ticket_id AS ticket, t.number, t.subject, g.name AS category, t.channel, "
    "q.body AS question, r.body AS text, r.label, p.name AS worker_name, coalesce(s.approved, 0) AS approved, "
    "coalesce(s.rejected, 0) AS rejected, v.asked_at, v.decide_by, v.after_limit "
    "FROM reply_review v JOIN reply r ON r.brand_id = v.brand_id AND r.id = v.reply_id "
    "JOIN ticket t ON t.brand_id = v.brand_id AND t.id = v.ticket_id "
    "JOIN category g ON g.brand_id = t.brand_id AND g.key = t.category "
    "JOIN worker w ON w.id = v.worker_id JOIN person p ON p.id = w.person_id "
    "LEFT JOIN worker_standing s ON s.brand_id = v.brand_id AND s.worker_id = v.worker_id "
    "JOIN LATERAL (SELECT m.body FROM message m WHERE m.brand_id = v.brand_id AND m.ticket_id = v.ticket_id "
    "AND m.author = 'customer' ORDER BY m.id DESC LIMIT 1) AS q ON true "
    "WHERE v.brand_id = :brand AND v.state = 'waiting' ORDER BY v.id LIMIT :limit"
)
_OWN = text(
    "SELECT v.state, v.reason, v.note, v.asked_at, v.decide_by, v.after_limit, v.decided_at, r.body, r.as_shown "
    "FROM reply_review v JOIN reply r ON r.brand_id = v.brand_id AND r.id = v.reply_id "
    "WHERE v.ticket_id = :ticket AND v.worker_id = :worker ORDER BY v.id DESC LIMIT 1"
)
