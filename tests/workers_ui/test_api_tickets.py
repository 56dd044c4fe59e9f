"""Tickets as a brand's own system posts and follows them."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import TicketImportId
from marketplace.tickets.terms import CategoryPlan, add_category
from marketplace.tickets.ticket_imports import import_slice
from tests.builders import Clock, usd
from tests.workers_ui.api_site import Api, Program, System, a_ticket_body, api_site, at_once, problem


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    other = api.system()
    assert other.post("/tickets", a_ticket_body(external_id="noise")).status_code == 201
    return api.system()


def an_answered_ticket(api: Api, system: System) -> tuple[str, Program]:
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    sent = program.post(f"/tickets/{ticket}/replies", {"claim_number": number, "text": "On its way."})
    assert sent.status_code == 201, sent.text
    return ticket, program


def an_escalated_ticket(api: Api, system: System) -> tuple[str, Program]:
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    wish = {"claim_number": number, "reason": "no_grounded_answer", "note": "Nothing on kettles."}
    assert program.post(f"/tickets/{ticket}/escalation", wish).status_code == 201
    return ticket, program


# Posting


def test_a_posted_ticket_can_be_read_and_is_listed_to_its_brand_alone(system: System) -> None:
    posted = system.post("/tickets", a_ticket_body(external_id="a-1", subject="Kettle", priority=1))
    assert posted.status_code == 201
    ticket = posted.json()
    assert (ticket["state"], ticket["subject"], ticket["category"]) == ("screening", "Kettle", "general")
    assert system.get(f"/tickets/{ticket['id']}").json() == ticket
    assert system.get("/tickets").json() == [ticket]
    assert system.get("/tickets", state="open").json() == []
    assert system.get("/tickets", page=2).json() == []
    assert problem(system.get("/tickets", state="lost")) == (422, "invalid")
    assert problem(system.get("/tickets", page=0)) == (422, "invalid")


def test_the_same_external_id_with_the_same_body_is_the_same_ticket(api: Api, system: System) -> None:
    body = a_ticket_body(external_id="noise")  # another brand has a ticket by that name
    first, again = system.post("/tickets", body), system.post("/tickets", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert api.count("SELECT count(*) FROM ticket WHERE brand_id = :b", b=system.brand) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", "Another subject"),
        ("text", "Another text"),
        ("channel", "chat"),
        ("language", "de"),
        ("category", "returns"),
        ("priority", 2),
        ("context", "Before that, we spoke of teapots."),
        ("customer", {"name": "Sam Doe", "email": "sue@example.com"}),
    ],
)
def test_the_same_external_id_with_another_body_is_refused_naming_the_difference(
    api: Api, system: System, name: str, value: object
) -> None:
    with api.background.transaction() as tx:
        add_category(tx, brand=system.brand, plan=CategoryPlan(key="returns", name="Returns"))
    body = a_ticket_body()
    system.post("/tickets", body)
    refused = system.post("/tickets", body | {name: value})
    assert problem(refused) == (409, "external_id_taken")
    assert f"differs in: {name}." in refused.json()["detail"]
    assert body["external_id"] in refused.json()["detail"]


def test_eight_posts_of_one_ticket_at_once_make_one_ticket(api: Api, system: System) -> None:
    body = a_ticket_body()
    answers = at_once(8, lambda: system.post("/tickets", body))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert api.count("SELECT count(*) FROM ticket WHERE brand_id = :b", b=system.brand) == 1


def test_a_request_key_replays_the_first_answer_whatever_happened_since(api: Api, system: System) -> None:
    body = a_ticket_body()
    first = system.post("/tickets", body, key="monday-1")
    api.admit(system.brand, first.json()["id"])
    again = system.post("/tickets", body, key="monday-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert system.get(f"/tickets/{first.json()['id']}").json()["state"] == "open"


def test_a_request_key_with_another_body_is_refused_and_is_each_brands_own(api: Api, system: System) -> None:
    assert system.post("/tickets", a_ticket_body(), key="k").status_code == 201
    assert problem(system.post("/tickets", a_ticket_body(), key="k")) == (409, "key_reused")
    assert api.system().post("/tickets", a_ticket_body(), key="k").status_code == 201
    assert api.system(of=system.brand).post("/tickets", a_ticket_body(), key="k").status_code == 409


def test_eight_requests_with_one_key_at_once_have_one_effect_and_one_answer(api: Api, system: System) -> None:
    ticket, _ = an_answered_ticket(api, system)
    answers = at_once(8, lambda: system.post(f"/tickets/{ticket}/messages", {"text": "And now?"}, key="m"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    counted = "SELECT count(*) FROM message WHERE ticket_id = :t AND body = 'And now?'"
    assert api.count(counted, t=ticket) == 1


def test_a_refused_request_leaves_its_key_free(system: System) -> None:
    body = a_ticket_body()
    refused = system.post("/tickets", body | {"category": "submarines"}, key="k")
    assert problem(refused) == (404, "unknown_category")
    assert system.post("/tickets", body, key="k").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "caf\t"])
def test_a_request_key_that_is_none_is_refused(system: System, key: str) -> None:
    refused = system.post("/tickets", a_ticket_body(), key=key)
    assert refused.status_code == 422
    assert "Idempotency-Key" in refused.json()["detail"]


def test_an_unfunded_ticket_waits_unseen(api: Api) -> None:
    system = api.system(funds=usd(0))
    ticket = system.post("/tickets", a_ticket_body()).json()["id"]
    api.admit(system.brand, ticket)
    assert system.get(f"/tickets/{ticket}").json()["state"] == "awaiting_funds"
    assert ticket not in {card["id"] for card in api.program().get("/pool").json()}


# What the customer says


def test_a_customers_message_goes_back_to_the_worker_and_comes_once(api: Api, system: System) -> None:
    ticket, program = an_answered_ticket(api, system)
    assert program.get("/claims").json() == []
    body = {"text": "Still nothing.", "external_id": "m-2"}
    first, again = (system.post(f"/tickets/{ticket}/messages", body) for _ in range(2))
    assert (first.status_code, first.json()["ticket_state"]) == (201, "claimed")
    assert again.json() == first.json()
    assert [hold["ticket"] for hold in program.get("/claims").json()] == [ticket]
    other = system.post(f"/tickets/{ticket}/messages", {"text": "Other words", "external_id": "m-2"})
    assert problem(other) == (409, "message_id_taken")


def test_the_customers_confirmation_resolves_and_pays_once(api: Api, system: System) -> None:
    ticket, program = an_answered_ticket(api, system)
    first, again = (system.post(f"/tickets/{ticket}/confirmation") for _ in range(2))
    assert (first.status_code, first.json()["by"]) == (200, "customer")
    assert again.json() == first.json()
    assert system.get(f"/tickets/{ticket}").json()["state"] == "resolved"
    assert system.get("/wallet").json() == {
        "currency": "usd",
        "available_minor": 9_750,
        "reserved_minor": 0,
    }
    earned = "SELECT coalesce(sum(amount_minor), 0) FROM earning WHERE worker_id = :w"
    assert api.count(earned, w=program.worker) == 200


def test_the_brand_may_resolve_for_its_customer(api: Api, system: System) -> None:
    ticket, _ = an_answered_ticket(api, system)
    assert system.post(f"/tickets/{ticket}/resolution").json()["by"] == "brand"


def test_a_ticket_without_an_answer_cannot_be_confirmed(api: Api, system: System) -> None:
    ticket = api.open_ticket(system.brand)
    for way in ("confirmation", "resolution"):
        assert problem(system.post(f"/tickets/{ticket}/{way}")) == (409, "not_answered")


def test_a_message_reopens_a_ticket_in_its_window_and_opens_a_linked_one_after(
    api: Api, system: System
) -> None:
    inside, outside = (an_answered_ticket(api, system)[0] for _ in range(2))
    for ticket in (inside, outside):
        system.post(f"/tickets/{ticket}/confirmation")
    reopened = system.post(f"/tickets/{inside}/messages", {"text": "It broke again."})
    assert reopened.json()["ticket_state"] == "claimed"  # its worker is around
    assert system.get("/wallet").json()["reserved_minor"] == 250
    Clock(database=api.background).forward(timedelta(hours=73))
    assert (reopened.json()["ticket"], reopened.json()["opened_linked"]) == (inside, False)
    late = {"text": "Hello again", "external_id": "m-2"}
    opened, again = (system.post(f"/tickets/{outside}/messages", late) for _ in range(2))
    assert (opened.status_code, opened.json()["opened_linked"]) == (201, True)
    assert again.json() == opened.json()
    linked = system.get(f"/tickets/{opened.json()['ticket']}").json()
    assert (linked["follows"], linked["subject"]) == (outside, "Re: Where is my order?")
    assert system.get(f"/tickets/{outside}").json()["follows"] is None
    assert problem(system.post(f"/tickets/{outside}/messages", late | {"text": "Other"})) == (
        409,
        "message_id_taken",
    )


# Escalations


def test_a_confirmed_escalation_pays_its_fee_and_is_decided_once(api: Api, system: System) -> None:
    ticket, program = an_escalated_ticket(api, system)
    decided = system.post(f"/tickets/{ticket}/escalation/confirmation")
    assert (decided.status_code, decided.json()["state"]) == (200, "confirmed")
    assert decided.json()["note"] == "Nothing on kettles."
    for way in ("confirmation", "rejection"):
        again = system.post(f"/tickets/{ticket}/escalation/{way}")
        assert problem(again) == (409, "nothing_to_decide")
    earned = "SELECT coalesce(sum(amount_minor), 0) FROM earning WHERE worker_id = :w"
    assert api.count(earned, w=program.worker) == 60


def test_a_confirmation_may_say_that_the_replies_before_were_needless(api: Api, system: System) -> None:
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    program.post(f"/tickets/{ticket}/replies", {"claim_number": number, "text": "One moment."})
    wish = {"claim_number": number, "reason": "other", "queue": "support"}
    raised = program.post(f"/tickets/{ticket}/escalation", wish).json()
    assert (raised["queue"], raised["needless_reason"]) == ("support", None)
    decision = {"note": "Thanks.", "needless_reason": "Our page says it in its first line."}
    decided = system.post(f"/tickets/{ticket}/escalation/confirmation", decision).json()
    assert (decided["state"], decided["needless_reason"]) == ("confirmed", decision["needless_reason"])
    assert decided["decision_note"] == "Thanks."
    assert system.get("/wallet").json()["available_minor"] == 10_000


def test_a_worker_escalates_to_a_queue_of_the_brand_alone(api: Api, system: System) -> None:
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    wish = {"claim_number": number, "reason": "other", "queue": "nowhere"}
    assert problem(program.post(f"/tickets/{ticket}/escalation", wish)) == (422, "no_such_queue")


def test_a_rejected_escalation_gives_the_brand_its_money_back(api: Api, system: System) -> None:
    ticket, _ = an_escalated_ticket(api, system)
    assert system.post(f"/tickets/{ticket}/escalation/rejection").json()["state"] == "rejected"
    assert system.get("/wallet").json()["available_minor"] == 10_000


def test_a_file_of_tickets_is_imported_by_one_request_and_told_line_by_line(api: Api, system: System) -> None:
    content = b"ticket id;message;email\nA-1;Where is my kettle?;sam@example.com\nA-2;;\n"
    looked = system.send("POST", "/ticket-imports?check=true", files=[("file", ("t.csv", content))])
    assert (looked.status_code, looked.json()["state"]) == (202, "draft")
    started = system.send(
        "POST",
        "/ticket-imports",
        files=[("file", ("t.csv", content))],
        headers={"Idempotency-Key": "one-import"},
    ).json()
    assert (started["state"], started["lines"]) == ("importing", 2)
    assert started["columns"] == {"external_id": "ticket id", "text": "message", "customer_email": "email"}
    assert started["problems"] == [{"line": 3, "reason": "It does not say what the customer wrote."}]
    with api.background.transaction() as tx:
        wanted = TicketImportId(UUID(started["id"]))
        import_slice(tx, brand=system.brand, import_id=wanted, now=app_now(tx))
    told = system.get(f"/ticket-imports/{started['id']}").json()
    assert (told["state"], told["counts"]["made"], told["counts"]["refused"]) == ("done", 1, 1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty"),
        (b"PK\x03\x04", "Save it as CSV"),
        (b"colour,size\nred,4\n", "Say which column holds what the customer wrote"),
        (b"text\n" + b"a" * 5_000_001, "5 MB at most"),
    ],
)
def test_a_file_that_is_no_table_of_tickets_is_a_problem_with_a_sentence(
    system: System, content: bytes, sentence: str
) -> None:
    answer = system.send("POST", "/ticket-imports", files=[("file", ("t.csv", content))])
    assert answer.status_code in (400, 413, 422)
    assert sentence in answer.json()["detail"]
