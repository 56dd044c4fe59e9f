"""Take the pictures of the docs from a running demo: `python docs/screens/make.py http://127.0.0.1:8000`.

It does the whole job by clicking, so take a fresh demo. For the pay run it moves that demo's clock past the review
window: run it with the same settings (HUMANCLOUD_DATA_DIR) as the demo. It needs Playwright and a Chromium.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from marketplace.kernel.clock import shift_clock
from marketplace.kernel.db import Role
from marketplace.kernel.settings import Settings
from workers_ui import parts
from workers_ui.installation import database_running
from workers_ui.seeding import PASSWORD

HERE = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
LIMIT_BYTES = 200_000
PATIENCE_MILLISECONDS = 20_000.0
LOOKS = 60
REVIEW_IS_OVER = timedelta(hours=73)
AREA = "/b/tamberlark"
QUESTION = "My parcel has not moved for a week. Is it lost?"
ASKED = "card declined"  # the ticket on the desk's picture: its draft is a full answer
ASKED_ON_THE_PHONE = "two questions"
PAYS_A_TRANSFER = ("Skip next month", "Change order", "Cup arrived smashed", "shipping to toronto")
AFTER_THE_CLOCK = ("points question", "coffee for our team")

Theme = Literal["light", "dark"]


class Studio:
    """A browser in front of one demo."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address

    def person(self, alias: str, *, theme: Theme = "light", phone: bool = False) -> Page:
        """Somebody who is signed in, with a browser of their own."""
        width, height = (360, 740) if phone else (1280, 800)
        context = self._browser.new_context(
            base_url=self._address,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            has_touch=phone,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = context.new_page()
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(f"{alias}@demo.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_hidden()
        return page


def picture(page: Page, name: str) -> None:
    """What the window shows, without the passing toasts."""
    page.locator("#live[data-state=live]").wait_for()
    page.evaluate("document.querySelector('#toasts').replaceChildren()")
    page.mouse.move(0, 0)
    path = HERE / f"{name}.png"
    page.screenshot(path=path)
    if path.stat().st_size > LIMIT_BYTES:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes; the limit is {LIMIT_BYTES}.")
    sys.stderr.write(f"{path.name}\n")


# What workers do


def claim(worker: Page, subject: str) -> str:
    """Find the ticket in the pool, claim it, name its category; its id."""
    worker.goto("/worker/pool")
    row = worker.locator("li.pool-row").filter(has=worker.get_by_role("heading", name=subject, exact=True))
    while not row.count():
        worker.get_by_role("link", name="Next").click()
        worker.wait_for_load_state("networkidle")
    row.first.get_by_role("button").click()
    worker.wait_for_url("**/worker/t/**")
    worker.get_by_role("button", name="Confirm").click()
    expect(worker.get_by_role("button", name="Confirm")).to_be_hidden()
    return worker.url.rsplit("/", 1)[1]


def insert(worker: Page) -> None:
    worker.get_by_role("button", name="Insert draft").click()
    expect(worker.locator("#reply-text")).not_to_have_value("")
    expect(worker.locator("[data-draft-state]")).to_contain_text("Draft saved")


def send(worker: Page) -> None:
    worker.locator("[data-send]").click()
    worker.wait_for_url(lambda address: "/worker/t/" not in address)


def answer(worker: Page, brand: Page, subject: str) -> None:
    """From the pool to resolved."""
    ticket = claim(worker, subject)
    insert(worker)
    send(worker)
    confirm(brand, ticket)


def set_up_payouts(worker: Page) -> None:
    """Where the demo has not done it already."""
    worker.goto("/worker/earnings")
    button = worker.get_by_role("button", name="Set up payouts")
    if not button.count():
        return
    button.click()
    worker.get_by_role("button", name="Complete").click()
    worker.wait_for_url("**/worker/earnings**")


# What the brand does


def confirm(brand: Page, ticket: str) -> None:
    brand.goto(f"{AREA}/tickets/{ticket}")
    brand.get_by_role("button", name="Customer confirms").click()
    expect(brand.locator("#ticket-state")).to_contain_text("resolved")


# The pictures


def pool_and_desk(worker: Page, brand: Page) -> None:
    worker.goto("/worker/pool")
    worker.keyboard.press("j")
    picture(worker, "pool")
    ticket = claim(worker, ASKED)
    insert(worker)
    worker.locator("h1").click()
    worker.evaluate("scrollTo(0, 0)")
    picture(worker, "desk")
    send(worker)
    confirm(brand, ticket)
    brand.goto(f"{AREA}/tickets/{ticket}")
    brand.locator("details.receipt summary").first.click()
    brand.evaluate("scrollTo(0, 250)")  # question, answer and receipt in one window
    picture(brand, "brand-ticket")


def desk_on_a_phone(worker: Page) -> None:
    claim(worker, ASKED_ON_THE_PHONE)
    insert(worker)
    worker.locator("h1").click()
    worker.evaluate("scrollTo(0, 0)")
    picture(worker, "desk-phone-dark")


def brand_pages(brand: Page) -> None:
    brand.goto(f"{AREA}/knowledge")
    brand.get_by_label("Question a customer may ask").fill(QUESTION)
    brand.get_by_role("button", name="Ask").click()
    expect(brand.locator("#answer .draft")).to_be_visible()
    picture(brand, "knowledge")
    brand.goto(f"{AREA}/wallet")
    picture(brand, "wallet")


def import_pages(brand: Page) -> None:
    """Files are looked at before they hold: one is empty, one says what another says."""
    steps = " ".join(f"Step {number} of descaling asks for vinegar and a soft cloth." for number in range(12))
    files = {
        "care/descaling.md": f"# Descaling\n\n{steps}",
        "archive/descaling-2024.md": f"# Descaling, 2024\n\n{steps.replace('soft', 'dry', 1)}",
        "care/grinder.md": "# Cleaning the grinder\n\nBrush it out once a week and never rinse it.",
        "notes.md": "",
    }
    brand.goto(f"{AREA}/knowledge")
    with TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).parent.mkdir(exist_ok=True)
            (Path(folder) / name).write_text(text)
        brand.get_by_label("Or a whole folder").set_input_files(folder)
        brand.get_by_role("button", name="Upload").click()
        brand.wait_for_url("**/knowledge/imports/**")
    expect(brand.get_by_role("button", name="Publish 3 articles")).to_be_visible()
    picture(brand, "import-review")
    brand.get_by_role("link", name="Descaling, 2024").click()
    expect(brand.get_by_role("heading", level=1)).to_have_text("Descaling, 2024")
    picture(brand, "import-near-duplicate")


def pay_run(drafter: Page, signer: Page) -> None:
    """Two people pay; the pictures show the batch after it, and one earning of it."""
    drafter.goto("/finance/batches")
    button = drafter.get_by_role("button", name="Create draft batch")
    for _ in range(LOOKS):  # the background process closes review windows every few seconds
        if button.count():
            break
        drafter.wait_for_timeout(500)
        drafter.reload()
    button.click()
    drafter.get_by_role("button", name="Submit for approval").click()
    expect(drafter.locator("#batch-state")).to_contain_text("submitted")
    signer.goto(drafter.url)
    signer.get_by_role("button", name="Approve").click()
    signer.get_by_role("button", name="Release the payouts").click()
    expect(signer.locator("#batch-state")).to_have_text("paid")
    picture(signer, "finance-batch")
    signer.goto("/finance/earnings?state=sent")
    signer.get_by_role("link", name=ASKED).click()
    expect(signer.get_by_role("heading", level=1)).to_contain_text("to Ana")
    picture(signer, "finance-earning")


def move_the_clock(by: timedelta) -> None:
    with database_running(Settings()) as running:
        database = parts.database(running, role=Role.BACKGROUND, process="screens")
        with database.transaction() as tx:
            shift_clock(tx, by=by)
        database.dispose()


@contextmanager
def chromium() -> Iterator[Browser]:
    named = os.environ.get("HUMANCLOUD_CHROMIUM")
    found = named or next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def main(address: str) -> None:
    with chromium() as browser:
        studio = Studio(browser, address)
        worker, brand = studio.person("ana"), studio.person("mia")
        set_up_payouts(worker)
        pool_and_desk(worker, brand)
        desk_on_a_phone(studio.person("ben", theme="dark", phone=True))
        for subject in PAYS_A_TRANSFER:
            answer(worker, brand, subject)
        brand_pages(brand)
        import_pages(brand)
        move_the_clock(REVIEW_IS_OVER)
        pay_run(studio.person("fay"), studio.person("finn"))
        for subject in AFTER_THE_CLOCK:
            answer(worker, brand, subject)
        worker.goto("/worker/earnings")
        picture(worker, "earnings")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
