"""Sitemaps and robots.txt of strangers."""

import gzip

import pytest

from knowledge_base.sitemaps import (
    MAX_LISTED,
    MAX_ROBOTS_LINES,
    SitemapTooLarge,
    SitemapUnreadable,
    is_sitemap,
    read_robots,
    read_sitemap,
)

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
PICTURE = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'


def listed(*addresses: str) -> bytes:
    urls = "".join(f"<url><loc>{address}</loc><lastmod>2026-01-01</lastmod></url>" for address in addresses)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE}>{urls}</urlset>'.encode()


def test_a_sitemap_lists_its_pages_once_each_in_their_order() -> None:
    found = read_sitemap(
        listed("https://shop.example/b", " https://shop.example/a?x=1&amp;y=2\n", "https://shop.example/b")
    )
    assert found.pages == ("https://shop.example/b", "https://shop.example/a?x=1&y=2")
    assert found.sitemaps == ()


def test_an_index_lists_sitemaps_and_no_pages() -> None:
    index = f"<sitemapindex {SPACE}><sitemap><loc>https://shop.example/one.xml</loc></sitemap></sitemapindex>"
    found = read_sitemap(index.encode())
    assert (found.pages, found.sitemaps) == ((), ("https://shop.example/one.xml",))


def test_pictures_of_pages_are_no_pages() -> None:
    page = (
        f"<urlset {SPACE} {PICTURE}><url><loc>https://shop.example/a</loc><image:image>"
        "<image:loc>https://shop.example/a.png</image:loc></image:image></url></urlset>"
    )
    assert read_sitemap(page.encode()).pages == ("https://shop.example/a",)


def test_a_zipped_sitemap_is_read() -> None:
    zipped = gzip.compress(listed("https://shop.example/a"))
    assert is_sitemap(zipped)
    assert read_sitemap(zipped).pages == ("https://shop.example/a",)


def test_a_page_is_no_sitemap() -> None:
    assert not is_sitemap(b"<!doctype html><title>Sitemap</title>")
    assert not is_sitemap(b"")
    assert is_sitemap(listed())


def test_a_sitemap_of_too_many_pages_is_read_so_far() -> None:
    many = listed(*(f"https://shop.example/{number}" for number in range(MAX_LISTED + 5)))
    assert len(read_sitemap(many).pages) == MAX_LISTED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>no</body></html>",
        b"<urlset><url><loc>https://shop.example/a</loc>",
        b'<!DOCTYPE urlset [<!ENTITY a "b">]><urlset><url><loc>&a;</loc></url></urlset>',
        b'<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset>&a;</urlset>',
        b'<!DOCTYPE urlset SYSTEM "https://evil.example/x.dtd"><urlset/>',
        b"<urlset>" + b"<a>" * 100_000,
        b'<?xml version="1.0" encoding="nonsense"?><urlset/>',
        b"\x1f\x8bnot zipped",
        b"\xff\xfe\x00",
    ],
    ids=["empty", "page", "torn", "entity", "file", "outside", "deep", "encoding", "zip", "bytes"],
)
def test_what_is_no_sitemap_is_refused(body: bytes) -> None:
    with pytest.raises(SitemapUnreadable):
        read_sitemap(body)


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"<urlset>" + b" " * 20_000_000 + b"</urlset>"),
        b"<urlset>" + b" " * 10_000_001 + b"</urlset>",
        b"<urlset>" + b"<a/>" * 300_000 + b"</urlset>",
    ],
    ids=["bomb", "long", "elements"],
)
def test_a_sitemap_beyond_the_limits_is_refused(body: bytes) -> None:
    with pytest.raises(SitemapTooLarge):
        read_sitemap(body)


def test_robots_say_where_we_may_go_and_how_fast() -> None:
    robots = read_robots(b"User-agent: *\nDisallow: /cart\nCrawl-delay: 3\n")
    assert robots.allow("https://shop.example/help")
    assert not robots.allow("https://shop.example/cart/1")
    assert robots.pause_seconds == 3


def test_robots_that_name_us_are_heard() -> None:
    robots = read_robots(b"User-agent: HumanCloud\nDisallow: /\n\nUser-agent: *\nAllow: /\n")
    assert not robots.allow("https://shop.example/help")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>nonsense",
        b"\xff\xff",
        b"Crawl-delay: -1",
        "User-agent: *\nCrawl-delay: ²".encode(),
        "User-agent: *\nRequest-rate: ²/1".encode(),
        b"User-agent: *\nCrawl-delay: " + b"9" * 5_000,
        b"User-agent: *\nDisallow: //[help",
    ],
)
def test_robots_that_say_nothing_allow_everything(body: bytes) -> None:
    robots = read_robots(body)
    assert robots.allow("https://shop.example/help")
    assert robots.pause_seconds == 0


def test_a_pause_of_hours_is_shortened() -> None:
    assert read_robots(b"User-agent: *\nCrawl-delay: 86400\n").pause_seconds == 10


def test_the_longest_pause_that_is_written_is_shortened_too() -> None:
    assert read_robots(b"User-agent: *\nCrawl-delay: " + b"9" * 400).pause_seconds == 10


def test_a_line_that_is_not_understood_takes_no_other_line_with_it() -> None:
    robots = read_robots("User-agent: *\nCrawl-delay: ²\nDisallow: //[help\nDisallow: /cart\n".encode())
    assert not robots.allow("https://shop.example/cart")
    assert robots.allow("https://shop.example/help")


def test_robots_of_more_lines_than_are_held_against_each_page_are_heard_so_far() -> None:
    rules = [f"Disallow: /{number}x" for number in range(MAX_ROBOTS_LINES)]
    robots = read_robots("\n".join(["User-agent: *", *rules]).encode())
    assert not robots.allow(f"https://shop.example/{MAX_ROBOTS_LINES - 2}x")
    assert robots.allow(f"https://shop.example/{MAX_ROBOTS_LINES - 1}x")
