"""A site on a port with people who listen to its live stream as a browser does."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, Queue

import httpx
import uvicorn
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from marketplace.accounts.models import Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, PersonId, TicketId, WorkerId
from marketplace.kernel.settings import Settings
from marketplace.tickets.pool import claim_ticket
from tests.builders import a_brand, a_member, a_worker, an_open_ticket
from tests.site_process import free_port
from workers_ui.app import Server, create_app
from workers_ui.deps import SESSION_COOKIE

HEARD_SECONDS = 10.0
QUIET_SECONDS = 1.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event as a browser's EventSource gets it."""

    id: str
    event: str
    data: dict[str, object]


@dataclass(slots=True)
class Stream:
    """An open stream, read in a thread of its own; `over` is set when the server ended it."""

    heard: Queue[Heard] = field(default_factory=Queue)
    opened: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def next(self, event: str, *, about: object = None, within: float = HEARD_SECONDS) -> Heard:
        """The next such event, whatever else comes before it."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            try:
                found = self.heard.get(timeout=left)
            except Empty:
                break
            if found.event == event and (about is None or found.data.get("id") == str(about)):
                return found
        raise AssertionError(f"no {event} about {about} within {within} s")

    def everything_for(self, seconds: float) -> list[Heard]:
        time.sleep(seconds)
        return [self.heard.get() for _ in range(self.heard.qsize())]


def listen(url: str, token: str, *, after: str = "") -> Stream:
    """Open the stream of whoever has `token`, and read it until it ends."""
    stream = Stream()
    threading.Thread(target=_read, args=(stream, url, token, after), daemon=True).start()
    assert stream.opened.wait(HEARD_SECONDS)
    return stream


def _read(stream: Stream, url: str, token: str, after: str) -> None:
    headers = {"last-event-id": after} if after else {}
    timeout = httpx.Timeout(5.0, read=60.0)
    with (
        httpx.Client(cookies={SESSION_COOKIE: token}, timeout=timeout, trust_env=False) as client,
        client.stream("GET", f"{url}/live", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        block: dict[str, str] = {}
        last_id = ""
        for line in answer.iter_lines():
            stream.opened.set()
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
                continue
            if "event" in block:
                body = json.loads(block["data"])
                last_id = block.get("id", last_id)  # as EventSource keeps it
                stream.heard.put(Heard(id=last_id, event=block["event"], data=body))
            block = {}
    stream.over.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The site on a port of this machine, in a thread of this process."""

    url: str
    stop: Callable[[], None]
    open_streams: Callable[[], int]


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    port = free_port()
    app = create_app(settings)
    server = Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()

    def stop() -> None:
        if thread.is_alive():
            server.handle_exit(signal.SIGTERM, None)
        thread.join(STOP_SECONDS)
        assert not thread.is_alive()

    while not server.started:
        time.sleep(0.02)
    try:
        yield Running(
            url=f"http://127.0.0.1:{port}",
            stop=stop,
            open_streams=lambda: app.state.services.hub.open_streams,
        )
    finally:
        stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A running site, a brand with its manager, two workers, and noise: another brand's manager."""

    site: Running
    db: Database
    background: Database
    brand: BrandId
    ann: WorkerId
    bob: WorkerId
    tokens: dict[object, str]
    manager: PersonId
    stranger: PersonId

    def listen(self, who: object, *, after: str = "") -> Stream:
        return listen(self.site.url, self.tokens[who], after=after)

    def post(self, subject: str = "Where is my order?", **changes: object) -> TicketId:
        with self.background.transaction() as tx:
            return an_open_ticket(tx, self.brand, subject=subject, **changes)

    def claim_over_http(self, who: WorkerId, ticket: TicketId) -> None:
        with httpx.Client(cookies={SESSION_COOKIE: self.tokens[who]}, trust_env=False) as client:
            pool = HTMLParser(client.get(f"{self.site.url}/worker/pool").text)
            token = pool.css_first("#claim-form [name=csrf]")
            assert token is not None
            form = {"csrf": token.attributes["value"]}
            answer = client.post(f"{self.site.url}/worker/pool/{ticket}/claim", data=form)
            assert answer.status_code == 303, answer.text[:500]

    def claim(self, who: WorkerId, ticket: TicketId) -> int:
        with self.db.transaction() as tx:
            return claim_ticket(tx, ticket=ticket, worker=who).number

    def settle(self, stream: Stream) -> Heard:
        """Wait until the site's look at facts is under way: the first one only notes where they are."""
        for _ in range(5):
            ticket = self.post("Is this heard?")
            try:
                return stream.next("pool.upsert", about=ticket)
            except AssertionError:
                continue
        raise AssertionError("nothing was ever heard")


@contextmanager
def a_town(settings: Settings, db: Database, background: Database) -> Iterator[Town]:
    with background.transaction() as tx:
        brand, other = a_brand(tx), a_brand(tx, name="Noise & Sons")
        ann, bob = a_worker(tx, name="Ann Able"), a_worker(tx, name="Bob Busy")
        manager, stranger = a_member(tx, brand), a_member(tx, other)
        people = {
            ann: tx.get_one(Worker, ann).person_id,
            bob: tx.get_one(Worker, bob).person_id,
            manager: manager,
            stranger: stranger,
        }
        tokens: dict[object, str] = {
            who: begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token
            for who, person in people.items()
        }
    with running(settings) as site:
        yield Town(
            site=site,
            db=db,
            background=background,
            brand=brand,
            ann=ann,
            bob=bob,
            tokens=tokens,
            manager=manager,
            stranger=stranger,
        )
