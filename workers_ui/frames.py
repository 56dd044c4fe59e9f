"""The frame round a page, and the answer that carries the page: who is here, where they may go, in what look."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import HTMLResponse

from marketplace.accounts.models import WorkerStatus
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership, Principal
from marketplace.accounts.suspensions import STANDING_PATH
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.tickets.pool_choices import WorkerInPool, worker_in_pool
from workers_ui.live_address import live_url
from workers_ui.presenters.frame import (
    Frame,
    NavLink,
    Person,
    Theme,
    brand_nav,
    finance_nav,
    operator_nav,
    worker_nav,
)
from workers_ui.presenters.public import ErrorPage
from workers_ui.presenters.values import Notice, Tone
from workers_ui.templating import PageView, Templates

FORM_COOKIE = "hc_form"
SAID_COOKIE = "hc_said"
THEME_COOKIE = "theme"
NOTICE_LIMIT = 300


def frame(
    request: Request, tx: Tx | None, *, area: str = "", nav: tuple[NavLink, ...] = (), live: bool = False
) -> Frame:
    """The frame for this request; `tx` gives the time where one is open."""
    settings = request.app.state.services.settings
    principal: Principal | None = getattr(request.state, "principal", None)
    return Frame(
        path=request.url.path,
        csrf_token=principal.csrf_token if principal else _form_token(request),
        now=app_now(tx) if tx is not None else datetime.now(UTC),
        money_mode=settings.money_mode.value,
        theme=_theme(request),
        locale=principal.locale if principal else "en",
        time_zone=principal.time_zone if principal else "UTC",
        person=_person(principal) if principal else None,
        area=area,
        nav=nav,
        live_url=live_url(principal) if live and principal else "",
        notices=_notices(request),
    )


def worker_frame(request: Request, tx: Tx, worker: WorkerInPool | None = None) -> Frame:
    """`worker` comes from those who have read him already."""
    principal: Principal = request.state.principal
    assert principal.worker is not None  # this frame is asked for by workers' pages alone
    here = worker or worker_in_pool(tx, principal.worker)
    around = frame(request, tx, area="Work", nav=worker_nav(waiting=here.waiting, mine=here.holds), live=True)
    if around.path == STANDING_PATH:
        return around  # asked for by its own script, what nobody has seen would count as read
    return replace(around, banner=_standing_banner(principal), has_banner=True)


def brand_frame(request: Request, tx: Tx, *, slug: str, name: str) -> Frame:
    return frame(request, tx, area=name, nav=brand_nav(slug), live=True)


def operator_frame(request: Request, tx: Tx) -> Frame:
    return frame(request, tx, area="Operations", nav=operator_nav())


def _standing_banner(principal: Principal) -> Notice | None:
    """What a worker must not miss, wherever he looks."""
    if principal.worker_status is WorkerStatus.RESTRICTED:
        text = "Your work here is suspended. What you have earned stays yours."
        return Notice(text=text, tone=Tone.BAD, href=STANDING_PATH, link_label="Read why, and appeal")
    if principal.warned_at is not None:
        return Notice(text="You have a warning.", tone=Tone.WARN, href=STANDING_PATH, link_label="Read it")
    return None


def finance_frame(request: Request, tx: Tx) -> Frame:
    return frame(request, tx, area="Finance", nav=finance_nav(), live=True)


def page(request: Request, view: PageView, *, status: int = 200) -> HTMLResponse:
    """The whole page; it gives a visitor without a session the token that forms need."""
    templates: Templates = request.app.state.services.templates
    response = HTMLResponse(templates.page(view), status)
    token = getattr(request.state, "new_form_token", None)
    if token:
        response.set_cookie(FORM_COOKIE, token, httponly=True, samesite="lax", path="/")
    if SAID_COOKIE in request.cookies:
        response.delete_cookie(SAID_COOKIE, path="/", httponly=True, samesite="lax")  # said once
    return response


def error_page(request: Request, status: int, detail: str) -> str:
    templates: Templates = request.app.state.services.templates
    return templates.page(
        ErrorPage(
            frame=frame(request, None),
            status=status,
            title=ERROR_TITLES.get(status, "That did not work"),
            detail=detail,
            request_id=getattr(request.state, "request_id", ""),
        )
    )


ERROR_TITLES = {
    401: "Sign in first",
    403: "Not yours to do",
    404: "Nothing here",
    409: "Something has changed",
    413: "Too large",
    422: "That could not be read",
    429: "Too many attempts",
    500: "Our mistake",
    503: "Back in a moment",
}


def _person(principal: Principal) -> Person:
    return Person(
        name=principal.name,
        email=principal.email,
        places=_places(principal),
        settings_href="/worker/settings" if principal.worker is not None else "",
    )


def _places(principal: Principal) -> tuple[NavLink, ...]:
    places = [NavLink(href=brand_home(one), label=one.name, icon="book-open") for one in principal.brands]
    if principal.worker is not None:
        places.append(NavLink(href="/worker/pool", label="Pool", icon="inbox"))
    if principal.may_on_platform(Permission.VIEW_EARNINGS):
        places.append(NavLink(href="/finance/earnings", label="Finance", icon="receipt"))
    if principal.may_on_platform(Permission.VIEW_OPERATIONS):
        places.append(NavLink(href="/operator/health", label="Operations", icon="shield-check"))
    return tuple(places) if len(places) > 1 else ()


def home_of(principal: Principal) -> str:
    """Where a person lands after signing in."""
    if principal.worker is not None:
        return "/worker/pool"
    if principal.may_on_platform(Permission.VIEW_EARNINGS):
        return "/finance/earnings"
    if principal.may_on_platform(Permission.VIEW_OPERATIONS):
        return "/operator/health"
    return brand_home(principal.brands[0]) if principal.brands else "/"


def brand_home(membership: Membership) -> str:
    """A member's first page at a brand: a brand's finance role sees money, not tickets."""
    page = "board" if allowed(membership.role, Permission.VIEW_TICKETS) else "wallet"
    return f"/b/{membership.slug}/{page}"


def _form_token(request: Request) -> str:
    known = request.cookies.get(FORM_COOKIE)
    if known:
        return known
    request.state.new_form_token = getattr(request.state, "new_form_token", None) or secrets.token_urlsafe(32)
    return str(request.state.new_form_token)


def _theme(request: Request) -> Theme:
    wanted = request.cookies.get(THEME_COOKIE, "")
    return Theme(wanted) if wanted in set(Theme) else Theme.AUTO


def _notices(request: Request) -> tuple[Notice, ...]:
    """A sentence handed over a redirect (`pages.answers.see`); text only, escaped like any other."""
    said = unquote(request.cookies.get(SAID_COOKIE, ""))[:NOTICE_LIMIT]
    return (Notice(text=said),) if said else ()
