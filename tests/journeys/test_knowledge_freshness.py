"""What a brand takes back is gone: two web processes and a background process over one database, and an open desk.

Each act is done through one process or by the clock. The very next answer of either holds the old text no more; the
open desk is told, shows what holds, and refuses to send what was inserted before.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from guidance.queries import receipts_of_ticket
from knowledge_base.erasure import ask_erasure
from knowledge_base.models import Article
from knowledge_base.publishing import put_articles
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.accounts.models import Brand, Worker
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switches import throw_at_brand
from tests.builders import Clock, a_brand, a_member, a_worker, an_open_ticket, as_brand
from tests.databases import Databases
from tests.knowledge_base.conftest import document
from tests.site_process import background_process, web_process
from tests.workers_ui.live_site import Stream, listen
from workers_ui.bootstrap import same_transaction_bus

PROMISE_SECONDS = 5.0
"""Within which what changed holds everywhere: the product's promise, as the deadline of a wait."""
READY_SECONDS = 60.0
POLL_SECONDS = 0.05

QUESTION = "How many days do I have to send a kettle back, and who pays for the parcel?"
OLD = "You may send a kettle back within nineteen days of its delivery. We pay for the parcel."
NEW = "You may send a kettle back within forty days of its delivery. You pay for the parcel."
OLD_WORDS, NEW_WORDS = "nineteen days", "forty days"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The addresses of two web processes, and the database that they and the background share."""

    first: str
    second: str
    background: Database

    @property
    def both(self) -> tuple[str, str]:
        return (self.first, self.second)


@pytest.fixture(scope="module")
def world(databases: Databases, model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("freshness")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patched:
        patched.setenv("HUMANCLOUD_MODEL_DIR", str(model_dir))
        url = stack.enter_context(databases.lent())
        database = Database(url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()})
        stack.callback(database.dispose)
        first = stack.enter_context(web_process(url, folder))
        second = stack.enter_context(web_process(url, folder))
        stack.enter_context(background_process(url, folder))
        yield World(first=first, second=second, background=database)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A brand with one article, and a worker whose open desk quotes it."""

    world: World
    brand: BrandId
    key: str
    token: str
    ticket: TicketId
    number: int
    stream: Stream

    def api(self, method: str, path: str, *, at: str, secret: str = "", **rest: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret or self.key}"}
        return httpx.request(
            method, f"{at}/api/v1{path}", headers=headers, timeout=30.0, trust_env=False, **rest
        )

    def is_indexed(self) -> bool:
        answer = self.api("GET", "/search", at=self.world.second, params={"q": QUESTION})
        return OLD_WORDS in answer.text

    def found(self, at: str) -> str:
        answer = self.api("GET", "/search", at=at, params={"q": QUESTION})
        assert answer.status_code == 200, answer.text
        return " ".join(passage["text"] for passage in answer.json()["passages"])

    def desk(self, at: str) -> dict[str, Any]:
        answer = self.api("GET", f"/tickets/{self.ticket}/desk", at=at, secret=self.token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def page(self, at: str) -> str:
        answer = httpx.get(
            f"{at}/worker/t/{self.ticket}",
            cookies={"hc_session": self.token},
            timeout=30.0,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def reply(self, text: str, *, at: str) -> httpx.Response:
        body = {"claim_number": self.number, "text": text, "inserted": ["draft"]}
        return self.api("POST", f"/tickets/{self.ticket}/replies", at=at, secret=self.token, json=body)

    def quoted(self, at: str) -> str:
        suggestion = self.desk(at)["suggestion"]
        return " ".join(passage["text"] for passage in suggestion["passages"]) if suggestion else ""


def until(holds: Callable[[], bool], what: str, *, within: float = PROMISE_SECONDS) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {within} s"
        time.sleep(POLL_SECONDS)


@pytest.fixture
def shop(world: World) -> Shop:
    with world.background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        key = create_key(tx, brand=brand, name="Tests", scopes=tuple(ApiScope), now=app_now(tx)).key
        person = tx.get_one(Worker, worker).person_id
        token = begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token
    shop = Shop(
        world=world,
        brand=brand,
        key=key,
        token=token,
        ticket=TicketId(brand),
        number=0,
        stream=listen(world.second, token),
    )
    put = shop.api("PUT", "/articles/returns", at=world.first, json={"title": "Returns", "text": OLD})
    assert put.status_code == 200, put.text
    until(shop.is_indexed, "the article is found", within=READY_SECONDS)
    with world.background.transaction() as tx:
        ticket = an_open_ticket(tx, brand, subject="Sending a kettle back", text=QUESTION)
    claimed = shop.api("POST", f"/tickets/{ticket}/claim", at=world.second, secret=token)
    assert claimed.status_code == 200, claimed.text
    opened = Shop(
        world=world,
        brand=brand,
        key=key,
        token=token,
        ticket=ticket,
        number=claimed.json()["claim_number"],
        stream=shop.stream,
    )
    until(lambda: OLD_WORDS in opened.quoted(world.second), "the desk quotes it", within=READY_SECONDS)
    while not shop.stream.heard.empty():
        shop.stream.heard.get()
    return opened


def edit(shop: Shop) -> None:
    put = shop.api("PUT", "/articles/returns", at=shop.world.first, json={"title": "Returns", "text": NEW})
    assert put.status_code == 200, put.text


def retire(shop: Shop) -> None:
    assert shop.api("DELETE", "/articles/returns", at=shop.world.first).status_code == 204


def quarantine(shop: Shop) -> None:
    [passage] = shop.desk(shop.world.first)["suggestion"]["passages"]
    said = {"passage": passage["id"], "reason": "out_of_date"}
    path = f"/tickets/{shop.ticket}/wrong-passages"
    report = shop.api("POST", path, at=shop.world.first, secret=shop.token, json=said)
    assert report.status_code == 201, report.text
    path = f"/passage-reports/{report.json()['id']}/confirmation"
    confirmed = shop.api("POST", path, at=shop.world.first)
    assert confirmed.status_code == 204, confirmed.text


def stop(shop: Shop) -> None:
    with shop.world.background.transaction() as tx:
        article = tx.scalars(select(Article.id).where(Article.brand_id == shop.brand)).one()
        throw_at_brand(
            tx,
            brand=shop.brand,
            kind=SwitchKind.ARTICLE,
            key=str(article),
            reason="It is being rewritten.",
            by=a_member(tx, shop.brand),
            now=app_now(tx),
        )


def erase(shop: Shop) -> None:
    with shop.world.background.transaction(as_brand(shop.brand)) as tx:
        slug = tx.get_one(Brand, shop.brand).slug
        ask_erasure(tx, brand=shop.brand, confirmation=slug, by=None, now=app_now(tx))


def period_begins(shop: Shop) -> None:
    """A text for a season, written and indexed before it begins; then only time passes."""
    with shop.world.background.transaction(as_brand(shop.brand)) as tx:
        now = app_now(tx)
        put_articles(
            tx,
            brand=shop.brand,
            documents=[document(key="returns", text=NEW)],
            author=None,
            now=now,
            starts=now + timedelta(minutes=2),
            ends=now + timedelta(hours=1),
        )
    for at in shop.world.both:
        assert OLD_WORDS in shop.found(at)
    Clock(database=shop.world.background).forward(timedelta(minutes=2))


Act = Callable[[Shop], None]
REPLACES: tuple[Act, ...] = (edit, period_begins)
TAKES_OUT: tuple[Act, ...] = (retire, quarantine, stop, erase)


@pytest.mark.parametrize("act", [*REPLACES, *TAKES_OUT], ids=lambda act: act.__name__)
def test_what_is_taken_back_is_in_no_next_answer_of_any_process_and_the_open_desk_is_told(
    shop: Shop, act: Act
) -> None:
    world = shop.world
    outdated = shop.desk(world.second)["suggestion"]
    act(shop)
    for at in world.both:
        assert OLD_WORDS not in shop.found(at)
        assert OLD_WORDS not in shop.quoted(at)
        assert OLD_WORDS not in shop.desk(at)["suggestion"]["draft"]
        assert OLD_WORDS not in shop.page(at)
    shop.stream.next("ticket.guidance", within=PROMISE_SECONDS)

    def renewed() -> bool:
        suggestion = shop.desk(world.second)["suggestion"]
        # Erasing makes a silence of the suggestion itself.
        another = suggestion["id"] != outdated["id"] or (act is erase and not suggestion["draft"])
        return another and not suggestion["stale"]

    until(renewed, "the suggestion is prepared anew")
    if act in REPLACES:
        for at in world.both:
            until(lambda at=at: NEW_WORDS in shop.found(at), "the new text is found")  # type: ignore[misc]
            assert NEW_WORDS in shop.quoted(at)
            assert NEW_WORDS in shop.page(at)
    if act is erase:
        return  # nothing is left by which the worker's own text could be known
    refused = shop.reply(f"Hello Sam,\n\n{OLD}\n\nBest wishes", at=world.first)
    assert (refused.status_code, refused.json()["code"]) == (409, "outdated_text")


def test_the_receipt_of_a_sent_reply_keeps_what_it_quoted(shop: Shop) -> None:
    sent = shop.reply(OLD, at=shop.world.second)
    assert sent.status_code == 201, sent.text
    retire(shop)
    with shop.world.background.transaction(as_brand(shop.brand)) as tx:
        [receipt] = receipts_of_ticket(tx, brand=shop.brand, ticket=shop.ticket)
    assert OLD_WORDS in receipt.sent_text
    assert [passage.quoted for passage in receipt.passages] == [OLD]
