"""The check of a reply in a real browser: found while it is typed, shown, mended by keyboard, and sent at once."""

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.pool import claim_ticket
from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, PHONE, signed_in
from tests.builders import an_open_ticket

pytestmark = IN_A_BROWSER

BRAND = "SELECT id FROM brand WHERE slug = 'tamberlark'"
WORKER = "SELECT w.id FROM worker w JOIN person p ON p.id = w.person_id WHERE p.email = 'ana@demo.example'"


def at_a_desk(browser: Browser, site: DemoSite, size: dict[str, int]) -> tuple[Page, TicketId]:
    with site.database.transaction() as tx:
        brand = BrandId(tx.execute(text(BRAND)).scalar_one())
        ticket = an_open_ticket(tx, brand, subject="My bag came open")
        claim_ticket(tx, ticket=ticket, worker=WorkerId(tx.execute(text(WORKER)).scalar_one()))
    worker = signed_in(browser, site, "ana", size)
    worker.goto(f"{site.address}/worker/t/{ticket}")
    return worker, ticket


def selected(worker: Page) -> str:
    return str(worker.locator("#reply-text").evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)"))


def test_a_finding_is_shown_fixed_by_keyboard_and_what_was_seen_is_sent_at_once(
    browser: Browser, site: DemoSite
) -> None:
    worker, ticket = at_a_desk(browser, site, DESKTOP)
    reply, count = worker.locator("#reply-text"), worker.locator("#findings-count")
    reply.click()
    worker.keyboard.type("🙂 Did you see evil.example? We will refund you in full.")
    expect(count).to_have_text("1 thing to fix, 1 thing to look at")
    promise = worker.locator("#findings li", has_text="This promises")
    promise.get_by_role("button", name="Show").click()
    assert selected(worker) == "We will refund you in full."
    expect(reply).to_be_focused()
    link = worker.locator("#findings li", has_text="evil.example")
    link.get_by_role("button", name="Fix").focus()
    worker.keyboard.press("Enter")
    expect(reply).to_have_value("🙂 Did you see ? We will refund you in full.")
    expect(reply).to_be_focused()
    expect(count).to_have_text("1 thing to look at")
    worker.keyboard.press("ControlOrMeta+z")
    expect(reply).to_have_value("🙂 Did you see evil.example? We will refund you in full.")
    expect(count).to_have_text("1 thing to fix, 1 thing to look at")
    link.get_by_role("button", name="Fix").click()
    expect(count).to_have_text("1 thing to look at")
    desk = worker.url
    worker.keyboard.press("Control+Enter")
    expect(worker).not_to_have_url(desk)
    expect(worker.locator("#toasts")).to_contain_text("Sent to the customer.")
    with site.database.transaction() as tx:
        kept = tx.execute(
            text("SELECT findings FROM receipt WHERE ticket_id = :id"), {"id": ticket}
        ).scalar_one()
    assert [one["kind"] for one in kept] == ["promise"]


def test_on_a_phone_a_reply_sent_before_its_check_comes_back_once(browser: Browser, site: DemoSite) -> None:
    worker, _ = at_a_desk(browser, site, PHONE)
    # Faster than the pause in typing: the text and the press come in one go.
    worker.locator("#reply-text").evaluate(
        "e => { e.value = 'We will refund you in full.'; e.form.requestSubmit(); }"
    )
    expect(worker.locator("[data-problem]")).to_contain_text("look at this once")
    assert worker.evaluate("document.documentElement.scrollWidth <= innerWidth")
    worker.get_by_role("button", name="Send anyway").click()
    expect(worker.locator("#toasts")).to_contain_text("Sent to the customer.")
