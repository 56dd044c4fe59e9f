"""Flows by API: a brand's system writes them, a worker's program walks one and names it in its reply."""

from collections.abc import Iterator

import pytest

from guidance.models import Receipt
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.db import PLATFORM
from tests.guidance.test_flow import RETURNS
from tests.workers_ui.api_site import Api, System, api_site, problem

SECOND = RETURNS.replace("name: Returns", "name: Returns again")


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    return api.system()


def test_a_flow_is_tried_published_restored_and_withdrawn(system: System) -> None:
    tried = system.post("/flow-trials", {"source": RETURNS, "answers": ["Broken", "A1"]}).json()
    assert (tried["path"], tried["outcome"]) == (["reason", "order", "photo"], "ask_customer")
    assert tried["draft"] == "Please send a photo of order A1."
    assert system.get("/flows").json() == []
    assert system.post("/flows", {"source": RETURNS, "based_on": 0}).json()["version"] == 1
    assert system.post("/flows", {"source": SECOND}).json()["version"] == 2
    assert problem(system.post("/flows", {"source": RETURNS, "based_on": 1})) == (409, "flow_changed")
    assert system.post("/flows/returns/restoration", {"version": 1}).json()["source"] == RETURNS
    assert system.delete("/flows/returns").json()["withdrawn"]
    assert [one["version"] for one in system.get("/flows/returns/versions").json()] == [4, 3, 2, 1]


def test_what_is_wrong_is_told_and_strangers_find_nothing(api: Api, system: System) -> None:
    refused = system.post("/flows", {"source": RETURNS.replace("next: photo", "next: foto")})
    assert problem(refused) == (422, "unfit_flow")
    assert "there is no such step" in refused.json()["detail"]
    bad = system.post("/flow-trials", {"source": RETURNS, "answers": ["Perhaps"]})
    assert problem(bad) == (422, "bad_answer")
    system.post("/flows", {"source": RETURNS})
    assert api.system().get("/flows/returns").status_code == 404
    reader = api.system(of=system.brand, scopes=[ApiScope.KNOWLEDGE_READ])
    assert reader.get("/flows/returns").status_code == 200
    assert reader.post("/flows", {"source": SECOND}).status_code == 403


def test_a_program_walks_its_tickets_flow_and_names_it_in_the_reply(api: Api, system: System) -> None:
    system.post("/flows", {"source": RETURNS})
    ticket, program, stranger = str(api.open_ticket(system.brand)), api.program(), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    offered = program.get(f"/tickets/{ticket}/flows", claim_number=number).json()
    assert [(one["key"], one["version"]) for one in offered] == [("returns", 1)]
    asked = {"claim_number": number, "flow": "returns"}
    assert program.post(f"/tickets/{ticket}/flow-walks", asked).json()["asks"]["choices"] == [
        "Broken",
        "Not wanted",
    ]
    done = program.post(f"/tickets/{ticket}/flow-walks", {**asked, "answers": ["Broken", "A1"]}).json()
    assert "photo of order A1" in done["draft"]
    assert stranger.post(f"/tickets/{ticket}/flow-walks", asked).status_code in (404, 409)

    reply = {"claim_number": number, "text": done["draft"]}
    other = "00000000-0000-7000-8000-000000000000"
    refused = program.post(f"/tickets/{ticket}/replies", {**reply, "flow": other})
    assert problem(refused) == (422, "unknown_walk")
    assert program.post(f"/tickets/{ticket}/replies", {**reply, "flow": done["walk"]}).status_code == 201
    with api.background.transaction(PLATFORM) as tx:
        receipt = tx.query(Receipt).filter_by(brand_id=system.brand).one()
        assert str(receipt.flow_walk_id) == done["walk"]


def test_a_program_cannot_walk_another_brands_flow(api: Api, system: System) -> None:
    other = api.system()
    other.post("/flows", {"source": RETURNS.replace("key: returns", "key: theirs")})
    ticket, program = str(api.open_ticket(system.brand)), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    walk = {"claim_number": number, "flow": "theirs"}
    assert program.post(f"/tickets/{ticket}/flow-walks", walk).status_code == 404
