"""Replies that wait for approval, as a brand's own system decides on them."""

from collections.abc import Iterator

import pytest

from knowledge_base.publishing import delete_article
from marketplace.kernel.ids import BrandId
from marketplace.tickets.probation import set_probation
from marketplace.tickets.reply_models import AfterLimit
from tests.builders import a_member
from tests.workers_ui.api_site import Api, Program, System, api_site, problem
from tests.workers_ui.brand_site import a_suggestion, an_article


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    made = api.system()
    probation(api, made.brand)
    return made


def probation(api: Api, brand: BrandId) -> None:
    with api.background.transaction() as tx:
        set_probation(
            tx,
            brand=brand,
            replies=3,
            limit_minutes=60,
            after_limit=AfterLimit.SEND,
            accuracy_basis_points=8_000,
            by=a_member(tx, brand),
        )


def a_reply_in_review(api: Api, system: System) -> tuple[str, Program]:
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    sent = program.post(f"/tickets/{ticket}/replies", {"claim_number": number, "text": "It left today."})
    assert (sent.status_code, sent.json()["state"]) == (201, "awaiting_approval")
    return ticket, program


def test_waiting_replies_are_listed_with_question_and_time_to_their_brand_alone(
    api: Api, system: System
) -> None:
    ticket, _ = a_reply_in_review(api, system)
    (waiting,) = system.get("/reviews").json()
    assert (waiting["ticket"], waiting["text"], waiting["after_limit"]) == (ticket, "It left today.", "send")
    assert "I ordered a kettle" in waiting["question"]
    assert api.system().get("/reviews").json() == []


def test_an_approved_reply_is_delivered_and_decided_once(api: Api, system: System) -> None:
    ticket, _ = a_reply_in_review(api, system)
    (waiting,) = system.get("/reviews").json()
    api.deliver()
    assert system.get("/events", kind="reply_sent").json()["events"] == []
    decided = system.post(f"/reviews/{waiting['id']}/approval")
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    api.deliver()
    (sent,) = system.get("/events", kind="reply_sent").json()["events"]
    assert sent["body"]["text"].startswith("It left today.")
    assert system.get(f"/tickets/{ticket}").json()["state"] == "answered"
    for way, body in (("approval", None), ("return", {"reason": "wrong"})):
        again = system.post(f"/reviews/{waiting['id']}/{way}", body)
        assert problem(again) == (409, "review_decided")


def test_a_returned_reply_is_not_delivered_and_may_be_written_anew(api: Api, system: System) -> None:
    ticket, program = a_reply_in_review(api, system)
    (waiting,) = system.get("/reviews").json()
    returned = system.post(f"/reviews/{waiting['id']}/return", {"reason": "incomplete", "note": "And when?"})
    assert returned.json() | {"id": ""} == {
        "id": "",
        "ticket": ticket,
        "state": "rejected",
        "reason": "incomplete",
        "note": "And when?",
    }
    api.deliver()
    assert system.get("/events", kind="reply_sent").json()["events"] == []
    review = program.get(f"/tickets/{ticket}/desk").json()["review"]
    assert (review["state"], review["reason"], review["note"]) == ("rejected", "incomplete", "And when?")
    anew = {"claim_number": 1, "text": "It left today and arrives on Friday."}
    assert program.post(f"/tickets/{ticket}/replies", anew).json()["state"] == "awaiting_approval"


def test_a_reason_of_its_own_must_be_said_and_others_must_exist(api: Api, system: System) -> None:
    a_reply_in_review(api, system)
    (waiting,) = system.get("/reviews").json()
    silent = system.post(f"/reviews/{waiting['id']}/return", {"reason": "other"})
    assert problem(silent) == (422, "bad_review_note")
    unknown = system.post(f"/reviews/{waiting['id']}/return", {"reason": "ugly"})
    assert problem(unknown) == (422, "malformed")


def test_a_program_reads_what_was_promised_before(api: Api) -> None:
    system = api.system()
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    promise = {"claim_number": number, "text": "We will send a new kettle by Friday."}
    program.post(f"/tickets/{ticket}/replies", promise)
    system.post(f"/tickets/{ticket}/messages", {"text": "Which colour will it be?"})
    desk = program.get(f"/tickets/{ticket}/desk").json()
    assert [one["text"] for one in desk["handover"]["promised"]] == ["We will send a new kettle by Friday."]
    assert desk["handover"]["open_question"]["text"] == "Which colour will it be?"
    assert desk["review"] is None


def test_while_a_reply_waits_its_worker_is_told_so(api: Api, system: System) -> None:
    ticket, program = a_reply_in_review(api, system)
    more = program.post(f"/tickets/{ticket}/replies", {"claim_number": 1, "text": "One more."})
    assert problem(more) == (409, "reply_in_review")
    released = program.post(f"/tickets/{ticket}/release", {"claim_number": 1, "reason": "no_time"})
    assert problem(released) == (409, "reply_in_review")
    assert program.post(f"/tickets/{ticket}/claim").json()["claim_number"] == 1


def test_a_message_of_the_customer_takes_the_waiting_reply_off_the_list(api: Api, system: System) -> None:
    ticket, program = a_reply_in_review(api, system)
    (waiting,) = system.get("/reviews").json()
    wrote = system.post(f"/tickets/{ticket}/messages", {"text": "Never mind."}).json()
    assert wrote["ticket_state"] == "claimed"
    assert system.get("/reviews").json() == []
    assert problem(system.post(f"/reviews/{waiting['id']}/approval")) == (409, "review_decided")
    assert program.get("/claims").json()[0]["ticket"] == ticket


def test_a_reply_whose_grounds_changed_is_refused_until_the_change_is_named(api: Api, system: System) -> None:
    ticket = api.open_ticket(system.brand)
    with api.background.transaction() as tx:
        passage = an_article(tx, system.brand, text="It leaves today.")
        a_suggestion(tx, system.brand, ticket, passage, draft="It leaves today.")
    program = api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    reply = {"claim_number": number, "text": "It leaves today.", "inserted": ["draft"]}
    program.post(f"/tickets/{ticket}/replies", reply)
    (waiting,) = system.get("/reviews").json()
    assert (waiting["changes"], waiting["changes_mark"]) == ([], "")
    with api.background.transaction() as tx:
        delete_article(tx, brand=system.brand, key="returns.md")
    (waiting,) = system.get("/reviews").json()
    assert [one["ending"] for one in waiting["changes"]] == ["retired"]
    assert problem(system.post(f"/reviews/{waiting['id']}/approval")) == (409, "grounds_changed")
    decided = system.post(f"/reviews/{waiting['id']}/approval", {"changes_read": waiting["changes_mark"]})
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    assert problem(system.post(f"/reviews/{waiting['id']}/outdated-return")) == (409, "review_decided")
