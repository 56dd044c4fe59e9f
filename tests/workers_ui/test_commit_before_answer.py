"""No answer leaves before its commit, and many requests at once neither lock each other out nor fail.

The database is made to sleep, or to refuse, at COMMIT: whoever answered before it would be caught.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.accounts import passwords
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.accounts.models import Person, Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.endings import escalate_ticket
from marketplace.tickets.models import EscalationReason
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from tests.builders import a_brand, a_worker, an_open_ticket
from tests.site_process import web_process
from tests.workers_ui.api_site import a_database, a_ticket_body, as_owner
from workers_ui.bootstrap import same_transaction_bus
from workers_ui.frames import FORM_COOKIE

SLEEP_SECONDS = 0.3
CONNECTIONS = 8
REQUESTS = 200
PASSWORD = "a long enough passphrase"

TABLES = ("event", "ticket", "pool_ticket", "top_up", "terms", "session")
FAULT = """
CREATE FUNCTION fault_at_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_fault text := (SELECT fault FROM commit_fault);
BEGIN
    IF v_fault = 'refuse' THEN
        RAISE EXCEPTION 'refused at commit';
    ELSIF v_fault = 'sleep' AND coalesce(current_setting('test.slept', true), '') = '' THEN
        PERFORM set_config('test.slept', 'once', true), pg_sleep(0.3);
    END IF;
    RETURN NULL;
END $$
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A web process on a real port, a brand, a worker, and the switch for the database's faults."""

    address: str
    url: str
    background: Database
    brand: BrandId
    key: str
    worker: WorkerId
    token: str
    email: str

    def fault(self, fault: str) -> None:
        as_owner(self.url, f"UPDATE commit_fault SET fault = '{fault}'")

    def written(self) -> int:
        """How many rows of the watched tables, of whatever version, other connections can see."""
        counts = " + ".join(f"(SELECT coalesce(sum(xmin::text::bigint), 0) FROM {table})" for table in TABLES)
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            seen = int(connection.execute(text(f"SELECT {counts}")).scalar_one())
        engine.dispose()
        return seen

    def ticket(self) -> TicketId:
        with self.background.transaction() as tx:
            return an_open_ticket(tx, self.brand)

    def claimed(self) -> tuple[TicketId, int]:
        ticket = self.ticket()
        with self.background.transaction() as tx:
            return ticket, claim_ticket(tx, ticket=ticket, worker=self.worker).number

    def answered(self) -> TicketId:
        ticket, number = self.claimed()
        with self.background.transaction() as tx:
            send_reply(tx, ticket=ticket, worker=self.worker, number=number, body="Sent.", now=app_now(tx))
        return ticket

    def escalated(self) -> TicketId:
        ticket, number = self.claimed()
        with self.background.transaction() as tx:
            escalate_ticket(
                tx,
                ticket=ticket,
                worker=self.worker,
                number=number,
                reason=EscalationReason.OTHER,
                note="",
                now=app_now(tx),
            )
        return ticket


@pytest.fixture(scope="module")
def live(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with a_database(server_url, migrated_template) as url:
        as_owner(url, "CREATE TABLE commit_fault (fault text NOT NULL)", FAULT)
        as_owner(url, "INSERT INTO commit_fault VALUES ('')")
        for table in TABLES:
            as_owner(
                url,
                f"CREATE CONSTRAINT TRIGGER zz_fault AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault_at_commit()",
            )
        background = Database(
            url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
        )
        with web_process(url, tmp_path_factory.mktemp("web"), connections=CONNECTIONS) as address:
            yield a_live_site(address, url, background)
        background.dispose()


def a_live_site(address: str, url: str, background: Database) -> Live:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx, email_cap=1_000)
        person = tx.get_one(Person, tx.get_one(Worker, worker).person_id)
        person.password_hash = passwords.hash_password(PASSWORD)
        return Live(
            address=address,
            url=url,
            background=background,
            brand=brand,
            key=create_key(tx, brand=brand, name="Tests", scopes=list(ApiScope), now=app_now(tx)).key,
            worker=worker,
            token=begin_session(tx, person=person.id, session_hours=1, now=app_now(tx)).token,
            email=person.email,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    path: str
    method: str = "POST"
    by_worker: bool = False
    rest: dict[str, Any] = field(default_factory=dict)


def _held(live: Live, action: str, **body: object) -> Request:
    ticket, number = live.claimed()
    path = f"/api/v1/tickets/{ticket}/{action}"
    return Request(path=path, by_worker=True, rest={"json": {"claim_number": number, **body}})


def _signing_in(live: Live) -> Request:
    form = {"email": live.email, "password": PASSWORD, "csrf": "form-token"}
    cookies = {"Cookie": f"{FORM_COOKIE}=form-token"}
    return Request(path="/sign-in", rest={"data": form, "headers": cookies})


def _article(live: Live) -> Request:
    body = {"title": "Kettles", "text": f"Use vinegar {uuid4()}."}
    return Request(path="/api/v1/articles/kettles", method="PUT", rest={"json": body})


WRITES: dict[str, Callable[[Live], Request]] = {
    "post": lambda _: Request(path="/api/v1/tickets", rest={"json": a_ticket_body()}),
    "post with key": lambda _: Request(
        path="/api/v1/tickets",
        rest={"json": a_ticket_body(), "headers": {"Idempotency-Key": uuid4().hex}},
    ),
    "message": lambda live: Request(
        path=f"/api/v1/tickets/{live.answered()}/messages", rest={"json": {"text": "And now?"}}
    ),
    "confirm": lambda live: Request(path=f"/api/v1/tickets/{live.answered()}/confirmation"),
    "decide": lambda live: Request(path=f"/api/v1/tickets/{live.escalated()}/escalation/rejection"),
    "top up": lambda _: Request(
        path="/api/v1/top-ups", rest={"json": {"amount_minor": 50_00, "currency": "usd"}}
    ),
    "price": lambda _: Request(
        path="/api/v1/prices/general", method="PUT", rest={"json": {"total_minor": 300}}
    ),
    "article": _article,
    "claim": lambda live: Request(path=f"/api/v1/tickets/{live.ticket()}/claim", by_worker=True),
    "category": lambda live: _held(live, "claim/category", category="general"),
    "reply": lambda live: _held(live, "replies", text="On its way."),
    "escalate": lambda live: _held(live, "escalation", reason="other"),
    "release": lambda live: _held(live, "release", reason="no_time"),
    "sign in": lambda live: Request(
        path="/api/v1/sessions", rest={"json": {"email": live.email, "password": PASSWORD}}
    ),
    "sign in on the page": _signing_in,
}


def sent(live: Live, request: Request) -> httpx.Response:
    secret = live.token if request.by_worker else live.key
    headers = {"Authorization": f"Bearer {secret}", **request.rest.get("headers", {})}
    rest = {key: value for key, value in request.rest.items() if key != "headers"}
    return httpx.request(request.method, live.address + request.path, headers=headers, timeout=30.0, **rest)


@pytest.mark.parametrize("write", WRITES)
def test_a_write_is_seen_by_others_when_its_answer_arrives_and_not_before(live: Live, write: str) -> None:
    request = WRITES[write](live)
    before = live.written()
    live.fault("sleep")
    started = time.monotonic()
    answer = sent(live, request)
    waited, after = time.monotonic() - started, live.written()
    live.fault("")
    assert answer.is_success or answer.status_code == 303, answer.text
    assert after != before
    assert waited >= SLEEP_SECONDS


@pytest.mark.parametrize("write", WRITES)
def test_a_commit_that_fails_is_answered_as_a_failure(live: Live, write: str) -> None:
    request = WRITES[write](live)
    before = live.written()
    live.fault("refuse")
    answer = sent(live, request)
    live.fault("")
    assert answer.status_code == 500
    assert "refused at commit" not in answer.text
    assert live.written() == before
    again = sent(live, request)
    assert again.is_success or again.status_code == 303, again.text


def test_two_hundred_requests_at_once_over_eight_connections_all_succeed(live: Live) -> None:
    async def crowd() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=REQUESTS)
        by_key, by_token = ({"Authorization": f"Bearer {secret}"} for secret in (live.key, live.token))
        async with httpx.AsyncClient(base_url=live.address, timeout=30.0, limits=limits) as client:
            kinds: tuple[Callable[[], Awaitable[httpx.Response]], ...] = (
                lambda: client.post("/api/v1/tickets", json=a_ticket_body(), headers=by_key),
                lambda: client.get("/api/v1/pool", headers=by_token),
                lambda: client.get("/api/v1/events", headers=by_key),
                lambda: client.get("/readyz"),
                lambda: client.get("/sign-in"),
            )
            return await asyncio.gather(*(kinds[number % len(kinds)]() for number in range(REQUESTS)))

    answers = asyncio.run(crowd())
    ready = [answer.status_code for answer in answers if answer.url.path == "/readyz"]
    others = Counter(answer.status_code for answer in answers if answer.url.path != "/readyz")
    assert others == Counter({200: 120, 201: 40})
    assert set(ready) == {503}  # no background process runs here; the database was asked each time
    assert "not answering" not in "".join(answer.text for answer in answers)


def test_the_frameworks_default_would_answer_before_the_commit() -> None:
    """The control: without `scope="function"` the tests above would fail."""
    told: list[str] = []

    def transaction() -> Iterator[None]:
        yield
        told.append("commit")

    app = FastAPI()

    @app.get("/default")
    def by_default(_tx: Annotated[None, Depends(transaction)]) -> None: ...

    @app.get("/ours")
    def as_we_do(_tx: Annotated[None, Depends(transaction, scope="function")]) -> None: ...

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        async def heard(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.append("answer")
            await send(message)

        await app(scope, receive, heard)

    with TestClient(listening) as client:
        client.get("/default")
        client.get("/ours")
    assert told == ["answer", "commit", "commit", "answer"]
