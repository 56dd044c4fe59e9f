"""People of the demo, signed in with a browser of their own."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.demo_site import DemoSite

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        chromium.found() is None,
        reason="no Chromium on the path: install Debian's chromium package, or name one in HUMANCLOUD_CHROMIUM",
    ),
]


def signed_in(
    browser: Browser, site: DemoSite, alias: str, size: dict[str, int], *, stopped_clock: bool = False
) -> Page:
    """`stopped_clock`: the page's time is the test's to move."""
    context = browser.new_context(viewport={"width": size["width"], "height": size["height"]})
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    if stopped_clock:
        page.clock.install()
    page.goto(f"{site.address}/sign-in")
    page.get_by_label("E-mail").fill(f"{alias}@demo.example")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page
