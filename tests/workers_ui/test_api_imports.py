"""Imports by the API: in slices, file by file, looked at first, published, tried again, undone."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from knowledge_base.import_acts import advance_import
from knowledge_base.imports import fail_import
from marketplace.kernel.ids import ImportId, new_id
from tests.workers_ui.api_site import Api, System, api_site, problem

Files = list[tuple[str, tuple[str, bytes]]]


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    return api.system()


def files(*named: tuple[str, str]) -> Files:
    return [("files", (name, text.encode())) for name, text in named]


def started(system: System, sent: Files, path: str = "/imports", **headers: str) -> dict[str, Any]:
    answer = system.send("POST", path, files=sent, headers=headers)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def work_off(api: Api, system: System, import_id: str) -> dict[str, Any]:
    advance_import(api.background, system.brand, ImportId(UUID(import_id)))
    told: dict[str, Any] = system.get(f"/imports/{import_id}").json()
    return told


def test_slices_fill_an_import_and_each_request_acts_once_by_its_key(api: Api, system: System) -> None:
    one = started(system, files(("a.md", "# A\n\nOne.")), "/imports?more=true")
    path = f"/imports/{one['id']}"
    assert one["state"] == "open"
    for _ in range(2):
        added = started(system, files(("b.md", "# B\n\nTwo.")), f"{path}/files", **{"Idempotency-Key": "s2"})
    assert added["files"] == 2
    for _ in range(2):
        assert system.post(f"{path}/start").status_code == 202

    told = work_off(api, system, one["id"])

    assert (told["state"], told["articles_new"], told["states"]) == ("indexing", 2, {"indexing": 2})
    late = system.send("POST", f"{path}/files", files=files(("c.md", "# C")))
    assert problem(late) == (409, "import_is_closed")


def test_a_review_is_read_published_but_for_one_and_undone(api: Api, system: System) -> None:
    sent = files(("a.md", "# A\n\nOne."), ("b.md", "# B\n\nTwo."), ("empty.md", ""))
    one = started(system, sent, "/imports?review=true")
    path = f"/imports/{one['id']}"
    told = work_off(api, system, one["id"])
    assert (told["state"], told["review"], told["articles"]) == ("review", True, 2)
    drafts = system.get(f"{path}/articles").json()["articles"]
    assert [(draft["key"], draft["new"], draft["state"]) for draft in drafts] == [
        ("a.md", True, "drafted"),
        ("b.md", True, "drafted"),
    ]

    assert system.post(f"{path}/articles/{drafts[1]['id']}/leave-out").status_code == 204
    assert problem(system.post(f"{path}/articles/{new_id()}/leave-out")) == (404, "draft_not_found")
    for _ in range(2):
        assert system.post(f"{path}/publish").status_code == 202
    assert work_off(api, system, one["id"])["state"] == "indexing"
    held = "SELECT count(*) FROM publication WHERE brand_id = :b AND revision_id IS NOT NULL"
    assert api.count(held, b=system.brand) == 1
    assert problem(system.post(f"{path}/discard")) == (409, "not_in_review")

    for _ in range(2):
        assert system.post(f"{path}/undo").status_code == 202
    assert work_off(api, system, one["id"])["state"] == "undone"


def test_a_discarded_review_publishes_nothing(api: Api, system: System) -> None:
    one = started(system, files(("a.md", "# A\n\nOne.")), "/imports?review=true")
    work_off(api, system, one["id"])

    for _ in range(2):
        answer = system.post(f"/imports/{one['id']}/discard")
        assert (answer.status_code, answer.json()["state"]) == (202, "discarding")
    assert work_off(api, system, one["id"])["state"] == "discarded"

    assert problem(system.post(f"/imports/{one['id']}/undo")) == (409, "not_published")


def test_files_are_told_one_by_one_and_a_failed_one_is_read_again(api: Api, system: System) -> None:
    one = started(system, files(("a.md", "# A\n\nOne."), ("b.md", "# B\n\nTwo.")))
    path = f"/imports/{one['id']}"
    with api.background.transaction() as tx:
        fail_import(tx, brand=system.brand, import_id=ImportId(UUID(one["id"])))
    failed = system.get(f"{path}/files", state="failed").json()["files"]
    assert [(file["file"], file["can_retry"]) for file in failed] == [(0, True), (1, True)]
    assert failed[0]["reason"] == "Reading stopped because of a fault on our side."
    assert failed[0]["remedy"] == "Try again."

    for _ in range(2):  # the second is the first one's answer
        answer = system.send("POST", f"{path}/retry?file=1", headers={"Idempotency-Key": "again"})
        assert answer.status_code == 202
    told = work_off(api, system, one["id"])

    assert told["states"] == {"failed": 1, "indexing": 1}
    assert system.get(f"{path}/files").json()["files"][1]["passages"] == 1
    assert problem(system.post(f"{path}/retry?file=1")) == (409, "nothing_to_retry")
