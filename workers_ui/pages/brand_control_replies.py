"""The control area's Replies tab: silence and grace by channel, queues for escalations, probation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, NotFound
from marketplace.tickets import escalation_queries, escalation_queues, follow_ups, probation
from marketplace.tickets.models import Channel
from marketplace.tickets.reply_models import AfterLimit
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_control_replies_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.replies import RepliesControlPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

Controls = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]
Line = Annotated[str, Form(max_length=400)]
LONGEST_NUMBER = 7
BASIS_POINTS_A_PERCENT = 100


class NoNumber(Invalid):
    """Type a whole number."""


class NoSuchChoice(Invalid):
    """Choose what becomes of a reply that nobody reviewed in time."""


@router.get("/b/{slug}/control/replies")
def show(request: Request, tx: HasTx, membership: Controls) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/control/replies/follow-ups/{channel}", dependencies=[CheckedForm])
def set_follow_up(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    channel: str,
    silence_minutes: Line = "",
    grace_minutes: Line = "",
) -> Response:
    if channel not in set(Channel):
        raise NotFound
    try:
        follow_ups.set_follow_up(
            tx,
            brand=membership.brand,
            channel=Channel(channel),
            silence_minutes=_number(silence_minutes),
            grace_minutes=_number(grace_minutes),
            by=principal.person,
        )
    except Invalid as error:
        typed = {"silence_minutes": silence_minutes, "grace_minutes": grace_minutes}
        return _again(request, tx, membership, error, channel, typed)
    return _done(membership, "Saved. It holds for answers and messages from now on.")


@router.post("/b/{slug}/control/replies/queues", dependencies=[CheckedForm])
def add_queue(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    name: Line = "",
    decide_minutes: Line = "",
    notify_email: Line = "",
) -> Response:
    try:
        escalation_queues.add_queue(
            tx,
            brand=membership.brand,
            name=name,
            decide_minutes=_number(decide_minutes),
            notify_email=notify_email.strip() or None,
            by=principal.person,
        )
    except (Invalid, Conflict) as error:
        typed = {"name": name, "decide_minutes": decide_minutes, "notify_email": notify_email}
        return _again(request, tx, membership, error, present.NEW_QUEUE, typed)
    return _done(membership, "The queue is there. Workers can choose it from now on.")


@router.post("/b/{slug}/control/replies/queues/{key}", dependencies=[CheckedForm])
def change_queue(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    key: str,
    name: Line = "",
    decide_minutes: Line = "",
    notify_email: Line = "",
) -> Response:
    try:
        escalation_queues.change_queue(
            tx,
            brand=membership.brand,
            key=key,
            name=name,
            decide_minutes=_number(decide_minutes),
            notify_email=notify_email.strip() or None,
            by=principal.person,
        )
    except Invalid as error:
        typed = {"name": name, "decide_minutes": decide_minutes, "notify_email": notify_email}
        return _again(request, tx, membership, error, present.queue_form(key), typed)
    return _done(membership, "Saved. What waits in the queue keeps its time.")


@router.post("/b/{slug}/control/replies/queues/{key}/preselection", dependencies=[CheckedForm])
def preselect_queue(tx: HasTx, membership: Controls, principal: IsSignedIn, key: str) -> Response:
    escalation_queues.preselect_queue(tx, brand=membership.brand, key=key, by=principal.person)
    return _done(membership, "Workers find this queue chosen from now on.")


@router.post("/b/{slug}/control/replies/queues/{key}/retirement", dependencies=[CheckedForm])
def retire_queue(
    request: Request, tx: HasTx, membership: Controls, principal: IsSignedIn, key: str
) -> Response:
    try:
        escalation_queues.retire_queue(
            tx, brand=membership.brand, key=key, by=principal.person, now=app_now(tx)
        )
    except Conflict as error:
        return _again(request, tx, membership, error, present.queue_form(key), {})
    return _done(membership, "Retired. What waits in it can still be decided.")


@router.post("/b/{slug}/control/replies/probation", dependencies=[CheckedForm])
def set_probation(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    replies: Line = "",
    limit_minutes: Line = "",
    after_limit: Line = "",
    accuracy_percent: Line = "",
) -> Response:
    try:
        if after_limit not in set(AfterLimit):
            raise NoSuchChoice
        probation.set_probation(
            tx,
            brand=membership.brand,
            replies=_number(replies),
            limit_minutes=_number(limit_minutes),
            after_limit=AfterLimit(after_limit),
            accuracy_basis_points=_number(accuracy_percent) * BASIS_POINTS_A_PERCENT,
            by=principal.person,
        )
    except Invalid as error:
        typed = {
            "replies": replies,
            "limit_minutes": limit_minutes,
            "after_limit": after_limit,
            "accuracy_percent": accuracy_percent,
        }
        return _again(request, tx, membership, error, present.PROBATION, typed)
    wanted = _number(replies)
    said = (
        f"Each worker’s first {wanted} of your replies wait for you from now on."
        if wanted
        else "Replies leave without approval from now on."
    )
    return _done(membership, said)


def _done(membership: Membership, said: str) -> Response:
    return see(area_path(membership, "control/replies"), said=said)


def _again(
    request: Request, tx: Tx, membership: Membership, error: AppError, form: str, typed: dict[str, str]
) -> HTMLResponse:
    """The page once more, the refusal at the form it is about."""
    view = _page(request, tx, membership, forms={form: refused(typed, error)})
    return answer(request, view, status=status_of(error))


def _page(
    request: Request, tx: Tx, membership: Membership, *, forms: dict[str, FormState] | None = None
) -> RepliesControlPage:
    typed = forms or {}
    brand = membership.brand
    rule = probation.probation_of(tx, brand=brand)
    return RepliesControlPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, "replies"),
        channels=present.channel_rules(follow_ups.follow_ups_of(tx, brand=brand), typed),
        queues=tuple(
            present.queue_row(queue, waiting, typed)
            for queue, waiting in escalation_queries.waiting_by_queue(tx, brand=brand)
            if queue.retired_at is None
        ),
        after_limits=present.AFTER_LIMITS,
        probation_form=typed.get(present.PROBATION) or present.probation_form(rule),
        new_queue_form=typed.get(present.NEW_QUEUE, EMPTY_FORM),
        standings=tuple(
            present.standing(one, name, rule) for one, name in probation.standings_of(tx, brand=brand)
        ),
    )


def _number(text: str) -> int:
    digits = text.strip()
    if not digits.isascii() or not digits.isdecimal() or len(digits) > LONGEST_NUMBER:
        raise NoNumber
    return int(digits)
