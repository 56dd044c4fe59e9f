"""Crawl, walk, run: where the brand's share stands, what its gates count, and the settings behind them."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.tickets import stages
from marketplace.tickets.gates import Policy
from marketplace.tickets.quality_inputs import TicketRecords
from marketplace.tickets.stage_queries import DEEPEST_PAGE, PAGE_ROWS, moves_of, view_of
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_stages_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for, pager, refused
from workers_ui.pages.percents import typed_number, typed_percents, typed_share
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.stages import StagesPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

Controls = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]
Typed = Annotated[str, Form(max_length=200)]
Reason = Annotated[str, Form(max_length=TYPED_LIMIT)]

INPUTS = TicketRecords()
Parsed = TypeVar("Parsed")


class UnreadableField(Invalid):
    """A field that cannot be read; it says what its reader said."""

    def __init__(self, field: str, error: Invalid) -> None:
        super().__init__(error.detail)
        self.field = field


@router.get("/b/{slug}/control/stages")
def read_stages(
    request: Request,
    tx: HasTx,
    membership: Controls,
    page: Annotated[int, Query(ge=1, le=DEEPEST_PAGE)] = 1,
) -> HTMLResponse:
    return answer(request, _stages_page(request, tx, membership, page=page))


@router.post("/b/{slug}/control/stages/activation", dependencies=[CheckedForm])
def switch_on(tx: HasTx, membership: Controls, principal: IsSignedIn) -> Response:
    """The share starts on the first stage."""
    stages.enable(tx, brand=membership.brand, person=principal.person, now=app_now(tx))
    percent = stages.stage_percent(tx, membership.brand)
    return see(_path(membership), said=f"The gates are on. {percent} % of your tickets may enter the pool.")


@router.post("/b/{slug}/control/stages/deactivation", dependencies=[CheckedForm])
def switch_off(
    request: Request, tx: HasTx, membership: Controls, principal: IsSignedIn, reason: Reason = ""
) -> Response:
    """The whole dial counts again."""
    try:
        stages.disable(
            tx,
            brand=membership.brand,
            person=principal.person,
            reason=reason.replace("\0", ""),
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        form = refused({"reason": reason}, error, field="reason" if isinstance(error, Invalid) else "")
        return answer(request, _stages_page(request, tx, membership, off_form=form), status=status_of(error))
    return see(_path(membership), said="The gates are off. Every ticket that passes your dial may enter.")


@router.post("/b/{slug}/control/stages/moves", dependencies=[CheckedForm])
def move_by_hand(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    to_stage: Typed = "",
    reason: Reason = "",
) -> Response:
    """Whatever the gates say; the reason stands in the log."""
    typed = {"to_stage": to_stage, "reason": reason}
    try:
        stages.move_by_hand(
            tx,
            INPUTS,
            brand=membership.brand,
            to_stage=typed_number(to_stage),
            reason=reason.replace("\0", ""),
            person=principal.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        form = refused(typed, error, field="reason" if isinstance(error, stages.ReasonNeeded) else "")
        return answer(request, _stages_page(request, tx, membership, move_form=form), status=status_of(error))
    percent = stages.stage_percent(tx, membership.brand)
    return see(_path(membership), said=f"{percent} % of your tickets may enter the pool from now on.")


@router.post("/b/{slug}/control/stages/settings", dependencies=[CheckedForm])
def save_settings(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    percents: Typed = "",
    window_days: Typed = "",
    stage_days: Typed = "",
    minimum: Typed = "",
    fcr: Typed = "",
    csat: Typed = "",
    accuracy: Typed = "",
    margin: Typed = "",
) -> Response:
    """What the gates measure by. Where it changes the share in force, that holds at once."""
    typed = {
        "percents": percents,
        "window_days": window_days,
        "stage_days": stage_days,
        "minimum": minimum,
        "fcr": fcr,
        "csat": csat,
        "accuracy": accuracy,
        "margin": margin,
    }
    try:
        policy = _policy(typed)
    except Invalid as error:
        form = refused(typed, error, field=error.field if isinstance(error, UnreadableField) else "")
        return answer(request, _stages_page(request, tx, membership, settings=form), status=status_of(error))
    stages.save_policy(tx, brand=membership.brand, policy=policy, person=principal.person, now=app_now(tx))
    return see(_path(membership), said="The settings are saved.")


def _policy(typed: dict[str, str]) -> Policy:
    """Raises UnreadableField, and BadPolicy for what can be read and makes no sense."""
    return Policy(
        percents=_read(typed, "percents", typed_percents),
        window_days=_read(typed, "window_days", typed_number),
        stage_days=_read(typed, "stage_days", typed_number),
        minimum=_read(typed, "minimum", typed_number),
        fcr_basis_points=_read(typed, "fcr", typed_share),
        csat_basis_points=_read(typed, "csat", typed_share),
        accuracy_basis_points=_read(typed, "accuracy", typed_share),
        breach_margin_basis_points=_read(typed, "margin", typed_share),
    )


def _read(typed: dict[str, str], field: str, parse: Callable[[str], Parsed]) -> Parsed:
    try:
        return parse(typed[field])
    except Invalid as error:
        raise UnreadableField(field, error) from error


def _stages_page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    page: int = 1,
    settings: FormState | None = None,
    move_form: FormState = EMPTY_FORM,
    off_form: FormState = EMPTY_FORM,
) -> StagesPage:
    now = app_now(tx)
    seen = view_of(tx, INPUTS, brand=membership.brand, now=now)
    moved = moves_of(tx, brand=membership.brand, page=page)
    return StagesPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, "stages"),
        enabled=seen.standing is not None,
        percent=present.percent_in_force(seen),
        steps=present.steps(seen),
        verdict=present.verdict(seen, now),
        gates=present.gate_cards(seen),
        moves=present.move_rows(moved.moves),
        other_stages=present.other_stages(seen),
        settings=settings or present.settings_form(seen.policy),
        move_form=move_form,
        off_form=off_form,
        since=seen.standing.since if seen.standing else None,
        counted_since=seen.counted_since,
        earliest_advance=present.earliest_advance(seen),
        pager=pager(
            f"{_path(membership)}?page=",
            page=page,
            has_more=moved.has_more,
            first=(page - 1) * PAGE_ROWS + 1,
            shown=len(moved.moves),
        ),
    )


def _path(membership: Membership) -> str:
    return area_path(membership, "control/stages")
