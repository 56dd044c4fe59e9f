"""The brand's first page: what waits, what is at risk, what needs the brand."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from billing.spend import spending
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import BrandCard
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.money import Money
from marketplace.tickets.board import board_of
from marketplace.tickets.switch_queries import live_at_brand
from workers_ui.deps import HasTx, at_brand
from workers_ui.frames import page as answer
from workers_ui.pages import board_views as present
from workers_ui.pages.brand_notices import quarantine_notices
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.presenters.board import BoardPage, Spend

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_TICKETS))]


@router.get("/b/{slug}/board")
def show_board(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    now = app_now(tx)
    board = board_of(tx, brand=membership.brand, now=now)
    card = brand_card(tx, membership.brand)
    base = area_path(membership, "tickets")
    view = BoardPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        figures=present.figures(board, base=base, now=now),
        with_you=present.with_you(
            board,
            base=base,
            decide=area_path(membership, "escalations"),
            reviews=area_path(membership, "reviews"),
        ),
        needs=present.needs(
            board,
            base=base,
            reviews=area_path(membership, "reviews"),
            wallet=area_path(membership, "wallet")
            if allowed(membership.role, Permission.VIEW_WALLET)
            else "",
        ),
        categories=present.categories(board, base=base),
        at_risk_rule=present.AT_RISK_RULE,
        callouts=(
            *present.stopped(
                board,
                live_at_brand(tx, brand=membership.brand),
                switches=area_path(membership, "control/switches")
                if allowed(membership.role, Permission.CONTROL_SHARING)
                else "",
            ),
            *quarantine_notices(tx, membership),
        ),
        spend=_spend(tx, membership, card, now),
        tickets_ever=bool(board.by_state),
    )
    return answer(request, view)


def _spend(tx: Tx, membership: Membership, card: BrandCard, now: datetime) -> Spend | None:
    """What today's tickets have committed, against the day's cap where one is set."""
    if card.currency is None or not allowed(membership.role, Permission.VIEW_PRICES):
        return None
    spent = spending(tx, brand=membership.brand, now=now)
    cap = spent.per_day_minor
    return Spend(
        today=Money(amount_minor=spent.day_minor, currency=card.currency),
        cap=None if cap is None else Money(amount_minor=cap, currency=card.currency),
        share=min(1.0, spent.day_minor / cap) if cap else 0.0,
    )
