"""Gaps and coverage as a brand's own system reads them."""

from collections.abc import Iterator

import pytest

from tests.builders_gaps import WARRANTY, an_unanswered_ticket, gap_of, look_for_gaps
from tests.workers_ui.api_site import Api, api_site, problem


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("gaps")) as site:
        yield site


def test_a_system_reads_its_gaps_and_its_coverage(api: Api) -> None:
    owner, stranger = api.system(), api.system()
    with api.background.transaction() as tx:
        ticket = an_unanswered_ticket(tx, owner.brand)
    look_for_gaps(api.background)
    gap = str(gap_of(api.background, ticket))

    (line,) = owner.get("/gaps").json()["gaps"]
    detail = owner.get(f"/gaps/{gap}").json()
    coverage = owner.get("/coverage").json()

    assert (line["id"], line["name"], line["state"], line["tickets"]) == (gap, WARRANTY, "open", 1)
    assert (line["cost_minor"], line["currency"]) == (0, "usd")
    assert [(one["ticket"], one["causes"]) for one in detail["examples"]] == [(str(ticket), ["abstained"])]
    assert (coverage["whole"]["tickets"], coverage["whole"]["missing"], coverage["whole"]["share"]) == (
        1,
        1,
        0.0,
    )
    assert coverage["categories"][0]["category"] == "general"
    assert stranger.get("/gaps").json()["gaps"] == []
    assert stranger.get("/coverage").json()["categories"] == []
    assert problem(stranger.get(f"/gaps/{gap}")) == (404, "gap_not_found")
    assert owner.get("/gaps", state="closed").json() == {"gaps": [], "page": 1, "has_more": False}
    assert owner.get("/gaps", state="lost").status_code == 422
