"""An operator approves brands, or refuses them with a reason."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.approval import approve_brand, refuse_brand
from marketplace.accounts.people_queries import BrandLine, brand_lines
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId
from workers_ui.deps import CheckedForm, HasServices, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import operator_frame, page
from workers_ui.pages.answers import see
from workers_ui.presenters.operator import BrandRow, BrandsPage
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, FormState, Tone

router = APIRouter(prefix="/operator")

Operator = Annotated[Principal, Depends(on_platform(Permission.MANAGE_BRANDS))]

BRANDS = "/operator/brands"
APPROVED = Badge(label="approved", tone=Tone.GOOD)
WAITS = Badge(label="waits for approval", tone=Tone.WARN)
REFUSED = Badge(label="refused", tone=Tone.BAD)


@router.get("/brands")
def brands(request: Request, tx: HasTx, _staff: Operator) -> HTMLResponse:
    return page(request, _brands(request, tx))


@router.post("/brands/{brand}/approval", dependencies=[CheckedForm])
def approve(request: Request, tx: HasTx, having: HasServices, staff: Operator, brand: str) -> Response:
    try:
        approve_brand(
            tx,
            brand=BrandId(as_uuid(brand)),
            by=staff.person,
            base_url=having.settings.base_url,
            now=app_now(tx),
        )
    except Conflict as error:
        return _refusal(request, tx, error)
    return see(BRANDS, said="Approved. Its waiting tickets are screened now.")


@router.post("/brands/{brand}/refusal", dependencies=[CheckedForm])
def refuse(
    request: Request,
    tx: HasTx,
    staff: Operator,
    brand: str,
    reason: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    try:
        refuse_brand(tx, brand=BrandId(as_uuid(brand)), reason=reason, by=staff.person, now=app_now(tx))
    except (Conflict, Invalid) as error:
        return _refusal(request, tx, error)
    return see(BRANDS, said="Refused. Its owners are told why.")


def _refusal(request: Request, tx: Tx, error: Conflict | Invalid) -> HTMLResponse:
    view = _brands(request, tx, form=FormState(problem=error.detail))
    return page(request, view, status=status_of(error))


def _brands(request: Request, tx: Tx, *, form: FormState = EMPTY_FORM) -> BrandsPage:
    return BrandsPage(
        frame=operator_frame(request, tx), rows=tuple(_row(line) for line in brand_lines(tx)), form=form
    )


def _row(line: BrandLine) -> BrandRow:
    waits = line.approved_at is None and line.refused_at is None
    return BrandRow(
        name=line.name,
        slug=line.slug,
        state=APPROVED if line.approved_at else WAITS if waits else REFUSED,
        tickets=line.tickets,
        members=line.members,
        created_at=line.created_at,
        reason=line.refused_for,
        approve=None if line.approved_at else Action(href=f"{BRANDS}/{line.id}/approval", label="Approve"),
        refuse_href=f"{BRANDS}/{line.id}/refusal" if waits else "",
    )
