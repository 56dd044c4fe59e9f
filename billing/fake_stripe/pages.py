"""The hosted pages people click through: onboarding and checkout, plain and marked as a test."""

import base64
import hashlib
from html import escape

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from marketplace.kernel.money import exponent

from . import accounts, checkout
from .errors import StripeRefusal
from .guard import check_form
from .store import JsonObject, Store

STYLE = """
:root { color-scheme: light dark; --line: #6b7280; --act: #1d4ed8; --on-act: #ffffff; }
body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; }
main { max-width: 32rem; margin: 0 auto; padding: 1.5rem 1rem; }
.test { border-bottom: 3px solid #b45309; padding: .5rem 1rem; text-align: center; font-weight: 600; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
form { display: grid; gap: .75rem; margin-top: 1.5rem; }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; background: transparent; color: inherit; cursor: pointer; }
button.main { background: var(--act); border-color: var(--act); color: var(--on-act); font-weight: 600; }
button:focus-visible { outline: 3px solid #b45309; outline-offset: 2px; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    # No form-action: a form's redirect back to the application would be stopped by it.
    "Content-Security-Policy": (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
NOTICE = "Test Stripe — no real money"


class Pages:
    """Onboarding and checkout over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def onboarding(self, request: Request) -> Response:
        """Open a link: it works once, then sends people to refresh_url, as Stripe's do."""
        with self._store.transaction():
            link = self._link(request.path_params["token"])
            if link is None:
                return _page("Link unknown", "<p>This onboarding link does not exist.</p>", status=404)
            if link["state"] != "new" or link["expires_at"] <= self._store.now():
                return _away(link["refresh_url"])
            self._set_link(link["token"], "visited")
            account = accounts.account(self._store, link["account"])
        return _page("Set up payouts", _onboarding_form(account, link["token"]))

    async def leave_onboarding(self, request: Request) -> Response:
        check_form(request)
        form = await request.form()
        with self._store.transaction():
            link = self._link(request.path_params["token"])
            if link is None:
                return _page("Link unknown", "<p>This onboarding link does not exist.</p>", status=404)
            if link["state"] != "visited" or link["expires_at"] <= self._store.now():
                return _away(link["refresh_url"])
            self._set_link(link["token"], "left")
            if _choice(form) == "complete":
                accounts.complete_onboarding(self._store, link["account"])
        return _away(link["return_url"])

    async def checkout(self, request: Request) -> Response:
        with self._store.transaction():
            session = checkout.session(self._store, request.path_params["session"])
        if session is None:
            return _page("Payment unknown", "<p>This payment page does not exist.</p>", status=404)
        if session["status"] != "open":
            return _page("Payment closed", f"<p>This payment is {escape(session['status'])}.</p>")
        return _page("Pay", _checkout_form(session))

    async def leave_checkout(self, request: Request) -> Response:
        check_form(request)
        choice = _choice(await request.form())
        with self._store.transaction():
            session = checkout.session(self._store, request.path_params["session"])
            if session is None:
                return _page("Payment unknown", "<p>This payment page does not exist.</p>", status=404)
            if choice == "cancel":
                return _away(session["cancel_url"] or session["success_url"])
            try:
                (checkout.pay_by_bank if choice == "pay_by_bank" else checkout.pay)(self._store, session)
            except StripeRefusal as refusal:
                return _page("Payment closed", f"<p>{escape(refusal.message)}</p>", status=409)
        return _away(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))

    def _link(self, token: str) -> JsonObject | None:
        row = self._store.db.execute("SELECT * FROM onboarding WHERE token = ?", (token,)).fetchone()
        return dict(row) if row else None

    def _set_link(self, token: str, state: str) -> None:
        self._store.db.execute("UPDATE onboarding SET state = ? WHERE token = ?", (state, token))


def _choice(form: FormData) -> str:
    return str(form.get("choice", ""))


def _away(url: str) -> Response:
    return RedirectResponse(url, status_code=303, headers=HEADERS)


def _onboarding_form(account: JsonObject, token: str) -> str:
    facts = {
        "Account": account["id"],
        "E-mail": account["email"] or "not given",
        "Country": account["country"],
    }
    return (
        "<p>Stripe would ask here for your name, date of birth, tax number and bank account. "
        "This stand-in asks for nothing.</p>"
        f"{_facts(facts)}"
        f'<form method="post" action="/connect/onboarding/{escape(token)}">'
        '<button class="main" name="choice" value="complete">Complete</button>'
        '<button name="choice" value="later">Save for later</button></form>'
    )


def _checkout_form(session: JsonObject) -> str:
    facts = {
        "Amount": _amount(session["amount_total"], session["currency"]),
        "Reference": session["client_reference_id"] or session["id"],
    }
    return (
        "<p>No card is asked for: the buttons decide what happens.</p>"
        f"{_facts(facts)}"
        f'<form method="post" action="/checkout/{escape(session["id"])}">'
        '<button class="main" name="choice" value="pay">Pay</button>'
        '<button name="choice" value="pay_by_bank">Pay by bank (arrives days later)</button>'
        '<button name="choice" value="cancel">Cancel</button></form>'
    )


def _amount(value: int, currency: str) -> str:
    digits = exponent(currency)
    whole, part = divmod(value, 10**digits)
    return f"{whole:,}{f'.{part:0{digits}d}' if digits else ''} {currency.upper()}"


def _facts(facts: dict[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<dl>{rows}</dl>"


def _page(title: str, content: str, *, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · {NOTICE}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>'
        f'<body><header class="test">{NOTICE}</header><main><h1>{title}</h1>{content}</main></body></html>',
        status_code=status,
        headers=HEADERS,
    )
