"""The platform's kill switches: what is stopped anywhere, by whom and why; thrown and lifted by operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.people_queries import brand_names, worker_names
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.events.commands import record
from marketplace.events.facts import OperatorActed
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, SwitchId, WorkerId
from marketplace.tickets import switch_queries, switches
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import SwitchLine
from workers_ui.deps import CheckedForm, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import operator_frame, page
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import refused
from workers_ui.pages.operator_stop_form import (
    NothingByThatName,
    brand_choices,
    key_choices,
    typed_stop,
)
from workers_ui.pages.switch_views import TITLES
from workers_ui.presenters.operator import PlatformSwitch, SwitchesPage, SwitchRule
from workers_ui.presenters.values import EMPTY_FORM, Action, Choice, FormState

router = APIRouter(prefix="/operator")

Operator = Annotated[Principal, Depends(on_platform(Permission.THROW_SWITCHES))]
Short = Annotated[str, Form(max_length=2_000)]

SWITCHES = "/operator/switches"
EVERYWHERE = "everywhere"
CHOICES = {SwitchKind.BRAND: "All tickets of a brand"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    brands: dict[BrandId, str]
    workers: dict[str, str]


@router.get("/switches")
def show(request: Request, tx: HasTx, _staff: Operator) -> HTMLResponse:
    return page(request, _switches(request, tx))


@router.post("/switches", dependencies=[CheckedForm])
def throw(
    request: Request,
    tx: HasTx,
    staff: Operator,
    kind: Short = "",
    brand: Short = "",
    key: Short = "",
    reason: Short = "",
) -> Response:
    """Stop it, from the next request on, at one brand or everywhere."""
    try:
        stop = typed_stop(tx, kind=kind, brand=brand.strip(), key=key.strip().replace("\x00", ""))
        switch = switches.throw_on_platform(tx, stop=stop, reason=reason, by=staff.person, now=app_now(tx))
    except (Invalid, Conflict, NotFound) as error:
        typed = {"kind": kind, "brand": brand, "key": key, "reason": reason}
        return _refused(request, tx, error, typed)
    _acted(tx, staff, switch.id, f"stopped: {TITLES[stop.kind].lower()}", switch.reason)
    return see(SWITCHES, said="Stopped. It holds from now on, everywhere.")


@router.post("/switches/{switch}/lift", dependencies=[CheckedForm])
def lift(request: Request, tx: HasTx, staff: Operator, switch: str) -> Response:
    wanted = SwitchId(as_uuid(switch))
    try:
        lifted = switches.lift_on_platform(tx, switch=wanted, by=staff.person, now=app_now(tx))
    except Conflict as error:
        return _refused(request, tx, error, {})
    _acted(tx, staff, wanted, f"lifted: {TITLES[lifted.kind].lower()}", "")
    return see(SWITCHES, said="It runs again.")


def _acted(tx: Tx, staff: Principal, switch: SwitchId, act: str, reason: str) -> None:
    record(tx, OperatorActed(target=switch, act=act, person=staff.person, reason=reason))


def _refused(request: Request, tx: Tx, error: AppError, typed: dict[str, str]) -> HTMLResponse:
    shown = NothingByThatName("", field="key") if isinstance(error, switches.NothingToStop) else error
    view = _switches(request, tx, form=refused(typed, shown, field=_field_of(shown)))
    return page(request, view, status=status_of(shown))


def _field_of(error: AppError) -> str:
    if isinstance(error, NothingByThatName):
        return error.field
    return "reason" if isinstance(error, switches.SwitchReasonNeeded) else ""


def _switches(request: Request, tx: Tx, *, form: FormState = EMPTY_FORM) -> SwitchesPage:
    live, history = switch_queries.live_on_platform(tx), switch_queries.switch_history(tx)
    over = [one for one in history if one.lifted_at is not None]
    names = _names(tx, [*live, *over])
    return SwitchesPage(
        frame=operator_frame(request, tx),
        live=tuple(_switch(one, names, can_lift=True) for one in live),
        history=tuple(_switch(one, names, can_lift=False) for one in over),
        kinds=tuple(Choice(value=kind.value, label=CHOICES.get(kind, TITLES[kind])) for kind in SwitchKind),
        brands=brand_choices(tx),
        keys=key_choices(tx, form.values.get("brand", "").strip()),
        rules=tuple(SwitchRule(title=TITLES[kind], rule=switches.RULES[kind]) for kind in SwitchKind),
        form=form,
    )


def _names(tx: Tx, lines: Sequence[SwitchLine]) -> _Names:
    workers = [
        WorkerId(UUID(one.stop.key)) for one in lines if one.stop.kind is SwitchKind.WORKER and one.stop.key
    ]
    return _Names(
        brands=brand_names(tx, [one.stop.brand for one in lines if one.stop.brand]),
        workers={str(worker): name for worker, name in worker_names(tx, workers).items()},
    )


def _switch(one: SwitchLine, names: _Names, *, can_lift: bool) -> PlatformSwitch:
    key = one.stop.key or ""
    named = names.workers.get(key, key)
    return PlatformSwitch(
        what=f"{TITLES[one.stop.kind]}: {named}" if named else TITLES[one.stop.kind],
        where=names.brands.get(one.stop.brand, "a brand") if one.stop.brand else EVERYWHERE,
        reason=one.reason,
        thrown_by=one.thrown_by,
        thrown_at=one.thrown_at,
        lifted_by=one.lifted_by or "",
        lifted_at=one.lifted_at,
        lift=Action(href=f"{SWITCHES}/{one.id}/lift", label="Let it run again") if can_lift else None,
    )
