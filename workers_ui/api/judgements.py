"""A ticket's pay, and what a brand's own systems say against it; a worker's appeal."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from billing import appeals, holds, rejections, tips
from billing.judgement_models import HoldCause, Judge, RejectionReason
from billing.judgement_queries import PayOfTicket, pays_of_ticket
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, EarningId, RejectionId, ReplyId, TicketId, TipId, WorkerId
from marketplace.tickets.queries import brand_ticket
from workers_ui.api.schemas import In
from workers_ui.deps import ByWorkerToken, HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter()

Reads = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_WRITE))]
Spends = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_WRITE))]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]


class RejectionIn(In):
    """`reply` is the one that shows what is wrong."""

    reply: UUID
    reason: RejectionReason
    note: Words


class DisputeIn(In):
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


class AppealIn(In):
    text: Words


class TipIn(In):
    worker: UUID
    amount_minor: Annotated[int, Field(gt=0, le=tips.HIGHEST_TIP_MINOR)]


class ReplyShownOut(BaseModel):
    """`as_shown`: your own answer, so it cannot be named in a rejection."""

    id: UUID
    written_at: datetime
    as_shown: bool


class PayOut(BaseModel):
    """What the resolution pays one worker; `rejection` is the one that waits or counts."""

    id: UUID
    worker: UUID
    amount_minor: int
    surge_minor: int
    fee_minor: int
    currency: str
    state: str
    review_ends_at: datetime
    replies: list[ReplyShownOut]
    rejection: UUID | None
    rejection_state: str | None
    appeal: str | None


class RejectionOut(BaseModel):
    """It can be undone until `counts_at`."""

    id: UUID
    state: str
    counts_at: datetime


class HoldOut(BaseModel):
    id: UUID
    lapses_at: datetime | None


class TipOut(BaseModel):
    id: UUID
    amount_minor: int
    currency: str


class AppealOut(BaseModel):
    id: UUID
    appealed_at: datetime


@router.get("/tickets/{ticket}/pay", response_model=list[PayOut], tags=["tickets"])
def read_pay(ticket: UUID, tx: HasTx, brand: Reads) -> list[dict[str, object]]:
    """What the ticket paid, to whom, and where that stands."""
    brand_ticket(tx, brand=brand, ticket=TicketId(ticket))
    return [_pay(one) for one in pays_of_ticket(tx, brand=brand, ticket=TicketId(ticket))]


@router.post("/earnings/{earning}/rejection", status_code=201, response_model=RejectionOut, tags=["tickets"])
def reject(earning: UUID, body: RejectionIn, tx: HasTx, brand: Writes) -> object:
    """Reject a pay inside its review window: it counts in a minute, and goes back to you with the fee."""
    return rejections.reject(
        tx,
        brand=brand,
        earning=EarningId(earning),
        reply=ReplyId(body.reply),
        reason=body.reason,
        note=body.note,
        judge=Judge.BRAND,
        person=None,
        now=app_now(tx),
    )


@router.delete("/rejections/{rejection}", status_code=204, tags=["tickets"])
def undo(rejection: UUID, tx: HasTx, brand: Writes) -> None:
    """Undo a rejection before it counts."""
    rejections.undo(tx, brand=brand, rejection=RejectionId(rejection), person=None, now=app_now(tx))


@router.post("/earnings/{earning}/dispute", status_code=201, response_model=HoldOut, tags=["tickets"])
def dispute(earning: UUID, body: DisputeIn, tx: HasTx, brand: Writes) -> object:
    """Keep a pay from being sent while you look at it; it lapses after seven days."""
    return holds.hold_earning(
        tx,
        brand=brand,
        earning=EarningId(earning),
        cause=HoldCause.DISPUTE,
        reason=body.reason,
        person=None,
        now=app_now(tx),
    )


@router.delete("/earnings/{earning}/dispute", status_code=204, tags=["tickets"])
def end_dispute(earning: UUID, tx: HasTx, brand: Writes) -> None:
    """Let a disputed pay go its way."""
    holds.release_hold(
        tx, brand=brand, earning=EarningId(earning), person=None, is_brand=True, now=app_now(tx)
    )


@router.post("/tickets/{ticket}/tips", status_code=201, response_model=TipOut, tags=["wallet"])
def give_tip(ticket: UUID, body: TipIn, tx: HasTx, brand: Spends, key: RequestKey = None) -> object:
    """Tip a worker who was paid for this ticket, out of your wallet."""

    def act() -> dict[str, object]:
        given = tips.give_tip(
            tx,
            brand=brand,
            ticket=TicketId(ticket),
            worker=WorkerId(body.worker),
            amount_minor=body.amount_minor,
            person=None,
            now=app_now(tx),
        )
        return {"id": str(given.id), "amount_minor": given.amount_minor, "currency": given.currency}

    asked = ["tip", str(ticket), body.model_dump(mode="json")]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.delete("/tips/{tip}", status_code=204, tags=["wallet"])
def refund_tip(tip: UUID, tx: HasTx, brand: Spends) -> None:
    """Take a tip back inside its window."""
    tips.refund_tip(tx, brand=brand, tip=TipId(tip), now=app_now(tx))


@router.post("/rejections/{rejection}/appeal", status_code=201, response_model=AppealOut, tags=["worker"])
def appeal(rejection: UUID, body: AppealIn, tx: HasTx, worker: ByWorkerToken) -> object:
    """Appeal once against a rejection of your pay."""
    return appeals.appeal(
        tx, worker=worker, rejection=RejectionId(rejection), said=body.text, now=app_now(tx)
    )


def _pay(one: PayOfTicket) -> dict[str, object]:
    return {
        "id": one.earning.id,
        "worker": one.earning.worker_id,
        "amount_minor": one.earning.amount_minor,
        "surge_minor": one.earning.surge_minor,
        "fee_minor": one.earning.fee_minor,
        "currency": one.earning.currency,
        "state": one.earning.state,
        "review_ends_at": one.earning.window_ends_at,
        "replies": [
            {"id": reply.reply, "written_at": reply.written_at, "as_shown": reply.as_shown}
            for reply in one.replies
        ],
        "rejection": one.rejection.id if one.rejection else None,
        "rejection_state": one.rejection.state if one.rejection else None,
        "appeal": (one.appeal.ended_as or "waiting") if one.appeal else None,
    }
