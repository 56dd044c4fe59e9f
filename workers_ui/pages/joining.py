"""How people come by page: workers sign up, members accept an invite, whoever forgot sets a new password."""

from functools import cache
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from marketplace.accounts.commands import (
    accept_invite,
    request_password_reset,
    reset_password,
    sign_up_worker,
)
from marketplace.accounts.errors import (
    AlreadyMember,
    BadEmail,
    BadLanguages,
    BadName,
    EmailTaken,
    InviteEnded,
    ResetEnded,
    SignInRefused,
    TermsNotAccepted,
    UnknownCountry,
    WeakPassword,
)
from marketplace.accounts.fields import LANGUAGES_MAX, language_tag
from marketplace.accounts.models import MemberRole, Worker
from marketplace.accounts.payable_countries import Country, Payability, countries, payability
from marketplace.accounts.queries import OpenInvite, brand, find_open_invite, is_reset_open
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError
from workers_ui.api.people import limit_sign_in
from workers_ui.deps import CheckedForm, HasServices, HasTx, MaybeSignedIn
from workers_ui.errors import status_of
from workers_ui.frames import frame, home_of, page
from workers_ui.pages.answers import see
from workers_ui.pages.sessions import Typed, enter_as
from workers_ui.presenters.public import (
    AcceptInvitePage,
    ResetConfirmPage,
    ResetRequestPage,
    SignUpWorkerPage,
)
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState

TOLD_OF_PAYABILITY = {
    Payability.FULL: "",
    Payability.RECIPIENT: " (payouts arrive up to a day later)",
    Payability.NONE: " (no payouts there yet)",
}
CANNOT_BE_PAID = (
    "Welcome. Payouts do not reach your country yet: what you earn stays yours and waits until they do."
)
FIELD_OF: tuple[tuple[type[AppError], str], ...] = (
    (BadName, "name"),
    (BadEmail, "email"),
    (EmailTaken, "email"),
    (WeakPassword, "password"),
    (SignInRefused, "password"),
    (UnknownCountry, "country"),
    (TermsNotAccepted, "terms"),
)

router = APIRouter()


@router.get("/sign-up", response_model=None)
def sign_up_page(request: Request, tx: HasTx, principal: MaybeSignedIn) -> HTMLResponse | RedirectResponse:
    if principal is not None:
        return see(home_of(principal))
    return page(request, SignUpWorkerPage(frame=frame(request, tx), countries=_countries()))


@router.post("/sign-up", dependencies=[CheckedForm], response_model=None)
def sign_up(
    request: Request,
    tx: HasTx,
    having: HasServices,
    name: Typed = "",
    email: Typed = "",
    password: Typed = "",
    country: Typed = "",
    terms: Typed = "",
) -> HTMLResponse | RedirectResponse:
    limit_sign_in(request, having, email)
    try:
        with tx.begin_nested():
            worker = sign_up_worker(
                tx,
                name=name,
                email=email,
                password=password,
                country=country,
                languages=_languages(request),
                accepts_terms=terms == "yes",
                now=app_now(tx),
            )
    except (BadName, BadEmail, EmailTaken, WeakPassword, UnknownCountry, TermsNotAccepted) as refusal:
        typed = {"name": name, "email": email, "country": country, "terms": terms}
        form = _form(refusal, typed)
        view = SignUpWorkerPage(frame=frame(request, tx), countries=_countries(), form=form)
        return page(request, view, status=status_of(refusal))
    person = tx.get_one(Worker, worker).person_id
    unpaid = payability(country.strip().upper()) is Payability.NONE
    said = CANNOT_BE_PAID if unpaid else "Welcome."
    return enter_as(request, tx, having, person, "/worker/pool", said=said)


@router.get("/invite/{token}")
def invite_page(request: Request, tx: HasTx, _visitor: MaybeSignedIn, token: str) -> HTMLResponse:
    return page(request, _invite_view(request, _invite(tx, token), tx, token))


@router.post("/invite/{token}", dependencies=[CheckedForm], response_model=None)
def accept(
    request: Request, tx: HasTx, having: HasServices, token: str, name: Typed = "", password: Typed = ""
) -> HTMLResponse | RedirectResponse:
    invite = _invite(tx, token)
    limit_sign_in(request, having, invite.email)
    try:
        joined = accept_invite(tx, token=token, name=name, password=password, now=app_now(tx))
    except (BadName, WeakPassword, SignInRefused, AlreadyMember) as refusal:
        view = _invite_view(request, invite, tx, token, form=_form(refusal, {"name": name}))
        return page(request, view, status=status_of(refusal))
    first = "wallet" if joined.role is MemberRole.FINANCE else "tickets"
    href = f"/b/{brand(tx, joined.brand).slug}/{first}"
    return enter_as(request, tx, having, joined.person, href, said=f"You joined {invite.brand_name}.")


@router.get("/reset")
def reset_page(
    request: Request,
    tx: HasTx,
    _visitor: MaybeSignedIn,
    sent: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    return page(request, ResetRequestPage(frame=frame(request, tx), sent=bool(sent)))


@router.post("/reset", dependencies=[CheckedForm], response_model=None)
def ask_for_reset(
    request: Request, tx: HasTx, having: HasServices, email: Typed = ""
) -> HTMLResponse | RedirectResponse:
    limit_sign_in(request, having, email)
    settings = having.settings
    try:
        request_password_reset(
            tx,
            email=email,
            base_url=settings.base_url,
            reset_minutes=settings.reset_minutes,
            now=app_now(tx),
        )
    except BadEmail as refusal:
        view = ResetRequestPage(frame=frame(request, tx), form=_form(refusal, {"email": email}))
        return page(request, view, status=status_of(refusal))
    return see("/reset?sent=yes")


@router.get("/reset/{token}")
def new_password_page(request: Request, tx: HasTx, _visitor: MaybeSignedIn, token: str) -> HTMLResponse:
    if not is_reset_open(tx, token, app_now(tx)):
        raise ResetEnded
    return page(request, ResetConfirmPage(frame=frame(request, tx), token=token))


@router.post("/reset/{token}", dependencies=[CheckedForm], response_model=None)
def set_new_password(
    request: Request, tx: HasTx, token: str, password: Typed = ""
) -> HTMLResponse | RedirectResponse:
    try:
        reset_password(tx, token=token, password=password, now=app_now(tx))
    except WeakPassword as refusal:
        view = ResetConfirmPage(frame=frame(request, tx), token=token, form=_form(refusal, {}))
        return page(request, view, status=status_of(refusal))
    return see("/sign-in", said="Your new password is saved. Sign in with it.")


def _form(refusal: AppError, typed: dict[str, str]) -> FormState:
    """What was typed, with the refusal beside its field; beside the whole form where it has none."""
    field = next((name for kind, name in FIELD_OF if isinstance(refusal, kind)), None)
    if field is None:
        return FormState(values=typed, problem=refusal.detail)
    return FormState(values=typed, errors={field: refusal.detail})


def _invite(tx: Tx, token: str) -> OpenInvite:
    invite = find_open_invite(tx, token, app_now(tx))
    if invite is None:
        raise InviteEnded
    return invite


def _invite_view(
    request: Request, invite: OpenInvite, tx: Tx, token: str, *, form: FormState = EMPTY_FORM
) -> AcceptInvitePage:
    return AcceptInvitePage(
        frame=frame(request, tx),
        token=token,
        brand_name=invite.brand_name,
        email=invite.email,
        role_label=invite.role.value,
        expires_at=invite.expires_at,
        has_login=invite.has_login,
        form=form,
    )


@cache
def _countries() -> tuple[Choice, ...]:
    """Every country; whether we can pay there stands beside its name, before anybody signs up."""
    return tuple(Choice(value=one.code, label=_label(one)) for one in countries())


def _label(country: Country) -> str:
    return f"{country.name}{TOLD_OF_PAYABILITY[country.payability]}"


def _languages(request: Request) -> list[str]:
    """What the browser says its person reads, English where it says nothing we know."""
    asked = request.headers.get("accept-language", "")[:200].split(",")
    tags = dict.fromkeys(tag for part in asked if (tag := _tag(part.partition(";")[0])))
    return list(tags)[:LANGUAGES_MAX] or ["en"]


def _tag(text: str) -> str:
    try:
        return language_tag(text)
    except BadLanguages:
        return ""
