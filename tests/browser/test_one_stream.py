"""Many tabs of one browser read one stream, whichever of them closes."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import TicketId
from marketplace.kernel.settings import Settings
from marketplace.tickets.mutes import mute_brand
from tests.browser.people import IN_A_BROWSER
from tests.builders import a_brand, an_open_ticket
from tests.workers_ui.live_site import Town, a_town
from workers_ui.deps import SESSION_COOKIE

pytestmark = IN_A_BROWSER

TABS = 8  # a browser opens six connections to one server at most
SOON_SECONDS = 15.0
SOON_MS = SOON_SECONDS * 1000


@pytest.fixture
def town(settings: Settings, db: Database, background: Database) -> Iterator[Town]:
    with a_town(settings, db, background) as made:
        yield made


def signed_in_as(browser: Browser, town: Town, who: object) -> BrowserContext:
    context = browser.new_context(base_url=town.site.url)
    context.add_cookies([{"name": SESSION_COOKIE, "value": town.tokens[who], "url": town.site.url}])
    return context


def open_pool(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/worker/pool")
    expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=SOON_MS)
    return page


def row(page: Page, ticket: TicketId) -> None:
    expect(page.locator(f"#ticket-{ticket}")).to_be_visible(timeout=SOON_MS)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_eight_tabs_are_live_by_one_stream_and_stay_so_when_the_one_that_reads_it_closes(
    browser: Browser, town: Town
) -> None:
    context = signed_in_as(browser, town, town.bob)
    tabs = [open_pool(context) for _ in range(TABS)]
    assert town.site.open_streams() == 1
    first = town.post()
    for tab in tabs:
        row(tab, first)
        expect(tab.locator("h1 [data-count=pool]")).to_have_text("1")

    tabs.pop(0).close()
    second = town.post()  # while nobody reads, perhaps
    until(lambda: town.site.open_streams() == 1)
    third = town.post()
    for tab in tabs:
        row(tab, second)
        row(tab, third)
        expect(tab.locator("#live")).to_have_attribute("data-state", "live")
        expect(tab.locator("h1 [data-count=pool]")).to_have_text("3")
    town.claim(town.ann, first)
    expect(tabs[-1].locator(f"#ticket-{first}")).to_contain_text("Taken", timeout=SOON_MS)
    context.close()


def test_a_tab_that_opens_later_knows_the_counts_and_misses_nothing_from_before_it_listened(
    browser: Browser, town: Town
) -> None:
    context = signed_in_as(browser, town, town.bob)
    reading = open_pool(context)
    late = context.new_page()
    late.route("**/*.js", lambda route: (town.post("Between page and stream"), route.continue_())[1])
    late.goto("/worker/pool")
    expect(late.locator("#live")).to_have_attribute("data-state", "live", timeout=SOON_MS)
    expect(late.get_by_text("Between page and stream")).to_have_count(1, timeout=SOON_MS)
    expect(late.locator("h1 [data-count=pool]")).to_have_text("1", timeout=SOON_MS)
    expect(reading.locator("h1 [data-count=pool]")).to_have_text("1")
    assert town.site.open_streams() == 1
    context.close()


def test_rows_of_a_hidden_brand_stay_away(browser: Browser, town: Town) -> None:
    with town.background.transaction() as tx:
        hidden = a_brand(tx, name="Hidden & Co")
        mute_brand(tx, worker=town.bob, slug=tx.get_one(Brand, hidden).slug, now=app_now(tx))
    context = signed_in_as(browser, town, town.bob)
    page = open_pool(context)
    with town.background.transaction() as tx:
        unwanted = an_open_ticket(tx, hidden)
    row(page, town.post("For him"))
    expect(page.locator(f"#ticket-{unwanted}")).to_have_count(0)
    context.close()


def test_without_web_locks_each_tab_reads_a_stream_of_its_own(browser: Browser, town: Town) -> None:
    context = signed_in_as(browser, town, town.bob)
    context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined });")
    tabs = [open_pool(context) for _ in range(2)]
    assert town.site.open_streams() == 2
    ticket = town.post()
    for tab in tabs:
        row(tab, ticket)
    context.close()


def test_two_people_in_one_browser_never_share_a_stream(browser: Browser, town: Town) -> None:
    context = signed_in_as(browser, town, town.bob)
    bobs = open_pool(context)
    context.add_cookies([{"name": SESSION_COOKIE, "value": town.tokens[town.ann], "url": town.site.url}])
    anns = open_pool(context)
    assert town.site.open_streams() == 2
    assert bobs.locator("#live").get_attribute("data-url") != anns.locator("#live").get_attribute("data-url")
    context.close()
