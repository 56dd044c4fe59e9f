"""A worker's settings: what is saved, what is refused, and that the pool and the pages follow."""

from sqlalchemy import select

from marketplace.accounts.models import Person, Worker
from tests.workers_ui.worker_site import (
    Floor,
    Form,
    Hands,
    attribute,
    one,
    page,
    said,
    words,
)

SAVED: Form = {"languages": "en", "available": "yes", "time_zone": "UTC"}


def ticked(hands: Hands, name: str) -> list[str]:
    boxes = page(hands.get("/worker/settings")).css(f"input[name={name}]")
    return [attribute(box, "value") for box in boxes if "checked" in box.attributes]


def test_languages_and_skills_are_saved_and_decide_what_is_offered(floor: Floor) -> None:
    assert ticked(floor.ann, "languages") == ["en"]
    form = {
        "csrf": floor.ann.browser.csrf,
        "languages": ["de", "pt"],
        "skills": ["billing"],
        "time_zone": "UTC",
    }
    saved = floor.ann.browser.client.post("/worker/settings", data=form)
    assert "Saved." in said(saved)
    assert sorted(ticked(floor.ann, "languages")) == ["de", "pt"]
    assert ticked(floor.ann, "skills") == ["billing"]
    assert ticked(floor.ann, "available") == []
    assert "Nothing waits for you right now" in words(floor.ann.get("/worker/pool"))


def test_a_pool_without_a_language_is_refused_and_the_rest_of_the_form_is_kept(floor: Floor) -> None:
    form = {"csrf": floor.ann.browser.csrf, "skills": ["billing"], "time_zone": "Europe/Lisbon"}
    refused = floor.ann.browser.client.post("/worker/settings", data=form)
    assert "Tick 1 to 10 languages" in words(refused, 422)
    shown = page(refused, 422)
    assert [attribute(box, "value") for box in shown.css("input[name=skills][checked]")] == ["billing"]
    assert "Lisbon" in one(shown, "option[selected]").text()
    with floor.site.background.transaction() as tx:
        assert tx.get_one(Worker, floor.ann.id).languages == ["en"]


def test_what_is_on_no_list_is_refused(floor: Floor) -> None:
    for bad in ({"languages": "english!"}, {"skills": "magic"}, {"time_zone": "Europe"}, {"time_zone": ""}):
        assert floor.ann.post("/worker/settings", fields=SAVED | dict(bad)).status_code == 422, bad
    with floor.site.background.transaction() as tx:
        assert tx.get_one(Worker, floor.ann.id).skills == []


def test_times_follow_the_chosen_zone(floor: Floor) -> None:
    said(floor.ann.post("/worker/settings", fields=SAVED | {"time_zone": "Asia/Tokyo"}))
    html = one(page(floor.ann.get("/worker/pool")), "html")
    assert attribute(html, "data-zone") == "Asia/Tokyo"
    with floor.site.background.transaction() as tx:
        zones = select(Person.time_zone).where(Person.id == floor.bob.person)
        assert tx.scalars(zones).one() == "UTC"


def test_the_account_menu_leads_to_the_settings(floor: Floor) -> None:
    assert page(floor.ann.get("/worker/pool")).css_first('.menu-panel a[href="/worker/settings"]') is not None
