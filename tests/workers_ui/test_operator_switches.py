"""Operators stop a brand, a channel, a worker, an article or guidance, at one brand or everywhere, and lift it."""

from uuid import UUID

import pytest
from httpx2 import Response

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets.models import PoolState, PoolTicket
from marketplace.tickets.pool import claim_ticket
from tests.builders import a_brand, an_open_ticket
from tests.workers_ui.brand_site import House, a_house, tree, words
from tests.workers_ui.conftest import Site
from tests.workers_ui.operator_site import Operator, WorkerAtSite, a_worker_at, an_operator


@pytest.fixture
def operator(site: Site) -> Operator:
    return an_operator(site)


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


def test_a_channel_is_stopped_everywhere_and_lifted_again(
    site: Site, operator: Operator, house: House
) -> None:
    house.ticket()
    worker = a_worker_at(site)
    answer = operator.post("/switches", {"kind": "channel", "key": "email", "reason": "Mails arrive twice."})
    assert answer.is_redirect
    assert "Where is my order?" not in words(worker.get("/worker/pool"))
    page = operator.get("/switches")
    assert "A channel: email everywhere Mails arrive twice. Olga Oakes" in words(page)
    action = tree(page).css_first("form.action[action$='/lift']")
    assert action is not None
    path = str(action.attributes["action"]).removeprefix("/operator")
    assert operator.post(path).is_redirect
    assert operator.post(path).status_code == 409
    assert "Where is my order?" in words(worker.get("/worker/pool"))
    assert "lifted by Olga Oakes" in words(operator.get("/switches"))
    assert "Mails arrive twice." in words(operator.get("/health"))


def test_a_worker_is_stopped_by_address_and_what_he_held_returns(
    site: Site, operator: Operator, house: House, background: Database
) -> None:
    worker, ticket = a_worker_at(site), house.ticket()
    with background.transaction() as tx:
        claim_ticket(tx, ticket=ticket, worker=worker.worker)
        assert app_now(tx)
    typed = {"kind": "worker", "key": worker.email.upper(), "reason": "Somebody else uses this login."}
    assert operator.post("/switches", typed).is_redirect
    assert "A worker: Ana Alder everywhere" in words(operator.get("/switches"))
    with background.transaction() as tx:
        assert tx.get_one(PoolTicket, ticket).state is PoolState.OPEN


def test_a_worker_stopped_at_one_brand_is_told_by_whom_where_and_why(site: Site, house: House) -> None:
    worker, ticket = a_worker_at(site), house.ticket()
    typed = {"kind": "worker", "key": str(worker.worker), "reason": "Rude twice"}
    assert house.member().post("/control/switches", typed).is_redirect
    told = "Fern & Kettle has stopped your work on its tickets: Rude twice."
    refused = worker.post(f"/worker/pool/{ticket}/claim")
    assert (refused.status_code, told in words(refused)) == (403, True)
    by_program = as_program(worker, f"/tickets/{ticket}/claim")
    assert (by_program.json()["code"], by_program.json()["detail"]) == ("stopped_here", told)
    assert "Stopped at Fern & Kettle" in words(worker.get("/worker/standing"))
    with site.background.transaction() as tx:
        elsewhere = an_open_ticket(tx, a_brand(tx, name="Tern Home"))
    assert worker.post(f"/worker/pool/{elsewhere}/claim").is_redirect


def test_a_worker_stopped_everywhere_is_told_so_at_every_claim(
    site: Site, operator: Operator, house: House
) -> None:
    worker, ticket = a_worker_at(site), house.ticket()
    typed = {"kind": "worker", "key": worker.email, "reason": "Under review."}
    assert operator.post("/switches", typed).is_redirect
    told = "The platform has stopped your work: Under review."
    assert told in words(worker.post("/worker/pool"))
    for path, key in ((f"/tickets/{ticket}/claim", ""), ("/claims", ""), ("/claims", "once")):
        assert as_program(worker, path, key=key).json()["detail"] == told
    assert "Stopped everywhere" in words(worker.get("/worker/standing"))


def as_program(worker: WorkerAtSite, path: str, *, key: str = "") -> Response:
    headers = {"Authorization": f"Bearer {worker.visitor.client.cookies.get('hc_session')}"}
    return worker.visitor.client.post(
        f"/api/v1{path}", headers=headers | ({"Idempotency-Key": key} if key else {})
    )


def test_one_brand_is_stopped_and_reads_who_did_it(operator: Operator, house: House) -> None:
    typed = {"kind": "brand", "brand": house.slug, "reason": "Unpaid invoices."}
    assert operator.post("/switches", typed).is_redirect
    assert "All tickets Fern & Kettle Unpaid invoices." in words(operator.get("/switches"))
    assert "the platform" in words(house.member().get("/control/switches"))


@pytest.mark.parametrize(
    "typed",
    [
        {"kind": "everything", "reason": "x"},
        {"kind": "brand", "reason": "x"},
        {"kind": "brand", "brand": "nowhere", "reason": "x"},
        {"kind": "category", "key": "general", "reason": "x"},
        {"kind": "channel", "key": "pigeon", "reason": "x"},
        {"kind": "worker", "key": "nobody@example.com", "reason": "x"},
        {"kind": "worker", "key": str(UUID(int=1)), "reason": "x"},
        {"kind": "worker", "key": "\x00", "reason": "x"},
    ],
)
def test_what_does_not_exist_cannot_be_stopped(operator: Operator, typed: dict[str, str]) -> None:
    answer = operator.post("/switches", typed)
    assert answer.status_code == 422
    assert "There is nothing by that name to stop" in words(answer)


@pytest.mark.parametrize(
    ("kind", "brand", "key", "field", "told"),
    [
        ("brand", "SLUG-", "", "brand", "Perhaps SLUG?"),
        ("category", "SLUG", "genral", "key", "Perhaps general?"),
        ("category", "SLUG", "zzz", "key", "Perhaps general?"),
        ("category", "", "general", "brand", "It belongs to a brand: say which."),
        ("channel", "", "emial", "key", "Perhaps email?"),
        ("channel", "", "pigeon", "key", "Perhaps email, chat?"),
        ("guidance", "", "all", "key", "Leave this empty"),
        ("worker", "", "nobody@example.com", "key", "No worker has this e-mail address."),
        ("article", "SLUG", str(UUID(int=1)), "key", "Fern & Kettle has no article with this id."),
        ("article", "SLUG", "returns.md", "key", "Fern & Kettle has no article with this id."),
    ],
)
def test_a_slip_is_told_at_its_field_with_what_comes_close(
    operator: Operator, house: House, kind: str, brand: str, key: str, field: str, told: str
) -> None:
    typed = {"kind": kind, "brand": brand.replace("SLUG", house.slug), "key": key, "reason": "x"}
    answer = operator.post("/switches", typed)
    assert answer.status_code == 422
    at_field = tree(answer).css_first(f"#f-{field}-error")
    assert at_field is not None
    assert told.replace("SLUG", house.slug) in at_field.text()


def test_what_is_known_is_offered_as_one_types(operator: Operator, house: House) -> None:
    def offered(answer: Response, field: str) -> list[str | None]:
        return [one.attributes["value"] for one in tree(answer).css(f"#f-{field}-offered option")]

    page = operator.get("/switches")
    assert (offered(page, "brand"), offered(page, "key")) == ([house.slug], ["email", "chat"])
    again = operator.post("/switches", {"kind": "category", "brand": house.slug, "key": "", "reason": "x"})
    assert offered(again, "key") == ["email", "chat", "general"]


def test_a_switch_needs_a_reason(operator: Operator) -> None:
    answer = operator.post("/switches", {"kind": "guidance", "reason": " "})
    assert answer.status_code == 422
    assert "Say why" in words(answer)
