"""What people do by hand: a file of tickets imported and undone; a worker suspended, heard and let back in."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, PHONE, signed_in

pytestmark = IN_A_BROWSER

FILE = "\n".join(
    (
        "id,subject,message,email,channel",
        'j-1,Grinder hums,"My grinder hums and does not grind. What now?",pat@example.org,email',
        "j-2,Nothing said,,kim@example.org,email",
        "j-3,By fax,Does your kettle fit a fax?,sam@example.org,fax",
    )
)
PASSAGE = "The passage says so, word for word."


def test_a_file_is_looked_at_imported_without_its_bad_lines_and_undone(
    browser: Browser, site: DemoSite
) -> None:
    brand = signed_in(browser, site, "mia", DESKTOP)
    brand.goto(f"{site.address}{site.brand_path}/tickets")
    brand.get_by_role("link", name="Import", exact=True).focus()
    brand.keyboard.press("Enter")
    brand.get_by_label("A CSV file").set_input_files(
        {"name": "tickets.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    )
    _press(brand, "Look at the file")
    main = brand.locator("main")
    expect(main).to_contain_text("Nothing is imported yet")
    expect(main).to_contain_text("It does not say what the customer wrote.")
    expect(main).to_contain_text("There is no channel “fax”.")

    _press(brand, "Import 1 ticket")
    expect(main).to_contain_text("1 ticket made of 3 lines.")
    expect(main).to_contain_text("withdraws each ticket that no worker has claimed")
    _press(brand, "Undo this import")
    expect(main).to_contain_text("1 ticket withdrawn.")
    expect(brand.get_by_role("button", name="Undo this import")).to_have_count(0)

    brand.goto(f"{site.address}{site.brand_path}/tickets")
    brand.get_by_label("Number, subject or customer e-mail").fill("pat@example.org")
    brand.keyboard.press("Enter")
    row = brand.get_by_role("row").filter(has_text="Grinder hums")
    expect(row).to_contain_text("withdrawn")


def test_an_operator_warns_suspends_hears_the_appeal_and_stops_a_channel(
    browser: Browser, site: DemoSite
) -> None:
    operator = signed_in(browser, site, "olga", DESKTOP)
    worker = signed_in(browser, site, "ben", PHONE)
    operator.get_by_role("link", name="People").click()
    operator.get_by_label("Beginning of an e-mail address").fill("ben@")
    operator.keyboard.press("Enter")
    operator.get_by_role("link", name="Ben").click()
    _decide(operator, "Warn", "Quote the passage next time.", "Send the warning")
    expect(operator.locator("main")).to_contain_text("not read yet")
    worker.reload()
    worker.get_by_role("link", name="Read it").click()
    expect(worker.locator("main")).to_contain_text("Quote the passage next time.")

    _decide(operator, "Suspend", "It was not quoted again.", "Suspend this worker")
    expect(operator.locator("main")).to_contain_text("work suspended")
    worker.goto(f"{site.address}/worker/pool")
    expect(worker.get_by_role("button", name="Claim next")).to_be_disabled()
    worker.get_by_role("link", name="Read why, and appeal").click()
    worker.get_by_label("Why this is wrong").fill("I did quote it.")
    worker.get_by_role("button", name="Send the appeal").click()
    expect(worker.locator("main")).to_contain_text("waits for an answer")

    operator.get_by_role("navigation", name="Main").get_by_role("link", name="People").click()
    operator.get_by_role("region", name="Appeals that wait").get_by_role("link", name="Ben").click()
    expect(operator.locator("main")).to_contain_text("I did quote it.")
    operator.get_by_label("Answer to the worker").fill(PASSAGE)
    _press(operator, "Lift the suspension")
    expect(operator.get_by_text("The appeal is decided, and the worker is told.").first).to_be_visible()
    expect(operator.locator("main")).to_contain_text("Appeal granted")
    worker.reload()
    expect(worker.locator("main")).to_contain_text(f"Your appeal was granted: {PASSAGE}")

    operator.get_by_role("link", name="Switches").click()
    operator.get_by_label("What", exact=True).select_option("channel")
    operator.get_by_label("Which one").fill("chat")
    operator.get_by_label("Why").fill("Chat is down.")
    _press(operator, "Stop it")
    expect(operator.locator("main")).to_contain_text("A channel: chat")
    worker.goto(f"{site.address}/worker/pool?channel=chat")
    expect(worker.locator("main")).to_contain_text("Nothing here matches your filters")
    _press(operator, "Let it run again")
    expect(operator.locator("main")).to_contain_text("Nothing is stopped")
    for name in ("Jobs", "Invariants"):
        operator.get_by_role("link", name=name, exact=True).click()
        expect(operator.get_by_role("heading", level=1)).to_have_text(name)
    expect(operator.locator("main")).not_to_contain_text("broken since")


def _press(page: Page, name: str) -> None:
    """By keyboard: the button takes the focus, then Enter."""
    page.get_by_role("button", name=name).focus()
    page.keyboard.press("Enter")


def _decide(operator: Page, fold: str, note: str, button: str) -> None:
    panel = operator.locator(f"#{fold.lower()}")
    panel.locator("summary").click()
    panel.get_by_label("Reason").select_option(index=1)
    panel.get_by_role("textbox").first.fill(note)
    panel.get_by_role("button", name=button).click()
