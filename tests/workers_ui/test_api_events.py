"""The feed by which replies and endings reach a brand's own systems."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.workers_ui.api_site import Api, System, a_ticket_body, api_site, problem

PAGES = 50


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    a_whole_life(api, api.system(), external_id="noise")
    return api.system()


def a_whole_life(api: Api, system: System, *, external_id: str) -> str:
    """Posted, claimed, answered, delivered and confirmed; the ticket's id."""
    ticket: str = system.post("/tickets", a_ticket_body(external_id=external_id)).json()["id"]
    api.admit(system.brand, ticket)
    program = api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    program.post(f"/tickets/{ticket}/replies", {"claim_number": number, "text": "On its way."})
    api.deliver()
    assert system.post(f"/tickets/{ticket}/confirmation").is_success
    return ticket


def read_all(system: System, *, limit: int, **filters: Any) -> list[dict[str, Any]]:
    """What a brand's system does: page on until nothing comes."""
    seen: list[dict[str, Any]] = []
    after = ""
    for _ in range(PAGES):
        page = system.get("/events", after=after, limit=limit, **filters).json()
        assert len(page["events"]) <= limit
        if not page["events"]:
            assert page["next"] == (after or "0-0")
            return seen
        seen, after = seen + page["events"], page["next"]
        assert after == seen[-1]["cursor"]
    raise AssertionError(f"the feed goes on after {PAGES} pages")


def test_a_reply_reaches_the_brand_with_its_label_and_the_brands_own_id(api: Api, system: System) -> None:
    ticket = a_whole_life(api, system, external_id="order-7")
    [sent] = read_all(system, limit=10, kind="reply_sent")
    assert sent["subject"] == ticket
    assert sent["body"]["external_id"] == "order-7"
    label = "Answered by an independent paid expert, not an employee of Fern & Kettle."
    assert sent["body"]["text"] == f"On its way.\n\n{label}"


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_of_any_size_tell_each_fact_once_in_order(api: Api, system: System, limit: int) -> None:
    ticket = a_whole_life(api, system, external_id="a")
    facts = read_all(system, limit=limit)
    assert [fact["kind"] for fact in facts] == [
        "ticket_posted",
        "ticket_admitted",
        "ticket_opened",
        "ticket_claimed",
        "reply_queued",
        "reply_sent",
        "ticket_resolved",
    ]
    assert {fact["subject"] for fact in facts} == {ticket}
    assert all("worker" not in fact["body"] for fact in facts)


def test_a_cursor_that_was_kept_goes_on_where_it_stopped(api: Api, system: System) -> None:
    a_whole_life(api, system, external_id="a")
    kept = system.get("/events").json()["next"]
    assert system.get("/events", after=kept).json() == {"events": [], "next": kept}
    later = a_whole_life(api, system, external_id="b")
    assert {fact["subject"] for fact in system.get("/events", after=kept).json()["events"]} == {later}


def test_several_kinds_can_be_asked_for(api: Api, system: System) -> None:
    a_whole_life(api, system, external_id="a")
    told = read_all(system, limit=10, kind=["ticket_resolved", "reply_sent"])
    assert [fact["kind"] for fact in told] == ["reply_sent", "ticket_resolved"]
    assert read_all(system, limit=10, kind="no_such_kind") == []


@pytest.mark.parametrize(
    "after", ["x", "1", "-1-2", "1-2-3", "٣-1", "18446744073709551616-0", "0-" + "9" * 30]
)
def test_a_cursor_from_nowhere_is_refused(system: System, after: str) -> None:
    assert problem(system.get("/events", after=after)) == (422, "bad_cursor")


@pytest.mark.parametrize("limit", [0, -1, 501, "many"])
def test_a_page_has_1_to_500_facts(system: System, limit: object) -> None:
    assert problem(system.get("/events", limit=limit)) == (422, "malformed")
