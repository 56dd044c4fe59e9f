"""Who calls the demo's site: a program and a browser, who do not give up while a killed process comes back."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx
from sqlalchemy.exc import SQLAlchemyError

from billing.gateway import CallUnknown
from marketplace.kernel.settings import Settings
from workers_ui.seeding import SignIn

REQUEST_SECONDS = 20.0
LOOK_SECONDS = 0.1
RETRIES = 200

Answer = TypeVar("Answer")


class DemoFailed(RuntimeError):
    """The demo could not go on."""


class Api:
    """A caller of the JSON API who does not give up while a killed process comes back."""

    def __init__(self, base: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=base, headers=headers, timeout=REQUEST_SECONDS)

    def __call__(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        files: Any = None,
        key: str | None = None,
        refusals: Sequence[int] = (),
    ) -> Any:
        """The answer's JSON; None for a status among `refusals`. Every call here is safe to repeat."""
        headers = {"Idempotency-Key": key} if key else {}

        def send() -> httpx.Response:
            answer = self._client.request(
                method, f"{self._client.base_url}{path.lstrip('/')}", json=json, files=files, headers=headers
            )
            if answer.status_code in (429, 502, 503, 504):
                raise httpx.TransportError(f"{answer.status_code}")
            return answer

        answer = retried(send)
        if answer.status_code in refusals:
            return None
        if answer.is_error:
            raise DemoFailed(f"{method} {path} → {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None


class Site:
    """A person at the site's pages, as a browser without JavaScript."""

    def __init__(self, settings: Settings, person: SignIn) -> None:
        self._client = httpx.Client(
            base_url=address(settings), timeout=REQUEST_SECONDS, follow_redirects=False
        )
        self._client.headers["Sec-Fetch-Site"] = "same-origin"
        page = retried(lambda: self._client.get("/sign-in"))
        form = {"csrf": _hidden(page.text, "csrf"), "email": person.email, "password": person.password}
        answer = retried(lambda: self._client.post("/sign-in", data=form))
        if answer.status_code != 303:
            raise DemoFailed(f"{person.email} could not sign in: {answer.status_code}")

    def post(self, path: str, **fields: str) -> str | None:
        """Send a form; the address of the page it leads to. A refusal because it is done already is fine."""
        page = retried(lambda: self._client.get("/finance/batches"))
        form = {"csrf": _hidden(page.text, "csrf")} | fields
        answer = retried(lambda: self._client.post(path, data=form))
        if answer.status_code == 303:
            return answer.headers["location"].partition("?")[0]
        if answer.status_code == 409:
            return None
        raise DemoFailed(f"POST {path} → {answer.status_code}: {answer.text[:300]}")

    def content_hash(self, batch: str) -> str:
        return _hidden(retried(lambda: self._client.get(batch)).text, "content_hash")


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    if found is None:
        raise DemoFailed(f"The page has no field {name}.")
    return found.group(1)


def retried(act: Callable[[], Answer]) -> Answer:
    """`act`, again and again while a process or the database is away, up to about a minute."""
    for attempt in range(RETRIES):
        try:
            return act()
        except (httpx.TransportError, SQLAlchemyError, CallUnknown) as error:
            if attempt == RETRIES - 1:
                raise DemoFailed(f"Something stays away: {error}") from error
            time.sleep(min(LOOK_SECONDS * (attempt + 1), 0.5))
    raise AssertionError("unreachable: the last attempt returns or raises")


def address(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"
