"""The worker's desk in a real browser: by keyboard from the pool to the reply, and what the end of a lease leaves."""

import re
from datetime import timedelta

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from marketplace.kernel.clock import shift_clock
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import Channel
from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, PHONE, signed_in
from tests.builders import an_open_ticket

pytestmark = IN_A_BROWSER

TYPED = "Hi, thank you for writing. I have looked into it:"
NOTE = "Asked for the order number."
PATIENCE_MILLISECONDS = 15_000


def claim_next(worker: Page) -> None:
    """The best ticket among the e-mails: a chat leaves twenty seconds, which a slow machine needs for itself."""
    worker.locator(".filters summary").click()
    worker.get_by_label("Channel").select_option("email")
    worker.get_by_role("button", name="Show").click()
    expect(worker).to_have_url(re.compile(r"/worker/pool\?channel=email$"))
    button = worker.get_by_role("button", name="Claim the first of these")
    button.focus()
    worker.keyboard.press("Enter")
    expect(worker.locator("#composer")).to_be_visible(timeout=PATIENCE_MILLISECONDS)


def write(worker: Page, text: str) -> None:
    worker.keyboard.press("r")
    worker.keyboard.press("ControlOrMeta+a")  # what another test left unsent on this ticket has come back
    worker.keyboard.type(text)
    expect(worker.locator("[data-draft-state]")).to_contain_text("Draft saved")


def test_a_hand_that_writes_as_soon_as_the_field_is_there_keeps_it(browser: Browser, site: DemoSite) -> None:
    """The page's own first focus comes with its content: later, the letters typed meanwhile would be read as keys."""
    worker = signed_in(browser, site, "ben", DESKTOP)
    worker.evaluate("""() => {
        const field = () => document.querySelector("#reply-text");
        const onceThere = (_, observer) => {
            if (!field()) return;
            observer.disconnect();
            setTimeout(() => field().focus(), 0);
        };
        new MutationObserver(onceThere).observe(document.body, { childList: true });
        window.pageSettled = new Promise((settled) =>
            document.addEventListener("htmx:after:swap", () => field() && setTimeout(settled, 50)));
    }""")
    claim_next(worker)
    worker.evaluate("window.pageSettled")
    expect(worker.locator("#reply-text")).to_be_focused()


def test_by_keyboard_a_worker_claims_the_next_takes_more_time_notes_and_replies(
    browser: Browser, site: DemoSite
) -> None:
    worker = signed_in(browser, site, "ben", DESKTOP)
    claim_next(worker)
    write(worker, TYPED)
    worker.keyboard.press("Escape")
    worker.keyboard.press("e")
    expect(worker.locator("#lease")).to_contain_text("extension used")
    expect(worker.locator("#reply-text")).to_have_value(TYPED)
    worker.keyboard.press("m")
    expect(worker.locator("#note-text")).to_be_focused()
    worker.keyboard.type(NOTE)
    worker.keyboard.press("Tab")
    worker.keyboard.press("Enter")
    expect(worker.locator(".notes")).to_contain_text(NOTE)
    expect(worker.locator("#note-text")).to_be_focused()
    expect(worker.locator("#reply-text")).to_have_value(TYPED)
    worker.keyboard.press("Escape")
    worker.locator("#reply-text").focus()
    desk = worker.url
    worker.keyboard.press("Control+Enter")
    expect(worker).not_to_have_url(desk)
    expect(worker.locator("#toasts")).to_contain_text("Sent to the customer.")


def test_warnings_come_once_each_and_the_end_of_the_time_takes_no_character(
    browser: Browser, site: DemoSite
) -> None:
    worker = signed_in(browser, site, "ben", PHONE, stopped_clock=True)
    claim_next(worker)
    composer, alert = worker.locator("#reply-text"), worker.get_by_role("alert")
    composer.fill(TYPED)
    worker.clock.run_for(2_000)
    worker.clock.fast_forward("03:05")
    expect(alert).to_have_text("Under 2 minutes left on this ticket.")
    worker.clock.fast_forward("01:30")
    expect(alert).to_have_text("Under 30 seconds left. Your text is kept.")
    composer.press_sequentially(" one")
    worker.clock.fast_forward("01:00")
    expect(alert).to_have_text("Time is over. Your text is kept.")
    expect(composer).to_have_value(f"{TYPED} one")
    expect(composer).not_to_be_editable()
    expect(worker.get_by_label("Your unsent text")).to_be_visible()
    expect(worker.get_by_role("button", name="Claim it again")).to_be_visible()
    for over in ("[data-send]", "[data-extend]", "#escalate", "#release"):
        expect(worker.locator(over)).to_be_hidden()


def test_tickets_that_arrive_pass_the_filters_or_stay_away(browser: Browser, site: DemoSite) -> None:
    worker = signed_in(browser, site, "ben", DESKTOP)
    worker.goto(f"{site.address}/worker/pool?channel=chat")
    expect(worker.locator("#live[data-state=live]")).to_be_attached()
    with site.database.transaction() as tx:
        brand = BrandId(tx.execute(text("SELECT id FROM brand ORDER BY slug LIMIT 1")).scalar_one())
        an_open_ticket(tx, brand, subject="By e-mail, newly arrived")
        an_open_ticket(tx, brand, subject="By chat, newly arrived", channel=Channel.CHAT)
    pool = worker.locator("#pool")
    expect(pool).to_contain_text("By chat, newly arrived", timeout=PATIENCE_MILLISECONDS)
    expect(pool).not_to_contain_text("By e-mail, newly arrived")


def test_a_ticket_that_went_back_leaves_the_text_and_can_be_claimed_again(
    browser: Browser, site: DemoSite
) -> None:
    worker = signed_in(browser, site, "ana", DESKTOP)
    claim_next(worker)
    worker.locator("#reply-text").fill(TYPED)
    with site.database.transaction() as tx:
        shift_clock(tx, by=timedelta(minutes=6))
    unsent = worker.locator("#kept-text")
    expect(unsent).to_have_value(TYPED, timeout=PATIENCE_MILLISECONDS)
    worker.get_by_role("button", name="Claim it again").click()
    expect(worker.locator("#reply-text")).to_have_value(TYPED)
    expect(worker.locator("#reply-text")).to_be_editable()
