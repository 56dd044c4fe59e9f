"""Ratings and the stage, as a brand's own system meets them."""

from collections.abc import Iterator

import pytest

from marketplace.kernel.clock import app_now
from marketplace.tickets import stages
from tests.builders import a_member
from tests.workers_ui.api_site import Api, System, api_site, at_once, problem
from tests.workers_ui.test_api_tickets import an_answered_ticket

RATING = {"stars": 3, "reason": "too_slow", "comment": "Two days."}


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    return api.system()


def a_resolved_ticket(api: Api, system: System) -> str:
    ticket, _ = an_answered_ticket(api, system)
    assert system.post(f"/tickets/{ticket}/confirmation").status_code == 200
    return ticket


def test_a_resolution_is_rated_once_and_the_same_again_is_the_same(api: Api, system: System) -> None:
    ticket = a_resolved_ticket(api, system)
    first, again = (system.post(f"/tickets/{ticket}/rating", RATING) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert {name: first.json()[name] for name in RATING} == RATING
    other = system.post(f"/tickets/{ticket}/rating", RATING | {"stars": 4})
    assert problem(other) == (409, "rated_before")
    rated = [one for one in system.get("/events").json()["events"] if one["kind"] == "ticket_rated"]
    assert [(one["subject"], one["body"]["stars"]) for one in rated] == [(ticket, 3)]


def test_eight_ratings_at_once_make_one(api: Api, system: System) -> None:
    ticket = a_resolved_ticket(api, system)
    answers = at_once(8, lambda: system.post(f"/tickets/{ticket}/rating", RATING))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert api.count("SELECT count(*) FROM rating WHERE ticket_id = :t", t=ticket) == 1


def test_a_request_key_replays_a_rating(api: Api, system: System) -> None:
    ticket = a_resolved_ticket(api, system)
    first, again = (system.post(f"/tickets/{ticket}/rating", RATING, key="r-1") for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


def test_only_a_resolved_ticket_is_rated(api: Api, system: System) -> None:
    ticket, _ = an_answered_ticket(api, system)
    assert problem(system.post(f"/tickets/{ticket}/rating", RATING)) == (409, "nothing_to_rate")


@pytest.mark.parametrize(
    "changes", [{"stars": 0}, {"stars": 6}, {"stars": 5}, {"reason": "rude"}, {"comment": "x" * 2_001}]
)
def test_what_is_no_rating_is_refused(api: Api, system: System, changes: dict[str, object]) -> None:
    ticket = a_resolved_ticket(api, system)
    assert system.post(f"/tickets/{ticket}/rating", RATING | changes).status_code == 422


def test_the_stage_is_told_with_what_moves_it(api: Api, system: System) -> None:
    off = system.get("/stage").json()
    assert (off["enabled"], off["percent"], off["percents"], off["gates"]) == (False, 100, [5, 25, 100], [])
    with api.background.transaction() as tx:
        stages.enable(tx, brand=system.brand, person=a_member(tx, system.brand), now=app_now(tx))
    ticket = a_resolved_ticket(api, system)
    system.post(f"/tickets/{ticket}/rating", RATING)
    on = system.get("/stage").json()
    assert (on["enabled"], on["percent"], on["stage"]) == (True, 5, 0)
    gates = {gate["gate"]: gate for gate in on["gates"]}
    assert list(gates) == ["fcr", "csat", "accuracy"]
    assert (gates["fcr"]["early_good"], gates["fcr"]["early_total"], gates["fcr"]["share"]) == (1, 1, None)
    assert (gates["csat"]["good"], gates["csat"]["total"], gates["csat"]["share"]) == (0, 1, 0)
    assert (gates["csat"]["needed"], gates["csat"]["threshold"], gates["csat"]["breach_below"]) == (
        50,
        8_000,
        7_700,
    )
    assert not any(gate["passed"] or gate["breached"] for gate in gates.values())
