"""A site in this process over a database of its own, and visitors who are signed in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import PersonId
from marketplace.kernel.settings import Settings
from workers_ui.app import create_app
from workers_ui.deps import SESSION_COOKIE
from workers_ui.frames import FORM_COOKIE, SAID_COOKIE

if TYPE_CHECKING:
    from tests.workers_ui.worker_site import Floor

FORM_TOKEN = "a-token-for-forms-of-visitors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A browser: its client follows no redirects; `csrf` goes into every form."""

    client: TestClient
    csrf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    app: FastAPI
    background: Database

    def visitor(self) -> Visitor:
        """Somebody who is not signed in."""
        client = TestClient(
            self.app,
            base_url="http://testserver",
            follow_redirects=False,
            cookies={FORM_COOKIE: FORM_TOKEN},
            raise_server_exceptions=False,
        )
        return Visitor(client=client, csrf=FORM_TOKEN)

    def signed_in(self, person: PersonId) -> Visitor:
        """`person`, signed in."""
        with self.background.transaction() as tx:
            signed = begin_session(tx, person=person, session_hours=1, now=app_now(tx))
        client = TestClient(
            self.app,
            base_url="http://testserver",
            follow_redirects=False,
            cookies={SESSION_COOKIE: signed.token},
            raise_server_exceptions=False,
        )
        return Visitor(client=client, csrf=signed.csrf_token)


def sentence(answer: httpx2.Response) -> str:
    """What the page that a redirect leads to will say."""
    return unquote(answer.cookies.get(SAID_COOKIE) or "")


@pytest.fixture
def site(settings: Settings, background: Database) -> Iterator[Site]:
    app = create_app(settings)
    yield Site(app=app, background=background)
    app.state.services.close()


@pytest.fixture
def floor(site: Site) -> "Floor":
    """Two workers, one brand, one ticket in the pool."""
    from tests.workers_ui.worker_site import a_floor  # it builds on the classes of this module

    return a_floor(site)
