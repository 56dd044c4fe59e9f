"""What waits for a brand's word: escalations by queue, and replies to approve. Deciding on a reply happens here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from guidance.queries import receipts_of_replies
from guidance.reply_grounds import ReceiptGrounds, ended_passages
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import ReviewId
from marketplace.tickets import escalation_queries, review_queries, reviews
from marketplace.tickets.probation import probation_of
from marketplace.tickets.reply_models import ReviewReason
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_decision_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.replies import EscalationsPage, ReviewsPage
from workers_ui.presenters.values import FilterTab, FormState

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_TICKETS))]
Reviews = Annotated[Membership, Depends(at_brand(Permission.REVIEW_REPLIES))]
Line = Annotated[str, Form(max_length=200)]
Note = Annotated[str, Form(max_length=20_000)]


class NoSuchReason(Invalid):
    """Say why it goes back: choose one of the reasons."""


@router.get("/b/{slug}/escalations")
def list_escalations(
    request: Request, tx: HasTx, membership: Views, queue: Annotated[str, Query(max_length=60)] = ""
) -> HTMLResponse:
    """What waits in which queue, with the time left; each opens its ticket, where it is decided."""
    queues = escalation_queries.waiting_by_queue(tx, brand=membership.brand)
    rows = escalation_queries.waiting_escalations(
        tx, brand=membership.brand, queue=queue.replace("\x00", "") or None
    )
    base = area_path(membership, "escalations")
    view = EscalationsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=_tabs(tx, membership, current="escalations"),
        queues=present.queue_tabs(base, queues, queue),
        rows=tuple(present.escalation_row(row) for row in rows),
    )
    return answer(request, view)


@router.get("/b/{slug}/reviews")
def list_reviews(request: Request, tx: HasTx, membership: Reviews) -> HTMLResponse:
    return answer(request, _reviews_page(request, tx, membership))


@router.post("/b/{slug}/reviews/{review}/approval", dependencies=[CheckedForm])
def approve(
    request: Request,
    tx: HasTx,
    membership: Reviews,
    principal: IsSignedIn,
    review: str,
    changes_read: Line = "",
) -> Response:
    """The reply leaves as it is; where something changed under it, only with the mark of what was shown."""
    try:
        reviews.approve_reply(
            tx,
            brand=membership.brand,
            review=_review(review),
            by=principal.name,
            now=app_now(tx),
            grounds=ReceiptGrounds(),
            read=changes_read,
        )
    except (reviews.ReviewDecided, reviews.GroundsChanged) as refusal:
        return _too_late(request, tx, membership, refusal)
    return see(area_path(membership, "reviews"), said="Approved. The reply is on its way to the customer.")


@router.post("/b/{slug}/reviews/{review}/outdated-return", dependencies=[CheckedForm])
def give_back_outdated(
    request: Request, tx: HasTx, membership: Reviews, principal: IsSignedIn, review: str
) -> Response:
    """The reply goes back because what it rests on has changed: nobody's fault."""
    try:
        reviews.return_outdated(
            tx,
            brand=membership.brand,
            review=_review(review),
            by=principal.name,
            now=app_now(tx),
            grounds=ReceiptGrounds(),
        )
    except (reviews.ReviewDecided, reviews.NothingChanged) as refusal:
        return _too_late(request, tx, membership, refusal)
    return see(area_path(membership, "reviews"), said="Returned. It counts against nobody.")


@router.post("/b/{slug}/reviews/{review}/return", dependencies=[CheckedForm])
def give_back(
    request: Request,
    tx: HasTx,
    membership: Reviews,
    principal: IsSignedIn,
    review: str,
    reason: Line = "",
    note: Note = "",
) -> Response:
    """The reply goes back to its worker, with the reason."""
    found, typed = _review(review), {"reason": reason, "note": typed_lines(note)}
    try:
        reviews.return_reply(
            tx,
            brand=membership.brand,
            review=found,
            reason=_reason(reason),
            note=typed["note"],
            by=principal.name,
            now=app_now(tx),
        )
    except reviews.ReviewDecided as decided:
        return _too_late(request, tx, membership, decided)
    except Invalid as error:
        form = refused(typed, error, field="reason" if isinstance(error, NoSuchReason) else "note")
        view = _reviews_page(request, tx, membership, forms={found: form})
        return answer(request, view, status=status_of(error))
    return see(
        area_path(membership, "reviews"), said="Returned. The worker reads your reason and writes anew."
    )


def _too_late(request: Request, tx: Tx, membership: Membership, refusal: Conflict) -> HTMLResponse:
    """Somebody or something came first: the queue as it is now, and why this was too late."""
    view = _reviews_page(request, tx, membership, problem=refusal.detail)
    return answer(request, view, status=status_of(refusal))


def _reviews_page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    forms: dict[ReviewId, FormState] | None = None,
    problem: str = "",
) -> ReviewsPage:
    cards = review_queries.waiting_reviews(tx, brand=membership.brand)
    replies = [card.reply for card in cards]
    receipts = receipts_of_replies(tx, brand=membership.brand, replies=replies)
    ended = ended_passages(tx, brand=membership.brand, replies=replies)
    may_control = allowed(membership.role, Permission.CONTROL_SHARING)
    may_read = allowed(membership.role, Permission.VIEW_KNOWLEDGE)
    return ReviewsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=_tabs(tx, membership, current="reviews"),
        cards=tuple(
            present.review_card(
                card,
                receipts.get(card.reply),
                ended.get(card.reply, ()),
                path=area_path(membership, "reviews"),
                articles_path=area_path(membership, "knowledge") if may_read else "",
                form=(forms or {}).get(card.id),
            )
            for card in cards
        ),
        reasons=present.REASON_CHOICES,
        waiting=review_queries.count_waiting(tx, brand=membership.brand),
        probation=present.probation_sentence(probation_of(tx, brand=membership.brand)),
        rules_href=area_path(membership, "control/replies") if may_control else "",
        form=FormState(problem=problem),
    )


def _tabs(tx: Tx, membership: Membership, *, current: str) -> tuple[FilterTab, ...]:
    """Both kinds of decisions; a member who may not review sees no tab for it."""
    queues = escalation_queries.waiting_by_queue(tx, brand=membership.brand)
    tabs = [
        FilterTab(
            label="Escalations",
            href=area_path(membership, "escalations"),
            count=sum(waiting for _, waiting in queues),
            current=current == "escalations",
        )
    ]
    if allowed(membership.role, Permission.REVIEW_REPLIES):
        tabs.append(
            FilterTab(
                label="Replies to approve",
                href=area_path(membership, "reviews"),
                count=review_queries.count_waiting(tx, brand=membership.brand),
                current=current == "reviews",
            )
        )
    return tuple(tabs)


def _review(text: str) -> ReviewId:
    return ReviewId(as_uuid(text))


def _reason(text: str) -> ReviewReason:
    if text not in set(ReviewReason):
        raise NoSuchReason
    return ReviewReason(text)
