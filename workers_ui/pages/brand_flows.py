"""A brand's flows: written as text, checked and tried before they are published, and every version can come back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import Field

from guidance.flow import MAX_ANSWERS, BadAnswer, Flow, flow_reply, walk
from guidance.flow_source import UnfitFlow
from guidance.flows import (
    PublishedFlow,
    all_flows,
    checked_flow,
    find_flow,
    flow_version,
    flow_versions,
    publish_flow,
    restore_flow,
    uses_of_flows,
    withdraw_flow,
)
from guidance.voices import voice_of
from marketplace.accounts.people_queries import names_of
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer_page
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for
from workers_ui.pages.flow_views import walk_view
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.flows import FlowPage, FlowRow, FlowsPage, FlowWalkView
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Tone

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]
Source = Annotated[str, Form(max_length=TYPED_LIMIT)]
Version = Annotated[int, Form(ge=0, le=2**31 - 1)]
Key = Annotated[str, Form(max_length=200)]
Answer = Annotated[str | None, Form(max_length=2_000)]
Answers = Annotated[list[Annotated[str, Field(max_length=2_000)]], Form(max_length=MAX_ANSWERS)]

SECTION = "flows"
SAMPLE_CUSTOMER = "Sam"
EXAMPLE = """key: returns
name: Return an item
about: A customer wants to send something back.
steps:
  reason:
    ask: Why does the customer send it back?
    choices:
      - {label: It arrived broken, next: order}
      - {label: Not wanted, next: delivered}
  delivered:
    ask: When was it delivered?
    type: date            # or text, number, order_id
    branches:
      - {up_to: 30, next: order}    # at most 30 days ago
    next: too_late
  order:
    ask: Which order is it?
    type: order_id
    next: label
  label:
    outcome: answer       # or escalate with a note, or ask_customer
    draft: |
      We have noted the return of order {order}. The label is in your account.
  too_late:
    outcome: escalate
    note: Wants to return an item delivered on {delivered}.
"""


@router.get("/b/{slug}/knowledge/flows")
def list_flows(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    found = all_flows(tx, brand=membership.brand)
    view = FlowsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current=SECTION),
        rows=_rows(tx, membership, found),
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
    )
    return answer_page(request, view)


@router.get("/b/{slug}/knowledge/new-flow")
def new_flow(request: Request, tx: HasTx, membership: Manages) -> HTMLResponse:
    return answer_page(request, _page(request, tx, membership, key="", source=EXAMPLE, based_on=0))


@router.get("/b/{slug}/knowledge/flows/{key}")
def read_flow(
    request: Request,
    tx: HasTx,
    membership: Views,
    key: str,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The version that holds, or an earlier one to be looked at."""
    newest = flow_version(tx, brand=membership.brand, key=key)
    shown = newest if version is None else flow_version(tx, brand=membership.brand, key=key, version=version)
    view = _page(request, tx, membership, key=key, source=shown.source, based_on=newest.version)
    return answer_page(request, view)


@router.post("/b/{slug}/knowledge/flow-trial", dependencies=[CheckedForm])
def try_flow(
    request: Request,
    tx: HasTx,
    membership: Manages,
    source: Source = "",
    key: Key = "",
    based_on: Version = 0,
    answers: Answers = [],  # noqa: B006 - FastAPI copies it
    answer: Answer = None,
    back: Key = "",
    begin: Key = "",
) -> HTMLResponse:
    """The text is checked and walked, and nothing is kept."""
    text = typed_lines(source)
    try:
        flow = checked_flow(tx, brand=membership.brand, source=text)
    except UnfitFlow as refusal:
        view = _page(
            request, tx, membership, key=key, source=text, based_on=based_on, problems=refusal.problems
        )
        return answer_page(request, view, status=422)
    before = () if begin else tuple(answers[:-1] if back else answers)
    walked = _tried(tx, membership, flow, before, None if back or begin else answer)
    view = _page(request, tx, membership, key=key, source=text, based_on=based_on, walk=walked)
    return answer_page(request, view, status=422 if walked.problem else 200)


@router.post("/b/{slug}/knowledge/flows", dependencies=[CheckedForm])
def publish(
    request: Request,
    tx: HasTx,
    membership: Manages,
    principal: IsSignedIn,
    source: Source = "",
    key: Key = "",
    based_on: Version = 0,
) -> Response:
    text = typed_lines(source)
    try:
        published = publish_flow(
            tx,
            brand=membership.brand,
            source=text,
            author=principal.person,
            now=app_now(tx),
            based_on=based_on,
            key=key or None,
        )
    except UnfitFlow as refusal:
        view = _page(
            request, tx, membership, key=key, source=text, based_on=based_on, problems=refusal.problems
        )
        return answer_page(request, view, status=422)
    except (Invalid, Conflict) as refusal:
        form = FormState(problem=refusal.detail)
        view = _page(request, tx, membership, key=key, source=text, based_on=based_on, form=form)
        return answer_page(request, view, status=status_of(refusal))
    said = f"Version {published.version} of “{published.name}” is what workers walk from now on."
    return see(_path(membership, published.key), said=said)


@router.post("/b/{slug}/knowledge/flows/{key}/restoration", dependencies=[CheckedForm])
def restore(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, key: str, version: Version = 0
) -> Response:
    """An earlier text becomes the newest version."""
    try:
        restored = restore_flow(
            tx, brand=membership.brand, key=key, version=version, author=principal.person, now=app_now(tx)
        )
    except UnfitFlow as refusal:
        newest, old = (
            flow_version(tx, brand=membership.brand, key=key, version=one) for one in (None, version)
        )
        view = _page(
            request,
            tx,
            membership,
            key=key,
            source=old.source,
            based_on=newest.version,
            problems=refusal.problems,
        )
        return answer_page(request, view, status=422)
    return see(_path(membership, key), said=f"Its text is back, as version {restored.version}.")


@router.post("/b/{slug}/knowledge/flows/{key}/withdrawal", dependencies=[CheckedForm])
def withdraw(tx: HasTx, membership: Manages, principal: IsSignedIn, key: str) -> Response:
    withdraw_flow(tx, brand=membership.brand, key=key, author=principal.person, now=app_now(tx))
    return see(_path(membership, key), said="Withdrawn. No worker is offered it; its versions stay.")


def _tried(
    tx: Tx, membership: Membership, flow: Flow, answers: tuple[str, ...], answer: str | None
) -> FlowWalkView:
    given, today = (*answers, answer) if answer is not None else answers, app_now(tx).date()
    problem = ""
    try:
        walked = walk(flow, given, today=today)
    except BadAnswer as refusal:
        # Answers of a walk begun before the text was changed may fit it no more.
        problem, given = refusal.detail, answers if answer is not None else ()
        try:
            walked = walk(flow, given, today=today)
        except BadAnswer:
            walked, given = walk(flow, (), today=today), ()
    voice = voice_of(tx, brand=membership.brand).voice
    return walk_view(
        walked,
        key=flow.key,
        name=flow.name,
        version=0,
        answers=given,
        draft=flow_reply(walked, voice, SAMPLE_CUSTOMER),
        typed=answer or "" if problem else "",
        problem=problem,
    )


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    key: str,
    source: str,
    based_on: int,
    problems: tuple[str, ...] = (),
    walk: FlowWalkView | None = None,
    form: FormState = EMPTY_FORM,
) -> FlowPage:
    newest = find_flow(tx, brand=membership.brand, key=key)
    versions = flow_versions(tx, brand=membership.brand, key=key) if newest else []
    return FlowPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current=SECTION),
        key=key if newest else "",
        name=newest.name if newest else "New flow",
        source=source,
        based_on=based_on,
        holds=newest is not None and not newest.withdrawn,
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        versions=_rows(tx, membership, versions),
        problems=problems,
        walk=walk,
        form=form,
    )


def _rows(tx: Tx, membership: Membership, flows: list[PublishedFlow]) -> tuple[FlowRow, ...]:
    names = names_of(tx, [one.author for one in flows if one.author])
    used = uses_of_flows(tx, brand=membership.brand, keys={one.key for one in flows})
    return tuple(
        FlowRow(
            key=one.key,
            name=one.name,
            version=str(one.version),
            state=Badge(label="withdrawn") if one.withdrawn else Badge(label="offered", tone=Tone.GOOD),
            published_at=one.published_at,
            by=names.get(one.author, "") if one.author else "",
            used=used.get((one.key, one.version), 0),
        )
        for one in flows
    )


def _path(membership: Membership, key: str) -> str:
    return f"{area_path(membership, 'knowledge/flows')}/{key}"
