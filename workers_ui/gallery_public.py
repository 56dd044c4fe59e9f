"""Sample views of the public pages: signing in and up, help, errors."""

# ruff: noqa: S106 -- sample words, no secret among them

from collections.abc import Callable, Mapping

from workers_ui.gallery_samples import BRAND, MakeFrame, ago, ahead
from workers_ui.presenters import public
from workers_ui.presenters.values import (
    Choice,
    FormState,
)
from workers_ui.templating import PageView

DEMO = (
    public.DemoSignIn(
        role="Worker", email="ana@workers.example", password="demo", does="Claims and answers tickets"
    ),
    public.DemoSignIn(
        role="Second worker", email="bo@workers.example", password="demo", does="Races the first one"
    ),
    public.DemoSignIn(
        role="Brand manager",
        email="mira@northwind.example",
        password="demo",
        does="Posts tickets, owns words",
    ),
    public.DemoSignIn(
        role="Finance, submits",
        email="jonas@humancloud.example",
        password="demo",
        does="Makes a payout batch",
    ),
    public.DemoSignIn(
        role="Finance, approves",
        email="ines@humancloud.example",
        password="demo",
        does="Signs it as the second",
    ),
)
COUNTRIES = (
    Choice(value="DE", label="Germany"),
    Choice(value="PT", label="Portugal"),
    Choice(value="US", label="United States"),
)


def landing(frame: MakeFrame) -> PageView:
    return public.LandingPage(frame=frame("/"), demo_sign_ins=DEMO)


def sign_in(frame: MakeFrame) -> PageView:
    return public.SignInPage(frame=frame("/sign-in"), demo_sign_ins=DEMO)


def sign_in_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"email": "ana@workers.example"}, problem="That e-mail and password do not go together."
    )
    return public.SignInPage(frame=frame("/sign-in"), form=form, next_href="/worker/pool")


def sign_up(frame: MakeFrame) -> PageView:
    return public.SignUpWorkerPage(frame=frame("/sign-up"), countries=COUNTRIES)


def sign_up_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"name": "Ana Reyes", "email": "ana@", "country": "PT"},
        errors={
            "email": "This is not an e-mail address.",
            "password": "Use at least 10 characters.",
            "terms": "Without the terms there is no contract, and no pay.",
        },
        problem="Three things are missing.",
    )
    return public.SignUpWorkerPage(frame=frame("/sign-up"), countries=COUNTRIES, form=form)


def invite(frame: MakeFrame) -> PageView:
    return public.AcceptInvitePage(
        frame=frame("/invite/tok"),
        token="tok",
        brand_name=BRAND,
        email="sam@northwind.example",
        role_label="reviewer",
        expires_at=ahead(days=6),
    )


def reset_request(frame: MakeFrame) -> PageView:
    return public.ResetRequestPage(frame=frame("/reset"))


def reset_sent(frame: MakeFrame) -> PageView:
    return public.ResetRequestPage(frame=frame("/reset"), sent=True)


def reset_confirm(frame: MakeFrame) -> PageView:
    return public.ResetConfirmPage(frame=frame("/reset/tok"), token="tok")


def terms(frame: MakeFrame) -> PageView:
    return public.TermsPage(frame=frame("/terms"))


def help_page(frame: MakeFrame) -> PageView:
    return public.HelpPage(frame=frame("/help"))


def mailbox(frame: MakeFrame) -> PageView:
    link = "http://127.0.0.1:8000/reset/4fJq0bX2mZl8Vn5TtYcR7u"
    message = public.MailboxMessage(
        to="ana@workers.example",
        subject="Choose a new password",
        body="Somebody asked for a new password for this address.\n\nIf it was not you, do nothing.",
        sent_at=ago(minutes=3),
        links=(link,),
    )
    return public.MailboxPage(frame=frame("/dev/mailbox"), messages=(message,))


def error(status: int) -> Callable[[MakeFrame], PageView]:
    def build(frame: MakeFrame) -> PageView:
        return public.ErrorPage(
            frame=frame("/nowhere"),
            status=status,
            title=public.ERROR_TITLES[status],
            detail=public.ERROR_DETAILS[status],
            request_id="0198c2d4-77aa-7b10-9d1e-4f7f7a2f6f10" if status == 500 else "",
        )

    return build


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "landing": landing,
    "sign-in": sign_in,
    "sign-in-refused": sign_in_refused,
    "sign-up": sign_up,
    "sign-up-refused": sign_up_refused,
    "invite": invite,
    "reset-request": reset_request,
    "reset-sent": reset_sent,
    "reset-confirm": reset_confirm,
    "terms": terms,
    "help": help_page,
    "mailbox": mailbox,
    "error-404": error(404),
    "error-500": error(500),
}
