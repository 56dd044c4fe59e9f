"""A generator words a quoted suggestion anew: asked over HTTP, once, judged, and kept beside the quoted one."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from guidance.commands import write_receipt
from guidance.erasure import REFUSAL_ERASED
from guidance.generator import GeneratorFailed, WordingRequest
from guidance.generator_http import MAX_ANSWER_BYTES, HttpGenerator
from guidance.queries import SuggestionView, receipts_of_ticket, suggestion_for_desk
from guidance.wording import word_suggestion, wording_record
from guidance.wording_models import Wording, WordingOutcome
from marketplace.events.facts import SuggestionPrepared, kind_of
from marketplace.events.queries import START, facts_after
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import SuggestionId, TicketId
from marketplace.kernel.jobs import Job
from marketplace.kernel.settings import Settings
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import customer_writes
from tests.builders import a_worker, answer, as_brand
from tests.guidance.builders_text import a_passage, a_voice
from tests.knowledge_base.conftest import KnowledgeBase
from tests.knowledge_base.shops import KETTLE, Shop
from tests.knowledge_base.test_erasure import ask, erase
from tests.web_servers import WebServer, answering, web_server
from workers_ui.background import Background
from workers_ui.money_work import MoneyWork
from workers_ui.pages.brand_learning_views import worded

PATH = "/v1/chat/completions"
QUESTION = "Can the kettle be returned within thirty days? Write to sam.doe@example.com."


def saying(content: object, *, finish: str = "stop") -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": finish}]}).encode()


@pytest.fixture
def models() -> Iterator[WebServer]:
    with web_server() as server:
        server.page(PATH, saying(KETTLE), kind="application/json")
        yield server


@pytest.fixture
def shop(base: KnowledgeBase) -> Shop:
    return Shop(base)


def generator(models: WebServer, *, timeout: float = 5.0) -> HttpGenerator:
    return HttpGenerator(
        url=f"http://127.0.0.1:{models.port}/v1",
        model="house-model",
        key=SecretStr("s3cret"),
        timeout_seconds=timeout,
    )


def word(shop: Shop, ticket: TicketId, models: WebServer) -> WordingOutcome | None:
    return word_suggestion(shop.database, generator(models), brand=shop.brand, ticket=ticket)


def at_desk(shop: Shop, ticket: TicketId) -> SuggestionView:
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        found = suggestion_for_desk(tx, brand=shop.brand, ticket=ticket)
    assert found is not None
    return found


def row(shop: Shop, suggestion: SuggestionId) -> Wording:
    with shop.database.transaction() as tx:
        found = tx.get_one(Wording, (shop.brand, suggestion))
        tx.expunge(found)
    return found


def test_what_stands_becomes_the_newest_suggestion_with_the_same_evidence(
    shop: Shop, models: WebServer
) -> None:
    ticket = shop.asks(QUESTION)
    before = at_desk(shop, ticket)
    assert word(shop, ticket, models) is WordingOutcome.WORDED
    after = at_desk(shop, ticket)
    assert (after.generator, before.generator) == ("house-model", "")
    assert after.id != before.id
    assert KETTLE in after.draft
    assert [one.passage_id for one in after.passages] == [one.passage_id for one in before.passages]
    assert [one.text for one in after.sentences if one.passage_rank] == [KETTLE]
    assert row(shop, before.id).became == after.id


def test_it_is_told_the_passages_and_the_question_without_personal_data(
    shop: Shop, models: WebServer
) -> None:
    word(shop, shop.asks(QUESTION), models)
    (body,), (head,) = models.bodies, models.heads
    assert "authorization: bearer s3cret" in head.lower()
    sent = json.loads(body)
    told = json.loads(sent["messages"][1]["content"])
    assert [one["text"] for one in told["passages"]] == [KETTLE]
    assert "sam.doe" not in body.decode()
    assert "Sam Doe" not in body.decode()


def test_it_is_asked_once_whoever_asks(shop: Shop, models: WebServer) -> None:
    ticket = shop.asks(QUESTION)
    with ThreadPoolExecutor(8) as pool:
        outcomes = [one.result() for one in [pool.submit(word, shop, ticket, models) for _ in range(8)]]
    assert outcomes.count(WordingOutcome.WORDED) == 1
    assert outcomes.count(None) == 7
    assert word(shop, ticket, models) is None, "what is worded is not worded again"
    assert len(models.asked) == 1


def test_what_no_passage_says_leaves_the_quoted_draft_and_tells_why(shop: Shop, models: WebServer) -> None:
    models.page(PATH, saying("The kettle can be returned within ninety days."))
    ticket = shop.asks(QUESTION)
    before = at_desk(shop, ticket)
    assert word(shop, ticket, models) is WordingOutcome.REFUSED
    assert at_desk(shop, ticket).id == before.id
    assert "ninety days" in row(shop, before.id).reason


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"SECRET", "answered 500"),
        (302, b"", "answered 302"),
        (200, b"no json", "not understood"),
        (200, b'{"choices": []}', "not understood"),
        (200, saying(None), "not understood"),
        (200, saying(KETTLE, finish="length"), "cut off"),
        (200, b" " * (MAX_ANSWER_BYTES + 1), "too long"),
    ],
)
def test_an_answer_that_cannot_be_used_leaves_the_quoted_draft(
    shop: Shop, models: WebServer, status: int, body: bytes, why: str
) -> None:
    models.answers[PATH] = answering(status, body, {"Location": "http://127.0.0.1:9/"})
    ticket = shop.asks(QUESTION)
    before = at_desk(shop, ticket)
    assert word(shop, ticket, models) is WordingOutcome.FAILED
    reason = row(shop, before.id).reason
    assert why in reason
    assert "SECRET" not in reason
    assert at_desk(shop, ticket).id == before.id


def a_request() -> WordingRequest:
    return WordingRequest(question="?", questions=(), passages=(a_passage(KETTLE),), voice=a_voice())


def test_a_generator_that_drips_is_given_up_at_the_deadline(models: WebServer) -> None:
    """Each byte comes in time; all of them together do not."""
    given_up = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
        while not given_up.wait(0.05):
            connection.sendall(b" ")

    models.answers[PATH] = drip
    with pytest.raises(GeneratorFailed, match="longer than"):
        generator(models, timeout=0.5).write(a_request())
    given_up.set()


def test_nobody_listening_is_a_failure_in_words(shop: Shop) -> None:
    nowhere = HttpGenerator(url="http://127.0.0.1:9/v1", model="m", key=None, timeout_seconds=1.0)
    with pytest.raises(GeneratorFailed, match="did not answer"):
        nowhere.write(a_request())


def test_no_transaction_is_open_while_it_is_asked(shop: Shop, models: WebServer) -> None:
    seen: list[int] = []

    def look(connection: socket.socket) -> None:
        seen.append(shop.database.engine.pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool
        answering(200, saying(KETTLE), {})(connection)

    models.answers[PATH] = look
    assert word(shop, shop.asks(QUESTION), models) is WordingOutcome.WORDED
    assert seen == [0]


def meanwhile(models: WebServer, act: Callable[[], None]) -> None:
    def answer_after(connection: socket.socket) -> None:
        act()
        answering(200, saying(KETTLE), {})(connection)

    models.answers[PATH] = answer_after


def test_a_draft_does_not_change_before_the_eyes_of_its_worker(shop: Shop, models: WebServer) -> None:
    ticket = shop.asks(QUESTION)
    before = at_desk(shop, ticket)

    def claimed() -> None:
        with shop.database.transaction() as tx:
            claim_ticket(tx, ticket=ticket, worker=a_worker(tx))

    meanwhile(models, claimed)
    assert word(shop, ticket, models) is WordingOutcome.TOO_LATE
    assert at_desk(shop, ticket).id == before.id


def test_what_the_customer_wrote_meanwhile_is_not_answered_by_older_words(
    shop: Shop, models: WebServer
) -> None:
    ticket = shop.asks(QUESTION)

    def writes() -> None:
        with shop.database.transaction() as tx:
            customer_writes(
                tx, brand=shop.brand, ticket=ticket, text="No, the lamp!", external_id=None, now=app_now(tx)
            )

    meanwhile(models, writes)
    assert word(shop, ticket, models) is WordingOutcome.TOO_LATE


def test_the_receipt_names_what_worded_the_draft(shop: Shop, models: WebServer) -> None:
    ticket = shop.asks(QUESTION)
    word(shop, ticket, models)
    shown = at_desk(shop, ticket)
    with shop.database.transaction() as tx:
        reply = answer(tx, ticket, a_worker(tx), body=shown.draft)
        write_receipt(tx, reply=reply, inserted=["draft"], now=app_now(tx), shown=shown.id)
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        (receipt,) = receipts_of_ticket(tx, brand=shop.brand, ticket=ticket)
    assert receipt.generator == "house-model"
    assert receipt.edit_distance == 0


def test_the_brand_reads_what_its_generator_came_to(shop: Shop, models: WebServer) -> None:
    for said in (KETTLE, "The kettle can be returned within ninety days."):
        models.page(PATH, saying(said))
        word(shop, shop.asks(QUESTION), models)
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        found = wording_record(tx, brand=shop.brand, since=app_now(tx) - timedelta(days=1))
    assert found.counts == {WordingOutcome.WORDED: 1, WordingOutcome.REFUSED: 1}
    assert "ninety days" in found.last_refusal
    assert worded(found) == (
        "In 30 days a generator was asked 2 times: 1 stood, 1 said what no passage says and were not shown."
    )


def test_facts_are_answered_with_a_job_only_where_a_generator_is(shop: Shop, models: WebServer) -> None:
    silent = Background(
        settings=Settings(),
        database=shop.database,
        money=MoneyWork(database=shop.database, gateway=None),
        retriever=shop.base.retriever,
    )
    assert kind_of(SuggestionPrepared) not in silent.answers()
    working = replace(silent, generator=generator(models))
    ticket = shop.asks(QUESTION)
    with shop.database.transaction() as tx:
        (told,) = [fact for fact in facts_after(tx, START) if fact.kind == kind_of(SuggestionPrepared)]
    job = working.answers()[told.kind](told)
    assert isinstance(job, Job)
    working.tasks()[job.task](**job.args)
    assert at_desk(shop, ticket).generator == "house-model"


def test_erasing_the_knowledge_erases_what_a_refusal_quotes(shop: Shop, models: WebServer) -> None:
    models.page(PATH, saying("The kettle can be returned within ninety days."))
    ticket = shop.asks(QUESTION)
    word(shop, ticket, models)
    ask(shop.base, shop.brand)
    assert erase(shop.base, shop.brand)
    with shop.database.transaction() as tx:
        assert tx.scalars(select(Wording.reason)).all() == [REFUSAL_ERASED]
