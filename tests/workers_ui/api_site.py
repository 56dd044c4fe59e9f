"""The API as its callers meet it: a brand's system with a key, a worker's program with a token."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool
from starlette.testclient import TestClient

from knowledge_base.index.building import build_index, rebuild_on_damage
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import LocalShelf
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.ids import BrandId, PersonId, TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.kernel.settings import Settings
from marketplace.tickets.posting import admit
from marketplace.tickets.replies import ApiFeed, deliver_queued
from tests.builders import a_brand, a_worker, an_open_ticket
from tests.fakes import WordHashEmbedder
from workers_ui.app import create_app
from workers_ui.bootstrap import same_transaction_bus

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program that sends `secret` with every request."""

    client: TestClient
    secret: str

    def get(self, path: str, **params: Any) -> Response:
        return self.send("GET", path, params=params)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send("POST", path, headers=headers, **({} if body is None else {"json": body}))

    def put(self, path: str, body: object) -> Response:
        return self.send("PUT", path, json=body)

    def delete(self, path: str) -> Response:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any) -> Response:
        everything = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        return self.client.request(method, f"/api/v1{path}", headers=everything, **rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class System(Caller):
    """A brand's own system."""

    brand: BrandId


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Caller):
    """What works on a worker's behalf."""

    worker: WorkerId
    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    app: FastAPI
    client: TestClient
    background: Database
    embedder: WordHashEmbedder
    folder: Path

    def system(
        self,
        *,
        scopes: Collection[ApiScope] = tuple(ApiScope),
        funds: Money | None = None,
        of: BrandId | None = None,
    ) -> System:
        """A system of a new brand, or of the one named."""
        with self.background.transaction() as tx:
            brand = of or a_brand(tx, funds=funds)
            key = create_key(tx, brand=brand, name="Tests", scopes=scopes, now=app_now(tx)).key
        return System(client=self.client, secret=key, brand=brand)

    def program(self, *, email_cap: int = 3) -> Program:
        with self.background.transaction() as tx:
            worker = a_worker(tx, email_cap=email_cap)
            person = tx.get_one(Worker, worker).person_id
        return Program(client=self.client, secret=self.token(person), worker=worker, person=person)

    def token(self, person: PersonId) -> str:
        with self.background.transaction() as tx:
            return begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token

    def open_ticket(self, brand: BrandId, **changes: object) -> TicketId:
        with self.background.transaction() as tx:
            return an_open_ticket(tx, brand, **changes)

    def admit(self, brand: BrandId, ticket: str) -> None:
        """What the background's screening does with a posted ticket."""
        with self.background.transaction() as tx:
            admit(tx, brand=brand, ticket=TicketId(UUID(ticket)))

    def deliver(self) -> None:
        with self.background.transaction() as tx:
            deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))

    def index(self, brand: BrandId) -> None:
        build_index(self.background, brand, bulk=LocalWork(self.embedder), folder=self.folder)

    def count(self, question: str, **values: object) -> int:
        """The one number that the database answers `question` with."""
        with self.background.transaction() as tx:
            return int(tx.execute(text(question), values).scalar_one())


@contextmanager
def api_site(server_url: str, template: str, folder: Path, **changes: Any) -> Iterator[Api]:
    """A site over a database of its own. Tests share it: each makes its own brands and people."""
    with a_database(server_url, template) as url:
        background = Database(
            url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()}
        )
        app = create_app(Settings(data_dir=folder, model_dir=folder, database_url=url, **changes))
        embedder = WordHashEmbedder()
        retriever = Retriever(
            shelf=LocalShelf(folder),
            load_embedder=lambda: embedder,
            report_damage=rebuild_on_damage(background),
        )
        app.state.services = replace(app.state.services, retriever=retriever)
        with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
            yield Api(app=app, client=client, background=background, embedder=embedder, folder=folder)
        background.dispose()


@contextmanager
def a_database(server_url: str, template: str) -> Iterator[str]:
    """A fresh migrated database, marked as test money."""
    name = f"hc_test_{uuid4().hex[:12]}"
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    as_owner(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    as_owner(url, "INSERT INTO installation (money_mode, marked_at) VALUES ('test', app_now())")
    try:
        yield url
    finally:
        as_owner(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def as_owner(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def a_ticket_body(**changes: object) -> dict[str, Any]:
    return {
        "external_id": f"x-{uuid4().hex[:12]}",
        "subject": "Where is my order?",
        "text": "I ordered a kettle last week and have heard nothing since.",
        "customer": {"name": "Sam Doe", "email": "sam@example.com"},
    } | changes


def at_once(times: int, act: Callable[[], Result]) -> list[Result]:
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(act) for _ in range(times)]]


def problem(response: Response) -> tuple[int, str]:
    """Status and code of a refusal, after a look at its form."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    told = response.json()
    assert set(told) - {"next_best"} == {"type", "title", "status", "code", "detail"}
    assert told["status"] == response.status_code
    assert told["detail"]
    return response.status_code, told["code"]
