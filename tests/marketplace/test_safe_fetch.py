"""Addresses that people name: none of them leads inside, none of them takes our memory or our time."""

import gzip
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from marketplace.kernel.errors import AppError
from marketplace.kernel.safe_fetch import (
    AddressNotPublic,
    AddressUnusable,
    AnswerRefused,
    AnswerUnreadable,
    CertificateRefused,
    CredentialsInAddress,
    Fetched,
    FetchRules,
    FetchTooLarge,
    FetchTooSlow,
    IpAddress,
    PageGone,
    PortRefused,
    SchemeRefused,
    SiteFailed,
    SiteNotFound,
    SiteUnreachable,
    TooManyRedirects,
    file_rules_of,
    is_public,
    rules_of,
    safe_fetch,
    system_addresses,
)
from marketplace.kernel.settings import Settings
from tests.web_servers import WebServer, a_certificate, answering, canary, web_server

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SHORT_SECONDS = 0.5

NAMES = {
    "metadata.example": ["169.254.169.254"],
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
    "mixed6.example": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:127.0.0.1"],
    "cgnat.example": ["100.64.0.1"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "nat64local.example": ["64:ff9b:1::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "teredo.example": ["2001::1"],
    "ula.example": ["fd00::2"],
    "linklocal6.example": ["fe80::1"],
    "sitelocal.example": ["fec0::1"],
    "multicast.example": ["224.0.0.1"],
    "xn--lcalhost-v3a.example": ["127.0.0.1"],
    "nothing.example": [],
}
"""Names that a hostile zone could answer for; one of them also answers with an address of ours."""

PRIVATE = [
    "https://127.0.0.1:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://127.255.255.254:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0x0.0x0.0x1:{port}/",
    "https://0x7f.1:{port}/",
    "https://017700000001:{port}/",
    "https://0177.0x0.0.1:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://@127.0.0.1:{port}/",
    "https://127。0。0。1:{port}/",
    "https://10.0.0.1:{port}/",
    "https://172.16.0.1:{port}/",
    "https://172.31.255.255:{port}/",
    "https://192.168.1.1:{port}/",
    "https://192.0.0.192:{port}/",
    "https://192.0.2.2:{port}/",
    "https://192.88.99.1:{port}/",
    "https://198.18.0.1:{port}/",
    "https://198.51.100.7:{port}/",
    "https://203.0.113.9:{port}/",
    "https://100.64.0.1:{port}/",
    "https://100.100.100.200:{port}/latest/meta-data/",
    "https://169.254.169.254:{port}/latest/meta-data/iam/",
    "https://169.254.170.2:{port}/v2/credentials",
    "https://2852039166:{port}/latest/meta-data/",
    "https://0xa9fea9fe:{port}/latest/meta-data/",
    "https://224.0.0.1:{port}/",
    "https://239.255.255.250:{port}/",
    "https://240.0.0.1:{port}/",
    "https://255.255.255.255:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[0000::0001]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::ffff:a9fe:a9fe]:{port}/",
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[64:ff9b::a9fe:a9fe]:{port}/",
    "https://[64:ff9b:1::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[2002:a9fe:a9fe::1]:{port}/",
    "https://[2001:0:7f00:1::]:{port}/",
    "https://[2001:db8::1]:{port}/",
    "https://[100::1]:{port}/",
    "https://[3fff::1]:{port}/",
    "https://[5f00::1]:{port}/",
    "https://[fc00::1]:{port}/",
    "https://[fd00::2]:{port}/",
    "https://[fd00:ec2::254]:{port}/latest/meta-data/",
    "https://[fe80::1]:{port}/",
    "https://[fec0::1]:{port}/",
    "https://[ff02::1]:{port}/",
    *(f"https://{name}:{{port}}/" for name, addresses in NAMES.items() if addresses),
    "https://metadata.example.:{port}/",
    "https://MIXED.example:{port}/",
    "https://lócalhost.example:{port}/",
]

UNUSABLE = [
    "https://0251.0376.0251.0376:{port}/",
    "https://0177.0.0.1:{port}/",
    "",
    "   ",
    "https:127.0.0.1:{port}",
    "https:///127.0.0.1:{port}/",
    "https://",
    "https://１２７.０.０.１:{port}/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://127.0.0.1%00.example:{port}/",
    "https://public.example\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\.public.example/",
    "https://public.example:{port}/ HTTP/1.1\r\nHost: inside",
    "https://public.example:{port}/\r\nX-Inside: 1",
    "https://local\thost:{port}/",
    "https://local host:{port}/",
    "https://[::1]:{port}:443/",
    "https://[::1%25lo]:{port}/",
    "https://[fe80::1%25eth0]:{port}/",
    "https://[127.0.0.1]:{port}/",
    "https://[::1:{port}/",
    "https://::1:{port}/",
    "https://127.0.0.1:{port}:443/",
    "https://127.0.0.1:port/",
    "https://<127.0.0.1>:{port}/",
    "https://public.example:{port}/" + "a" * 2_000,
]

OTHER_SCHEMES = [
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/stat",
    "ldap://127.0.0.1:{port}/",
    "unix:///run/postgres.sock",
    "javascript:alert(1)",
    "data:text/html,inside",
    "jar:https://127.0.0.1:{port}/!/",
    "httpss://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
]

WITH_CREDENTIALS = [
    "https://public.example@127.0.0.1:{port}/",
    "https://user:secret@127.0.0.1:{port}/",
    "https://public.example:443@127.0.0.1:{port}/",
    "https://public.example%23@127.0.0.1:{port}/",
    "https://a@b@127.0.0.1:{port}/",
]

OTHER_PORTS = [
    "https://127.0.0.1:22/",
    "https://127.0.0.1:5432/",
    "https://127.0.0.1:6379/",
    "https://public.example:8443/",
    "https://public.example:0/",
    "https://public.example:65536/",
    "https://[::1]:25/",
]

HOSTILE: dict[type[AppError], list[str]] = {
    AddressNotPublic: PRIVATE,
    AddressUnusable: UNUSABLE,
    SchemeRefused: OTHER_SCHEMES,
    CredentialsInAddress: WITH_CREDENTIALS,
    PortRefused: OTHER_PORTS,
    SiteNotFound: ["https://nothing.example:{port}/", "https://127.0.0.1.nothing.example:{port}/"],
}

CASES = [(error, address) for error, addresses in HOSTILE.items() for address in addresses]


def resolve(host: str) -> Sequence[IpAddress]:
    """What a hostile zone says of its names; numbers as the system reads them."""
    known = NAMES.get(host)
    if known is not None:
        return [ip_address(address) for address in known]
    if host.endswith(".example"):
        raise OSError("no such name")
    return system_addresses(host)


@pytest.fixture(scope="module")
def trap() -> Iterator[WebServer]:
    with canary() as listening:
        yield listening


def rules_for(server: WebServer, **changes: object) -> FetchRules:
    """Plain HTTP to this machine, as an operator may allow it."""
    rules = FetchRules(
        schemes=frozenset({"http", "https"}), ports=frozenset({server.port}), private_allowed=LOOPBACK
    )
    return replace(rules, **changes)  # type: ignore[arg-type]  # keywords are passed through


def test_the_list_of_hostile_addresses_is_long() -> None:
    assert len(CASES) >= 120
    assert len(set(CASES)) == len(CASES)


@pytest.mark.parametrize(("error", "address"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_no_hostile_address_reaches_the_canary(trap: WebServer, error: type[AppError], address: str) -> None:
    strict = FetchRules(ports=frozenset({443, 80, trap.port}), redirects=5, deadline_seconds=5)
    with pytest.raises(error):
        safe_fetch(address.replace("{port}", str(trap.port)), rules=strict, resolve=resolve)
    assert trap.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost"])
def test_the_canary_counts_what_an_operator_allows(host: str) -> None:
    with canary() as trap, pytest.raises(PageGone):
        safe_fetch(f"http://{host}:{trap.port}/", rules=rules_for(trap))
    assert trap.connections == 1


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", ["64:ff9b::a9fe:a9fe", "2002:7f00:1::", "224.0.0.1"])
def test_the_table_knows_what_the_standard_library_calls_global(address: str) -> None:
    assert ip_address(address).is_global
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "to",
    [
        "https://169.254.169.254:{port}/latest/",
        "http://169.254.169.254:{port}/latest/",
        "https://metadata.example:{port}/",
        "//169.254.169.254:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://127.0.0.1:{port}/",
        "http://2130706433:{port}/",
    ],
)
def test_a_redirect_inside_is_refused_at_its_own_hop(to: str) -> None:
    with web_server("127.0.0.2") as site, canary_beside(site) as trap:
        site.redirect("/", to.replace("{port}", str(trap.port)))
        rules = rules_for(site, private_allowed=(ip_network("127.0.0.2/32"),), redirects=5)
        with pytest.raises(AddressNotPublic):
            safe_fetch(f"http://127.0.0.2:{site.port}/", rules=rules, resolve=resolve)
    assert (site.asked, trap.connections) == (["/"], 0)


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("file:///etc/passwd", SchemeRefused),
        ("gopher://127.0.0.2/", SchemeRefused),
        ("http://127.0.0.2:5432/", PortRefused),
        ("http://a:b@127.0.0.2/", CredentialsInAddress),
        ("http://[::1", AnswerUnreadable),
    ],
)
def test_a_redirect_elsewhere_is_refused(to: str, error: type[AppError]) -> None:
    with web_server("127.0.0.2") as site:
        site.redirect("/", to)
        with pytest.raises(error):
            safe_fetch(f"http://127.0.0.2:{site.port}/", rules=rules_for(site, redirects=5))
    assert site.asked == ["/"]


def canary_beside(site: WebServer) -> AbstractContextManager[WebServer]:
    """On the address beside the site's, with its port."""
    return web_server("127.0.0.1", port=site.port)


def test_a_name_that_changes_its_answer_is_asked_once_and_kept_to() -> None:
    answers = iter([[ip_address("127.0.0.2")], [ip_address("127.0.0.1")]])
    with web_server("127.0.0.2") as site, canary_beside(site) as trap:
        site.page("/", "outside")
        rules = rules_for(site, private_allowed=(ip_network("127.0.0.2/32"),))
        found = safe_fetch(
            f"http://rebind.example:{site.port}/", rules=rules, resolve=lambda _: next(answers)
        )
    assert (found.body, trap.connections) == (b"outside", 0)
    assert len(list(answers)) == 1


def test_a_name_that_turns_inside_before_a_redirect_is_refused_there() -> None:
    answers = iter([[ip_address("127.0.0.2")], [ip_address("127.0.0.1")]])
    with web_server("127.0.0.2") as site, canary_beside(site) as trap:
        site.redirect("/", "/again")
        rules = rules_for(site, private_allowed=(ip_network("127.0.0.2/32"),), redirects=5)
        with pytest.raises(AddressNotPublic):
            safe_fetch(f"http://rebind.example:{site.port}/", rules=rules, resolve=lambda _: next(answers))
    assert (site.asked, trap.connections) == (["/"], 0)


def test_without_a_redirect_allowed_none_is_followed() -> None:
    with web_server() as site:
        site.redirect("/", "/next")
        with pytest.raises(TooManyRedirects):
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))
    assert site.asked == ["/"]


def test_redirects_in_a_circle_end() -> None:
    with web_server() as site:
        site.redirect("/", "/")
        with pytest.raises(TooManyRedirects):
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site, redirects=5))
    assert site.asked == ["/"] * 6


def test_a_page_that_moved_is_found_where_it_went() -> None:
    with web_server() as site:
        site.redirect("/old", "new?a=1#part", status=308)
        site.page("/new?a=1", "moved", kind="Text/HTML; Charset=ISO-8859-1")
        found = safe_fetch(f"http://127.0.0.1:{site.port}/old", rules=rules_for(site, redirects=1))
    assert found == Fetched(
        address=f"http://127.0.0.1:{site.port}/new?a=1",
        content_type="text/html",
        charset="iso-8859-1",
        body=b"moved",
    )


def test_the_host_is_named_to_the_site_and_nothing_of_ours_is() -> None:
    with web_server() as site:
        site.page("/", "hello")
        safe_fetch(
            f"http://shop.example:{site.port}/",
            rules=rules_for(site),
            resolve=lambda _: [ip_address("127.0.0.1")],
        )
    (head,) = site.heads
    assert f"host: shop.example:{site.port}\r\n" in head.lower()
    assert "cookie" not in head.lower()
    assert "authorization" not in head.lower()


def test_the_next_address_of_a_site_is_tried_when_one_is_down() -> None:
    both = [ip_address("127.0.0.3"), ip_address("127.0.0.1")]
    with web_server() as site:
        site.page("/", "hello")
        found = safe_fetch(f"http://shop.example:{site.port}/", rules=rules_for(site), resolve=lambda _: both)
    assert found.body == b"hello"


def test_a_site_that_is_down_is_said_to_be() -> None:
    with web_server() as site:
        pass
    with pytest.raises(SiteUnreachable):
        safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, PageGone),
        (410, PageGone),
        (403, AnswerRefused),
        (500, SiteFailed),
        (429, SiteFailed),
        (204, AnswerRefused),
    ],
)
def test_an_answer_that_is_no_page_is_not_quoted(status: int, error: type[AppError]) -> None:
    with web_server() as site:
        site.status("/", status)
        with pytest.raises(error) as raised:
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))
    assert "SECRET" not in raised.value.detail
    assert raised.value.detail == (error.__doc__ or "").strip()


def endless(connection: socket.socket, piece: bytes, head: bytes, pause: threading.Event) -> None:
    connection.sendall(head)
    while not pause.wait(0.05):
        connection.sendall(piece)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"", b""),
    ],
    ids=["body", "promised body", "head", "continue", "chunks", "silence"],
)
def test_a_site_that_trickles_is_left_at_the_deadline(head: bytes, piece: bytes) -> None:
    over = threading.Event()
    with web_server() as site:
        site.answers["/"] = lambda connection: endless(connection, piece, head, over)
        with pytest.raises(FetchTooSlow):
            safe_fetch(
                f"http://127.0.0.1:{site.port}/", rules=rules_for(site, deadline_seconds=SHORT_SECONDS)
            )
        over.set()


def test_redirects_share_one_deadline() -> None:
    over = threading.Event()

    def later(connection: socket.socket) -> None:
        over.wait(SHORT_SECONDS * 0.4)
        answering(302, b"", {"Location": "/"})(connection)

    with web_server() as site:
        site.answers["/"] = later
        with pytest.raises(FetchTooSlow):
            safe_fetch(
                f"http://127.0.0.1:{site.port}/",
                rules=rules_for(site, redirects=1_000, deadline_seconds=SHORT_SECONDS),
            )
        over.set()


def test_a_resolver_that_never_answers_is_left_at_the_deadline() -> None:
    over = threading.Event()

    def silent(_host: str) -> Sequence[IpAddress]:
        over.wait(30)
        return []

    with pytest.raises(FetchTooSlow):
        safe_fetch("https://slow.example/", rules=FetchRules(deadline_seconds=SHORT_SECONDS), resolve=silent)
    over.set()


def test_a_gigabyte_is_not_read_to_its_end() -> None:
    sent = 0

    def much(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1_000):
            connection.sendall(b"a" * 1_000_000)
            sent += 1

    with web_server() as site:
        site.answers["/"] = much
        with pytest.raises(FetchTooLarge):
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))
    assert sent < 100


def test_a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    with web_server() as site:
        site.page("/fits", b"a" * 1_000)
        site.page("/over", b"a" * 1_001)
        rules = rules_for(site, body_bytes=1_000)
        assert len(safe_fetch(f"http://127.0.0.1:{site.port}/fits", rules=rules).body) == 1_000
        with pytest.raises(FetchTooLarge):
            safe_fetch(f"http://127.0.0.1:{site.port}/over", rules=rules)


def zipped(body: bytes) -> dict[str, str]:
    return {"Content-Encoding": "gzip"} if body else {}


def test_a_gzip_bomb_is_counted_as_it_is_inflated() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, compresslevel=9)
    assert len(bomb) < 100_000
    with web_server() as site:
        site.page("/", bomb, more=zipped(bomb))
        with pytest.raises(FetchTooLarge):
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))


def test_a_zipped_page_is_handed_on_as_it_was() -> None:
    page = b"<h1>Returns</h1>" * 10_000
    with web_server() as site:
        site.page("/", gzip.compress(page), more={"Content-Encoding": "GZIP"})
        assert safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site)).body == page


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"abc"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"abc"))),
        ("gzip", b"not zipped"),
        ("gzip", gzip.compress(b"abc" * 1_000)[:-9]),
        ("gzip", gzip.compress(b"abc") + b"more"),
    ],
    ids=["other", "twice", "false", "torn", "trailing"],
)
def test_a_body_that_is_not_what_it_says_is_refused(encoding: str, body: bytes) -> None:
    with web_server() as site:
        site.page("/", body, more={"Content-Encoding": encoding})
        with pytest.raises(AnswerUnreadable):
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
    ids=["nonsense", "short", "huge head", "chunks", "nothing"],
)
def test_an_answer_that_breaks_the_rules_is_refused(raw: bytes) -> None:
    with web_server() as site:
        site.answers["/"] = lambda connection: connection.sendall(raw)
        with pytest.raises((AnswerUnreadable, SiteUnreachable)):
            safe_fetch(f"http://127.0.0.1:{site.port}/", rules=rules_for(site))


def test_a_certificate_is_asked_for_by_the_sites_name(tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path, host="shop.example")
    with web_server(tls=certificate.tls) as site:
        site.page("/", "secure")
        rules = rules_for(site, authorities=certificate.file)
        found = safe_fetch(
            f"https://shop.example:{site.port}/", rules=rules, resolve=lambda _: [ip_address("127.0.0.1")]
        )
    assert found.body == b"secure"


@pytest.mark.parametrize("trouble", ["nobody vouches", "another's", "run out"])
def test_a_bad_certificate_is_refused_before_anything_is_asked(tmp_path: Path, trouble: str) -> None:
    certificate = a_certificate(
        tmp_path,
        host="other.example" if trouble == "another's" else "shop.example",
        days=-1 if trouble == "run out" else 1,
    )
    with web_server(tls=certificate.tls) as site:
        site.page("/", "secure")
        rules = rules_for(site, authorities=None if trouble == "nobody vouches" else certificate.file)
        with pytest.raises(CertificateRefused):
            safe_fetch(
                f"https://shop.example:{site.port}/", rules=rules, resolve=lambda _: [ip_address("127.0.0.1")]
            )
    assert site.asked == []


def test_a_site_that_speaks_no_tls_is_unreachable() -> None:
    with web_server() as site, pytest.raises((SiteUnreachable, AnswerUnreadable)):
        safe_fetch(f"https://127.0.0.1:{site.port}/", rules=rules_for(site, deadline_seconds=SHORT_SECONDS))


def test_a_secure_page_does_not_lead_to_an_open_one(tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path, host="127.0.0.1")
    with web_server(tls=certificate.tls) as site:
        site.redirect("/", f"http://127.0.0.1:{site.port}/open")
        with pytest.raises(SchemeRefused):
            safe_fetch(
                f"https://127.0.0.1:{site.port}/",
                rules=rules_for(site, authorities=certificate.file, redirects=3),
            )
    assert site.asked == ["/"]


def test_an_installation_that_says_nothing_reads_secure_public_sites_alone() -> None:
    rules = rules_of(Settings())
    assert rules == FetchRules()
    assert rules.schemes == frozenset({"https"})
    assert rules.ports == frozenset({443, 80})
    assert rules.private_allowed == ()
    assert (rules.redirects, rules.body_bytes, rules.deadline_seconds) == (0, 1_000_000, 5)


def test_an_operator_allows_networks_ports_and_plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANCLOUD_FETCH_PRIVATE_CIDRS", "10.1.0.0/16, fd00::/8")
    monkeypatch.setenv("HUMANCLOUD_FETCH_PORTS", "443,8443")
    monkeypatch.setenv("HUMANCLOUD_FETCH_PLAIN_HTTP", "true")
    rules = file_rules_of(Settings())
    assert rules.private_allowed == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert rules.ports == frozenset({443, 8443})
    assert rules.schemes == frozenset({"http", "https"})
    assert rules.redirects == 5


REACH_OUT = re.compile(
    r"^\s*(?:import|from) (?:httpx2?|httpcore|requests|aiohttp|urllib3|urllib\.request|http\.client|ftplib)\b",
    re.MULTILINE,
)
OWN_DOORS = {
    "marketplace/kernel/safe_fetch.py",
    "guidance/generator_http.py",  # an address that the operator named
    "billing/fake_stripe/webhooks.py",  # these talk to this installation itself
    "workers_ui/demo.py",
    "workers_ui/demo_callers.py",
    "workers_ui/demo_money.py",
    "workers_ui/doctor.py",
    "workers_ui/supervisor.py",
}


def test_nothing_else_reaches_out() -> None:
    root = Path(__file__).parents[2]
    houses = ("marketplace", "guidance", "knowledge_base", "billing", "workers_ui")
    files = [file for house in houses for file in (root / house).rglob("*.py")]
    found = {str(file.relative_to(root)) for file in files if REACH_OUT.search(file.read_text())}
    assert found == OWN_DOORS
