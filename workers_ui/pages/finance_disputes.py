"""What waits for a person of the platform: appeals, held pay, and brands frozen from rejecting."""

from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from billing import appeals, holds, rejections
from billing.judgement_models import AppealEnd, Judge
from billing.judgement_queries import frozen_brands, waiting_appeals, waiting_holds
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from marketplace.kernel.ids import BrandId, EarningId, RejectionAppealId
from workers_ui.deps import CheckedForm, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import finance_frame, page
from workers_ui.pages import judgement_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_pay import Word, Words, typed_reason, typed_reply
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.judgements import DisputesPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_EARNINGS))]
Decider = Annotated[Principal, Depends(on_platform(Permission.APPROVE_EARNINGS))]
DISPUTES = "/finance/disputes"

log = structlog.get_logger()
router = APIRouter(prefix="/finance")


@router.get("/disputes")
def disputes(request: Request, tx: HasTx, staff: Viewer) -> HTMLResponse:
    return page(request, _page(request, tx, staff))


@router.post("/disputes/appeals/{appeal}/{end}", dependencies=[CheckedForm])
def decide(
    request: Request, tx: HasTx, staff: Decider, appeal: str, end: str, answer: Words = ""
) -> Response:
    if end not in set(AppealEnd):
        raise NotFound

    def act() -> object:
        return appeals.decide_appeal(
            tx,
            appeal_id=RejectionAppealId(as_uuid(appeal)),
            end=AppealEnd(end),
            answer=typed_lines(answer),
            person=staff.person,
            now=app_now(tx),
        )

    said = "The pay is restored." if end == AppealEnd.REVERSED else "The rejection stands."
    return _answered(request, tx, staff, act, typed={"answer": typed_lines(answer)}, said=said)


@router.post("/disputes/freezes/{brand}/lifting", dependencies=[CheckedForm])
def lift(request: Request, tx: HasTx, staff: Decider, brand: str, lift_reason: Words = "") -> Response:
    def act() -> object:
        return appeals.lift_freeze(
            tx,
            brand=BrandId(as_uuid(brand)),
            reason=typed_lines(lift_reason),
            person=staff.person,
            now=app_now(tx),
        )

    typed = {"lift_reason": typed_lines(lift_reason)}
    return _answered(request, tx, staff, act, typed=typed, said="The brand may reject again.")


@router.post("/disputes/{brand}/{earning}/release", dependencies=[CheckedForm])
def release(request: Request, tx: HasTx, staff: Decider, brand: str, earning: str) -> Response:
    def act() -> object:
        return holds.release_hold(
            tx,
            brand=BrandId(as_uuid(brand)),
            earning=EarningId(as_uuid(earning)),
            person=staff.person,
            is_brand=False,
            now=app_now(tx),
        )

    return _answered(request, tx, staff, act, said="Released: the pay goes its way.")


@router.post("/disputes/{brand}/{earning}/rejection", dependencies=[CheckedForm])
def reject(
    request: Request,
    tx: HasTx,
    staff: Decider,
    brand: str,
    earning: str,
    pay_reason: Word = "",
    pay_reply: Word = "",
    pay_note: Words = "",
) -> Response:
    typed = {"pay_reason": pay_reason, "pay_reply": pay_reply, "pay_note": typed_lines(pay_note)}

    def act() -> object:
        return rejections.reject(
            tx,
            brand=BrandId(as_uuid(brand)),
            earning=EarningId(as_uuid(earning)),
            reply=typed_reply(pay_reply),
            reason=typed_reason(pay_reason),
            note=typed["pay_note"],
            judge=Judge.PLATFORM,
            person=staff.person,
            now=app_now(tx),
        )

    return _answered(request, tx, staff, act, typed=typed, said="Rejected. It counts in a minute.")


def _answered(
    request: Request,
    tx: Tx,
    staff: Principal,
    act: Callable[[], object],
    *,
    said: str,
    typed: dict[str, str] | None = None,
) -> Response:
    try:
        with tx.begin_nested():
            act()
    except (Invalid, Conflict, NotAllowed) as error:
        form = FormState(values=typed or {}, problem=error.detail)
        return page(request, _page(request, tx, staff, form=form), status=status_of(error))
    log.info("judgement", act=request.url.path, person=str(staff.person))
    return see(DISPUTES, said=said)


def _page(request: Request, tx: Tx, staff: Principal, *, form: FormState = EMPTY_FORM) -> DisputesPage:
    return DisputesPage(
        frame=finance_frame(request, tx),
        appeals=tuple(present.appeal_case(one, person=staff.person) for one in waiting_appeals(tx)),
        holds=tuple(present.hold_case(one) for one in waiting_holds(tx)),
        frozen=tuple(present.frozen_brand(freeze, name) for freeze, name in frozen_brands(tx)),
        reasons=present.CHOICES,
        form=form,
    )
