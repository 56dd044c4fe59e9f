"""A brand's voice by page and API: edited, tried on a real ticket, kept in versions, and followed by the next draft."""

from collections.abc import Iterator

import pytest

from guidance.voices import voice_of
from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.models import MemberRole
from tests.builders import an_open_ticket, as_brand
from tests.workers_ui.api_site import Api, api_site, problem
from tests.workers_ui.brand_site import Browser, House, a_house, tree
from tests.workers_ui.conftest import Site
from tests.workers_ui.worker_site import one

PAGE = "/control/voice"
VOICE = {
    "greeting": "Hello {customer_name},",
    "opening": "Thank you for writing.",
    "closing": "",
    "sign_off": "Yours,\nFern",
    "description": "",
    "formality": "formal",
    "emoji": "never",
    "spelling": "british",
    "most_sentences": "4",
    "reading_grade": "0",
    "words_to_use": "",
    "words_to_avoid": "cheap\nguarantee*",
    "allowed_link_domains": "shop.example",
    "sample_replies": "One.\n---\nTwo.",
}


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


def test_a_voice_is_saved_as_a_version_and_an_older_one_comes_back(
    site: Site, house: House, owner: Browser
) -> None:
    assert owner.post(PAGE, {**VOICE, "based_on": "0"}).status_code == 303
    assert owner.post(PAGE, {**VOICE, "emoji": "free", "based_on": "1"}).status_code == 303

    with site.background.transaction(as_brand(house.brand)) as tx:
        held = voice_of(tx, brand=house.brand)
    assert (held.version, held.voice.emoji, held.voice.opening) == (2, "free", "Thank you for writing.")
    assert held.voice.words_to_avoid == ("cheap", "guarantee*")
    assert held.voice.sample_replies == ("One.", "Two.")
    assert "Changed emoji" in " ".join(owner.get(PAGE).text.split())

    assert owner.post(f"{PAGE}/restoration", {"version": "1"}).status_code == 303
    with site.background.transaction(as_brand(house.brand)) as tx:
        assert voice_of(tx, brand=house.brand).voice.emoji == "never"
    assert owner.post(f"{PAGE}/restoration", {"version": "99"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"most_sentences": "1"}, "0 for no limit, or 2 to 30"),
        ({"most_sentences": "lots"}, "write a whole number"),
        ({"formality": "odd"}, "Choose one of casual"),
        ({"opening": "cheap!"}, "a word to avoid"),
        ({"based_on": "7"}, "Somebody else changed the voice meanwhile"),
    ],
)
def test_what_cannot_be_saved_says_why_and_loses_nothing(
    owner: Browser, change: dict[str, str], words: str
) -> None:
    refused = owner.post(PAGE, {**VOICE, "based_on": "0", **change})

    assert refused.status_code in (409, 422)
    assert words in " ".join(one(tree(refused), "[data-problem]").text().split())
    for text in ("Thank you for writing." if "opening" not in change else "cheap!", "shop.example", "One."):
        assert text in refused.text


def test_a_voice_is_tried_on_a_ticket_and_a_reply_and_nothing_is_kept(
    site: Site, house: House, owner: Browser
) -> None:
    with site.background.transaction() as tx:
        ticket = an_open_ticket(tx, house.brand, subject="Lamp", text="Where is my lamp?")

    tried = owner.post(
        f"{PAGE}/trial", {**VOICE, "ticket": str(ticket), "reply": "We can't say, it's a cheap color 🙂"}
    )

    said = " ".join(one(tree(tried), "#trial").text().split())
    assert tried.status_code == 200
    assert "Where is my lamp?" in said
    for told in ("“can't”", "Say “cannot”", "“cheap”", "“colour”", "without emoji"):
        assert told in said
    with site.background.transaction(as_brand(house.brand)) as tx:
        assert voice_of(tx, brand=house.brand).version == 0
    nothing = owner.post(f"{PAGE}/trial", VOICE)
    assert "Choose a ticket, write a question, or paste a reply." in nothing.text


def test_who_may_not_change_the_voice_does_not_reach_it(house: House) -> None:
    reviewer = house.member(MemberRole.REVIEWER)
    assert reviewer.get(PAGE).status_code == 403
    assert reviewer.post(PAGE, VOICE).status_code == 403


def test_a_program_reads_and_sets_it(api: Api) -> None:
    system = api.system(scopes=(ApiScope.KNOWLEDGE_READ, ApiScope.KNOWLEDGE_WRITE))
    rules = {"greeting": "Hi", "sign_off": "Bye", "formality": "formal", "most_sentences": 3}

    first = system.put("/voice", {"voice": rules, "based_on": 0})
    assert first.status_code == 200, first.text
    assert first.json()["version"] == 1
    assert system.get("/voice").json()["voice"]["formality"] == "formal"
    assert system.put("/voice", {"voice": rules, "based_on": 0}).status_code == 409
    odd = system.put("/voice", {"voice": {**rules, "most_sentences": 1}})
    assert problem(odd)[0] == 422
    assert "2 to 30" in odd.json()["detail"]
    assert [kept["version"] for kept in system.get("/voice/versions").json()] == [1]
