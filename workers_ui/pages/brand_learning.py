"""What a brand's resolved tickets taught its suggestions, with figures; and one click back."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import HTMLResponse, Response

from guidance.learning import NotHeld, UnfitCaution, release, return_to, set_caution
from guidance.learning_models import TuningCause
from guidance.learning_queries import caution_of, threshold_at, tuning_versions
from guidance.wording import wording_record
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand, services
from workers_ui.frames import page as answer
from workers_ui.pages import brand_learning_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.presenters.learning import LearningPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]

SECTION = "learning"


@router.get("/b/{slug}/knowledge/learning")
def read_learning(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/knowledge/learning/{version}/return", dependencies=[CheckedForm])
def go_back(tx: HasTx, membership: Manages, principal: IsSignedIn, version: Version) -> Response:
    return_to(tx, brand=membership.brand, version=version, author=principal.person, now=app_now(tx))
    return see(_address(membership), said=f"Suggestions use version {version} again.")


@router.post("/b/{slug}/knowledge/learning/release", dependencies=[CheckedForm])
def learn_again(tx: HasTx, membership: Manages, principal: IsSignedIn) -> Response:
    try:
        release(tx, brand=membership.brand, author=principal.person, now=app_now(tx))
    except NotHeld as refusal:
        return see(_address(membership), said=str(refusal))
    return see(_address(membership), said="It learns again from the next look on.")


@router.post("/b/{slug}/knowledge/caution", dependencies=[CheckedForm])
def choose_caution(
    request: Request,
    tx: HasTx,
    membership: Manages,
    principal: IsSignedIn,
    wrong_cost: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    try:
        set_caution(
            tx,
            brand=membership.brand,
            wrong_cost=_number(wrong_cost),
            author=principal.person,
            now=app_now(tx),
        )
    except UnfitCaution as refusal:
        form = FormState(values={"wrong_cost": wrong_cost}, errors={"wrong_cost": str(refusal)})
        view = _page(request, tx, membership, form)
        return answer(request, view, status=422)
    return see(_address(membership), said="Saved. It holds for the next suggestion.")


def _number(typed: str) -> float:
    try:
        return float(typed.strip().replace(",", "."))
    except ValueError as error:
        raise UnfitCaution from error


def _address(membership: Membership) -> str:
    return f"{area_path(membership, 'knowledge')}/{SECTION}"


def _page(request: Request, tx: Tx, membership: Membership, caution: FormState = EMPTY_FORM) -> LearningPage:
    usual = services(request).settings.answer_threshold
    lines = tuning_versions(tx, brand=membership.brand)
    newest = lines[0].row if lines else None
    chosen = caution_of(tx, brand=membership.brand)
    threshold = threshold_at(chosen.wrong_cost) if chosen else usual
    worded = wording_record(
        tx, brand=membership.brand, since=app_now(tx) - timedelta(days=present.WORDED_DAYS)
    )
    return LearningPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current=SECTION),
        lead=present.lead_of(newest),
        figures=present.figure_rows(newest),
        versions=present.version_rows(lines),
        held=newest is not None and newest.cause is TuningCause.RETURNED,
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        wrong_cost=f"{chosen.wrong_cost:g}" if chosen else f"{usual / (1 - usual):g}" if usual < 1 else "",
        threshold=f"{threshold:.0%}",
        caution=caution,
        worded=present.worded(worded),
        last_refusal=worded.last_refusal,
    )
