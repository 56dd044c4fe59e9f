"""Where an owner erases all of the brand's knowledge."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from knowledge_base import erasure, queries
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for, refused
from workers_ui.presenters.erasure import ErasurePage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

# Who may invite and remove people: the owner alone.
Owns = Annotated[Membership, Depends(at_brand(Permission.MANAGE_TEAM))]


@router.get("/b/{slug}/knowledge/erasure")
def show_erasure(request: Request, tx: HasTx, membership: Owns) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/knowledge/erasure", dependencies=[CheckedForm])
def ask_erasure(
    request: Request,
    tx: HasTx,
    membership: Owns,
    principal: IsSignedIn,
    confirmation: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
) -> Response:
    """Erase everything: no search finds it from this answer on, the background deletes it."""
    try:
        erasure.ask_erasure(
            tx,
            brand=membership.brand,
            confirmation=confirmation,
            by=principal.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        form = refused({"confirmation": confirmation}, error, field="confirmation")
        return answer(request, _page(request, tx, membership, form), status=status_of(error))
    return see(f"{area_path(membership, 'knowledge')}/erasure", said="The knowledge is being erased.")


def _page(request: Request, tx: Tx, membership: Membership, form: FormState = EMPTY_FORM) -> ErasurePage:
    last = erasure.newest_erasure(tx, brand=membership.brand)
    return ErasurePage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        articles=queries.holdings(tx, brand=membership.brand).articles,
        asked_at=last.asked_at if last else None,
        finished_at=last.finished_at if last else None,
        rows=last.rows if last else 0,
        form=form,
    )
