"""One article open in two windows: the second to save sees both texts and loses nothing."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, signed_in

pytestmark = IN_A_BROWSER

MINE = "The second text of two."


def test_the_second_window_to_save_shows_both_texts(browser: Browser, site: DemoSite) -> None:
    first = signed_in(browser, site, "mia", DESKTOP)
    first.goto(f"{site.address}{site.brand_path}/knowledge")
    first.locator("#articles a.row-link").first.click()
    first.get_by_role("link", name="Edit", exact=True).click()
    expect(first.locator("h1")).to_have_text("Edit the article")
    second = signed_in(browser, site, "mia", DESKTOP)
    with second.expect_response(lambda told: told.url.endswith("/presence")):
        second.goto(first.url)

    _save(first, "The first text of two.")
    expect(first.locator("#draft")).to_contain_text("is a draft")
    _save(second, MINE)

    expect(second.locator("#conflict")).to_contain_text("The first text of two.")
    expect(second.locator("textarea[name=text]")).to_have_value(MINE)
    second.get_by_role("button", name="Save as a draft").click()
    expect(second.locator("#draft")).to_contain_text("is a draft")


def _save(page: Page, text: str) -> None:
    page.locator("textarea[name=text]").fill(text)
    page.get_by_role("button", name="Save as a draft").click()
