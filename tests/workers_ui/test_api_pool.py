"""The pool and the desk as a worker's program uses them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from guidance.models import Receipt
from marketplace.accounts.models import Member, MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import TicketId
from marketplace.tickets.models import Channel
from marketplace.tickets.pool import expire_leases
from tests.builders import Clock, a_person
from tests.workers_ui.api_site import Api, Program, System, api_site, at_once, problem
from tests.workers_ui.brand_site import a_suggestion, an_article

ANSWER = "Send the kettle back within thirty days."


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    api.open_ticket(api.system().brand, subject="Noise")
    return api.system()


@pytest.fixture
def program(api: Api) -> Program:
    return api.program()


@pytest.fixture
def ticket(api: Api, system: System) -> TicketId:
    return api.open_ticket(system.brand, text="Mail me at sam.doe@example.com or +1 415 555 2671, please.")


def claimed(program: Program, ticket: TicketId) -> int:
    answer = program.post(f"/tickets/{ticket}/claim")
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["claim_number"]
    return number


def reply(program: Program, ticket: TicketId, number: int, **changes: Any) -> Any:
    body = {"claim_number": number, "text": ANSWER} | changes
    return program.post(f"/tickets/{ticket}/replies", body)


# Claiming


def test_a_card_shows_the_pay_and_nothing_personal(api: Api, system: System, program: Program) -> None:
    ticket = api.open_ticket(system.brand, subject="Call sam.doe@example.com back", priority=2)
    [card] = [card for card in program.get("/pool").json() if card["id"] == str(ticket)]
    assert (card["brand"], card["pay_minor"], card["currency"]) == ("Fern & Kettle", 200, "usd")
    assert "sam.doe" not in str(card)


def test_a_claim_is_won_once_and_claiming_again_keeps_the_lease(
    api: Api, program: Program, ticket: TicketId
) -> None:
    first, again = (program.post(f"/tickets/{ticket}/claim") for _ in range(2))
    assert (first.status_code, first.json()["claim_number"]) == (200, 1)
    assert again.json() == first.json()
    assert problem(api.program().post(f"/tickets/{ticket}/claim")) == (409, "already_claimed")
    assert str(ticket) not in {card["id"] for card in program.get("/pool").json()}
    assert [hold["ticket"] for hold in program.get("/claims").json()] == [str(ticket)]


def test_the_best_ticket_is_given_and_a_key_gives_it_once(api: Api, system: System) -> None:
    program = api.program(email_cap=1)
    urgent = api.open_ticket(system.brand, channel=Channel.CHAT, priority=2)
    hold = program.post("/claims", key="next")
    assert hold.json()["ticket"] == str(urgent)
    assert program.post("/claims", key="next").content == hold.content
    other = program.post("/claims")
    assert other.json()["ticket"] != str(urgent)
    assert len(program.get("/claims").json()) == 2
    assert problem(program.post("/claims")) == (409, "at_your_limit")


def test_a_worker_holds_no_more_than_his_cap_and_an_answered_ticket_does_not_count(
    api: Api, system: System
) -> None:
    program = api.program(email_cap=1)
    first, second = api.open_ticket(system.brand), api.open_ticket(system.brand)
    number = claimed(program, first)
    assert problem(program.post(f"/tickets/{second}/claim")) == (409, "at_your_limit")
    assert reply(program, first, number).status_code == 201
    assert claimed(program, second) == 1


def test_a_member_of_the_brand_cannot_work_on_its_tickets(
    api: Api, system: System, program: Program, ticket: TicketId
) -> None:
    with api.background.transaction() as tx:
        tx.add(
            Member(
                brand_id=system.brand,
                person_id=program.person,
                role=MemberRole.AGENT,
                joined_at=app_now(tx),
            )
        )
    assert problem(program.post(f"/tickets/{ticket}/claim")) == (403, "own_brand")


def test_somebody_who_is_no_worker_is_told_so(api: Api, ticket: TicketId) -> None:
    with api.background.transaction() as tx:
        person = a_person(tx)
    stranger = Program(
        client=api.client, secret=api.token(person), worker=api.program().worker, person=person
    )
    for path in ("/pool", "/claims", f"/tickets/{ticket}/desk"):
        assert problem(stranger.get(path)) == (403, "not_a_worker")


# The desk


def test_the_desk_shows_the_thread_masked_and_the_suggestion_with_its_passages(
    api: Api, system: System, program: Program, ticket: TicketId
) -> None:
    number = claimed(program, ticket)
    assert program.get(f"/tickets/{ticket}/desk").json()["suggestion"] is None
    with api.background.transaction() as tx:
        passage = an_article(tx, system.brand, text=ANSWER, page=4)
        a_suggestion(tx, system.brand, ticket, passage, draft=f"Hello Sam, {ANSWER}")
    desk = program.get(f"/tickets/{ticket}/desk").json()
    assert desk["claim_number"] == number
    [line] = desk["thread"]
    assert line["author"] == "customer"
    assert "sam.doe" not in line["text"]
    assert "555" not in line["text"]
    assert desk["suggestion"]["draft"] == f"Hello Sam, {ANSWER}"
    assert desk["suggestion"]["stale"] is False
    [shown] = desk["suggestion"]["passages"]
    assert (shown["text"], shown["page"]) == (ANSWER, 4)
    assert system.delete("/articles/returns.md").status_code == 204
    outdated = program.get(f"/tickets/{ticket}/desk").json()["suggestion"]
    assert (outdated["stale"], outdated["draft"], outdated["passages"]) == (True, "", [])


def test_what_ended_since_it_was_shown_is_not_sent_word_for_word(
    api: Api, system: System, program: Program, ticket: TicketId
) -> None:
    number = claimed(program, ticket)
    with api.background.transaction() as tx:
        passage = an_article(tx, system.brand, text=f"{ANSWER} It stays with us for nine days.")
        a_suggestion(tx, system.brand, ticket, passage, draft=ANSWER)
    path = f"/tickets/{ticket}/replies"
    new = {"title": "Returns", "text": f"{ANSWER} It stays with us for two days."}
    assert system.put("/articles/returns.md", new).status_code == 200
    old = {"claim_number": number, "text": f"Hello Sam,\n\n{ANSWER} It stays with us for nine days."}
    assert problem(program.post(path, old)) == (409, "outdated_text")
    still = {"claim_number": number, "text": f"Hello Sam,\n\n{ANSWER}", "inserted": ["draft"]}
    assert program.post(path, still).status_code == 201


def test_nobody_but_the_holder_sees_the_desk(api: Api, program: Program, ticket: TicketId) -> None:
    assert problem(program.get(f"/tickets/{ticket}/desk")) == (409, "stale_claim")
    claimed(program, ticket)
    assert problem(api.program().get(f"/tickets/{ticket}/desk")) == (409, "stale_claim")


def test_naming_the_category_moves_the_clock_on_once(program: Program, ticket: TicketId) -> None:
    number = claimed(program, ticket)
    before = program.get("/claims").json()[0]["lease_ends_at"]
    named = {"claim_number": number, "category": "general"}
    moved = program.post(f"/tickets/{ticket}/claim/category", named)
    assert moved.json()["lease_ends_at"] > before
    again = program.post(f"/tickets/{ticket}/claim/category", named)
    assert again.json() == moved.json()
    refused = program.post(f"/tickets/{ticket}/claim/category", named | {"category": "submarines"})
    assert problem(refused) == (422, "invalid")


# Answering


def test_a_reply_is_labelled_and_leaves_a_receipt(
    api: Api, system: System, program: Program, ticket: TicketId
) -> None:
    with api.background.transaction() as tx:
        a_suggestion(tx, system.brand, ticket, an_article(tx, system.brand, text=ANSWER), draft=ANSWER)
    sent = reply(program, ticket, claimed(program, ticket), text=f"{ANSWER} Bye!", inserted=["draft"])
    assert (sent.status_code, sent.json()["state"]) == (201, "queued")
    assert "not an employee of Fern & Kettle" in sent.json()["label"]
    with api.background.transaction() as tx:
        receipt = tx.scalars(select(Receipt).where(Receipt.ticket_id == ticket)).one()
    assert str(receipt.reply_id) == sent.json()["id"]
    assert [shown["title"] for shown in receipt.shown] == ["Returns"]
    assert (receipt.inserted, receipt.edit_distance) == (["draft"], len(" Bye!"))
    assert receipt.sent_text == f"{ANSWER} Bye!\n\n{sent.json()['label']}"
    assert system.get(f"/tickets/{ticket}").json()["state"] == "answered"


def test_a_receipt_names_the_suggestion_that_a_program_was_shown(
    api: Api, system: System, program: Program, ticket: TicketId
) -> None:
    with api.background.transaction() as tx:
        article = an_article(tx, system.brand, text=ANSWER)
        shown = a_suggestion(tx, system.brand, ticket, article, draft=ANSWER)
        a_suggestion(tx, system.brand, ticket, article, draft="A newer draft.")
    number = claimed(program, ticket)
    body = {"claim_number": number, "text": ANSWER, "inserted": ["draft"], "suggestion": str(uuid4())}
    assert problem(program.post(f"/tickets/{ticket}/replies", body)) == (422, "unknown_suggestion")
    assert program.post(f"/tickets/{ticket}/replies", body | {"suggestion": str(shown)}).status_code == 201
    with api.background.transaction() as tx:
        receipt = tx.scalars(select(Receipt).where(Receipt.ticket_id == ticket)).one()
    assert (receipt.suggestion_id, receipt.edit_distance) == (shown, 0)


def test_a_reply_sent_twice_with_its_key_leaves_once(api: Api, program: Program, ticket: TicketId) -> None:
    body = {"claim_number": claimed(program, ticket), "text": ANSWER}
    answers = at_once(4, lambda: program.post(f"/tickets/{ticket}/replies", body, key="r-1"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert api.count("SELECT count(*) FROM reply WHERE ticket_id = :t", t=ticket) == 1
    other = program.post(f"/tickets/{ticket}/replies", body | {"text": "Other"}, key="r-1")
    assert problem(other) == (409, "key_reused")


WRITES = (
    ("claim/category", {"category": "general"}),
    ("replies", {"text": ANSWER}),
    ("escalation", {"reason": "sensitive"}),
    ("release", {"reason": "no_time"}),
)


@pytest.mark.parametrize(("write", "body"), WRITES, ids=[write for write, _ in WRITES])
def test_a_stale_token_writes_nothing(
    api: Api, program: Program, ticket: TicketId, write: str, body: dict[str, object]
) -> None:
    number = claimed(program, ticket)
    path = f"/tickets/{ticket}/{write}"
    thief = api.program()
    assert problem(thief.post(path, {"claim_number": number, **body})) == (409, "stale_claim")
    assert problem(program.post(path, {"claim_number": number + 1, **body})) == (409, "stale_claim")
    Clock(database=api.background).forward(timedelta(minutes=6))
    assert problem(program.post(path, {"claim_number": number, **body})) == (409, "stale_claim")
    with api.background.transaction() as tx:
        expire_leases(tx, now=app_now(tx))
    assert claimed(program, ticket) == number + 1  # after expiry he may have it again
    assert problem(program.post(path, {"claim_number": number, **body})) == (409, "stale_claim")
    assert program.post(path, {"claim_number": number + 1, **body}).is_success


# Giving it back, handing it over


def test_a_released_ticket_is_everybody_elses(api: Api, program: Program, ticket: TicketId) -> None:
    body = {"claim_number": claimed(program, ticket), "reason": "no_time"}
    released = program.post(f"/tickets/{ticket}/release", body)
    assert (released.status_code, released.content) == (204, b"")
    assert problem(program.post(f"/tickets/{ticket}/claim")) == (409, "given_back_before")
    assert claimed(api.program(), ticket) == 2


def test_an_escalation_leaves_the_pool_and_its_key_repeats_it(
    system: System, program: Program, ticket: TicketId
) -> None:
    body = {"claim_number": claimed(program, ticket), "reason": "sensitive", "note": "Ask a lawyer."}
    first = program.post(f"/tickets/{ticket}/escalation", body, key="e")
    assert (first.status_code, first.json()["state"]) == (201, "open")
    assert program.post(f"/tickets/{ticket}/escalation", body, key="e").content == first.content
    assert problem(program.post(f"/tickets/{ticket}/claim")) == (404, "gone_from_pool")
    assert system.get(f"/tickets/{ticket}").json()["state"] == "escalated"


def test_the_loser_is_told_and_offered_the_next_best(
    api: Api, program: Program, system: System, ticket: TicketId
) -> None:
    api.open_ticket(system.brand)
    assert program.post(f"/tickets/{ticket}/claim").status_code == 200
    loser = api.program()
    told = loser.post(f"/tickets/{ticket}/claim").json()
    best, *_ = loser.get("/pool").json()
    assert (told["code"], told["next_best"]) == ("already_claimed", best["id"])
    assert loser.post(f"/tickets/{told['next_best']}/claim").status_code == 200
