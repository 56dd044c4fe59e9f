"""Articles as a brand's own system keeps them: drafts, dates, checks, revisions, answers as of a date."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketplace.accounts.models import MemberRole, Person
from tests.builders import a_member
from tests.workers_ui.api_site import Api, System, api_site, problem

KETTLES = {"title": "Kettles", "text": "Descale the kettle with **vinegar**."}
LEMON = KETTLES | {"text": "Descale the kettle with lemon."}
VINEGAR_TEXT, LEMON_TEXT = "Descale the kettle with vinegar.", "Descale the kettle with lemon."


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    other = api.system()
    other.put("/articles/kettles", KETTLES | {"text": "Another brand descales with acid."})
    api.index(other.brand)
    return api.system()


def put(system: System, **wish: object) -> dict[str, Any]:
    answer = system.put("/articles/kettles", KETTLES | wish)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def status(system: System) -> dict[str, Any]:
    answer = system.get("/articles/kettles")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def found(system: System, **params: str) -> list[str]:
    answer = system.get("/search", q="How do I descale the kettle?", **params)
    assert answer.status_code == 200, answer.text
    return [passage["text"] for passage in answer.json()["passages"]]


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_a_draft_holds_nowhere_until_it_is_published(api: Api, system: System) -> None:
    assert put(system, draft=True) == {"key": "kettles", "revision": 1, "changed": True, "state": "draft"}
    assert put(system, draft=True)["changed"] is False
    assert (status(system)["in_force"], status(system)["indexed"]) == (None, False)

    published = system.post("/publications/kettles", {})

    assert (published.json()["state"], published.json()["changed"]) == ("published", True)
    api.index(system.brand)
    assert (status(system)["in_force"], status(system)["indexed"]) == (1, True)
    assert found(system) == [VINEGAR_TEXT]
    assert status(system)["text"] == KETTLES["text"]


def test_a_season_is_planned_told_and_cancelled(api: Api, system: System) -> None:
    put(system)
    season = LEMON | {"effective_from": in_days(2), "effective_until": in_days(4)}
    assert put(system, **season)["changed"] is True
    assert put(system, **season)["changed"] is False
    api.index(system.brand)

    planned = status(system)["planned"]

    assert [(step["kind"], step["revision"]) for step in planned] == [("season", 2), ("return", 1)]
    assert found(system) == [VINEGAR_TEXT]
    assert found(system, as_of=in_days(3)) == [LEMON_TEXT]
    assert found(system, as_of=in_days(5)) == [VINEGAR_TEXT]
    assert found(system, as_of=in_days(-1)) == []
    cancelled = system.send("DELETE", "/publications/kettles", params={"starts_at": planned[0]["starts_at"]})
    assert cancelled.status_code == 204
    assert status(system)["planned"] == []
    again = system.send("DELETE", "/publications/kettles", params={"starts_at": planned[0]["starts_at"]})
    assert problem(again)[0] == 404


def test_old_texts_are_listed_with_their_notes_and_one_is_restored(system: System) -> None:
    put(system, note="First.")
    put(system, **LEMON, note="Lemon smells better.")

    restored = system.post("/restorations/kettles", {"revision": 1})

    assert (restored.json()["revision"], restored.json()["changed"]) == (3, True)
    told = system.get("/revisions/kettles").json()
    assert [(one["revision"], one["note"]) for one in told["revisions"]] == [
        (3, "Restored revision 1."),
        (2, "Lemon smells better."),
        (1, "First."),
    ]
    assert [step["revision"] for step in told["history"]] == [3, 2, 1]
    assert problem(system.post("/restorations/kettles", {"revision": 9}))[0] == 404


def test_an_owner_an_interval_and_a_verification_are_kept(api: Api, system: System) -> None:
    with api.background.transaction() as tx:
        owner = tx.get_one(Person, a_member(tx, system.brand, role=MemberRole.MANAGER))
        address, name = owner.email, owner.name
    put(system, owner=address, verify_days=30, verified=False)

    unverified = status(system)
    assert (unverified["owner"], unverified["verify_days"], unverified["verified"]) == (name, 30, False)
    assert system.post("/verifications/kettles").status_code == 204
    assert status(system)["verified"] is True
    put(system, **LEMON)
    assert status(system)["owner"] == name
    assert put(system, **LEMON, owner="")["changed"] is False
    assert status(system)["owner"] is None
    assert problem(system.put("/articles/kettles", KETTLES | {"owner": "nobody@example.com"}))[0] == 422


def test_who_read_an_older_revision_is_told_before_anything_is_lost(system: System) -> None:
    put(system)
    put(system, **LEMON, expected_revision=1)

    refused = system.put("/articles/kettles", KETTLES | {"expected_revision": 1})

    assert problem(refused)[0] == 409
    assert "Nothing of yours is lost" in refused.json()["detail"]
    assert status(system)["revision"] == 2


def test_articles_are_listed_and_a_retired_one_says_so(system: System) -> None:
    put(system)
    system.put("/articles/parcels", {"title": "Parcels", "text": "They arrive within a week.", "draft": True})

    listed = system.get("/articles").json()
    assert [(one["key"], one["state"]) for one in listed["articles"]] == [
        ("kettles", "published"),
        ("parcels", "draft"),
    ]
    assert system.delete("/articles/kettles").status_code == 204
    assert status(system)["state"] == "retired"
    assert [one["key"] for one in system.get("/articles").json()["articles"]] == ["parcels"]


@pytest.mark.parametrize(
    "wish",
    [
        {"effective_until": "2001-01-01T00:00:00Z"},
        {"effective_from": "2030-01-01T00:00:00Z", "effective_until": "2030-01-01T00:00:00Z"},
        {"effective_from": "2030-01-01T00:00:00"},
        {"verify_days": 0},
        {"note": "x" * 301},
    ],
    ids=["over", "empty", "no zone", "no days", "long note"],
)
def test_a_wish_that_cannot_be_is_refused_and_writes_nothing(system: System, wish: dict[str, object]) -> None:
    assert problem(system.put("/articles/kettles", KETTLES | wish))[0] == 422
    assert system.get("/articles/kettles").status_code == 404
