"""What a site says to machines: its sitemap and its robots.txt, read without building anything of their size.

A sitemap is XML of a stranger. Its elements are never kept, only the addresses among them; entities and document
types are refused by defusedxml, depth, length and number have limits here. So it is read where it was fetched, while
pages and documents go to the reading process.
"""

import zlib
from dataclasses import dataclass
from urllib.robotparser import RobotFileParser
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from marketplace.kernel.errors import Invalid
from marketplace.kernel.safe_fetch import MAX_ADDRESS_CHARACTERS

MAX_SITEMAP_BYTES = 10_000_000
MAX_SITEMAP_DEPTH = 8
MAX_SITEMAP_ELEMENTS = 200_000
MAX_LISTED = 10_000
"""Addresses taken from one sitemap; the protocol allows 50,000."""
MAX_ROBOTS_CHARACTERS = 500_000
MAX_ROBOTS_LINES = 5_000
"""Each page of a sitemap is held against each rule."""
AGENT = "HumanCloud"
MAX_CRAWL_DELAY_SECONDS = 10.0


class SitemapUnreadable(Invalid):
    """The sitemap is not valid. Check it with a sitemap checker, or give the addresses of its pages."""


class SitemapTooLarge(Invalid):
    """The sitemap is larger than 10 MB. Give the address of one with fewer pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """Addresses of pages, and of further sitemaps, in their order and without repeats."""

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]


def is_sitemap(body: bytes) -> bool:
    """Whether a body, zipped or not, begins as a sitemap does."""
    head = _unzipped(body[:4_096], limit=4_096) if body.startswith(_GZIP) else body[:4_096]
    return b"<urlset" in head or b"<sitemapindex" in head


def read_sitemap(body: bytes) -> Sitemap:
    """The addresses in a sitemap or a sitemap index. Raises SitemapUnreadable or SitemapTooLarge."""
    xml = _unzipped(body, limit=MAX_SITEMAP_BYTES + 1) if body.startswith(_GZIP) else body
    if len(xml) > MAX_SITEMAP_BYTES:
        raise SitemapTooLarge
    listing = _Listing()
    parser = DefusedXMLParser(target=listing, forbid_dtd=True)
    try:
        parser.feed(xml)
        parser.close()
    except _Enough:
        pass
    except _TooMuch as error:
        raise SitemapTooLarge from error
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SitemapUnreadable from error
    return Sitemap(pages=tuple(dict.fromkeys(listing.pages)), sitemaps=tuple(dict.fromkeys(listing.sitemaps)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """What a site asks of machines that walk through it."""

    rules: RobotFileParser

    def allow(self, address: str) -> bool:
        return self.rules.can_fetch(AGENT, address)

    @property
    def pause_seconds(self) -> float:
        """The pause it asks for between two pages, within reason; 0 when it asks for none."""
        # It may be a number of thousands of digits, which no float holds.
        return float(min(self.rules.crawl_delay(AGENT) or 0, MAX_CRAWL_DELAY_SECONDS))


def read_robots(body: bytes) -> Robots:
    """Any text is a robots.txt; what is not understood says nothing."""
    lines = body.decode("utf-8", "replace")[:MAX_ROBOTS_CHARACTERS].splitlines()[:MAX_ROBOTS_LINES]
    try:
        return Robots(rules=_parsed(lines))
    except ValueError:
        return Robots(rules=_parsed([line for line in lines if _is_understood(line)]))


def _parsed(lines: list[str]) -> RobotFileParser:
    """Raises ValueError for a path or a number that Python's parser takes for one and cannot read."""
    rules = RobotFileParser()
    rules.parse(lines)
    return rules


def _is_understood(line: str) -> bool:
    try:
        _parsed(["User-agent: *", line])
    except ValueError:
        return False
    return True


_GZIP = b"\x1f\x8b"


def _unzipped(body: bytes, *, limit: int) -> bytes:
    """At most `limit` bytes of it. Raises SitemapUnreadable."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, limit)
    except zlib.error as error:
        raise SitemapUnreadable from error


class _Enough(Exception):
    """As many addresses as are taken."""


class _TooMuch(Exception):
    """More elements than a sitemap of our limits has."""


class _Listing:
    """Hears the parser's elements and keeps addresses alone."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.sitemaps: list[str] = []
        self._open: list[str] = []
        self._elements = 0
        self._words: list[str] = []

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_SITEMAP_ELEMENTS:
            raise _TooMuch
        self._open.append(tag.rpartition("}")[2])
        if len(self._open) == 1 and self._open[0] not in ("urlset", "sitemapindex"):
            raise ValueError("not a sitemap")
        if len(self._open) > MAX_SITEMAP_DEPTH:
            raise ValueError("nested too deep")
        self._words = []

    def data(self, text: str) -> None:
        if self._open[-1:] == ["loc"] and len(self._words) <= MAX_ADDRESS_CHARACTERS:
            self._words.append(text)

    def end(self, _tag: str) -> None:
        # Pictures and videos have a <loc> too, one level further down.
        match self._open:
            case ["urlset", "url", "loc"]:
                self._take(self.pages)
            case ["sitemapindex", "sitemap", "loc"]:
                self._take(self.sitemaps)
        self._open.pop()

    def close(self) -> None:
        return

    def _take(self, among: list[str]) -> None:
        address = "".join(self._words).strip()
        if address and len(address) <= MAX_ADDRESS_CHARACTERS:
            among.append(address)
        if len(among) >= MAX_LISTED:
            raise _Enough
