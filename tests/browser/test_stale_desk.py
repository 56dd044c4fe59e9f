"""A brand retires an article whose words a worker has in the reply: the open desk says so, and they are not sent."""

import time

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from knowledge_base.publishing import delete_article, put_article
from knowledge_base.reading.documents import Document, Section
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.pool import claim_ticket
from tests.browser.demo_site import DemoSite
from tests.browser.people import DESKTOP, IN_A_BROWSER, PHONE, signed_in
from tests.builders import an_open_ticket, as_brand

pytestmark = IN_A_BROWSER

BRAND = "SELECT id FROM brand WHERE slug = 'tamberlark'"
WORKER = "SELECT w.id FROM worker w JOIN person p ON p.id = w.person_id WHERE p.email = 'ben@demo.example'"
INDEXED = "SELECT indexed >= changed FROM knowledge_version WHERE brand_id = :brand"
KEY = "marlow-hammock"
OLD = "The Marlow hammock carries ninety kilograms."
QUESTION = "How many kilograms does the Marlow hammock carry?"
OWN = "Hi, thank you for writing. I have looked into it:"
PATIENCE_MILLISECONDS = 20_000
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.05


def publish(site: DemoSite) -> BrandId:
    """The article, once search finds it."""
    document = Document(key=KEY, title="Marlow hammock", sections=(Section(path=(), text=OLD),))
    with site.database.transaction() as tx:
        brand = BrandId(tx.execute(text(BRAND)).scalar_one())
    with site.database.transaction(as_brand(brand)) as tx:
        put_article(tx, brand=brand, document=document, author=None, now=app_now(tx))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_indexed(site, brand):
        assert time.monotonic() < deadline, "the article was not indexed"
        time.sleep(POLL_SECONDS)
    return brand


def is_indexed(site: DemoSite, brand: BrandId) -> bool:
    with site.database.transaction() as tx:
        return bool(tx.execute(text(INDEXED), {"brand": brand}).scalar_one())


def at_a_desk(
    browser: Browser, site: DemoSite, brand: BrandId, size: dict[str, int]
) -> tuple[Page, TicketId]:
    with site.database.transaction() as tx:
        ticket = an_open_ticket(tx, brand, subject="Hammock", text=QUESTION)
        claim_ticket(tx, ticket=ticket, worker=WorkerId(tx.execute(text(WORKER)).scalar_one()))
    worker = signed_in(browser, site, "ben", size)
    worker.goto(f"{site.address}/worker/t/{ticket}")
    return worker, ticket


def replies(site: DemoSite, ticket: TicketId) -> list[str]:
    with site.database.transaction() as tx:
        rows = tx.execute(text("SELECT body FROM reply WHERE ticket_id = :ticket"), {"ticket": ticket})
        return list(rows.scalars())


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_open_desk_marks_what_was_retired_in_the_reply_and_does_not_send_it(
    browser: Browser, site: DemoSite, size: dict[str, int]
) -> None:
    brand = publish(site)
    worker, ticket = at_a_desk(browser, site, brand, size)
    reply, guidance = worker.locator("#reply-text"), worker.locator("#guidance")
    expect(guidance).to_have_attribute("data-state", "ready", timeout=PATIENCE_MILLISECONDS)
    worker.get_by_role("button", name="Insert draft").click()
    expect(worker.locator("[data-draft-state]")).to_contain_text("Draft saved")
    expect(worker.locator("#findings")).not_to_contain_text("any more")

    with site.database.transaction(as_brand(brand)) as tx:
        delete_article(tx, brand=brand, key=KEY)

    marked = worker.locator("#findings li", has_text="The knowledge does not say this any more.")
    expect(marked).to_contain_text(OLD, timeout=PATIENCE_MILLISECONDS)
    expect(worker.locator("#findings-count")).to_contain_text("1 thing to fix")
    expect(guidance).not_to_contain_text(OLD)
    worker.locator("[data-send]").click()
    expect(worker.locator("[data-problem]")).to_contain_text("Not sent yet")
    assert OLD in reply.input_value()
    assert replies(site, ticket) == []

    reply.fill(OWN)
    worker.locator("[data-send]").click()
    expect(worker.locator("#toasts")).to_contain_text("Sent to the customer.")
    assert replies(site, ticket) == [OWN]
