"""Service levels through the API: read as written, whole or not at all, each brand its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.workers_ui.api_site import Api, System, api_site, problem

HOURS = [{"weekday": day, "opens": 540, "closes": 1080} for day in range(5)]
BODY: dict[str, Any] = {
    "calendar": {
        "time_zone": "Europe/Berlin",
        "periods": HOURS,
        "country": "DE",
        "subdivision": "BY",
        "closed_days": ["2026-12-24"],
    },
    "clocks": {
        "email": {"first_minutes": 120, "next_minutes": 90, "resolution_minutes": 1200},
        "chat": {"first_minutes": 5, "next_minutes": 5, "resolution_minutes": 60},
    },
    "leases": {
        "email": {"read_seconds": 600, "reply_seconds": 7200, "follow_up_seconds": 43200},
        "chat": {"read_seconds": 30, "reply_seconds": 300, "follow_up_seconds": 240},
    },
    "ladder": {
        "notify_percent": 40,
        "raise_percent": 60,
        "raise_every_percent": 20,
        "raise_step_basis_points": 1000,
        "raise_cap_basis_points": 5000,
        "daily_budget_minor": 2500,
        "widen_percent": None,
        "give_back_percent": 150,
    },
}


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    return api.system()


def test_what_is_written_is_read_back(system: System) -> None:
    before = system.get("/service-levels")
    assert before.status_code == 200
    assert before.json()["clocks"]["email"]["first_minutes"] == 1440
    written = system.put("/service-levels", BODY)
    assert written.status_code == 200
    assert written.json() == BODY
    assert system.get("/service-levels").json() == BODY


def test_what_was_read_may_be_written(system: System) -> None:
    read = system.get("/service-levels").json()
    assert system.put("/service-levels", read).json() == read


def test_a_refused_part_changes_nothing(system: System) -> None:
    before = system.get("/service-levels").json()
    wrong = {**BODY, "ladder": {**BODY["ladder"], "daily_budget_minor": 0}}
    assert problem(system.put("/service-levels", wrong)) == (422, "bad_ladder")
    assert system.get("/service-levels").json() == before


@pytest.mark.parametrize(
    ("part", "change", "refusal"),
    [
        ("calendar", {"periods": []}, (422, "never_open")),
        (
            "calendar",
            {"periods": [*HOURS, {"weekday": 0, "opens": 600, "closes": 700}]},
            (422, "overlapping_periods"),
        ),
        ("calendar", {"periods": [{"weekday": 0, "opens": 600, "closes": 600}]}, (422, "bad_calendar")),
        ("calendar", {"country": "XX", "subdivision": None}, (422, "unknown_holidays")),
        ("calendar", {"time_zone": "Mars/Olympus"}, (422, "unknown_time_zone")),
        (
            "clocks",
            {"chat": {"first_minutes": 0, "next_minutes": 5, "resolution_minutes": 60}},
            (422, "bad_promise"),
        ),
        (
            "leases",
            {"chat": {"read_seconds": 1, "reply_seconds": 300, "follow_up_seconds": 240}},
            (422, "lease_out_of_range"),
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(
    system: System, part: str, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert problem(system.put("/service-levels", {**BODY, part: {**BODY[part], **change}})) == refusal


def test_each_brand_has_its_own(api: Api, system: System) -> None:
    system.put("/service-levels", BODY)
    assert api.system().get("/service-levels").json()["calendar"]["time_zone"] == "UTC"
