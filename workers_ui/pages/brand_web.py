"""A brand's knowledge from the web: naming an address, and having one read again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from knowledge_base import web_pages
from knowledge_base.web_pages import SourceLine
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, TooLarge
from marketplace.kernel.ids import WebSourceId
from marketplace.kernel.safe_fetch import rules_of
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, FormState, Tone
from workers_ui.presenters.web_sources import WebSourceRow, WebSourcesPage

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]

TYPED_LIMIT = 4_000
READING = Badge(label="being read", tone=Tone.INFO)
SITEMAP = Badge(label="sitemap", tone=Tone.NEUTRAL)
PAGE = Badge(label="page", tone=Tone.NEUTRAL)
WAIT = "It is being read just now."


@router.get("/b/{slug}/knowledge/web")
def list_sources(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/knowledge/web", dependencies=[CheckedForm])
def start(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Manages,
    principal: IsSignedIn,
    address: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
) -> Response:
    """Have an address fetched and read in the background; this process asks nobody."""
    try:
        started = web_pages.import_address(
            tx,
            brand=membership.brand,
            address=address,
            author=principal.person,
            now=app_now(tx),
            rules=rules_of(having.settings),
        )
    except (Invalid, TooLarge, Conflict) as error:
        form = refused({"address": address}, error, field="address")
        return answer(request, _page(request, tx, membership, form), status=status_of(error))
    return see(f"{area_path(membership, 'knowledge')}/imports/{started}")


@router.post("/b/{slug}/knowledge/web/{source}/again", dependencies=[CheckedForm])
def again(request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, source: str) -> Response:
    """Read an address again."""
    try:
        started = web_pages.import_again(
            tx,
            brand=membership.brand,
            source=WebSourceId(as_uuid(source)),
            author=principal.person,
            now=app_now(tx),
        )
    except Conflict as error:
        form = FormState(problem=error.detail)
        return answer(request, _page(request, tx, membership, form), status=status_of(error))
    return see(f"{area_path(membership, 'knowledge')}/imports/{started}")


def _page(request: Request, tx: Tx, membership: Membership, form: FormState = EMPTY_FORM) -> WebSourcesPage:
    base = area_path(membership, "knowledge")
    return WebSourcesPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current="web"),
        sources=tuple(_row(line, base) for line in web_pages.sources(tx, brand=membership.brand)),
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        form=form,
    )


def _row(line: SourceLine, base: str) -> WebSourceRow:
    return WebSourceRow(
        address=line.address,
        state=READING if line.is_busy else SITEMAP if line.is_sitemap else PAGE,
        href=f"{base}/imports/{line.last_import}",
        read_at=line.last_at,
        again=Action(
            href=f"{base}/web/{line.id}/again",
            label="Read again",
            allowed=not line.is_busy,
            reason=WAIT if line.is_busy else "",
        ),
    )
