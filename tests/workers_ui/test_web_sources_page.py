"""Addresses as sources of knowledge: named on a page, by API, and read again."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from knowledge_base.imports import read_import
from knowledge_base.web_fetching import fetch_due
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import ImportId
from marketplace.kernel.safe_fetch import Fetched, FetchRules, safe_fetch
from tests.web_servers import WebServer, web_server
from tests.workers_ui.brand_site import Browser, a_house, tree, words
from tests.workers_ui.conftest import Site
from workers_ui.deps import as_uuid


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def owner(site: Site) -> Browser:
    return a_house(site).member()


def fetch_all(site: Site, web: WebServer) -> None:
    """What the background does, by rules that let it reach this machine."""
    rules = FetchRules(
        schemes=frozenset({"http", "https"}),
        ports=frozenset({443, web.port}),
        private_allowed=(ip_network("127.0.0.1/32"),),
    )

    def to_this_machine(address: str) -> Fetched:
        return safe_fetch(address.replace("https://127.0.0.1", f"http://127.0.0.1:{web.port}"), rules=rules)

    fetch_due(site.background, to_this_machine)


def started(owner: Browser, address: str) -> str:
    answer = owner.post("/knowledge/web", {"address": address})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def test_an_address_is_named_fetched_and_listed(site: Site, owner: Browser, web: WebServer) -> None:
    web.page("/help", "<main><h1>Returns</h1><p>Send it back.</p></main>")
    import_id = started(owner, "https://127.0.0.1/help")
    assert web.connections == 0  # the web process asks nobody
    assert "being fetched" in words(owner.get(f"/knowledge/imports/{import_id}"))
    assert "being read" in words(owner.get("/knowledge/web"), "#sources")
    fetch_all(site, web)
    read_import(site.background, owner.house.brand, ImportId(as_uuid(import_id)))
    assert "Returns" in words(owner.get("/knowledge"), "#articles")
    listed = owner.get("/knowledge/web")
    assert "https://127.0.0.1/help" in words(listed, "#sources")
    assert len(tree(listed).css("h1")) == 1


def test_an_address_is_read_again_by_a_button(site: Site, owner: Browser, web: WebServer) -> None:
    web.page("/help", "<main><h1>Returns</h1><p>Send it back.</p></main>")
    first = started(owner, "https://127.0.0.1/help")
    (form,) = tree(owner.get("/knowledge/web")).css("#sources .action")
    assert form.css("button[disabled]")  # while it is being read
    fetch_all(site, web)
    (form,) = tree(owner.get("/knowledge/web")).css("#sources form.action")
    action = (form.attributes["action"] or "").removeprefix(owner.house.path())
    again = owner.post(action)
    assert again.status_code == 303
    assert first not in again.headers["location"]
    refused = owner.post(action)
    assert refused.status_code == 409
    assert "This address is being read just now." in words(refused)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://shop.example/help", "Only addresses that begin with https:// are read."),
        ("https://user:secret@shop.example/", "The address holds a name or password before an @."),
        ("https://shop.example:8443/", "Only the usual ports of web sites are read."),
        ("help page", "This is not the address of a page."),
        ("", "This is not the address of a page."),
    ],
)
def test_an_address_that_cannot_be_is_refused_beside_its_field(
    owner: Browser, address: str, sentence: str
) -> None:
    refused = owner.post("/knowledge/web", {"address": address})
    assert refused.status_code == 400 or refused.status_code == 422
    assert sentence in words(refused, "main")
    (field,) = tree(refused).css("#address")
    assert field.attributes["value"] == address
    assert field.attributes["aria-invalid"] == "true"


def test_the_knowledge_page_has_the_field_beside_the_upload(owner: Browser) -> None:
    page = tree(owner.get("/knowledge"))
    assert page.css_first("#from-web #address") is not None
    assert page.css_first('label[for="address"]') is not None


def test_an_agent_reads_the_list_and_adds_nothing(owner: Browser) -> None:
    started(owner, "https://shop.example/help")
    agent = owner.house.member(MemberRole.AGENT)
    shown = agent.get("/knowledge/web")
    assert "https://shop.example/help" in words(shown)
    assert not tree(shown).css("main form")


def test_another_brands_address_is_not_there(site: Site, owner: Browser) -> None:
    started(owner, "https://shop.example/help")
    (action,) = tree(owner.get("/knowledge/web")).css("#sources .action")
    assert action is not None
    stranger = a_house(site, name="Somebody Else").member()
    assert "shop.example" not in stranger.get("/knowledge/web").text
    for unknown in ("x", "018f4c3a-0000-7000-8000-000000000000"):
        assert stranger.post(f"/knowledge/web/{unknown}/again").status_code == 404


def test_a_system_names_an_address_by_api(site: Site, owner: Browser) -> None:
    brand = owner.house.brand
    with site.background.transaction() as tx:
        key = create_key(tx, brand=brand, name="Tests", scopes=tuple(ApiScope), now=app_now(tx)).key
    client = site.visitor().client
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "once"}
    body = {"url": "https://shop.example/sitemap.xml"}
    answers = [client.post("/api/v1/imports/web", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["state"] == "fetching"
    refused = client.post(
        "/api/v1/imports/web",
        json={"url": "https://127.0.0.1:5432/"},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert refused.json()["code"] == "port_refused"
