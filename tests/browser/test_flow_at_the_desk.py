"""A flow in a real browser: walked by keyboard alone, and with a thumb, to a reply whose receipt names it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from marketplace.kernel.clock import app_now
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
        ticket = an_open_ticket(tx, brand, subject="The grinder is not for me")
        claim_ticket(tx, ticket=ticket, worker=WorkerId(tx.execute(text(WORKER)).scalar_one()))
    worker = signed_in(browser, site, "ana", size)
    worker.goto(f"{site.address}/worker/t/{ticket}")
    return worker, ticket


def delivered(site: DemoSite) -> str:
    with site.database.transaction() as tx:
        return (app_now(tx) - timedelta(days=10)).date().isoformat()


def flow_of_receipt(site: DemoSite, ticket: TicketId) -> tuple[str, list[str]]:
    with site.database.transaction() as tx:
        row = tx.execute(
            text(
                "SELECT w.flow_key, w.path FROM receipt r JOIN flow_walk w"
                " ON w.brand_id = r.brand_id AND w.id = r.flow_walk_id WHERE r.ticket_id = :ticket"
            ),
            {"ticket": ticket},
        ).one()
        return row.flow_key, row.path


Walk = Callable[[Page, str], None]


def by_keyboard(worker: Page, day: str) -> None:
    worker.keyboard.press("Escape")  # out of the reply
    worker.keyboard.press("f")
    expect(worker.get_by_role("button", name="Return gear")).to_be_focused()
    worker.keyboard.press("Enter")
    expect(worker.get_by_role("button", name="They do not want to keep it")).to_be_focused()
    worker.keyboard.press("Enter")
    expect(worker.locator("#flow-answer")).to_be_focused()
    worker.locator("#flow-answer").fill(day)  # a date's own keys follow the reader's locale
    worker.keyboard.press("Enter")
    expect(worker.get_by_role("button", name="Yes")).to_be_focused()
    worker.keyboard.press("Enter")
    expect(worker.locator("#flow-answer")).to_be_focused()
    worker.keyboard.type("TL-88120")
    worker.keyboard.press("Enter")
    expect(worker.locator("#flow-outcome")).to_be_focused()
    worker.keyboard.press("i")


def by_thumb(worker: Page, day: str) -> None:
    panel = worker.locator("#flows")
    panel.get_by_role("button", name="Return gear").click()
    panel.get_by_role("button", name="They do not want to keep it").click()
    panel.get_by_label("When was it delivered?").fill(day)
    panel.get_by_role("button", name="Next").click()
    panel.get_by_role("button", name="Yes").click()
    panel.get_by_label("Which order is it?").fill("TL-88120")
    panel.get_by_role("button", name="Next").click()
    panel.get_by_role("button", name="Insert this reply").click()


@pytest.mark.parametrize(("size", "walk"), [(DESKTOP, by_keyboard), (PHONE, by_thumb)])
def test_a_worker_walks_a_flow_to_a_reply_that_is_sent(
    browser: Browser, site: DemoSite, size: dict[str, int], walk: Walk
) -> None:
    worker, ticket = at_a_desk(browser, site, size)
    reply = worker.locator("#reply-text")
    reply.fill("One more thing:")
    walk(worker, delivered(site))
    expect(reply).to_have_value(
        re.compile(r"^One more thing:\n\nHi.*You can return order TL-88120,", re.DOTALL)
    )
    assert worker.evaluate("document.documentElement.scrollWidth <= innerWidth")
    desk = worker.url
    reply.focus()
    worker.keyboard.press("Control+Enter")
    expect(worker).not_to_have_url(desk)
    expect(worker.locator("#toasts")).to_contain_text("Sent to the customer.")
    assert flow_of_receipt(site, ticket) == (
        "return-gear",
        ["state", "delivered", "box", "order", "accept"],
    )
