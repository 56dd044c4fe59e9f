"""A folder of help pages goes into the knowledge base by the page: chosen, sent in slices, followed, looked at."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, signed_in

pytestmark = IN_A_BROWSER

STEPS = " ".join(
    f"Step {number} of descaling asks for vinegar, patience and a soft cloth." for number in range(12)
)
PATIENCE = 90_000.0
HELP_PAGES = os.environ.get("HUMANCLOUD_HELP_PAGES", "")
"""A folder of real help pages, where there is one on this machine."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """230 pages, so two slices; a nearly same page, an empty one, and one of a kind that is not read."""
    top = tmp_path / "help-centre"
    (top / "care").mkdir(parents=True)
    for number in range(226):
        text = (
            f"# Kettle {number}\n\nKettle number {number} pours at {60 + number} degrees and holds a litre."
        )
        (top / f"kettle-{number:03}.md").write_text(text)
    (top / "care" / "descaling.md").write_text(f"# Descaling\n\n{STEPS}")
    (top / "care" / "descaling-old.md").write_text(f"# Descaling, old\n\n{STEPS.replace('soft', 'dry', 1)}")
    (top / "empty.md").write_text("")
    (top / "setup.exe").write_bytes(b"MZ")
    return top


def test_a_folder_is_sent_followed_looked_at_published_and_undone(
    browser: Browser, site: DemoSite, folder: Path
) -> None:
    brand = signed_in(browser, site, "mia", DESKTOP)
    brand.goto(f"{site.address}{site.brand_path}/knowledge")
    brand.get_by_label("Or a whole folder").set_input_files(folder)
    expect(brand.locator("[data-chosen]")).to_contain_text("229 files")
    expect(brand.locator("[data-chosen]")).to_contain_text("setup.exe: this kind of file is not read")
    slices = _posts(brand)
    brand.get_by_role("button", name="Upload").click()
    brand.wait_for_url("**/knowledge/imports/**", timeout=PATIENCE)
    assert [path.rsplit("/", 1)[1] for path in slices] == ["imports", "files", "start"]

    main = brand.locator("main")
    expect(main).to_contain_text("Nothing is published yet", timeout=PATIENCE)
    expect(main).to_contain_text("229 of 229")
    expect(brand.get_by_role("button", name="Publish 228 articles")).to_be_visible()
    brand.get_by_role("link", name="Repeating another").click()
    brand.get_by_role("link", name="Descaling, old").click()
    expect(main).to_contain_text("Another article says this too")
    expect(main).to_contain_text("in common, in this import: care/descaling.md")
    expect(main.locator(".card").first).to_contain_text("care")
    brand.get_by_role("button", name="Leave out").click()
    expect(brand.get_by_role("button", name="Publish 227 articles")).to_be_visible()
    brand.get_by_role("link", name="Failed 1").click()
    expect(brand.locator(".file-row")).to_have_count(1)
    expect(brand.locator(".file-row")).to_contain_text("Write the article's text into it")

    brand.get_by_role("button", name="Publish 227 articles").click()
    expect(main.locator(".import")).to_contain_text("ready, 228 articles", timeout=PATIENCE)
    brand.get_by_role("button", name="Undo this import").click()
    expect(main).to_contain_text("227 articles retired, 0 brought back", timeout=PATIENCE)


def test_files_are_dropped_on_the_form(browser: Browser, site: DemoSite) -> None:
    brand = signed_in(browser, site, "mia", DESKTOP)
    brand.goto(f"{site.address}{site.brand_path}/knowledge")
    brand.locator("[data-drop]").evaluate(DROP)
    expect(brand.locator("[data-chosen]")).to_contain_text("1 file,")
    brand.get_by_label("Let me look before it is published").uncheck()
    brand.get_by_role("button", name="Upload").click()
    brand.wait_for_url("**/knowledge/imports/**", timeout=PATIENCE)
    expect(brand.locator(".import")).to_contain_text("ready, 1 article", timeout=PATIENCE)


def test_the_form_works_without_script(browser: Browser, site: DemoSite, tmp_path: Path) -> None:
    page = signed_in(browser, site, "mia", DESKTOP)
    state = page.context.storage_state()
    plain = browser.new_context(java_script_enabled=False, storage_state=state).new_page()
    plain.goto(f"{site.address}{site.brand_path}/knowledge")
    file = tmp_path / "plain.md"
    file.write_text("# Plain\n\nSent by the form alone.")
    plain.get_by_label("Files", exact=True).set_input_files(file)
    plain.get_by_role("button", name="Upload").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Import")
    expect(plain.locator(".file-row")).to_contain_text("plain.md")


@pytest.mark.timeout(900)
@pytest.mark.skipif(not HELP_PAGES, reason="no folder of real help pages is named in HUMANCLOUD_HELP_PAGES")
def test_real_help_pages_are_uploaded_and_found(browser: Browser, site: DemoSite) -> None:
    pages = Path(HELP_PAGES)
    brand = signed_in(browser, site, "mia", DESKTOP)
    brand.goto(f"{site.address}{site.brand_path}/knowledge")
    brand.get_by_label("Or a whole folder").set_input_files(pages)
    brand.get_by_label("Let me look before it is published").uncheck()
    brand.get_by_role("button", name="Upload").click()
    brand.wait_for_url("**/knowledge/imports/**", timeout=PATIENCE)
    count = len([path for path in pages.rglob("*.md") if path.is_file()])
    expect(brand.locator(".import")).to_contain_text(f"{count:,} files: ready", timeout=8 * PATIENCE)


DROP = """zone => {
    const carried = new DataTransfer();
    carried.items.add(new File(["# Dropped\\n\\nBy hand."], "dropped.md", {type: "text/markdown"}));
    zone.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


def _posts(page: Page) -> list[str]:
    """The paths that the page posts to from now on."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if request.method == "POST" else None)
    return seen
