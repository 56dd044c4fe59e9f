"""Signing in and out by page."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from marketplace.accounts.errors import SignInRefused
from marketplace.accounts.sessions import Signed, begin_session, principal_of, sign_in, sign_out
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import PersonId
from marketplace.kernel.rate_limits import TooManyAttempts
from marketplace.kernel.settings import MoneyMode, Settings
from workers_ui.api.people import limit_sign_in
from workers_ui.deps import CheckedForm, HasServices, HasTx, MaybeSignedIn, session_cookie, session_token
from workers_ui.errors import RETRY_SECONDS
from workers_ui.frames import frame, home_of, page
from workers_ui.leaving import leave, told
from workers_ui.pages.answers import PATH_LIMIT, local_path, see
from workers_ui.presenters.public import DemoSignIn, SignInPage
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.seeding import demo_sign_ins
from workers_ui.services import Services

HOUR_SECONDS = 3600
Typed = Annotated[str, Form(max_length=1_000)]

router = APIRouter()


@router.get("/sign-in", response_model=None)
def sign_in_page(
    request: Request,
    tx: HasTx,
    having: HasServices,
    principal: MaybeSignedIn,
    next_href: Annotated[str, Query(alias="next", max_length=PATH_LIMIT)] = "",
) -> HTMLResponse | RedirectResponse:
    if principal is not None:
        return see(local_path(next_href) or home_of(principal))
    return page(request, _sign_in_view(request, tx, having, next_href=local_path(next_href)))


@router.post("/sign-in", dependencies=[CheckedForm], response_model=None)
def begin(
    request: Request,
    tx: HasTx,
    having: HasServices,
    email: Typed = "",
    password: Typed = "",
    next_href: Annotated[str, Form(alias="next", max_length=PATH_LIMIT)] = "",
) -> HTMLResponse | RedirectResponse:
    href = local_path(next_href)

    def refused(sentence: str, status: int) -> HTMLResponse:
        form = FormState(values={"email": email}, problem=sentence)
        return page(request, _sign_in_view(request, tx, having, form=form, next_href=href), status=status)

    try:
        limit_sign_in(request, having, email)
        signed = sign_in(
            tx,
            email=email,
            password=password,
            session_hours=having.settings.session_hours,
            now=app_now(tx),
            replaces=session_token(request),
        )
    except TooManyAttempts as error:
        response = refused(error.detail, 429)
        response.headers["Retry-After"] = RETRY_SECONDS
        return response
    except SignInRefused as error:
        return refused(error.detail, 401)
    principal = principal_of(tx, signed.token, app_now(tx))
    return enter(having.settings, signed, href or (home_of(principal) if principal else "/"))


@router.post("/sign-out", dependencies=[CheckedForm])
def end(request: Request, tx: HasTx, having: HasServices, principal: MaybeSignedIn) -> RedirectResponse:
    token = session_token(request)
    returned = leave(tx, principal, token) if token is not None else 0
    response = see("/", said=told(returned))
    secure = having.settings.secure_cookies
    response.delete_cookie(session_cookie(secure), path="/", secure=secure, httponly=True, samesite="lax")
    return response


def enter_as(
    request: Request, tx: Tx, having: Services, person: PersonId, href: str, *, said: str
) -> RedirectResponse:
    """Begin a session for somebody who has just proved who they are, in place of the browser's last one."""
    replaced = session_token(request)
    if replaced is not None:
        sign_out(tx, replaced)
    hours = having.settings.session_hours
    signed = begin_session(tx, person=person, session_hours=hours, now=app_now(tx))
    return enter(having.settings, signed, href, said=said)


def enter(settings: Settings, signed: Signed, href: str, *, said: str = "") -> RedirectResponse:
    """Go to `href` with the fresh session's cookie."""
    response = see(href, said=said)
    response.set_cookie(
        session_cookie(settings.secure_cookies),
        signed.token,
        max_age=settings.session_hours * HOUR_SECONDS,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return response


def demo_people(settings: Settings) -> tuple[DemoSignIn, ...]:
    """Whom a visitor may try the site as; nobody where money is real."""
    if settings.money_mode is not MoneyMode.TEST:
        return ()
    return tuple(
        DemoSignIn(role=one["role"], email=one["email"], password=one["password"], does=one["does"])
        for one in demo_sign_ins(settings)
    )


def _sign_in_view(
    request: Request, tx: Tx, having: Services, *, form: FormState = EMPTY_FORM, next_href: str
) -> SignInPage:
    return SignInPage(
        frame=frame(request, tx),
        form=form,
        next_href=next_href,
        demo_sign_ins=demo_people(having.settings),
    )
