"""Knowledge from the web: pages and sitemaps of a site on this machine, through the operator's allowance."""

import gzip
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from ipaddress import ip_network

import pytest
from sqlalchemy import select

from knowledge_base import web_fetching
from knowledge_base.import_models import FileState, ImportFile, ImportSource, ImportState, KnowledgeImport
from knowledge_base.import_queries import import_status
from knowledge_base.imports import read_import
from knowledge_base.queries import article_by_key, articles
from knowledge_base.web_fetching import fetch_due
from knowledge_base.web_files import NotRead, web_file
from knowledge_base.web_pages import (
    AddressNotFound,
    AddressTooLong,
    AlreadyFetching,
    import_address,
    import_again,
    sources,
)
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, ImportId, WebSourceId, new_id
from marketplace.kernel.safe_fetch import Fetched, FetchRules, SchemeRefused, safe_fetch
from tests.builders import Clock
from tests.fakes import Killed, MortalDatabase
from tests.knowledge_base.conftest import KnowledgeBase
from tests.web_servers import WebServer, web_server

PAGE = (
    "<html><head><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A brand that reads a site as the background does, without waiting for pauses."""

    base: KnowledgeBase
    brand: BrandId
    web: WebServer
    rules: FetchRules
    clock: Clock

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.web.port}{path}"

    def page(self, path: str, text: str, *, title: str = "Returns") -> None:
        self.web.page(path, PAGE.format(title=title, text=text))

    def sitemap(self, *paths: str, at: str = "/sitemap.xml") -> None:
        urls = "".join(f"<url><loc>{self.address(path)}</loc></url>" for path in paths)
        self.web.page(at, f"<urlset>{urls}</urlset>", kind="application/xml")

    def start(self, path: str) -> ImportId:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return import_address(
                tx,
                brand=self.brand,
                address=self.address(path),
                author=None,
                now=app_now(tx),
                rules=self.rules,
            )

    def again(self) -> ImportId:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            (source,) = sources(tx, brand=self.brand)
            return import_again(tx, brand=self.brand, source=source.id, author=None, now=app_now(tx))

    def fetch(self) -> Callable[[str], Fetched]:
        return partial(safe_fetch, rules=self.rules)

    def work(self) -> None:
        """All requests that are due, and those that are due after a pause."""
        while self.busy():
            fetch_due(self.base.database, self.fetch())
            self.clock.forward(timedelta(minutes=2))

    def busy(self) -> bool:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return any(line.is_busy for line in sources(tx, brand=self.brand))

    def read(self, import_id: ImportId) -> ImportState:
        self.work()
        read_import(self.base.database, self.brand, import_id)
        self.base.index(self.brand)
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return import_status(tx, brand=self.brand, import_id=import_id).state

    def files(self, import_id: ImportId) -> dict[str, tuple[FileState, str]]:
        """State and reason by path."""
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            rows = tx.scalars(select(ImportFile).where(ImportFile.import_id == import_id))
            return {row.name.removeprefix(self.address("")): (row.state, row.reason) for row in rows}

    def refused(self, import_id: ImportId) -> dict[str, str]:
        return {
            name: reason
            for name, (state, reason) in self.files(import_id).items()
            if state is FileState.FAILED
        }

    def keys(self) -> list[str]:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return [line.key.removeprefix(self.address("")) for line in articles(tx, brand=self.brand).lines]

    def source_of(self, import_id: ImportId) -> ImportSource:
        with self.base.database.transaction(Scope(brand=self.brand)) as tx:
            return tx.get_one(KnowledgeImport, (self.brand, import_id)).source


@pytest.fixture
def reader(base: KnowledgeBase, brand: BrandId, web: WebServer, clock: Clock) -> Reader:
    rules = FetchRules(
        schemes=frozenset({"http", "https"}),
        ports=frozenset({web.port}),
        private_allowed=(ip_network("127.0.0.1/32"),),
        redirects=5,
        deadline_seconds=5,
        body_bytes=1_000_000,
    )
    return Reader(base=base, brand=brand, web=web, rules=rules, clock=clock)


# One address


def test_a_page_becomes_an_article_under_its_address(reader: Reader) -> None:
    reader.page("/help/returns", "Send the kettle back within thirty days.")
    started = reader.start("/help/returns")
    assert reader.web.asked == []  # naming an address asks nobody
    assert reader.read(started) is ImportState.READY
    assert reader.keys() == ["/help/returns"]
    (found,) = reader.base.search(reader.brand, "How do I send the kettle back?").passages
    assert found.text == "Send the kettle back within thirty days."
    assert found.article_key == reader.address("/help/returns")
    assert (found.title, found.section_path) == ("Returns", ("help",))


def test_a_page_that_moved_keeps_the_address_it_was_named_by(reader: Reader) -> None:
    reader.web.redirect("/old", "/new")
    reader.page("/new", "Send it back.")
    assert reader.read(reader.start("/old")) is ImportState.READY
    assert reader.keys() == ["/old"]


def test_a_page_in_another_encoding_is_read_as_it_is_shown(reader: Reader) -> None:
    latin = PAGE.format(title="Rückgabe", text="Schicken Sie die Kanne zurück.").encode("latin-1")
    reader.web.page("/latin", latin, kind="text/html; charset=ISO-8859-1")
    reader.read(reader.start("/latin"))
    assert reader.base.texts(reader.brand, "Kanne") == ["Schicken Sie die Kanne zurück."]


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda web: web.status("/x", 404), "The site says that there is no such page any more."),
        (lambda web: web.status("/x", 403), "The site refused to show this page."),
        (lambda web: web.status("/x", 503), "The site failed or is too busy to show this page."),
        (
            lambda web: web.page("/x", b"\x89PNG", kind="image/png"),
            "This address gives a kind of file that is not read.",
        ),
        (lambda web: web.redirect("/x", "http://127.0.0.2/"), "Only the usual ports of web sites are read."),
        (lambda web: web.page("/x", b"a" * 1_000_001), "The site's answer is larger than the limit."),
    ],
    ids=["gone", "forbidden", "failing", "picture", "elsewhere", "large"],
)
def test_an_address_that_gives_no_page_is_refused_by_name_and_reason(
    reader: Reader, prepare: Callable[[WebServer], None], reason: str
) -> None:
    prepare(reader.web)
    started = reader.start("/x")
    assert reader.read(started) is ImportState.FAILED
    assert reader.refused(started) == {"/x": reason}


def test_a_site_that_fails_is_asked_three_times(reader: Reader) -> None:
    reader.web.status("/x", 503)
    reader.read(reader.start("/x"))
    assert reader.web.asked == ["/x"] * 3


def test_a_site_that_recovers_is_read(reader: Reader) -> None:
    reader.web.status("/x", 503)
    started = reader.start("/x")
    fetch_due(reader.base.database, reader.fetch())
    reader.page("/x", "Send it back.")
    assert reader.read(started) is ImportState.READY
    assert reader.web.asked == ["/x"] * 2


def test_an_address_inside_is_refused_in_the_background_and_reached_by_nobody(reader: Reader) -> None:
    reader.page("/x", "Secret.")
    started = reader.start("/x")
    strict = partial(safe_fetch, rules=replace(reader.rules, private_allowed=()))
    fetch_due(reader.base.database, strict)
    assert reader.refused(started) == {"/x": "This address leads into a private network."}
    assert reader.web.connections == 0


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("ftp://shop.example/x", SchemeRefused),
        ("not an address", AppError),
        ("https://shop.example/" + "a" * 500, AddressTooLong),
    ],
)
def test_what_cannot_be_an_address_is_refused_at_once(
    reader: Reader, address: str, error: type[AppError]
) -> None:
    strict = FetchRules()
    with pytest.raises(error), reader.base.database.transaction(Scope(brand=reader.brand)) as tx:
        import_address(tx, brand=reader.brand, address=address, author=None, now=app_now(tx), rules=strict)


def test_an_address_that_is_being_read_is_not_read_twice_at_once(reader: Reader) -> None:
    reader.page("/x", "Send it back.")
    reader.start("/x")
    with pytest.raises(AlreadyFetching):
        reader.start("/x")


def test_another_brands_address_is_not_there(reader: Reader) -> None:
    reader.page("/x", "Send it back.")
    reader.start("/x")
    other = reader.base.brand()
    with reader.base.database.transaction(Scope(brand=reader.brand)) as tx:
        (source,) = sources(tx, brand=reader.brand)
    for unknown in (source.id, WebSourceId(new_id())):
        with pytest.raises(AddressNotFound), reader.base.database.transaction(Scope(brand=other)) as tx:
            import_again(tx, brand=other, source=unknown, author=None, now=app_now(tx))


class Fault(Exception):
    """What nobody foresaw."""


def faulty(reader: Reader, *paths: str) -> Callable[[str], Fetched]:
    """Fetches as the background does, but for these paths, at which the code itself breaks."""
    bad = {reader.address(path) for path in paths}

    def fetch(address: str) -> Fetched:
        if address in bad:
            reader.web.asked.append(address.removeprefix(reader.address("")))
            raise Fault
        return reader.fetch()(address)

    return fetch


def test_a_fault_of_ours_in_one_import_keeps_no_other_waiting(reader: Reader) -> None:
    reader.page("/good", "Send it back.")
    bad, good = reader.start("/bad"), reader.start("/good")
    fetch_due(reader.base.database, faulty(reader, "/bad"))
    assert set(reader.files(good)) == {"/good"}
    assert reader.files(bad) == {}
    for _ in range(5):
        reader.clock.forward(timedelta(minutes=2))
        fetch_due(reader.base.database, faulty(reader, "/bad"))
    assert reader.web.asked.count("/bad") == 3
    assert reader.refused(bad) == {"/bad": "It could not be read because of a fault on our side."}
    assert reader.read(good) is ImportState.READY


def test_a_fault_of_ours_in_one_page_stops_no_other_page(reader: Reader) -> None:
    for path in ("/a", "/b"):
        reader.page(path, f"The text of {path}.")
    reader.sitemap("/a", "/bad", "/b")
    started = reader.start("/sitemap.xml")
    while reader.busy():
        fetch_due(reader.base.database, faulty(reader, "/bad"))
        reader.clock.forward(timedelta(minutes=2))
    assert reader.read(started) is ImportState.READY
    assert reader.keys() == ["/a", "/b"]
    assert reader.refused(started) == {"/bad": "It could not be read because of a fault on our side."}
    assert reader.web.asked.count("/bad") == 3


def test_a_fault_beside_the_pages_puts_an_import_off_and_then_gives_it_up(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise Fault

    started = reader.start("/x")
    monkeypatch.setattr(web_fetching, "_due", broken)
    assert fetch_due(reader.base.database, reader.fetch()) == 1
    assert fetch_due(reader.base.database, reader.fetch()) == 0  # it waits behind the others
    for _ in range(2):
        reader.clock.forward(timedelta(minutes=2))
        fetch_due(reader.base.database, reader.fetch())
    assert not reader.busy()
    assert reader.read(started) is ImportState.FAILED
    assert reader.refused(started) == {"/x": "It could not be read because of a fault on our side."}


# A sitemap


def test_a_sitemap_brings_its_pages_one_after_another(reader: Reader) -> None:
    for number in range(5):
        reader.page(f"/{number}", f"Text number {number}.", title=f"Page {number}")
    reader.sitemap(*(f"/{number}" for number in range(5)))
    started = reader.start("/sitemap.xml")
    fetch_due(reader.base.database, reader.fetch())
    fetch_due(reader.base.database, reader.fetch())
    # The pause: without time that goes by nothing more is asked.
    assert reader.web.asked == ["/sitemap.xml", "/robots.txt"]
    assert reader.read(started) is ImportState.READY
    assert reader.web.asked == ["/sitemap.xml", "/robots.txt", "/0", "/1", "/2", "/3", "/4"]
    assert reader.keys() == ["/0", "/1", "/2", "/3", "/4"]
    assert reader.source_of(started) is ImportSource.SITEMAP


def test_an_index_of_zipped_sitemaps_is_followed(reader: Reader) -> None:
    reader.page("/a", "Text a.")
    reader.page("/b", "Text b.")
    one = f"<urlset><url><loc>{reader.address('/a')}</loc></url></urlset>".encode()
    reader.web.page("/one.xml.gz", gzip.compress(one), kind="application/gzip")
    reader.sitemap("/b", at="/two.xml")
    names = "".join(
        f"<sitemap><loc>{reader.address(path)}</loc></sitemap>"
        for path in ("/one.xml.gz", "/two.xml", "/gone.xml")
    )
    reader.web.page("/sitemap.xml", f"<sitemapindex>{names}</sitemapindex>", kind="text/xml")
    started = reader.start("/sitemap.xml")
    assert reader.read(started) is ImportState.READY
    assert reader.keys() == ["/a", "/b"]
    assert reader.refused(started) == {"/gone.xml": "The site says that there is no such page any more."}


def test_a_sitemap_whose_sitemaps_take_too_long_names_those_it_did_not_ask_for(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_fetching, "WALK_SECONDS", 0)
    reader.web.page(
        "/sitemap.xml",
        f"<sitemapindex><sitemap><loc>{reader.address('/inner.xml')}</loc></sitemap></sitemapindex>",
        kind="text/xml",
    )
    started = reader.start("/sitemap.xml")
    reader.read(started)
    assert reader.refused(started) == {"/inner.xml": "The site took too long to answer."}
    assert "/inner.xml" not in reader.web.asked


def test_sitemaps_are_asked_for_until_there_are_pages_enough(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_fetching, "MAX_LISTED", 1)
    reader.page("/a", "Text a.")
    reader.sitemap("/a", at="/one.xml")
    reader.sitemap("/b", at="/two.xml")
    names = "".join(
        f"<sitemap><loc>{reader.address(path)}</loc></sitemap>" for path in ("/one.xml", "/two.xml")
    )
    reader.web.page("/sitemap.xml", f"<sitemapindex>{names}</sitemapindex>", kind="text/xml")
    started = reader.start("/sitemap.xml")
    assert reader.read(started) is ImportState.READY
    assert list(reader.refused(started)) == ["/two.xml"]
    assert "/two.xml" not in reader.web.asked


def test_a_bad_page_stops_no_other(reader: Reader) -> None:
    reader.page("/a", "Text a.")
    reader.page("/c", "Text c.")
    reader.web.page("/picture", b"\x89PNG", kind="image/png")
    reader.web.page("/empty", "<html></html>")
    reader.web.answers["/cut"] = lambda connection: connection.close()
    reader.sitemap("/a", "/missing", "/picture", "/empty", "/cut", "/c")
    started = reader.start("/sitemap.xml")
    assert reader.read(started) is ImportState.READY
    assert reader.keys() == ["/a", "/c"]
    assert set(reader.refused(started)) == {"/missing", "/picture", "/empty", "/cut"}
    assert all(reader.refused(started).values())


def test_pages_of_other_sites_and_those_robots_forbid_are_named_and_not_asked_for(reader: Reader) -> None:
    reader.page("/a", "Text a.")
    reader.page("/cart", "Nothing to read.")
    reader.web.page("/robots.txt", "User-agent: *\nDisallow: /cart\n", kind="text/plain")
    urls = [reader.address("/a"), reader.address("/cart"), "https://elsewhere.example/x", "https://[bad"]
    listing = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    reader.web.page("/sitemap.xml", f"<urlset>{listing}</urlset>", kind="text/xml")
    started = reader.start("/sitemap.xml")
    assert reader.read(started) is ImportState.READY
    assert reader.keys() == ["/a"]
    assert reader.refused(started) == {
        "/cart": "The site's robots.txt asks machines not to read this page.",
        "https://elsewhere.example/x": "This page leads to another site.",
    }
    assert "/cart" not in reader.web.asked


def test_a_page_that_somebody_named_himself_is_read_whatever_robots_say(reader: Reader) -> None:
    reader.page("/cart", "Text.")
    reader.web.page("/robots.txt", "User-agent: *\nDisallow: /\n", kind="text/plain")
    assert reader.read(reader.start("/cart")) is ImportState.READY
    assert "/robots.txt" not in reader.web.asked


def test_a_site_whose_robots_cannot_be_read_is_left_alone(reader: Reader) -> None:
    reader.page("/a", "Text a.")
    reader.web.status("/robots.txt", 500)
    reader.sitemap("/a")
    started = reader.start("/sitemap.xml")
    assert reader.read(started) is ImportState.FAILED
    assert "/a" not in reader.web.asked
    assert list(reader.refused(started)) == ["/sitemap.xml"]


def test_more_pages_than_are_read_at_once_are_said_to_be(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_fetching, "MAX_PAGES", 2)
    for path in ("/a", "/b", "/c"):
        reader.page(path, f"Text {path}.")
    reader.sitemap("/a", "/b", "/c")
    started = reader.start("/sitemap.xml")
    reader.read(started)
    assert reader.keys() == ["/a", "/b"]
    assert reader.refused(started) == {"/sitemap.xml": "It lists 3 pages, and 2 are read at once."}


# Again


def test_reading_again_makes_new_revisions_of_what_changed_and_names_what_is_gone(reader: Reader) -> None:
    for path in ("/same", "/changed", "/gone", "/unlisted"):
        reader.page(path, f"The text of {path}.")
    reader.sitemap("/same", "/changed", "/gone", "/unlisted")
    reader.read(reader.start("/sitemap.xml"))
    reader.page("/changed", "Quite another text.")
    reader.web.status("/gone", 410)
    reader.sitemap("/same", "/changed", "/gone", "/new")
    reader.page("/new", "The text of /new.")
    again = reader.again()
    assert reader.read(again) is ImportState.READY
    assert reader.refused(again) == {
        "/gone": "The site says that there is no such page any more.",
        "/unlisted": "The sitemap no longer lists this page.",
    }
    with reader.base.database.transaction(Scope(brand=reader.brand)) as tx:
        revisions = {
            path: article_by_key(tx, brand=reader.brand, key=reader.address(path)).line.revision_number
            for path in ("/same", "/changed", "/gone", "/new")
        }
    assert revisions == {"/same": 1, "/changed": 2, "/gone": 1, "/new": 1}
    assert reader.base.texts(reader.brand, "Quite another text", top=1) == ["Quite another text."]


# Killed


def test_fetching_goes_on_after_a_kill_where_it_was(reader: Reader, mortal: MortalDatabase) -> None:
    for number in range(4):
        reader.page(f"/{number}", f"Text number {number}.", title=f"Page {number}")
    reader.sitemap(*(f"/{number}" for number in range(4)))
    started = reader.start("/sitemap.xml")
    kills = 0
    deaths = itertools.cycle(itertools.product((1, 2, 3), (False, True)))
    # Killed at every transaction in turn, before and after its commit; each time the next process goes on.
    while reader.busy():
        mortal.transactions = 0
        mortal.dies_at, mortal.dies_after_commit = next(deaths)
        try:
            fetch_due(mortal, reader.fetch())
        except Killed:
            kills += 1
        reader.clock.forward(timedelta(minutes=2))
    assert kills > 5
    assert reader.read(started) is ImportState.READY
    assert reader.keys() == ["/0", "/1", "/2", "/3"]
    assert reader.refused(started) == {}


# What an address gave


def fetched(
    content_type: str, *, path: str = "/x", body: bytes = b"text", charset: str | None = None
) -> Fetched:
    return Fetched(
        address=f"https://shop.example{path}", content_type=content_type, charset=charset, body=body
    )


@pytest.mark.parametrize(
    ("given", "ending"),
    [
        (fetched("text/html", path="/help.pdf"), ".html"),
        (fetched("application/xhtml+xml"), ".html"),
        (fetched("text/markdown"), ".md"),
        (fetched("text/plain", path="/help.md"), ".md"),
        (fetched("application/octet-stream", path="/help.HTML?x=1"), ".html"),
        (fetched("", body=b"\n<!DOCTYPE html><title>x</title>"), ".html"),
    ],
)
def test_a_file_is_what_the_site_says_and_else_what_its_name_says(given: Fetched, ending: str) -> None:
    assert web_file(given).ending == ending


@pytest.mark.parametrize(
    "content_type", ["image/png", "application/json", "video/mp4", "application/x-sh", ""]
)
def test_other_files_are_not_read(content_type: str) -> None:
    with pytest.raises(NotRead):
        web_file(fetched(content_type, body=b"\0\1\2"))


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("é".encode(), None),
        ("é".encode(), "utf-8"),
        ("é".encode("utf-8-sig"), "latin-1"),
        ("é".encode("utf-16"), None),
        ("é".encode("latin-1"), "latin-1"),
        ("é".encode(), "punycode"),
        ("é".encode(), "no-such-charset"),
        (b'<meta charset="windows-1252">\xe9', None),
    ],
)
def test_a_text_is_handed_on_in_utf8(body: bytes, charset: str | None) -> None:
    text = web_file(fetched("text/html", body=body, charset=charset)).content.decode()
    assert text.endswith("é")
