"""Replies that wait for approval, for a brand's own systems."""

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter

from guidance.reply_grounds import ReceiptGrounds, changes_of, ended_passages
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, ReviewId
from marketplace.tickets import review_queries, reviews
from marketplace.tickets.reply_models import ReplyReview
from workers_ui.api.review_schemas import ApprovalIn, ChangeOut, ReturnIn, ReviewOut, WaitingReviewOut
from workers_ui.api.tickets import Reads, Writes
from workers_ui.deps import HasTx

router = APIRouter(tags=["reviews"])

BY_API = "API"


@router.get("/reviews", response_model=list[WaitingReviewOut])
def list_reviews(tx: HasTx, brand: Reads) -> object:
    """The replies that wait for your approval, oldest first, at most 20."""
    cards = review_queries.waiting_reviews(tx, brand=brand)
    ended = ended_passages(tx, brand=brand, replies=[card.reply for card in cards])
    return [
        WaitingReviewOut(
            id=card.id,
            ticket=card.ticket,
            subject=card.subject,
            question=card.question,
            text=card.text,
            asked_at=card.asked_at,
            decide_by=card.decide_by,
            after_limit=card.after_limit.value,
            changes=[ChangeOut(**asdict(one)) for one in ended.get(card.reply, ())],
            changes_mark=changes_of(ended[card.reply]).mark if card.reply in ended else "",
        )
        for card in cards
    ]


@router.post("/reviews/{review}/approval", response_model=ReviewOut)
def approve(review: UUID, tx: HasTx, brand: Writes, body: ApprovalIn | None = None) -> object:
    """The reply leaves as it is. 409 when it was decided already, and `grounds_changed` when what it rests on has
    changed and `changes_read` does not name that change."""
    return _review(
        reviews.approve_reply(
            tx,
            brand=brand,
            review=ReviewId(review),
            by=BY_API,
            now=app_now(tx),
            grounds=ReceiptGrounds(),
            read=body.changes_read if body else "",
        )
    )


@router.post("/reviews/{review}/outdated-return", response_model=ReviewOut)
def give_back_outdated(review: UUID, tx: HasTx, brand: Writes) -> object:
    """The reply goes back to its worker because what it rests on has changed; that counts against nobody. 409 when
    nothing has changed."""
    return _review(
        reviews.return_outdated(
            tx, brand=brand, review=ReviewId(review), by=BY_API, now=app_now(tx), grounds=ReceiptGrounds()
        )
    )


@router.post("/reviews/{review}/return", response_model=ReviewOut)
def give_back(review: UUID, body: ReturnIn, tx: HasTx, brand: Writes) -> object:
    """The reply goes back to its worker with your reason; `other` needs a note."""
    return _review(
        reviews.return_reply(
            tx,
            brand=BrandId(brand),
            review=ReviewId(review),
            reason=body.reason,
            note=body.note,
            by=BY_API,
            now=app_now(tx),
        )
    )


def _review(review: ReplyReview) -> ReviewOut:
    return ReviewOut(
        id=review.id,
        ticket=review.ticket_id,
        state=review.state.value,
        reason=review.reason.value if review.reason else None,
        note=review.note,
    )
