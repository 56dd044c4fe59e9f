"""Pages anyone may open: landing, sign-in, sign-up, invite, reset, the development mailbox, errors."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSignIn:
    role: str
    email: str
    password: str
    does: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPage:
    template: ClassVar[str] = "public/landing.html"
    frame: Frame
    home_href: str = ""
    demo_sign_ins: tuple[DemoSignIn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """Fields email, password, next."""

    template: ClassVar[str] = "public/sign_in.html"
    frame: Frame
    form: FormState = EMPTY_FORM
    next_href: str = ""
    demo_sign_ins: tuple[DemoSignIn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpWorkerPage:
    """Fields name, email, password, country, terms."""

    template: ClassVar[str] = "public/sign_up_worker.html"
    frame: Frame
    countries: tuple[Choice, ...]
    form: FormState = EMPTY_FORM
    terms_href: str = "/terms"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptInvitePage:
    """Fields name and password; a person who already has a login confirms with the password alone."""

    template: ClassVar[str] = "public/accept_invite.html"
    frame: Frame
    token: str
    brand_name: str
    email: str
    role_label: str
    expires_at: datetime
    has_login: bool = False
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequestPage:
    """Field email. `sent` shows the same answer whether or not the address has a login."""

    template: ClassVar[str] = "public/reset_request.html"
    frame: Frame
    form: FormState = EMPTY_FORM
    sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetConfirmPage:
    """Field password."""

    template: ClassVar[str] = "public/reset_confirm.html"
    frame: Frame
    token: str
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsPage:
    """What a worker agrees to, in plain words."""

    template: ClassVar[str] = "public/terms.html"
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPage:
    """How it works, for workers, brands and finance."""

    template: ClassVar[str] = "public/help.html"
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxMessage:
    to: str
    subject: str
    body: str
    sent_at: datetime
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPage:
    template: ClassVar[str] = "public/mailbox.html"
    frame: Frame
    messages: tuple[MailboxMessage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """A refusal in plain words. `request_id` helps whoever is asked about a 500."""

    template: ClassVar[str] = "public/error.html"
    frame: Frame
    status: int
    title: str
    detail: str
    next_href: str = "/"
    next_label: str = "Go to the start page"
    request_id: str = ""


ERROR_TITLES = {
    403: "You may not do this",
    404: "Nothing here",
    405: "This address does not take that",
    409: "Someone was faster",
    413: "That is too large",
    422: "Something is missing",
    429: "Too many tries",
    500: "Our fault",
    503: "Back in a moment",
}
ERROR_DETAILS = {
    403: "Your sign-in does not open this page. Sign in as someone who may, or go back.",
    404: "The page is gone, was never there, or belongs to someone else.",
    405: "Go back and use the button on the page.",
    409: "What you acted on changed in the meantime. Nothing of yours was lost.",
    413: "Choose a smaller file and try again.",
    422: "Go back, look at the form, and send it again.",
    429: "Wait a minute, then try again.",
    500: "Something broke on our side. What you sent may not have been saved; look before you send it again.",
    503: "The service is starting or very busy. Try again in a moment.",
}
