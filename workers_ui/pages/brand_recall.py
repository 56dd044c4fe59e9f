"""A brand takes one ticket back, or withdraws it, from the ticket's own page."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership, Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import TicketId
from marketplace.tickets import recalls
from marketplace.tickets.recall_models import Recall
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import recall_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, refused
from workers_ui.pages.brand_ticket import ticket_page

router = APIRouter()

Answers = Annotated[Membership, Depends(at_brand(Permission.ANSWER_AS_BRAND))]
Reason = Annotated[str, Form(max_length=TYPED_LIMIT)]


@router.post("/b/{slug}/tickets/{ticket}/take-back", dependencies=[CheckedForm])
def take_back(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    ticket: str,
    reason: Reason = "",
) -> Response:
    """The brand answers this one itself."""
    act = recalls.take_back
    return _recalled(
        request, tx, membership, principal, ticket, act=act, field=present.TAKE_BACK_FIELD, reason=reason
    )


@router.post("/b/{slug}/tickets/{ticket}/withdrawal", dependencies=[CheckedForm])
def withdraw(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    ticket: str,
    reason: Reason = "",
) -> Response:
    """Nobody answers this one any more."""
    act = recalls.withdraw
    return _recalled(
        request, tx, membership, principal, ticket, act=act, field=present.WITHDRAWAL_FIELD, reason=reason
    )


def _recalled(
    request: Request,
    tx: Tx,
    membership: Membership,
    principal: Principal,
    ticket: str,
    *,
    act: Callable[..., Recall],
    field: str,
    reason: str,
) -> Response:
    found = TicketId(as_uuid(ticket))
    try:
        recall = act(
            tx, brand=membership.brand, ticket=found, reason=reason, by=principal.name, now=app_now(tx)
        )
    except (Invalid, Conflict) as error:
        form = refused({field: reason}, error, field=field if isinstance(error, Invalid) else "")
        view = ticket_page(request, tx, membership, found, form=form)
        return answer(request, view, status=status_of(error))
    return see(f"{area_path(membership, 'tickets')}/{found}", said=present.said(recall))
