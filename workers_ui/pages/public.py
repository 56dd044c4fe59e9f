"""Pages that anybody may open: the start page, terms, help, the theme, the development mailbox."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from marketplace.accounts.queries import MailCard, mailbox
from marketplace.kernel.errors import NotFound
from marketplace.kernel.settings import MoneyMode, Settings
from workers_ui.deps import CheckedForm, HasServices, HasTx, MaybeSignedIn
from workers_ui.frames import THEME_COOKIE, frame, home_of, page
from workers_ui.pages import joining, sessions
from workers_ui.pages.answers import PATH_LIMIT, local_path, see
from workers_ui.presenters.frame import Theme
from workers_ui.presenters.public import HelpPage, LandingPage, MailboxMessage, MailboxPage, TermsPage

YEAR_SECONDS = 365 * 24 * 3600
LINK = re.compile(r"https?://[^\s<>\"]+")

router = APIRouter()
router.include_router(sessions.router)
router.include_router(joining.router)


@router.get("/")
def landing(request: Request, tx: HasTx, having: HasServices, principal: MaybeSignedIn) -> HTMLResponse:
    view = LandingPage(
        frame=frame(request, tx),
        home_href=home_of(principal) if principal else "",
        demo_sign_ins=() if principal else sessions.demo_people(having.settings),
    )
    return page(request, view)


@router.get("/terms")
def terms(request: Request, tx: HasTx, _visitor: MaybeSignedIn) -> HTMLResponse:
    return page(request, TermsPage(frame=frame(request, tx)))


@router.get("/help")
def help_page(request: Request, tx: HasTx, _visitor: MaybeSignedIn) -> HTMLResponse:
    return page(request, HelpPage(frame=frame(request, tx)))


@router.post("/theme", dependencies=[CheckedForm])
def choose_theme(
    having: HasServices,
    theme: Annotated[Theme, Form()],
    next_href: Annotated[str, Form(alias="next", max_length=PATH_LIMIT)] = "",
) -> RedirectResponse:
    response = see(local_path(next_href) or "/")
    # Not httponly: the page's script changes it too, without waiting for us.
    response.set_cookie(
        THEME_COOKIE,
        theme.value,
        max_age=YEAR_SECONDS,
        path="/",
        samesite="lax",
        secure=having.settings.secure_cookies,
    )
    return response


@router.get("/dev/mailbox")
def development_mailbox(
    request: Request, tx: HasTx, having: HasServices, _visitor: MaybeSignedIn
) -> HTMLResponse:
    if not _mail_stays_here(having.settings):
        raise NotFound
    view = MailboxPage(frame=frame(request, tx), messages=tuple(_message(letter) for letter in mailbox(tx)))
    return page(request, view)


def _mail_stays_here(settings: Settings) -> bool:
    """The letters hold one-time links, so nobody may read them where real money could be reached."""
    return settings.development and settings.smtp_url is None and settings.money_mode is MoneyMode.TEST


def _message(letter: MailCard) -> MailboxMessage:
    return MailboxMessage(
        to=letter.recipient,
        subject=letter.subject,
        body=letter.body,
        sent_at=letter.created_at,
        links=tuple(LINK.findall(letter.body)),
    )
