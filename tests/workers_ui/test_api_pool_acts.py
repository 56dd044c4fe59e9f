"""The API's acts of the pool besides claim and reply: filters, skip, extension, notes, profile, hidden brands."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.workers_ui.api_site import Api, api_site, problem


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with api_site(server_url, migrated_template, folder, sign_in_attempts_per_minute=1_000) as site:
        yield site


def test_a_card_tells_a_program_what_a_person_sees(api: Api) -> None:
    brand = api.system().brand
    ticket = api.open_ticket(brand)
    slug = f"brand-{brand.hex[-10:]}"
    (card,) = api.program().get("/pool", brand=slug).json()
    assert card["id"] == str(ticket)
    assert (card["read_seconds"], card["reply_seconds"]) == (300, 3_600)
    assert (card["approval_basis_points"], card["days_to_pay"]) == (None, None)
    assert (card["brand_slug"], card["knowledge"], card["skill"]) == (slug, "unknown", "general")
    assert card["pay_minor_an_hour"] == card["pay_minor"] * 60 // card["expected_minutes"]
    assert "sam@example.com" not in str(card)


def test_filters_narrow_the_list_and_unknown_ones_are_refused(api: Api) -> None:
    brand = api.system().brand
    api.open_ticket(brand)
    slug, worker = f"brand-{brand.hex[-10:]}", api.program()
    assert len(worker.get("/pool", brand=slug, channel="email", language="en", pay_minor=1).json()) == 1
    for none in ({"channel": "chat"}, {"pay_minor": 99_999}, {"minutes": 1}, {"language": "de"}):
        assert worker.get("/pool", brand=slug, **none).json() == [], none
    for bad in ({"channel": "fax"}, {"page": 0}, {"brand": "A B"}, {"colour": "red"}):
        assert problem(worker.get("/pool", **bad))[0] == 422, bad


def test_a_skipped_ticket_is_offered_to_others_alone(api: Api) -> None:
    brand = api.system().brand
    ticket = api.open_ticket(brand)
    slug, skipper, other = f"brand-{brand.hex[-10:]}", api.program(), api.program()
    assert skipper.post(f"/pool/{ticket}/skip", {"reason": "no_time"}).status_code == 204
    assert skipper.get("/pool", brand=slug).json() == []
    assert len(other.get("/pool", brand=slug).json()) == 1


def test_an_extension_is_had_once(api: Api) -> None:
    ticket, worker = api.open_ticket(api.system().brand), api.program()
    hold = worker.post(f"/tickets/{ticket}/claim").json()
    number = {"claim_number": hold["claim_number"]}
    extended = worker.post(f"/tickets/{ticket}/claim/extension", number).json()
    assert datetime.fromisoformat(extended["lease_ends_at"]) > datetime.fromisoformat(hold["lease_ends_at"])
    again = worker.post(f"/tickets/{ticket}/claim/extension", number)
    assert problem(again) == (409, "already_extended")


def test_a_note_is_written_once_under_its_key(api: Api) -> None:
    ticket, worker = api.open_ticket(api.system().brand), api.program()
    number = worker.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    body = {"claim_number": number, "text": "Asked for a photo."}
    first = worker.post(f"/tickets/{ticket}/notes", body, key="n-1")
    second = worker.post(f"/tickets/{ticket}/notes", body, key="n-1")
    assert (first.status_code, first.json()) == (201, second.json())
    assert api.count("SELECT count(*) FROM note WHERE ticket_id = :t", t=ticket) == 1


def test_a_profile_is_set_whole_and_refused_in_words(api: Api) -> None:
    worker = api.program()
    assert worker.get("/worker/profile").json() == {
        "languages": ["en"],
        "skills": [],
        "available": True,
        "hidden_brands": [],
    }
    body = {"languages": ["de", "pt-br"], "skills": ["billing"], "available": False}
    saved = worker.put("/worker/profile", body).json()
    assert (saved["languages"], saved["skills"], saved["available"]) == (["de", "pt-BR"], ["billing"], False)
    refused = worker.put("/worker/profile", body | {"skills": ["magic"]})
    assert problem(refused) == (422, "unknown_skill")


def test_a_brand_is_hidden_and_shown_again(api: Api) -> None:
    brand = api.system().brand
    api.open_ticket(brand)
    slug, worker = f"brand-{brand.hex[-10:]}", api.program()
    for _ in range(2):
        assert worker.send("PUT", f"/worker/mutes/{slug}").status_code == 204
    assert worker.get("/worker/profile").json()["hidden_brands"] == [slug]
    assert worker.get("/pool", brand=slug).json() == []
    assert worker.delete(f"/worker/mutes/{slug}").status_code == 204
    assert len(worker.get("/pool", brand=slug).json()) == 1
    assert problem(worker.send("PUT", "/worker/mutes/no-such-brand"))[0] == 404
