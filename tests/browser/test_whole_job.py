"""The whole job in a real browser: a worker answers by keyboard, the brand confirms, finance sees the cent."""

from playwright.sync_api import Browser, expect

from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, PHONE, signed_in

pytestmark = IN_A_BROWSER


def test_a_worker_claims_inserts_and_sends_by_keyboard_and_the_brand_and_finance_read_the_same(
    browser: Browser, site: DemoSite
) -> None:
    worker = signed_in(browser, site, "ana", DESKTOP)
    other = signed_in(browser, site, "ben", PHONE)
    rows = worker.locator("[id^=ticket-]")
    row_id = rows.first.get_attribute("id")
    expect(other.locator(f"#{row_id}")).to_be_visible()

    worker.keyboard.press("j")
    worker.keyboard.press("c")
    worker.wait_for_url("**/worker/t/**")
    desk = worker.url
    subject = worker.get_by_role("heading", level=1).inner_text()
    expect(other.locator(f"#{row_id}")).not_to_contain_text("Claim", timeout=5_000)

    confirm = worker.get_by_role("button", name="Confirm")
    confirm.click()
    expect(confirm).to_have_count(0)
    composer = worker.locator("textarea[name=text]")
    expect(worker.locator("[data-insert], button:has-text('Insert draft')").first).to_be_visible()
    worker.locator("h1").click()
    worker.keyboard.press("d")
    expect(composer).not_to_have_value("")
    sent = composer.input_value()
    composer.focus()
    worker.keyboard.press("Control+Enter")
    worker.wait_for_url(lambda url: url != desk)  # the pool, or the next ticket that she holds

    brand = signed_in(browser, site, "mia", DESKTOP)
    brand.goto(f"{site.address}{site.brand_ticket_path(subject)}")
    expect(brand.locator("main")).to_contain_text(sent.splitlines()[0])
    expect(brand.locator("main")).to_contain_text("independent paid expert")
    brand.get_by_role("button", name="Customer confirms").first.click()
    expect(brand.locator("main")).to_contain_text("resolved", ignore_case=True)

    finance = signed_in(browser, site, "fay", DESKTOP)
    finance.get_by_role("link", name=subject).first.click()
    expect(finance.get_by_role("heading", level=1)).to_be_visible()
    for said in (sent.splitlines()[0], "reserve", "accrue"):
        expect(finance.locator("main")).to_contain_text(said)


def test_no_page_overflows_a_phone(browser: Browser, site: DemoSite) -> None:
    pages = {
        "ana": ("/worker/pool", "/worker/mine", "/worker/earnings", "/worker/settings"),
        "mia": tuple(f"{site.brand_path}/{name}" for name in ("tickets", "knowledge", "wallet", "team")),
        "fay": ("/finance/earnings", "/finance/batches"),
    }
    too_wide = []
    for alias, paths in pages.items():
        page = signed_in(browser, site, alias, PHONE)
        for path in paths:
            page.goto(f"{site.address}{path}")
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                too_wide.append(path)
    assert too_wide == []
