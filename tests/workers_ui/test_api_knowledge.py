"""Knowledge as a brand's own system writes it and searches it."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from knowledge_base.imports import read_import
from marketplace.kernel.ids import ImportId
from tests.workers_ui.api_site import Api, System, api_site, at_once, problem

KETTLES = {"title": "Kettles", "text": "# Kettles\n\nDescale the kettle with vinegar."}
PARCELS = {"title": "Parcels", "text": "Parcels arrive within a week."}


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    other = api.system()
    other.put("/articles/kettles", KETTLES | {"text": "Another brand descales its kettle with acid."})
    api.index(other.brand)
    return api.system()


def found(system: System, question: str = "How do I descale the kettle?") -> list[str]:
    answer = system.get("/search", q=question)
    assert answer.status_code == 200, answer.text
    return [passage["text"] for passage in answer.json()["passages"]]


def test_an_article_is_put_replaced_and_put_again_unchanged(system: System) -> None:
    put = [
        system.put("/articles/help/kettles.md", body).json()
        for body in (KETTLES, KETTLES, KETTLES | {"text": "Use lemon."})
    ]
    assert [(one["revision"], one["changed"]) for one in put] == [(1, True), (1, False), (2, True)]
    assert {one["key"] for one in put} == {"help/kettles.md"}


def test_search_names_article_section_and_revision(api: Api, system: System) -> None:
    text = "# Care\n\n## Scale\n\nDescale the kettle with vinegar."
    system.put("/articles/kettles", {"title": "Kettles", "text": text})
    system.put("/articles/parcels", PARCELS)
    api.index(system.brand)
    best = system.get("/search", q="How do I descale the kettle?").json()["passages"][0]
    assert (best["article"], best["revision"], best["title"]) == ("kettles", 1, "Kettles")
    assert best["section_path"][-1] == "Scale"
    assert best["text"] == "Descale the kettle with vinegar."
    assert 0 < best["score"] <= 1


def test_a_deleted_article_is_found_no_more_without_a_new_index(api: Api, system: System) -> None:
    system.put("/articles/kettles", KETTLES)
    system.put("/articles/parcels", PARCELS)
    api.index(system.brand)
    assert "Descale the kettle with vinegar." in found(system)
    deleted = system.delete("/articles/kettles")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert found(system) == ["Parcels arrive within a week."]
    assert problem(system.delete("/articles/kettles")) == (404, "article_not_found")


def test_a_replaced_text_is_found_no_more_without_a_new_index(api: Api, system: System) -> None:
    system.put("/articles/kettles", KETTLES)
    api.index(system.brand)
    system.put("/articles/kettles", KETTLES | {"text": "Never open the kettle."})
    assert found(system) == []
    api.index(system.brand)
    assert found(system) == ["Never open the kettle."]


def test_a_brand_without_knowledge_finds_nothing_and_one_being_indexed_says_so(system: System) -> None:
    assert found(system) == []
    system.put("/articles/kettles", KETTLES)
    assert problem(system.get("/search", q="kettle")) == (503, "index_unavailable")


@pytest.mark.parametrize("question", [" ", "\x00", "?!", "的", "w " * 900])
def test_odd_questions_find_something_or_nothing(api: Api, system: System, question: str) -> None:
    system.put("/articles/kettles", KETTLES)
    api.index(system.brand)
    assert set(found(system, question)) <= {"Descale the kettle with vinegar."}


def test_files_are_imported_in_the_background_and_told_by_name(api: Api, system: System) -> None:
    files = [
        ("files", ("kettles.md", b"# Kettles\n\nDescale the kettle with vinegar.", "text/markdown")),
        ("files", ("parcels.html", b"<h1>Parcels</h1><p>They arrive within a week.</p>", "text/html")),
        ("files", ("virus.exe", b"MZ\x90\x00\x03", "application/octet-stream")),
    ]
    started = system.send("POST", "/imports", files=files)
    assert (started.status_code, started.json()["state"]) == (202, "queued")
    path = f"/imports/{started.json()['id']}"
    assert system.get(path).json() == started.json()
    read_import(api.background, brand=system.brand, import_id=ImportId(UUID(started.json()["id"])))
    api.index(system.brand)
    told = system.get(path).json()
    assert (told["state"], told["files"], told["files_read"], told["articles"]) == ("ready", 3, 3, 2)
    assert [refused["name"] for refused in told["refusals"]] == ["virus.exe"]
    assert "Descale the kettle with vinegar." in found(system)


def test_an_import_sent_twice_with_its_key_starts_once(api: Api, system: System) -> None:
    def start(content: bytes = b"# Kettles") -> tuple[int, bytes]:
        files = [("files", ("kettles.md", content))]
        answer = system.send("POST", "/imports", files=files, headers={"Idempotency-Key": "i"})
        return answer.status_code, answer.content

    assert len(set(at_once(3, start))) == 1
    assert start(b"# Teapots")[0] == 409
    assert api.count("SELECT count(*) FROM knowledge_import WHERE brand_id = :b", b=system.brand) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"title": "Deep", "text": "<div>" * 300, "format": "html"},
        {"title": "Long", "text": "line\n" * 10_002},
        {"title": " ", "text": "Text"},
        {"title": "Empty", "text": " \n "},
        {"title": "Odd", "text": "Text", "format": "docx"},
    ],
)
def test_an_article_that_cannot_be_read_is_refused_in_plain_words(
    system: System, body: dict[str, object]
) -> None:
    refused = system.put("/articles/odd", body)
    assert refused.status_code == 422
    problem(refused)
