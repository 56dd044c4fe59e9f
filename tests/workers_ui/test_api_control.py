"""The share dial, the price table and the spend cap by API."""

from collections.abc import Iterator

import pytest

from tests.workers_ui.api_site import Api, a_ticket_body, api_site, problem


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


def test_the_dial_is_put_whole_and_read_back(api: Api) -> None:
    system, other = api.system(), api.system()
    assert system.get("/sharing").json() == {"rules": [], "last_tickets": 0, "last_tickets_shared": 0}
    rules = [
        {"percent": 30, "category": None, "from_hour": None, "to_hour": None},
        {"percent": 0, "category": "general", "from_hour": 22, "to_hour": 6},
    ]
    assert system.put("/sharing", {"rules": rules}).json()["rules"] == rules
    assert system.put("/sharing", {"rules": rules[1:]}).json()["rules"] == rules[1:]
    assert other.get("/sharing").json()["rules"] == []


def test_a_dial_that_cannot_be_leaves_the_old_one(api: Api) -> None:
    system = api.system()
    system.put("/sharing", {"rules": [{"percent": 30}]})
    overlap = [
        {"percent": 1, "from_hour": 8, "to_hour": 12},
        {"percent": 2, "from_hour": 11, "to_hour": 13},
    ]
    assert problem(system.put("/sharing", {"rules": overlap})) == (409, "dial_hours_overlap")
    unknown = [{"percent": 1, "category": "x"}]
    assert problem(system.put("/sharing", {"rules": unknown})) == (404, "unknown_category")
    half = [{"percent": 1, "from_hour": 3}]
    assert problem(system.put("/sharing", {"rules": half})) == (422, "bad_hours")
    assert problem(system.put("/sharing", {"rules": [{"percent": 101}]})) == (422, "malformed")
    assert [rule["percent"] for rule in system.get("/sharing").json()["rules"]] == [30]


def test_the_preview_looks_at_the_last_tickets(api: Api) -> None:
    system = api.system()
    for _ in range(3):
        system.post("/tickets", a_ticket_body())
    told = system.put("/sharing", {"rules": [{"percent": 0}]}).json()
    assert (told["last_tickets"], told["last_tickets_shared"]) == (3, 0)


def test_a_cap_is_put_and_says_what_is_used(api: Api) -> None:
    system = api.system()
    api.open_ticket(system.brand)
    assert system.put("/spend-cap", {"per_day_minor": 1_000}).json() == {
        "per_day_minor": 1_000,
        "per_month_minor": None,
        "committed_today_minor": 250,
        "committed_this_month_minor": 250,
    }
    refused = system.put("/spend-cap", {"per_day_minor": 2, "per_month_minor": 1})
    assert problem(refused) == (422, "bad_cap")
    assert system.get("/spend-cap").json()["per_day_minor"] == 1_000


def test_prices_by_language_and_hour_are_put_listed_and_taken_away(api: Api) -> None:
    system = api.system()
    put = system.put("/prices/general", {"total_minor": 500, "language": "DE", "from_hour": 22, "to_hour": 6})
    assert (put.json()["language"], put.json()["from_hour"], put.json()["total_minor"]) == ("de", 22, 500)
    table = system.get("/prices").json()
    assert [(one["language"], one["from_hour"], one["total_minor"]) for one in table] == [
        ("", None, 250),
        ("de", 22, 500),
    ]
    where = {"language": "de", "from_hour": 22, "to_hour": 6}
    gone = [system.send("DELETE", "/prices/general", params=where) for _ in range(2)]
    assert gone[0].status_code == 204
    assert problem(gone[1]) == (404, "no_such_price")
    assert problem(system.delete("/prices/general")) == (409, "default_needs_a_price")
    assert len(system.get("/prices").json()) == 1
