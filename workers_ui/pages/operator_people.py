"""An operator finds people, warns, suspends and reinstates them, and answers appeals."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts import people_queries, suspensions
from marketplace.accounts.models import WorkerStatus
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.accounts.standing_models import AppealOutcome, StandingReason
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotAllowed
from marketplace.kernel.ids import AppealId, PersonId
from workers_ui.deps import CheckedForm, HasServices, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import operator_frame, page
from workers_ui.pages import operator_people_views as views
from workers_ui.pages.answers import see
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.operator import PeoplePage, PersonPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter(prefix="/operator")

Operator = Annotated[Principal, Depends(on_platform(Permission.MANAGE_PEOPLE))]
Typed = Annotated[str, Form(max_length=20_000)]
Short = Annotated[str, Form(max_length=2_000)]

PEOPLE = "/operator/people"
REFUSALS = (Invalid, Conflict, NotAllowed)


@router.get("/people")
def people(
    request: Request,
    tx: HasTx,
    _staff: Operator,
    q: Annotated[str, Query(max_length=people_queries.SEARCH_LIMIT)] = "",
) -> HTMLResponse:
    search = q.replace("\x00", "").strip()
    found = people_queries.find_people(tx, search=search)
    view = PeoplePage(
        frame=operator_frame(request, tx),
        search=search,
        title="Found" if len(search) >= people_queries.SHORTEST_SEARCH else "Suspended now",
        rows=tuple(views.person_row(one) for one in found),
        appeals=tuple(views.appeal_row(one) for one in people_queries.waiting_appeals(tx)),
        full=len(found) == people_queries.FOUND_AT_MOST,
    )
    return page(request, view)


@router.get("/people/{person}")
def show(request: Request, tx: HasTx, staff: Operator, person: str) -> HTMLResponse:
    return page(request, _person_page(request, tx, staff, _id(person)))


@router.post("/people/{person}/warning", dependencies=[CheckedForm])
def warn(
    request: Request,
    tx: HasTx,
    having: HasServices,
    staff: Operator,
    person: str,
    reason: Short = "",
    note: Typed = "",
) -> Response:
    wanted, typed = _id(person), {"reason": reason, "note": note}
    try:
        suspensions.warn_worker(
            tx,
            worker=views.worker_of(people_queries.person_detail(tx, wanted)),
            reason=_reason(reason),
            note=typed_lines(note),
            by=staff.person,
            base_url=having.settings.base_url,
            now=app_now(tx),
        )
    except REFUSALS as error:
        return _refused(request, tx, staff, wanted, error, typed, open_form="warning")
    return see(f"{PEOPLE}/{wanted}", said="The warning is sent.")


@router.post("/people/{person}/suspension", dependencies=[CheckedForm])
def suspend(
    request: Request,
    tx: HasTx,
    having: HasServices,
    staff: Operator,
    person: str,
    reason: Short = "",
    note: Typed = "",
    unwarned_because: Short = "",
) -> Response:
    wanted = _id(person)
    typed = {"reason": reason, "note": note, "unwarned_because": unwarned_because}
    try:
        suspensions.suspend_worker(
            tx,
            worker=views.worker_of(people_queries.person_detail(tx, wanted)),
            reason=_reason(reason),
            note=typed_lines(note),
            unwarned_because=unwarned_because,
            by=staff.person,
            base_url=having.settings.base_url,
            now=app_now(tx),
        )
    except REFUSALS as error:
        return _refused(request, tx, staff, wanted, error, typed, open_form="suspension")
    return see(f"{PEOPLE}/{wanted}", said="Suspended. Running claims went back to the pool.")


@router.post("/people/{person}/reinstatement", dependencies=[CheckedForm])
def reinstate(
    request: Request, tx: HasTx, having: HasServices, staff: Operator, person: str, reason: Short = ""
) -> Response:
    wanted = _id(person)
    try:
        with tx.begin_nested():
            suspensions.reinstate_worker(
                tx,
                worker=views.worker_of(people_queries.person_detail(tx, wanted)),
                reason=reason,
                by=staff.person,
                base_url=having.settings.base_url,
                now=app_now(tx),
            )
    except REFUSALS as error:
        return _refused(request, tx, staff, wanted, error, {"reason": reason})
    return see(f"{PEOPLE}/{wanted}", said="Reinstated. The worker is told by mail.")


@router.post("/people/{person}/sign-in-suspension", dependencies=[CheckedForm])
def suspend_sign_in(
    request: Request, tx: HasTx, staff: Operator, person: str, reason: Short = ""
) -> Response:
    wanted = _id(person)
    try:
        suspensions.suspend_person(tx, person=wanted, reason=reason, by=staff.person, now=app_now(tx))
    except REFUSALS as error:
        return _refused(request, tx, staff, wanted, error, {"reason": reason})
    return see(f"{PEOPLE}/{wanted}", said="The sign-in is suspended, and every session has ended.")


@router.post("/people/{person}/sign-in-reinstatement", dependencies=[CheckedForm])
def reinstate_sign_in(
    request: Request, tx: HasTx, having: HasServices, staff: Operator, person: str, reason: Short = ""
) -> Response:
    wanted = _id(person)
    try:
        suspensions.reinstate_person(
            tx,
            person=wanted,
            reason=reason,
            by=staff.person,
            base_url=having.settings.base_url,
            now=app_now(tx),
        )
    except REFUSALS as error:
        return _refused(request, tx, staff, wanted, error, {"reason": reason})
    return see(f"{PEOPLE}/{wanted}", said="This person may sign in again.")


@router.post("/people/{person}/appeals/{appeal}/decision", dependencies=[CheckedForm])
def decide(
    request: Request,
    tx: HasTx,
    having: HasServices,
    staff: Operator,
    person: str,
    appeal: str,
    outcome: Short = "",
    answer: Typed = "",
) -> Response:
    wanted = _id(person)
    try:
        if outcome not in set(AppealOutcome):
            raise Invalid("Lift the suspension, or uphold it.")
        with tx.begin_nested():
            suspensions.decide_appeal(
                tx,
                appeal=AppealId(as_uuid(appeal)),
                outcome=AppealOutcome(outcome),
                answer=typed_lines(answer),
                by=staff.person,
                base_url=having.settings.base_url,
                now=app_now(tx),
            )
    except REFUSALS as error:
        return _refused(request, tx, staff, wanted, error, {"answer": answer})
    return see(f"{PEOPLE}/{wanted}", said="The appeal is decided, and the worker is told.")


def _id(text: str) -> PersonId:
    return PersonId(as_uuid(text))


def _reason(text: str) -> StandingReason:
    if text not in set(StandingReason):
        raise Invalid("Choose a reason from the list.")
    return StandingReason(text)


def _refused(
    request: Request,
    tx: Tx,
    staff: Principal,
    person: PersonId,
    error: Invalid | Conflict | NotAllowed,
    typed: dict[str, str],
    *,
    open_form: str = "",
) -> HTMLResponse:
    form = FormState(values=typed, problem=error.detail)
    view = _person_page(request, tx, staff, person, form=form, open_form=open_form)
    return page(request, view, status=status_of(error))


def _person_page(
    request: Request,
    tx: Tx,
    staff: Principal,
    person: PersonId,
    *,
    form: FormState = EMPTY_FORM,
    open_form: str = "",
) -> PersonPage:
    detail = people_queries.person_detail(tx, person)
    worker = detail.found.worker
    standing = suspensions.standing_of(tx, worker) if worker else None
    names = people_queries.names_of(tx, views.deciders(standing)) if standing else {}
    barred = False
    if standing and standing.live and standing.live.suspended_by == staff.person:
        barred = suspensions.another_operator_exists(tx, staff.person)
    return PersonPage(
        frame=operator_frame(request, tx),
        person=str(person),
        name=detail.found.name,
        email=detail.found.email,
        state=views.state_of(detail.found),
        facts=views.facts(detail),
        story=views.story(standing, names) if standing else (),
        reasons=views.REASON_CHOICES,
        is_worker=worker is not None,
        is_suspended=detail.found.worker_status is WorkerStatus.RESTRICTED,
        sign_in_suspended=detail.found.suspended_at is not None,
        is_self=person == staff.person,
        warned=bool(standing and suspensions.was_warned(standing, app_now(tx))),
        form=form,
        open_form=open_form,
        appeal=views.appeal_form(standing, person, barred=barred) if standing else None,
        callouts=views.callouts(detail),
    )
