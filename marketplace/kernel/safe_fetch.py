"""The only door to addresses that people name: fetch one without being sent into our own network.

An address is parsed once, every IP address its name has is held against a table of our own (`ipaddress`
calls NAT64 and 6to4 ways to the metadata service global), and the connection goes to an IP address that was
looked at, with Host and SNI kept: a name that answers differently a second time is not asked a second time.
The HTTP client follows no redirect. `FetchRules.redirects` says how many we follow ourselves, each through the
whole check again: none where a machine named the address (a webhook that moves is to be named anew), a few
where a person did (pages move, and `http` or a missing `www` is what people copy). Smokescreen and the
defects of others are the sources; what an answer held is told to nobody but the caller, and no error quotes it.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from socket import SOCK_STREAM, getaddrinfo
from threading import Thread
from typing import NoReturn

import httpx

from marketplace.kernel.errors import AppError, Invalid, NotFound, TooLarge, Unavailable
from marketplace.kernel.settings import Settings

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
Resolve = Callable[[str], Sequence[IpAddress]]
"""All addresses of a name; raises OSError when it has none."""

MAX_ADDRESS_CHARACTERS = 2_000
MAX_BODY_BYTES = 1_000_000
MAX_FILE_BYTES = 25_000_000
DEADLINE_SECONDS = 5.0
FILE_DEADLINE_SECONDS = 20.0
MAX_HOST_ADDRESSES = 64
ADDRESSES_TRIED = 3
CONNECT_SHARE = 4
"""One connection may take a quarter of the time, so that the next address still has its turn."""
INFLATED_AT_ONCE = 65_536
USER_AGENT = "HumanCloud (+knowledge import)"

NOT_PUBLIC: tuple[IpNetwork, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # protocol assignments; 2001::/32 is Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""No public IPv6 address is outside of it, whatever the table forgets."""


class AddressUnusable(Invalid):
    """This is not the address of a page. Write it in full, like https://www.example.com/help."""


class SchemeRefused(Invalid):
    """Only addresses that begin with https:// are read. Use the page's secure address."""


class PortRefused(Invalid):
    """Only the usual ports of web sites are read. Leave the port out, or ask the operator to allow it."""


class CredentialsInAddress(Invalid):
    """The address holds a name or password before an @. Leave it out: only public pages are read."""


class AddressNotPublic(Invalid):
    """This address leads into a private network. Use one that everybody can reach, or ask the operator."""


class SiteNotFound(Invalid):
    """There is no site of this name. Check the address for a typing error."""


class SiteUnreachable(Unavailable):
    """The site does not answer. Open the address in a browser, and try again when it works there."""


class CertificateRefused(Unavailable):
    """The site's certificate is not valid, so nobody knows who answers. Try again when it has been renewed."""


class FetchTooSlow(Unavailable):
    """The site took too long to answer. Try again later, or upload the page as a file."""


class FetchTooLarge(TooLarge):
    """The site's answer is larger than the limit. Save it in smaller parts and upload those."""


class PageGone(NotFound):
    """The site says that there is no such page any more. Check the address, or leave it out."""


class AnswerRefused(Unavailable):
    """The site refused to show this page. Check that it opens without signing in."""


class SiteFailed(Unavailable):
    """The site failed or is too busy to show this page. Try again later."""


class AnswerUnreadable(Unavailable):
    """The site's answer breaks the rules of the web and cannot be read. Upload the page as a file."""


class TooManyRedirects(Invalid):
    """The address leads on to another one. Use the address at which the page opens in a browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """What may be fetched, and how much of it. `private_allowed` are networks of the operator's own."""

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] = frozenset({443, 80})
    private_allowed: tuple[IpNetwork, ...] = ()
    authorities: Path | None = None
    """Certificates of authorities that are trusted besides the public ones."""
    redirects: int = 0
    deadline_seconds: float = DEADLINE_SECONDS
    """For everything: names, connections, redirects and the last byte."""
    body_bytes: int = MAX_BODY_BYTES
    """Of the body as it is read, so after it was inflated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A body in full. `address` is where it was at last; `content_type` as claimed, without parameters."""

    address: str
    content_type: str
    charset: str | None
    body: bytes


def system_addresses(host: str) -> Sequence[IpAddress]:
    """All addresses the system's resolver knows. Raises OSError."""
    answers = getaddrinfo(host, None, type=SOCK_STREAM)
    return [ip_address(answer[4][0]) for answer in answers]


def rules_of(settings: Settings) -> FetchRules:
    """The rules an operator set."""
    return FetchRules(
        schemes=frozenset({"https", "http"} if settings.fetch_plain_http else {"https"}),
        ports=frozenset(settings.fetch_ports),
        private_allowed=settings.fetch_private_cidrs,
        authorities=settings.fetch_ca_file,
    )


def file_rules_of(settings: Settings) -> FetchRules:
    """The same for files and pages of knowledge: larger, slower, and a person named the address."""
    return replace(
        rules_of(settings),
        redirects=5,
        deadline_seconds=FILE_DEADLINE_SECONDS,
        body_bytes=MAX_FILE_BYTES,
    )


def safe_fetch(address: str, *, rules: FetchRules, resolve: Resolve = system_addresses) -> Fetched:
    """Get `address` within `rules`, from a thread that runs no event loop.

    Raises one of the errors above; each says what to do and nothing of what was answered.
    """
    return asyncio.run(_before_deadline(address, rules, resolve))


def check_address(address: str, *, rules: FetchRules) -> str:
    """`address` as it would be fetched; asks nobody. Raises what its form alone forbids."""
    return str(_parsed(address, rules))


def is_public(address: IpAddress) -> bool:
    """Whether everybody may reach `address`, by our own table."""
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    return not any(address in network for network in NOT_PUBLIC if network.version == address.version)


async def _before_deadline(address: str, rules: FetchRules, resolve: Resolve) -> Fetched:
    try:
        async with asyncio.timeout(rules.deadline_seconds):
            return await _follow(address, rules, resolve)
    except TimeoutError as error:
        raise FetchTooSlow from error


async def _follow(address: str, rules: FetchRules, resolve: Resolve) -> Fetched:
    for _ in range(rules.redirects + 1):
        url = _parsed(address, rules)
        addresses = await _vetted(url, rules, resolve)
        found = await _get(url, addresses, rules)
        if isinstance(found, Fetched):
            return found
        if url.scheme == "https" and found.scheme != "https":
            raise SchemeRefused
        address = str(found)
    raise TooManyRedirects


def _parsed(address: str, rules: FetchRules) -> httpx.URL:
    wanted = address.strip()
    # httpx mends some of these; another parser would mend them otherwise, so nothing is mended.
    if not wanted or len(wanted) > MAX_ADDRESS_CHARACTERS or any(c in _NEVER or c < "!" for c in wanted):
        raise AddressUnusable
    try:
        url = httpx.URL(wanted)
        host, port = url.host.rstrip("."), url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressUnusable from error
    if url.scheme not in rules.schemes:
        raise SchemeRefused
    if url.userinfo:
        raise CredentialsInAddress
    if not host or "%" in host:
        raise AddressUnusable
    if (_PORT[url.scheme] if port is None else port) not in rules.ports:
        raise PortRefused
    return url.copy_with(host=host, fragment=None)


_NEVER = frozenset('\\<>"^`{|}\x7f\u00a0\u2028\u2029\ufeff')
_PORT = {"https": 443, "http": 80}


async def _vetted(url: httpx.URL, rules: FetchRules, resolve: Resolve) -> Sequence[IpAddress]:
    """Every address of the URL's host, if each may be reached."""
    try:
        # The name as it goes over the wire: `url.host` would give an international name in letters.
        addresses = await asyncio.wrap_future(_in_thread(resolve, url.raw_host.decode().strip("[]")))
    except (OSError, ValueError) as error:
        raise SiteNotFound from error
    if not addresses or len(addresses) > MAX_HOST_ADDRESSES:
        raise SiteNotFound
    if not all(_may_reach(address, rules) for address in addresses):
        raise AddressNotPublic
    return list(dict.fromkeys(addresses))


def _in_thread(resolve: Resolve, host: str) -> Future[Sequence[IpAddress]]:
    """A resolver cannot be stopped; nobody waits for its thread when the deadline is over."""
    future: Future[Sequence[IpAddress]] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(resolve(host))
        except BaseException as error:  # carried to whoever waits for the future
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def _may_reach(address: IpAddress, rules: FetchRules) -> bool:
    return is_public(address) or any(
        address in network for network in rules.private_allowed if network.version == address.version
    )


async def _get(url: httpx.URL, addresses: Sequence[IpAddress], rules: FetchRules) -> Fetched | httpx.URL:
    """What is there, or where it leads; the first address that answers is used."""
    unreachable: AppError = SiteUnreachable()
    for address in addresses[:ADDRESSES_TRIED]:
        try:
            return await _get_from(url, address, rules)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            unreachable = CertificateRefused() if _is_certificate(error) else SiteUnreachable()
        except httpx.TimeoutException as error:
            raise FetchTooSlow from error
        except httpx.RemoteProtocolError as error:
            raise AnswerUnreadable from error
        except httpx.TransportError as error:
            raise SiteUnreachable from error
    raise unreachable


async def _get_from(url: httpx.URL, address: IpAddress, rules: FetchRules) -> Fetched | httpx.URL:
    host = url.raw_host.decode().strip("[]")
    async with (
        httpx.AsyncClient(
            verify=_trusted(rules.authorities),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(rules.deadline_seconds, connect=rules.deadline_seconds / CONNECT_SHARE),
        ) as client,
        client.stream(
            "GET",
            url.copy_with(host=str(address)),
            headers={
                "Host": url.netloc.decode(),
                "User-Agent": USER_AGENT,
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
            },
            extensions={"sni_hostname": host},
        ) as response,
    ):
        if response.has_redirect_location:
            return _next(url, response.headers["location"])
        if response.status_code != HTTPStatus.OK:
            _refuse(response.status_code)
        body = await _body(response, rules.body_bytes)
        return Fetched(
            address=str(url),
            content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            charset=response.charset_encoding,
            body=body,
        )


def _next(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise AnswerUnreadable from error


def _refuse(status: int) -> NoReturn:
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise PageGone
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise SiteFailed
    raise AnswerRefused


@cache
def _trusted(authorities: Path | None) -> ssl.SSLContext:
    trusted = httpx.create_ssl_context(trust_env=False)
    if authorities is not None:
        trusted.load_verify_locations(authorities)
    return trusted


def _is_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


async def _body(response: httpx.Response, limit: int) -> bytes:
    """The body, inflated a little at a time, so that a few bytes cannot become all of our memory."""
    inflate = _inflater(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for piece in _inflated(response.aiter_raw(), inflate):
        body += piece
        if len(body) > limit:
            raise FetchTooLarge
        await asyncio.sleep(0)  # the deadline is looked at between pieces
    return bytes(body)


def _inflater(encoding: str) -> "zlib._Decompress | None":
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case _:
            raise AnswerUnreadable


async def _inflated(raw: AsyncIterator[bytes], inflate: "zlib._Decompress | None") -> AsyncIterator[bytes]:
    async for piece in raw:
        if inflate is None:
            yield piece
            continue
        left = piece
        while left:
            try:
                yield inflate.decompress(left, INFLATED_AT_ONCE)
            except zlib.error as error:
                raise AnswerUnreadable from error
            left = inflate.unconsumed_tail
    if inflate is not None and (not inflate.eof or inflate.unused_data):
        raise AnswerUnreadable
